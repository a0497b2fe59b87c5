"""The command `info`: a summary of a dataset."""

import argparse
import shutil
from dataclasses import asdict

from exengine_ome_tiff.cli.output import print_json, say, warn_of_leftovers
from exengine_ome_tiff.cli.paths import add_dataset
from exengine_ome_tiff.inspection import info
from exengine_ome_tiff.inspection.text_table import WIDTH, table

HELP = "summarize a dataset"
DESCRIPTION = """\
Summarize a dataset, finished or not: images, sizes, channels, calibration, missing planes and metadata."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_dataset(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    parser.add_argument("--all", action="store_true", help="list all images and keys, even if there are many")


def work(options: argparse.Namespace) -> int:
    """Print the summary."""
    found = info(options.path)
    if options.json:
        print_json(asdict(found))
        return 0
    columns = shutil.get_terminal_size((WIDTH, 0)).columns
    for line in table(found, everything=options.all, width=columns):
        say(line)
    warn_of_leftovers(options.path)
    return 0
