"""The exact record of a frame, and how it maps to OME-XML."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from exengine_ome_tiff.coordinates.keys import Coordinates, FrameNumber, place_text
from exengine_ome_tiff.dataset.records import decode_metadata
from exengine_ome_tiff.inspection.key_coverage import PLACES, Place, key_places
from exengine_ome_tiff.inspection.open_dataset import OpenDataset, OpenImage
from exengine_ome_tiff.ome.xml_reader import Attributes, ImageElement
from exengine_ome_tiff.text_format import list_text

_NEAR = 3


@dataclass(frozen=True, slots=True)
class OmePlane:
    """What the OME-XML contains about a frame: XML attributes, as stored in the file.

    Parameters
    ----------
    image, pixels, channel, plane
        XML attributes of Image, Pixels, Channel and Plane.
    keys
        Where the values of each metadata key are; see `KeyCoverage`.
    """

    image: Attributes
    pixels: Attributes
    channel: Attributes
    plane: Attributes
    keys: dict[str, tuple[Place, ...]]


@dataclass(frozen=True, slots=True)
class FrameMetadata:
    """A frame's record, and where the frame is.

    Parameters
    ----------
    coordinates
        Coordinates of the frame, as put.
    metadata
        Metadata of the frame, decoded from JSON.
    number
        Order of arrival, from 0.
    file
        File that contains the frame.
    image_name
        Name of the image that contains the frame.
    image_index
        Index of that image in the file's OME-XML, from 0.
    zct
        Indices along Z, C and T.
    ome
        What the OME-XML contains about the frame; None if the file is not finished.
    """

    coordinates: Coordinates
    metadata: Any
    number: int
    file: Path
    image_name: str
    image_index: int
    zct: tuple[int, int, int]
    ome: OmePlane | None


@dataclass(frozen=True, slots=True)
class DatasetMetadata:
    """Metadata that applies to a dataset as a whole.

    Parameters
    ----------
    summary_metadata
        Summary metadata of the dataset, decoded from JSON.
    header
        Identity of the dataset, and the options it was written with.
    """

    summary_metadata: Any
    header: dict[str, Any]


class NoSuchFrameError(LookupError):
    """No frame has these coordinates; the message lists the nearest ones."""


def read_frame_metadata(path: str | PathLike[str], coordinates: Mapping[str, int | str]) -> FrameMetadata:
    """Read the record of a frame, and how it maps to OME-XML.

    Parameters
    ----------
    path
        A single file, a folder, or any file of a folder.
    coordinates
        All coordinates of the frame.

    Raises
    ------
    NoSuchFrameError
        No frame has these coordinates; the message lists the nearest ones.
    FileNotFoundError
        There is nothing at `path`.
    OmeTiffError
        No `TiffStorage` wrote it, or it is damaged.
    """
    with OpenDataset(path) as data:
        number = data.frames.find(coordinates)
        if number is None:
            raise NoSuchFrameError(_no_frame(data, coordinates))
        metadata = decode_metadata(data.frames.note(number))
        image, zct = _plane(data, number)
        known, numbers = data.frames.latest()
        return FrameMetadata(
            coordinates=known.take(np.flatnonzero(numbers == number)).coordinates()[0],
            metadata=metadata,
            number=number,
            file=image.path,
            image_name=image.name,
            image_index=image.index,
            zct=zct,
            ome=None if image.element is None else _ome_plane(image.element, zct, metadata),
        )


def read_dataset_metadata(path: str | PathLike[str]) -> DatasetMetadata:
    """Read the metadata of a dataset as a whole; parameters and errors as for `info`."""
    with OpenDataset(path) as data:
        header = data.header.to_dict()
        return DatasetMetadata(header.pop("summary_metadata"), header)


def _plane(data: OpenDataset, number: FrameNumber) -> tuple[OpenImage, tuple[int, int, int]]:
    """Find the image and plane of a frame."""
    places = ((image, np.flatnonzero(image.layout.frames == number)) for image in data.images)
    image, found = next((image, found) for image, found in places if found.size)
    z, c, t = image.layout.zct(found[:1])[0].tolist()
    return image, (z, c, t)


def _ome_plane(element: ImageElement, zct: tuple[int, int, int], metadata: object) -> OmePlane:
    places = key_places(element, metadata)
    keys = {key: tuple(place for place in PLACES if place in where) for key, where in places.items()}
    channel = element.channels[zct[1]] if zct[1] < len(element.channels) else {}
    return OmePlane(element.image, element.pixels, channel, element.planes.get(zct, {}), keys)


def _no_frame(data: OpenDataset, wanted: Mapping[str, int | str]) -> str:
    """Describe which coordinates are wrong, which values exist, and which frames are nearest."""
    at = place_text(wanted) if wanted else "empty coordinates"
    there = sorted(data.frames.coordinates(), key=lambda each: _distance(each, wanted))
    if not there:
        return f"no frame at {at}; the dataset has none"
    axes = list(dict.fromkeys(axis for each in there for axis in each))
    hints = []
    if wanted.keys() != there[0].keys():
        hints += [f"the axes are {', '.join(axes)}"] if axes else []
    for axis, value in wanted.items():
        known = dict.fromkeys(each[axis] for each in there if axis in each)
        if isinstance(value, str) and known and value not in known:
            hints.append(f"the values of {axis} are {list_text([*map(str, known)])}")
    near = "; ".join(place_text(each) for each in there[:_NEAR])
    return "; ".join([f"no frame at {at}", f"near it: {near}", *hints])


def _distance(there: Mapping[str, int | str], wanted: Mapping[str, int | str]) -> tuple[int, int, int]:
    """Measure the distance between coordinates: by axes, then text, then numbers."""
    axes = len(there.keys() ^ wanted.keys())
    names = numbers = 0
    for axis in there.keys() & wanted.keys():
        own, other = there[axis], wanted[axis]
        if isinstance(own, int) and isinstance(other, int):
            numbers += abs(own - other)
        else:
            names += own != other
    return axes, names, numbers


def read_coordinates_text(text: str) -> Coordinates:
    """Parse the format of `coordinates_text`.

    Parameters
    ----------
    text
        Such as ``time=3,channel=DAPI``. Integers become `int`; other values, and values in double quotes,
        become `str`. A comma that is not followed by an axis and ``=`` belongs to the value before it. Empty
        text means no coordinates.

    Raises
    ------
    ValueError
        The text does not start with an axis, or an axis appears twice.
    """
    coordinates: Coordinates = {}
    for part in re.split(r",(?=[^,=]+=)", text) if text else ():
        axis, equals, value = part.partition("=")
        axis = axis.strip()
        if not equals or not axis:
            raise ValueError(
                f"got the coordinates {text!r}, expected AXIS=VALUE, such as time=3,channel=DAPI"
            )
        if axis in coordinates:
            raise ValueError(f"got the coordinates {text!r}, where {axis} appears twice")
        quoted = re.fullmatch(r'"(.*)"', value, re.DOTALL)
        is_number = re.fullmatch(r"-?[0-9]{1,30}", value.strip()) is not None
        coordinates[axis] = quoted[1] if quoted else int(value) if is_number else value
    return coordinates
