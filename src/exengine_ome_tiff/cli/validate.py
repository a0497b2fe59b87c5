"""The command `validate`: check a dataset for damage."""

import argparse
from dataclasses import asdict

from exengine_ome_tiff.cli.output import print_json, say, usage_errors, warn_of_leftovers
from exengine_ome_tiff.cli.paths import add_dataset
from exengine_ome_tiff.inspection.archives import omero_import, rembi_fields
from exengine_ome_tiff.repair import validate
from exengine_ome_tiff.text_format import count_text

HELP = "check a dataset for damage"
DESCRIPTION = """\
Check pages, records, checksums and OME-XML of a dataset. The exit status is 0 if there is no problem."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("--json", action="store_true", help="print a list of JSON objects")
    parser.add_argument(
        "--for",
        dest="archive",
        choices=("bioimage-archive", "omero"),
        help="instead, list the metadata that the BioImage Archive asks for, or what OMERO will import",
    )
    add_dataset(parser)


def work(options: argparse.Namespace) -> int:
    """Check for damage, or for an archive; the exit status is 1 if anything is wrong or missing."""
    if options.archive is None:
        return _validate_files(options)
    return _list_fields(options) if options.archive == "bioimage-archive" else _describe_import(options)


def _describe_import(options: argparse.Namespace) -> int:
    found = omero_import(options.path)
    status = 1 if found.findings else 0
    if options.json:
        print_json(asdict(found))
        return status
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
        say(f"{refused}{each.what}\n  fix: {each.advice}")
    return status


def _list_fields(options: argparse.Namespace) -> int:
    fields = rembi_fields(options.path)
    n_missing = sum(each.value is None for each in fields)
    if options.json:
        print_json([*map(asdict, fields)])
    else:
        for each in fields:
            todo = f"missing\n  fix: {each.advice}" if each.value is None else each.value
            say(f"{each.module}, {each.name}: {todo}")
        say(f"{options.path}: {n_missing} of {len(fields)} fields are missing")
    return 1 if n_missing else 0


def _validate_files(options: argparse.Namespace) -> int:
    with usage_errors():
        problems = validate(options.path)
    if options.json:
        print_json([*map(asdict, problems)])
        return 1 if problems else 0
    for problem in problems:
        page = "" if problem.page is None else f", page {problem.page}"
        say(f"{problem.file}{page}: {problem.what}\n  fix: {problem.advice}")
    warn_of_leftovers(options.path)
    if not problems:
        say(f"{options.path}: OK (no problems found)")
    return 1 if problems else 0
