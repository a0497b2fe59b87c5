"""The command `preview`: one picture of a dataset."""

import argparse
from pathlib import Path
from typing import Literal

from exengine_ome_tiff.cli.output import UsageError, say
from exengine_ome_tiff.cli.paths import check_folder, path_argument
from exengine_ome_tiff.inspection import preview
from exengine_ome_tiff.tiff import write_whole

_FORMATS: dict[str, Literal["PNG", "JPEG"]] = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parser of the command."""
    parser = commands.add_parser(
        "preview",
        help="draw a dataset on one page",
        description="Draw a dataset with merged channels: a plate as a map of its wells, tiles as a mosaic, "
        "other images in a grid, with one row per image and one column per time point. "
        "Needs the extra `preview`.",
    )
    parser.add_argument("path", type=path_argument, help="file, folder, or any file of a folder")
    parser.add_argument(
        *("-o", "--output"),
        type=path_argument,
        metavar="FILE",
        help="picture, ending in .png or .jpg (default: NAME.png beside the dataset)",
    )
    parser.add_argument(
        "--z",
        choices=("middle", "max"),
        default="middle",
        help="the middle slice, or the maximum projection (default: %(default)s)",
    )
    parser.add_argument(
        "--images",
        type=int,
        metavar="N",
        help="maximum number of images, evenly sampled (default: 12 rows, 60 in a grid)",
    )
    parser.add_argument(
        "--columns",
        type=int,
        default=6,
        metavar="N",
        help="maximum number of time points, evenly sampled (default: %(default)s)",
    )
    parser.add_argument(
        "--cell",
        type=int,
        default=192,
        metavar="PX",
        help="longer side of a cell in pixels (default: %(default)s)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the picture")
    parser.set_defaults(work=_preview)


def _preview(options: argparse.Namespace) -> int:
    output: Path = options.output or _beside(options.path)
    kind = _FORMATS.get(output.suffix.lower())
    if kind is None:
        raise UsageError(f"{output}: a picture ends in {', '.join(_FORMATS)}")
    check_folder(output)
    if output.exists() and not (options.overwrite and output.is_file()):
        raise UsageError(f"{output} exists; --overwrite replaces a picture")
    try:
        drawn = preview(
            options.path,
            images=options.images,
            columns=options.columns,
            z=options.z,
            cell_px=options.cell,
            format=kind,
        )
    except (ValueError, ImportError) as error:
        raise UsageError(error) from error
    write_whole(output.absolute(), drawn.encoded, fsync=False)
    say(
        f"{output}: {drawn.width} x {drawn.height} pixels, {drawn.images} of {drawn.all_images} images, "
        f"{drawn.times} of {drawn.all_times} time points"
    )
    return 0


def _beside(path: Path) -> Path:
    """Return the picture beside a dataset: run.png for run.ome.tiff and for the folder run."""
    absolute = path.absolute()
    name = absolute.name
    for suffix in (".tiff", ".tif", ".ome"):
        name = name.removesuffix(suffix)
    return path.parent / f"{name or absolute.name}.png"
