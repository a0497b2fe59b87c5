"""The command `info`: what a dataset is."""

import argparse
import json
import shutil
from dataclasses import asdict

from exengine_ome_tiff.cli.output import say, tell_leftovers
from exengine_ome_tiff.cli.paths import path_argument
from exengine_ome_tiff.inspection import info
from exengine_ome_tiff.inspection.text_table import WIDTH, table


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parser of the command."""
    parser = commands.add_parser(
        "info",
        help="summarize a dataset",
        description="Summarize a dataset, finished or not: images, sizes, channels, calibration, missing "
        "planes and metadata.",
    )
    parser.add_argument("path", type=path_argument, help="file, folder, or any file of a folder")
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    parser.add_argument("--all", action="store_true", help="list all images and keys, even if there are many")
    parser.set_defaults(work=_info)


def _info(options: argparse.Namespace) -> int:
    found = info(options.path)
    if options.json:
        print(json.dumps(asdict(found), indent=2, default=str))
        return 0
    columns = shutil.get_terminal_size((WIDTH, 0)).columns
    for line in table(found, everything=options.all, width=columns):
        say(line)
    tell_leftovers(options.path)
    return 0
