"""The command `export`: an image as a hyperstack of ImageJ's own."""

import argparse
from functools import partial

from exengine_ome_tiff.cli.output import UsageError, say
from exengine_ome_tiff.cli.paths import check_folder, path_argument
from exengine_ome_tiff.cli.progress import ProgressBar
from exengine_ome_tiff.conversion import export_imagej


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parser of the command."""
    parser = commands.add_parser(
        "export",
        help="write an image as ImageJ's own TIFF",
        description="Write an image as a hyperstack that ImageJ opens without Bio-Formats: with calibration, "
        "colours of channels, and labels of slices.",
    )
    parser.add_argument("path", type=path_argument, help="file, folder, or any file of a folder")
    parser.add_argument("dest", type=path_argument, help="file ending in .tif")
    parser.add_argument(
        "--image", metavar="NAME|N", help="name of the image, or its number from 0, if there are several"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the file")
    parser.set_defaults(work=_export)


def _export(options: argparse.Namespace) -> int:
    check_folder(options.dest)
    with ProgressBar("plane") as bar:
        try:
            done = export_imagej(
                options.path,
                options.dest,
                options.image,
                overwrite=options.overwrite,
                progress=partial(bar.step, "exporting"),
            )
        except FileExistsError as error:
            raise UsageError(f"{error}; --overwrite replaces a file") from error
        except ValueError as error:
            raise UsageError(error) from error
    sizes = " ".join(f"{axis}={size}" for axis, size in done.sizes.items())
    say(f"{done.path}: image {done.image}: {sizes} {done.dtype}")
    if done.gaps:
        say(f"{done.gaps} planes are black: no frame was put for them")
    for note in done.notes:
        say(note)
    return 0
