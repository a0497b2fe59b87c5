"""Mosaics as a conversion source, so that an export can be resumed like a conversion."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.conversion.sources import Source, UnreadableFrameError
from exengine_ome_tiff.coordinates.keys import Coordinates, FrameNumber
from exengine_ome_tiff.coordinates.wells import PlateInfo
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.export.mosaic_groups import MosaicGroup, StagePlaces
from exengine_ome_tiff.inspection.open_dataset import OpenDataset, OpenImage
from exengine_ome_tiff.ome.user_values import ChannelInfo, Given
from exengine_ome_tiff.tiff import scratch_array


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
            for number in np.sort(image.layout.frames[image.layout.frames >= 0]).tolist():
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
