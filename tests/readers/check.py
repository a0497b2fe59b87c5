"""Checks on which three readers must agree: every frame at its place, missing planes black."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import tifffile
from ome_types import from_xml

from frames import in_file, stored_planes
from readers.bioformats import BioFormats, validate_xml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from ome_types import OME
    from ome_types.model import Image

Coordinates = dict[str, "int | str"]


class _Image(NamedTuple):
    """An image according to the OME-XML and the pages."""

    name: str
    order: str
    sizes: dict[str, int]
    planes: dict[tuple[int, int, int], np.ndarray]
    """Acquired planes by (z, c, t)."""

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.sizes["Z"], self.sizes["C"], self.sizes["T"]


def assert_readers_agree(
    path: Path, put: Iterable[tuple[Mapping[str, int | str], np.ndarray]], caplog, *, bioformats: bool = True
) -> list[OME]:
    """Check that ome-types, tifffile and Bio-Formats see exactly the frames put, and log nothing.

    Parameters
    ----------
    path
        A finished dataset: a file, or a folder, whose companion is opened too.
    put
        Coordinates and array of each frame, in order of arrival.
    caplog
        pytest's fixture; it must not have seen tifffile log anything.
    bioformats
        False where Bio-Formats cannot read the pixels.

    Returns
    -------
    list of ome_types.OME
        The document of each file, sorted by file name.
    """
    expected = {frozenset(coordinates.items()): array for coordinates, array in put}
    files = sorted(path.glob("*.ome.tiff")) if path.is_dir() else [path]
    documents, all_images = [], []
    caplog.clear()
    for file in files:
        xml = tifffile.tiffcomment(file)
        assert validate_xml(xml) == []
        documents.append(from_xml(xml))
        images = [_described(image) for image in documents[-1].images]
        for plane in stored_planes(file):
            array = expected.pop(plane.put_at(expected))  # fails for a duplicate
            np.testing.assert_array_equal(plane.pixels, in_file(array))
            images[plane.image].planes[plane.z, plane.c, plane.t] = plane.pixels
        _assert_tifffile_agrees(file, images)
        if bioformats:
            _assert_bioformats_agrees(file, images)
        all_images += images
    assert not expected, f"not in the files: {[dict(coordinates) for coordinates in expected]}"
    if path.is_dir() and bioformats:
        (companion,) = path.glob("*.companion.ome")
        assert validate_xml(companion.read_bytes()) == []
        names = [image.name for image in from_xml(companion.read_bytes()).images]
        assert sorted(names) == sorted(image.name for image in all_images)
        if len(set(names)) == len(names):
            _assert_bioformats_agrees(
                companion, sorted(all_images, key=lambda image: names.index(image.name))
            )
    logged = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.getMessage() for record in logged if record.name.startswith("tifffile")] == []
    return documents


def _described(image: Image) -> _Image:
    pixels = image.pixels
    sizes = {"Z": pixels.size_z, "C": len(pixels.channels), "T": pixels.size_t}
    return _Image(image.name, pixels.dimension_order.value[2:], sizes, {})


def _assert_tifffile_agrees(file: Path, images: list[_Image]) -> None:
    with tifffile.TiffFile(file) as tif:
        assert len(tif.series) == len(images)
        for series, image in zip(tif.series, images, strict=True):
            assert (series.kind, series.name) == ("ome", image.name)
            axes = series.get_axes(squeeze=False)
            sides = [axes.index(axis) for axis in "YXS" if axis in axes]
            assert sides == list(range(sides[0], len(axes)))
            slow_to_fast = image.order[::-1]
            assert [axis for axis in axes if axis in "ZCT"] == [axis for axis in slow_to_fast if axis in axes]
            array = series.asarray(squeeze=False)  # a folded axis follows its parent: one axis here
            array = array.reshape(*(image.sizes[axis] for axis in slow_to_fast), *array.shape[sides[0] :])
            _assert_planes(np.moveaxis(array, [slow_to_fast.index(axis) for axis in "ZCT"], [0, 1, 2]), image)


def _assert_bioformats_agrees(file: Path, images: list[_Image]) -> None:
    with BioFormats(file) as reader:
        assert [series.name for series in reader.series] == [image.name for image in images]
        for number, image in enumerate(images):
            series = reader.series[number]
            assert (series.size_z, series.effective_size_c, series.size_t) == image.shape
            assert len(series.planes) == len(image.planes)
            for place in np.ndindex(*image.shape):
                _assert_plane(reader.plane(number, *place), image, place)
        assert reader.warnings == []


def _assert_planes(array: np.ndarray, image: _Image) -> None:
    assert array.shape[:3] == image.shape
    for place in np.ndindex(*image.shape):
        _assert_plane(array[place], image, place)


def _assert_plane(pixels: np.ndarray, image: _Image, place: tuple[int, ...]) -> None:
    expected = image.planes.get(place)
    if expected is None:
        expected = np.zeros_like(next(iter(image.planes.values())))
    assert pixels.dtype == expected.dtype
    np.testing.assert_array_equal(pixels.reshape(expected.shape), expected, f"{image.name} {place}")
