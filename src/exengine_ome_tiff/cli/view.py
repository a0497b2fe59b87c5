"""The command `view`: a dataset in a window."""

import argparse

from exengine_ome_tiff.cli.metadata import coordinates_argument
from exengine_ome_tiff.cli.output import UsageError
from exengine_ome_tiff.cli.paths import add_dataset
from exengine_ome_tiff.tiff_storage import TiffStorage

HELP = "look at a dataset in a window"
DESCRIPTION = """\
Open a window with a slider for each axis and the channels in their colours. During an acquisition, the
window shows the newest frame. Needs the extra `view`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_dataset(parser)
    parser.add_argument(
        "--coords",
        type=coordinates_argument,
        default={},
        metavar="AXIS=VALUE,...",
        help="show only frames that have these coordinates, such as position=A1",
    )


def work(options: argparse.Namespace) -> int:
    """Show the window until it is closed."""
    with TiffStorage.open(options.path, allow_unfinished=True) as storage:
        try:
            storage.view(**options.coords)
        except (ValueError, ImportError) as error:
            raise UsageError(f"{options.path}: {error}") from error
    return 0
