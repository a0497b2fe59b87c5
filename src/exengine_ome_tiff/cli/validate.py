"""The command `validate`: check that a dataset is whole."""

import argparse
import json
from dataclasses import asdict

from exengine_ome_tiff.cli.output import UsageError, say, tell_leftovers
from exengine_ome_tiff.cli.paths import path_argument
from exengine_ome_tiff.inspection.omero import omero_import
from exengine_ome_tiff.inspection.rembi import rembi_fields
from exengine_ome_tiff.repair import validate
from exengine_ome_tiff.text_format import count_text


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parser of the command."""
    check = commands.add_parser(
        "validate",
        help="check a dataset for damage",
        description="Check pages, records, checksums and OME-XML of a dataset. The exit status is 0 if "
        "there is no problem.",
    )
    check.add_argument("--json", action="store_true", help="print a list of JSON objects")
    check.add_argument(
        "--for",
        dest="archive",
        choices=("bioimage-archive", "omero"),
        help="instead, list the metadata that the BioImage Archive asks for, or what OMERO will import",
    )
    check.add_argument("path", type=path_argument, help="file, folder, or any file of a folder")
    check.set_defaults(work=_validate)


def _validate(options: argparse.Namespace) -> int:
    if options.archive is None:
        return _validate_files(options)
    return _list_fields(options) if options.archive == "bioimage-archive" else _describe_import(options)


def _describe_import(options: argparse.Namespace) -> int:
    found = omero_import(options.path)
    if options.json:
        print(json.dumps(asdict(found), indent=2, default=str))
        return 1 if found.findings else 0
    count = count_text(len(found.images), "image")
    where = "in a dataset" if found.plate is None else f"in the plate {found.plate}"
    say(f"to import: {', '.join(str(each) for each in found.files)}\n{count} {where}")
    for image in found.images:
        sizes = " ".join(f"{axis}={size}" for axis, size in image.sizes.items())
        well = "" if image.well is None else f", well {image.well}"
        kind = f"{sizes} {image.pixel_type}{well}, pyramid {image.pyramid}"
        say(f"{image.file.name}, series {image.series}: {image.name}, {kind}")
    for each in found.findings:
        refused = "refused: " if each.is_refused else ""
        say(f"{refused}{each.what}\n  to do: {each.advice}")
    return 1 if found.findings else 0


def _list_fields(options: argparse.Namespace) -> int:
    fields = rembi_fields(options.path)
    missing = [each for each in fields if each.value is None]
    if options.json:
        print(json.dumps([*map(asdict, fields)], indent=2))
        return 1 if missing else 0
    for each in fields:
        todo = f"missing\n  to do: {each.advice}" if each.value is None else each.value
        say(f"{each.module}, {each.name}: {todo}")
    say(f"{options.path}: {len(missing)} of {len(fields)} fields are missing")
    return 1 if missing else 0


def _validate_files(options: argparse.Namespace) -> int:
    try:
        problems = validate(options.path)
    except ImportError as error:
        raise UsageError(error) from error
    if options.json:
        print(json.dumps([asdict(problem) | {"file": str(problem.file)} for problem in problems], indent=2))
        return 1 if problems else 0
    for problem in problems:
        page = "" if problem.page is None else f", page {problem.page}"
        say(f"{problem.file}{page}: {problem.what}\n  to do: {problem.advice}")
    tell_leftovers(options.path)
    if not problems:
        say(f"{options.path}: OK (no problems found)")
    return 1 if problems else 0
