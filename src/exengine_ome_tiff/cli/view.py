"""The command `view`: a dataset in a window."""

import argparse

from exengine_ome_tiff.cli.metadata import coordinates_argument
from exengine_ome_tiff.cli.output import UsageError
from exengine_ome_tiff.cli.paths import path_argument
from exengine_ome_tiff.tiff_storage import TiffStorage


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parser of the command."""
    parser = commands.add_parser(
        "view",
        aliases=["show"],
        help="look at a dataset in a window",
        description="Open a window with a slider for each axis and channels in their colours. Of a running "
        "acquisition it shows the newest frame. Needs the extra `view`.",
    )
    parser.add_argument("path", type=path_argument, help="file, folder, or any file of a folder")
    parser.add_argument(
        "--coords",
        type=coordinates_argument,
        default={},
        metavar="AXIS=VALUE,...",
        help="show only frames that have these coordinates, such as position=A1",
    )
    parser.set_defaults(work=_view)


def _view(options: argparse.Namespace) -> int:
    with TiffStorage.open(options.path, allow_unfinished=True) as storage:
        try:
            storage.view(**options.coords)
        except (ValueError, ImportError) as error:
            raise UsageError(f"{options.path}: {error}") from error
    return 0
