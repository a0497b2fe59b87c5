"""The command `export`: a dataset in the formats of other programs."""

import argparse
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from exengine_ome_tiff.cli.output import UsageError, say, usage_errors
from exengine_ome_tiff.cli.paths import add_dataset, check_folder, path_argument
from exengine_ome_tiff.cli.progress import ProgressBar
from exengine_ome_tiff.export.imagej_export import export_imagej
from exengine_ome_tiff.export.mosaic_export import export_mosaic, export_tile_configuration
from exengine_ome_tiff.export.ngff_metadata import VERSIONS
from exengine_ome_tiff.export.tiff_offsets import OFFSETS_SUFFIX, export_offsets
from exengine_ome_tiff.export.zarr_export import export_ome_zarr
from exengine_ome_tiff.text_format import count_text

Progress: TypeAlias = Callable[[int, int], object]
_Exporter: TypeAlias = Callable[[argparse.Namespace, Progress], tuple[int, list[str]]]
"""Writes one format; returns the exit status and the lines to print."""

HELP = "export to ImageJ, OME-Zarr or a mosaic"
DESCRIPTION = """\
Write an image as an ImageJ hyperstack with calibration, channel colours and slice labels, which opens
without Bio-Formats. Or write all images as OME-Zarr, with pyramids and plates; run the same command again to
resume an interrupted export. Or write the page offsets of a file, so that Viv and Avivator open it faster.
Or assemble tiles by their stage positions."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_dataset(parser)
    parser.add_argument(
        "output",
        type=path_argument,
        help=f"file ending in .tif or {OFFSETS_SUFFIX}, or folder ending in .zarr",
    )
    parser.add_argument(
        "--image",
        metavar="NAME|N",
        help="name of the image, or its number from 0; needed if there are several",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the file or the OME-Zarr folder")
    parser.add_argument(
        "--ngff",
        choices=VERSIONS,
        help=f"OME-Zarr version: 0.5 uses Zarr 3, 0.4 uses Zarr 2 (default: {VERSIONS[-1]})",
    )
    parser.add_argument(
        "--mosaic",
        action="store_true",
        help="assemble the tiles in one .ome.tiff; if the file ends in .txt, write BigStitcher's "
        "TileConfiguration.txt",
    )
    parser.add_argument(
        "--flip",
        choices=("x", "y", "xy"),
        help="stage axes that point in the opposite direction of the pixel axes, for --mosaic",
    )


def work(options: argparse.Namespace) -> int:
    """Export in the format that the options and the output's name select, and print what was written."""
    check_folder(options.output)
    export = _exporter(options)
    kind = "OME-Zarr" if export is _zarr else "a file"
    with usage_errors(f"; --overwrite replaces {kind}"), ProgressBar("plane") as bar:
        status, lines = export(options, partial(bar.step, "exporting"))
    for line in lines:
        say(line)
    return status


def _exporter(options: argparse.Namespace) -> _Exporter:
    """Choose the format; UsageError for options that it does not have."""
    if options.mosaic:
        if options.image is not None or options.ngff is not None:
            raise UsageError("--mosaic takes all images: leave out --image and --ngff")
        return _tile_configuration if options.output.suffix.lower() == ".txt" else _mosaic
    if options.flip is not None:
        raise UsageError("--flip is for --mosaic")
    is_zarr = options.output.suffix.lower() == ".zarr"
    is_offsets = options.output.name.endswith(OFFSETS_SUFFIX)
    if (is_zarr or is_offsets) and options.image is not None:
        what = "OME-Zarr has" if is_zarr else "offsets are those of"
        raise UsageError(f"{what} all images: leave out --image")
    if not is_zarr and options.ngff is not None:
        raise UsageError(f"--ngff is for OME-Zarr, but {options.output} does not end in .zarr")
    if is_offsets:
        return _offsets
    return _zarr if is_zarr else _imagej


def _tile_configuration(options: argparse.Namespace, _progress: Progress) -> tuple[int, list[str]]:
    path = export_tile_configuration(
        options.path, options.output, flip=options.flip or "", overwrite=options.overwrite
    )
    return 0, [f"{path}: tile positions for BigStitcher"]


def _mosaic(options: argparse.Namespace, progress: Progress) -> tuple[int, list[str]]:
    done = export_mosaic(
        options.path,
        options.output,
        flip=options.flip or "",
        overwrite=options.overwrite,
        progress=progress,
    )
    lines = [f"{done.path}: {count_text(len(done.tiles), 'mosaic')}"]
    for count, (height, width) in zip(done.tiles, done.sizes, strict=True):
        lines.append(f"{count_text(count, 'tile')}: Y={height} X={width}")
    lines += [f"{each.what}: {each.reason}" for each in done.skipped]
    return 1 if done.skipped else 0, lines


def _offsets(options: argparse.Namespace, _progress: Progress) -> tuple[int, list[str]]:
    path = export_offsets(options.path, options.output, overwrite=options.overwrite)
    return 0, [f"{path}: page offsets of {options.path.name}"]


def _zarr(options: argparse.Namespace, progress: Progress) -> tuple[int, list[str]]:
    done = export_ome_zarr(
        options.path,
        options.output,
        version=options.ngff or VERSIONS[-1],
        overwrite=options.overwrite,
        progress=progress,
    )
    resumed = f", {done.n_resumed} of them earlier" if done.n_resumed else ""
    line = f"{done.path}: OME-Zarr {done.version}, {count_text(done.n_planes, 'plane')}{resumed}"
    return 0, [line, *(f"{where}: {name}" for where, name in done.images.items())]


def _imagej(options: argparse.Namespace, progress: Progress) -> tuple[int, list[str]]:
    done = export_imagej(
        options.path, options.output, options.image, overwrite=options.overwrite, progress=progress
    )
    sizes = " ".join(f"{axis}={size}" for axis, size in done.sizes.items())
    lines = [f"{done.path}: image {done.image}: {sizes} {done.dtype}"]
    if done.gaps:
        lines.append(f"{count_text(done.gaps, 'plane')} without a frame: black in the result")
    return 0, [*lines, *done.notes]
