"""Frames whose pixels encode their coordinates, and their reader through OME-XML and tifffile."""

from __future__ import annotations

import hashlib
import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tifffile
from ome_types import from_xml

from exengine_ome_tiff import TiffStorage, validate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

COORDINATES_NAMESPACE = "urn:exengine-ome-tiff:coordinates"
AXES_NAMESPACE = "urn:exengine-ome-tiff:axes"
SHAPE = (5, 7)
_MOST_REMEMBERED_BYTES = 4_000_000
DTYPES = {
    "uint8": "|u1",
    "uint16": "<u2",
    "uint32": "<u4",
    "int8": "|i1",
    "int16": "<i2",
    "int32": "<i4",
    "float": "<f4",
    "double": "<f8",
    "complex": "<c8",
    "double-complex": "<c16",
}
"""Pixels/@Type in OME and the type in the file."""


def frame(
    coordinates: Mapping[str, int | str], shape: tuple[int, ...] = SHAPE, dtype: Any = "u2"
) -> np.ndarray:
    """Make pixels from coordinates: equal for equal ones, different for different ones.

    Parameters
    ----------
    coordinates
        The order of the axes does not matter.
    shape, dtype
        Of the array, byte order included.
    """
    text = json.dumps(sorted(coordinates.items()), default=int)
    dtype = np.dtype(dtype)
    if dtype.kind in "iu":
        nbytes = int(np.prod(shape)) * dtype.itemsize
        make = _noise if nbytes < _MOST_REMEMBERED_BYTES else _noise.__wrapped__
        return np.frombuffer(make(text, nbytes), dtype).reshape(shape).copy()
    random = _random(text)
    if dtype.kind == "b":
        return random.integers(0, 2, shape).astype(dtype)
    pixels = random.standard_normal(shape)
    if dtype.kind == "c":
        pixels = pixels + 1j * random.standard_normal(shape)
    return pixels.astype(dtype)


def _random(text: str) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little"))


@lru_cache(32)
def _noise(text: str, nbytes: int) -> bytes:
    return _random(text).bytes(nbytes)


def assert_same(got: np.ndarray, put: np.ndarray) -> None:
    """Assert the same shape, type, byte order and bits."""
    assert isinstance(got, np.ndarray)
    assert (got.shape, got.dtype.str) == (put.shape, put.dtype.str)
    assert got.tobytes() == put.tobytes()


def in_file(put: np.ndarray) -> np.ndarray:
    """Convert a frame to what readers see: bool as 0 and 1, float16 as float32."""
    if put.dtype.kind == "b":
        return put.astype("u1")
    return put.astype("f4") if put.dtype == np.float16 else put


class StoredPlane(NamedTuple):
    """An acquired plane, as read through OME-XML and tifffile."""

    image: int
    z: int
    c: int
    t: int
    coordinates: dict[str, int | str]
    pixels: np.ndarray
    firsts: dict[str, int | str]
    """The first value along each axis of the image, which frames without the axis share."""

    def put_at(self, all_put: Iterable[frozenset]) -> frozenset:
        """Find the coordinates of the frame: those of the plane, maybe without axes at their first value."""
        told = frozenset(self.coordinates.items())
        found = [each for each in all_put if each <= told and told - each <= self.firsts.items()]
        return max(found, key=len)


def stored_planes(path: Path) -> Iterator[StoredPlane]:
    """Yield all acquired planes of a file, each from its page according to the OME-XML."""
    with tifffile.TiffFile(path) as tif:
        document = from_xml(tif.pages[0].tags["ImageDescription"].value)
        notes = {note.id: note for note in document.structured_annotations.map_annotations}
        for number, image in enumerate(document.images):
            labels, along = _coordinates(notes, image)
            pixels = image.pixels
            order = pixels.dimension_order.value[2:]
            samples = pixels.channels[0].samples_per_pixel or 1
            sizes = {"Z": pixels.size_z, "C": pixels.size_c // samples, "T": pixels.size_t}
            assert len(pixels.channels) == sizes["C"]
            shape = (pixels.size_y, pixels.size_x, samples)[: 3 if samples > 1 else 2]
            (block,) = pixels.tiff_data_blocks
            assert block.plane_count == sizes["Z"] * sizes["C"] * sizes["T"]
            assert [len(along[axis]) for axis in "ZCT"] == [sizes[axis] for axis in "ZCT"]
            for plane in pixels.planes:
                place = {"Z": plane.the_z, "C": plane.the_c, "T": plane.the_t}
                rank = place[order[0]] + sizes[order[0]] * (
                    place[order[1]] + sizes[order[1]] * place[order[2]]
                )
                page = tif.pages[block.ifd + rank].asarray()
                assert (page.shape, page.dtype.str) == (shape, DTYPES[pixels.type.value])
                own = labels | along["Z"][plane.the_z] | along["C"][plane.the_c] | along["T"][plane.the_t]
                firsts = along["Z"][0] | along["C"][0] | along["T"][0]
                yield StoredPlane(number, plane.the_z, plane.the_c, plane.the_t, own, page, firsts)


def _coordinates(
    notes: Mapping[str, Any], image: Any
) -> tuple[dict[str, int | str], dict[str, list[dict[str, int | str]]]]:
    """Read the annotation of an image: its labels, and the coordinates along Z, C and T."""
    own = [notes[ref.id] for ref in image.annotation_refs if ref.id in notes]
    texts = {note.namespace: note.value for note in own}
    labels = {axis: json.loads(text) for axis, text in texts.get(COORDINATES_NAMESPACE, {}).items()}
    along: dict[str, list[dict[str, int | str]]] = {axis: [{}] for axis in "ZCT"}
    for key, text in texts.get(AXES_NAMESPACE, {}).items():
        name, axis = re.fullmatch(r"(.*) \((?:inside )?([ZCT])\)", key, re.DOTALL).groups()
        points = [{} if value is None else {name: value} for value in _axis(text)]
        along[axis] = [before | point for before in along[axis] for point in points]
    return labels, along


def _axis(text: str) -> list[Any]:
    if text.startswith("range("):
        return list(range(*json.loads(f"[{text[6:-1]}]")))
    return json.loads(text)


def assert_complete(
    path: Path, acknowledged: Iterable[int], pixels: Callable[[dict[str, Any]], np.ndarray]
) -> list[dict[str, Any]]:
    """Assert that a finished dataset is valid and has all acknowledged frames and no false ones.

    Parameters
    ----------
    path
        Path of the dataset.
    acknowledged
        Time points of the frames, whose metadata is ``{"number": time}``.
    pixels
        Gives the pixels of the frame at coordinates.

    Returns
    -------
    list of dict
        The coordinates of all frames.
    """
    assert validate(path) == []
    with TiffStorage.open(path) as reader:
        there = reader.get_image_coordinates_list()
        assert {place["time"] for place in there} >= set(acknowledged)
        for place in there:
            assert_same(reader[place], pixels(place))
            assert reader.get_metadata(place) == {"number": place["time"]}
    for file in [path] if path.is_file() else path.glob("*.tiff"):
        with tifffile.TiffFile(file) as tif:
            assert tif.is_ome
            for page in tif.pages:
                page.asarray(maxworkers=1)
    return there
