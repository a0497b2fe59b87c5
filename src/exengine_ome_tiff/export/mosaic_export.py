"""Export of tiles as mosaics, or of their positions for BigStitcher."""

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from exengine_ome_tiff.conversion.frame_copy import Conversion
from exengine_ome_tiff.conversion.partial_result import PartialResult
from exengine_ome_tiff.conversion.sources import SkippedFrame
from exengine_ome_tiff.dataset.location import check_new_file, is_tiff, new_path
from exengine_ome_tiff.export.mosaic_groups import StagePlaces
from exengine_ome_tiff.export.mosaic_source import MosaicSource
from exengine_ome_tiff.inspection.open_dataset import OpenDataset
from exengine_ome_tiff.tiff import write_whole

Flip = Literal["", "x", "y", "xy"]
_PYRAMID = {"pyramid_levels": "auto"}


@dataclass(frozen=True, slots=True)
class MosaicResult:
    """Result of `export_mosaic`.

    Parameters
    ----------
    path
        The file.
    tiles
        Number of tiles in each mosaic, in order of the first tiles.
    sizes
        Height and width of each mosaic in pixels.
    skipped
        Planes that could not be read.
    """

    path: Path
    tiles: tuple[int, ...]
    sizes: tuple[tuple[int, int], ...]
    skipped: tuple[SkippedFrame, ...]


def export_mosaic(
    path: str | PathLike[str],
    dest: str | PathLike[str],
    *,
    flip: Flip = "",
    overwrite: bool = False,
    progress: Callable[[int, int], object] | None = None,
    **options: Any,
) -> MosaicResult:
    """Assemble tiles by their stage positions into an OME-TIFF with pyramids.

    A mosaic has the planes of its tiles along time, channel and z. Each tile is placed at its stage position,
    divided by the pixel size and rounded to whole pixels. Each pixel comes from the tile with the nearest
    center. Tiles therefore meet in the middle of each overlap and keep their outer edges; they are neither
    blended nor registered.
    `tile`, `row` and `column` are axes of a grid, and a grid is one mosaic. Other positions form a mosaic if
    they touch, within a well if there is a plate.

    A plane of up to 64 MB is assembled in memory, a larger one in a temporary file beside `dest`. A second
    call resumes an interrupted export.

    Parameters
    ----------
    path
        A single file, a folder, or any file of a folder, finished or not.
    dest
        The file to write, ending in .ome.tiff.
    flip
        Stage axes whose direction is opposite to that of the pixels. By default, tiles with a greater X are
        to the right, and tiles with a greater Y below.
    overwrite
        Replace a dataset at `dest` when the result is complete.
    progress
        Called with the number of planes written and the total.
    **options
        Options of `TiffStorage`, such as ``compression``; ``pyramid_levels`` defaults to "auto".

    Returns
    -------
    MosaicResult

    Raises
    ------
    FileNotFoundError
        There is nothing at `path`.
    FileExistsError
        `dest` exists, or an unfinished result of another request is beside it.
    ValueError
        No two images touch, a pixel size or a stage position is unknown, the tiles of a mosaic differ in
        pixel type, or `dest` does not end in .tif or .tiff.
    OmeTiffError
        There is no dataset at `path`.
    OSError
        Reading or writing failed; a second call resumes.
    """
    target = new_path(dest)
    if not is_tiff(target):
        raise ValueError(f"{target}: the name of a mosaic must end in .ome.tiff")
    _check_flip(flip)
    with OpenDataset(path) as data:
        if any(target.exists() and target.samefile(each) for each in data.paths):
            raise ValueError(f"{target} is the dataset itself")
        source = MosaicSource(data, flip, target.parent)
        wanted = {name: value for name, value in source.options.items() if value is not None}
        wanted |= _PYRAMID | options
        request = {"mosaic_of": str(source.path), "flip": flip, "options": wanted}
        part = PartialResult(target, request, overwrite=overwrite)

        def report(_what: str, done: int, total: int) -> None:
            if progress is not None:
                progress(done, total)

        conversion = Conversion(source, part, wanted, report)
        conversion.copy()
        return MosaicResult(
            part.publish(),
            tuple(len(group.images) for group in source.groups),
            tuple(group.layout.shape for group in source.groups),
            conversion.skipped,
        )


def export_tile_configuration(
    path: str | PathLike[str], dest: str | PathLike[str], *, flip: Flip = "", overwrite: bool = False
) -> Path:
    """Write the positions of tiles as BigStitcher's TileConfiguration.txt ("Read Locations From File").

    BigStitcher numbers its view setups channel by channel, and within a channel in the order of images.
    Positions are those of a tile's first pixel, in pixels from the leftmost and topmost tile.

    Parameters
    ----------
    path
        A single file, a folder, or any file of a folder, finished or not.
    dest
        The file to write, ending in .txt.
    flip
        As for `export_mosaic`.
    overwrite
        Replace an existing file.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    FileNotFoundError
        There is nothing at `path`.
    FileExistsError
        `dest` exists.
    ValueError
        A pixel size or a stage position is unknown, images differ in their number of channels, or `dest` does
        not end in .txt.
    OmeTiffError
        There is no dataset at `path`.
    OSError
        The file could not be written.
    """
    target = new_path(dest)
    if target.suffix.lower() != ".txt":
        raise ValueError(f"{target}: the name of a tile configuration must end in .txt")
    _check_flip(flip)
    check_new_file(target, overwrite=overwrite)
    with OpenDataset(path) as data:
        places = StagePlaces.of(data, flip)
        counts = {image.layout.sizes["C"] * image.pixels.samples for image in places.images}
        if len(counts) > 1:
            raise ValueError(f"images have different numbers of channels: {sorted(counts)}")
        pixels, lines = places.pixels().tolist(), ["dim = 3"]
    for channel in range(counts.pop()):
        lines += [
            f"{channel * len(pixels) + number}; ; ({x:.3f}, {y:.3f}, 0.0)"
            for number, (x, y) in enumerate(pixels)
        ]
    write_whole(target, "".join(f"{line}\n" for line in lines).encode(), fsync=False)
    return target


def _check_flip(flip: str) -> None:
    if flip not in ("", "x", "y", "xy"):
        raise ValueError(f"got flip={flip!r}, expected '', 'x', 'y' or 'xy'")
