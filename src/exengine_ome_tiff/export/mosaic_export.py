"""Export of tiles as mosaics, or of their positions for BigStitcher."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.conversion.frame_copy import Conversion
from exengine_ome_tiff.conversion.partial_result import PartialResult
from exengine_ome_tiff.conversion.sources import SkippedFrame, Source, UnreadableFrameError
from exengine_ome_tiff.coordinates.keys import Coordinates, FrameNumber
from exengine_ome_tiff.coordinates.wells import PlateInfo
from exengine_ome_tiff.dataset.location import check_new_file, is_tiff, new_path
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.export.mosaic_groups import MosaicGroup, StagePlaces
from exengine_ome_tiff.inspection.open_dataset import OpenDataset, OpenImage
from exengine_ome_tiff.ome.user_values import ChannelInfo, Given
from exengine_ome_tiff.tiff import scratch_array, write_whole

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
    centre. Tiles therefore meet in the middle of each overlap and keep their outer edges; they are neither
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


@dataclass(frozen=True, slots=True, eq=False)
class _Plane:
    """A plane of a mosaic, and the frames of the tiles that have it."""

    group: MosaicGroup
    frames: dict[int, FrameNumber]


class MosaicSource(Source):
    """The mosaics of a dataset; ValueError if its images form none.

    Parameters
    ----------
    data
        The dataset; it stays open.
    flip
        As for `StagePlaces`.
    folder
        Folder for temporary files of large mosaics.
    """

    def __init__(self, data: OpenDataset, flip: str, folder: Path) -> None:
        paths, location = data.paths, data.location
        super().__init__(location.folder if location.is_folder else paths[0])
        self._data, self._folder = data, folder
        stage = StagePlaces.of(data, flip)
        plate = data.facts.plate([image.layout for image in stage.images])
        self.groups = stage.groups(plate)
        self.summary_metadata = {"mosaic_of": location.name}
        self.options = _options(data, self.groups) | {"plate": _plate(plate, self.groups)}
        self._planes: dict[frozenset[tuple[str, int | str]], _Plane] = {}
        places = {number: coordinates for coordinates, number in data.frames.numbered()}
        for group in self.groups:
            self._add_planes(group, places)

    def _add_planes(self, group: MosaicGroup, places: Mapping[FrameNumber, Coordinates]) -> None:
        for tile, image in enumerate(group.images):
            for number in np.sort(image.layout.acquired).tolist():
                inside = {
                    axis: value for axis, value in places[number].items() if axis not in image.coordinates
                }
                place = frozenset((group.coordinates | inside).items())
                plane = self._planes.setdefault(place, _Plane(group, {}))
                if plane.group is not group:
                    other = plane.group.images[0].name
                    raise ValueError(
                        f"{image.name} and {other} are in one mosaic, but their pixels differ in type"
                    )
                plane.frames[tile] = number

    def coordinates(self) -> list[Coordinates]:
        """Return the coordinates of all planes, in order of their first frames."""
        order = sorted(self._planes.items(), key=lambda each: min(each[1].frames.values()))
        return [dict(sorted(place)) for place, _ in order]

    def read(self, coordinates: Coordinates) -> tuple[npt.NDArray[Any], Any]:
        """Assemble a plane from its tiles."""
        plane = self._planes[frozenset(coordinates.items())]
        group, layout = plane.group, plane.group.layout
        first = group.images[0].pixels
        shape = *layout.shape, *first.stored_shape[2:]
        mosaic = scratch_array(shape, first.stored_dtype, self._folder)
        for tile, frame in plane.frames.items():
            try:
                pixels = self._data.frames.stored(frame)
            except (OmeTiffError, OSError) as error:
                raise UnreadableFrameError(str(error)) from error
            kept = layout.kept(tile, [*plane.frames])
            where = kept if pixels.ndim == 2 else kept[..., None]
            np.copyto(mosaic[layout.windows(tile)], pixels, where=where)
        return mosaic, self._metadata(plane)

    def _metadata(self, plane: _Plane) -> dict[str, object]:
        """Return the metadata of the first tile, with the position of the mosaic."""
        tile, frame = next(iter(plane.frames.items()))
        image, facts = plane.group.images[tile], self._data.facts
        values = facts.described(image.layout, image.name)
        known = {name: float(facts.columns[name][frame]) for name in ("exposure_s", "z_um")}
        metadata: dict[str, object] = {name: value for name, value in known.items() if value == value}
        metadata["x_um"], metadata["y_um"] = plane.group.center_um
        height_um, width_um = self._data.calibration(image).pixel_size_um
        metadata["pixel_size_um"], metadata["pixel_size_y_um"] = width_um, height_um
        planned = {"time_interval_s": values.time_interval_s, "z_step_um": values.z_step_um}
        metadata |= {name: value for name, value in planned.items() if value is not None}
        delta_s = facts.columns["delta_t_s"][frame]
        if not np.isnan(delta_s):
            if values.acquired is None:
                metadata["elapsed_s"] = float(delta_s)
            else:
                metadata["timestamp"] = (values.acquired + timedelta(seconds=float(delta_s))).isoformat()
        return metadata


def _options(data: OpenDataset, groups: list[MosaicGroup]) -> dict[str, Any]:
    """Return the options of the dataset, with channels and objective from its metadata."""
    header = data.header
    given = {each.name: getattr(header.given, each.name) for each in fields(Given)}
    channels = dict(header.given.channels)
    for image in (group.images[0] for group in groups):
        values = data.facts.described(image.layout, image.name)
        given["objective"] = given["objective"] or values.objective
        for value, info in _channels(image, [each.info for each in values.channels]):
            channels.setdefault(value, info)
    return given | {"fold_axes": header.fold_axes, "channels": channels}


def _plate(plate: PlateInfo | None, groups: list[MosaicGroup]) -> PlateInfo | Literal[False]:
    """Return the plate of the mosaics; add their wells if it names wells by positions."""
    if plate is None:
        return False
    positions = (group.coordinates.get("position") for group in groups)
    wells = dict(plate.wells)
    wells |= {each: each for each in positions if isinstance(each, str) and each not in wells}
    return replace(plate, wells=wells) if plate.wells else plate


def _channels(image: OpenImage, infos: list[ChannelInfo]) -> Iterator[tuple[int | str, ChannelInfo]]:
    """Yield the channels of an image, with the names of numbered ones."""
    layout = image.layout
    for value, name, info in zip(layout.values["C"], layout.channel_names, infos, strict=True):
        if value is not None:
            yield value, replace(info, name=None if name == value else name, filters=())
