"""The command `preview`: one picture of a dataset."""

import argparse
from pathlib import Path
from typing import Literal

from exengine_ome_tiff.cli.output import UsageError, say, usage_errors
from exengine_ome_tiff.cli.paths import add_dataset, check_folder, path_argument
from exengine_ome_tiff.dataset.location import check_new_file
from exengine_ome_tiff.inspection import preview
from exengine_ome_tiff.tiff import write_whole

HELP = "draw a dataset on one page"
DESCRIPTION = """\
Draw a dataset with merged channels: a plate as a map of its wells, tiles as a mosaic, other images in a
grid, with one row per image and one column per time point. Needs the extra `preview`."""
_FORMATS: dict[str, Literal["PNG", "JPEG"]] = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_dataset(parser)
    meaning = "picture, ending in .png or .jpg (default: NAME.png beside the dataset)"
    parser.add_argument("picture", nargs="?", type=path_argument, metavar="output", help=meaning)
    parser.add_argument("-o", "--output", type=path_argument, metavar="FILE", help="the same, as an option")
    parser.add_argument(
        "--z",
        choices=("middle", "max"),
        default="middle",
        help="the middle slice, or the maximum projection (default: %(default)s)",
    )
    for option, default, metavar, meaning in (
        ("--images", None, "N", "maximum number of images, evenly sampled (default: 12 rows, 60 in a grid)"),
        ("--columns", 6, "N", "maximum number of time points, evenly sampled (default: %(default)s)"),
        ("--cell", 192, "PX", "longer side of a cell in pixels (default: %(default)s)"),
    ):
        parser.add_argument(option, type=int, default=default, metavar=metavar, help=meaning)
    parser.add_argument("--overwrite", action="store_true", help="replace the picture")


def work(options: argparse.Namespace) -> int:
    """Draw the picture, write it and print what it shows."""
    output: Path = options.output or options.picture or _beside(options.path)
    kind = _FORMATS.get(output.suffix.lower())
    if kind is None:
        raise UsageError(f"{output}: expected a picture ending in {', '.join(_FORMATS)}")
    check_folder(output)
    with usage_errors("; --overwrite replaces a picture"):
        check_new_file(output, overwrite=options.overwrite)
        drawn = preview(
            options.path,
            images=options.images,
            columns=options.columns,
            z=options.z,
            cell_px=options.cell,
            format=kind,
        )
    write_whole(output.absolute(), drawn.encoded, fsync=False)
    say(
        f"{output}: {drawn.width} x {drawn.height} pixels, {drawn.images} of {drawn.all_images} images, "
        f"{drawn.times} of {drawn.all_times} time points"
    )
    return 0


def _beside(path: Path) -> Path:
    """Return the path of the picture beside a dataset: run.png for run.ome.tiff and for the folder run."""
    absolute = path.absolute()
    name = absolute.name
    for suffix in (".tiff", ".tif", ".ome"):
        name = name.removesuffix(suffix)
    return path.parent / f"{name or absolute.name}.png"
