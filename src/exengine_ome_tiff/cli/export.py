"""The command `export`: a dataset in forms that other programs want."""

import argparse
from functools import partial

from exengine_ome_tiff.cli.output import UsageError, say
from exengine_ome_tiff.cli.paths import check_folder, path_argument
from exengine_ome_tiff.cli.progress import ProgressBar
from exengine_ome_tiff.export import (
    export_imagej,
    export_mosaic,
    export_offsets,
    export_ome_zarr,
    export_tile_configuration,
)
from exengine_ome_tiff.export.ngff_metadata import VERSIONS
from exengine_ome_tiff.export.tiff_offsets import OFFSETS_SUFFIX
from exengine_ome_tiff.text_format import count_text


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parser of the command."""
    parser = commands.add_parser(
        "export",
        help="export to ImageJ, OME-Zarr or a mosaic",
        description="Write an image as an ImageJ hyperstack with calibration, channel colours and slice "
        "labels, which opens without Bio-Formats. Or write all images as OME-Zarr, with pyramids and "
        "plates; run the same command again to resume an interrupted export. Or write the page offsets "
        "of a file, so that Viv and Avivator open it faster. Or assemble tiles by their stage positions.",
    )
    parser.add_argument("path", type=path_argument, help="file, folder, or any file of a folder")
    parser.add_argument(
        "dest", type=path_argument, help=f"file ending in .tif or {OFFSETS_SUFFIX}, or folder ending in .zarr"
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
    parser.set_defaults(work=_export)


def _export(options: argparse.Namespace) -> int:
    check_folder(options.dest)
    if options.mosaic:
        return _export_mosaic(options)
    if options.flip is not None:
        raise UsageError("--flip is for --mosaic")
    is_zarr, is_offsets = options.dest.suffix.lower() == ".zarr", options.dest.name.endswith(OFFSETS_SUFFIX)
    if (is_zarr or is_offsets) and options.image is not None:
        what = "OME-Zarr has" if is_zarr else "offsets are those of"
        raise UsageError(f"{what} all images: leave out --image")
    if not is_zarr and options.ngff is not None:
        raise UsageError(f"--ngff is for OME-Zarr, but {options.dest} does not end in .zarr")
    if is_offsets:
        return _export_offsets(options)
    return _export_zarr(options) if is_zarr else _export_imagej(options)


def _export_mosaic(options: argparse.Namespace) -> int:
    if options.image is not None or options.ngff is not None:
        raise UsageError("--mosaic takes all images: leave out --image and --ngff")
    settings = {"flip": options.flip or "", "overwrite": options.overwrite}
    try:
        if options.dest.suffix.lower() == ".txt":
            say(
                f"{export_tile_configuration(options.path, options.dest, **settings)}: places for BigStitcher"
            )
            return 0
        with ProgressBar("plane") as bar:
            done = export_mosaic(
                options.path, options.dest, progress=partial(bar.step, "exporting"), **settings
            )
    except FileExistsError as error:
        raise UsageError(f"{error}; --overwrite replaces a file") from error
    except ValueError as error:
        raise UsageError(error) from error
    say(f"{done.path}: {count_text(len(done.tiles), 'mosaic')}")
    for count, (height, width) in zip(done.tiles, done.sizes, strict=True):
        say(f"{count_text(count, 'tile')}: Y={height} X={width}")
    for each in done.skipped:
        say(f"{each.what}: {each.reason}")
    return 1 if done.skipped else 0


def _export_offsets(options: argparse.Namespace) -> int:
    try:
        done = export_offsets(options.path, options.dest, overwrite=options.overwrite)
    except FileExistsError as error:
        raise UsageError(f"{error}; --overwrite replaces a file") from error
    except ValueError as error:
        raise UsageError(error) from error
    say(f"{done}: offsets of the pages of {options.path.name}")
    return 0


def _export_zarr(options: argparse.Namespace) -> int:
    with ProgressBar("plane") as bar:
        try:
            done = export_ome_zarr(
                options.path,
                options.dest,
                version=options.ngff or VERSIONS[-1],
                overwrite=options.overwrite,
                progress=partial(bar.step, "exporting"),
            )
        except FileExistsError as error:
            raise UsageError(f"{error}; --overwrite replaces OME-Zarr") from error
        except (ValueError, ImportError) as error:
            raise UsageError(error) from error
    resumed = f", {done.n_resumed} of them from before" if done.n_resumed else ""
    say(f"{done.path}: OME-Zarr {done.version}, {count_text(done.n_planes, 'plane')}{resumed}")
    for where, name in done.images.items():
        say(f"{where}: {name}")
    return 0


def _export_imagej(options: argparse.Namespace) -> int:
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
