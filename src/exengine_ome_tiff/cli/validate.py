"""The command `validate`: check that a dataset is whole."""

import argparse
import json
from dataclasses import asdict

from exengine_ome_tiff.cli.output import UsageError, say, tell_leftovers
from exengine_ome_tiff.cli.paths import path_argument
from exengine_ome_tiff.repair import validate


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parser of the command."""
    check = commands.add_parser(
        "validate",
        help="check that a dataset is whole",
        description="Check pages, records, checksums and OME-XML of a dataset. Exit status 0: all is well.",
    )
    check.add_argument("--json", action="store_true", help="print a list of JSON objects")
    check.add_argument("path", type=path_argument, help="file, folder, or any file of a folder")
    check.set_defaults(work=_validate)


def _validate(options: argparse.Namespace) -> int:
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
        say(f"{options.path}: whole")
    return 1 if problems else 0
