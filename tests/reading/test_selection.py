"""The axes of arrays, the values that select frames along them, coordinates and chunks of pixels."""

from __future__ import annotations

import numpy as np
import pytest

from exengine_ome_tiff import TiffStorage
from exengine_ome_tiff.reading.calibration import image_elements
from exengine_ome_tiff.reading.channel_look import channel_looks
from exengine_ome_tiff.reading.chunking import part_lengths
from exengine_ome_tiff.reading.selection import slowest_first


def test_axes_in_any_spelling_are_in_the_order_of_ndstorage():
    axes = ["z", "C", "angle", "T", "p", "column", "row"]
    assert slowest_first(axes) == ["row", "column", "p", "T", "C", "angle", "z"]


def test_a_number_selects_text_along_an_axis_that_some_frames_lack(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        for number, place in enumerate(({"stage": "left"}, {"stage": "right"}, {})):
            storage.put(place, np.full((2, 2), number, np.uint8))
        assert storage.as_array(stage=1).compute().tolist() == [[1, 1], [1, 1]]


def test_pixels_that_are_not_squares_have_the_same_coordinates_at_each_stage(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path) as storage:
        storage.put(
            {"time": 0}, np.zeros((3, 3), np.uint8), {"PixelSizeUm": 0.5, "PixelAspect": 2.0, "UUID": "1"}
        )
        arrays = [storage.as_xarray()]
        storage.finish()
        arrays.append(storage.as_xarray())
    for array in arrays:
        assert (array["y"].values.tolist(), array["x"].values.tolist()) == ([0, 1, 2], [0, 0.5, 1])


def test_chunks_of_a_part_of_a_page_begin_at_multiples_of_their_length():
    assert part_lengths(3, 10, 4) == (1, 4, 2)
    assert part_lengths(4, 8, 4) == (4,)


def test_levels_of_frames_of_different_shapes_make_no_array(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff", pyramid_levels=1) as storage:
        for number, length in enumerate((64, 128)):
            storage.put({"position": number}, np.zeros((length, length), np.uint8))
        storage.finish()
        for level in (0, 1):
            with pytest.raises(ValueError, match="shape"):
                storage.as_array(level=level)


def test_channels_with_a_folded_axis_keep_their_colors(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff", fold_axes={"gain": "C"}) as storage:
        for channel in ("DAPI", "GFP"):
            for gain in range(2):
                storage.put({"channel": channel, "gain": gain}, np.zeros((2, 2), np.uint8))
        storage.finish()
        recording = storage._recording
        images = recording.images()
        looks = channel_looks(zip(images, image_elements(recording, images), strict=True), recording.facts)
    assert looks == {"DAPI": ("DAPI", (0, 0, 255)), "GFP": ("GFP", (0, 255, 0))}
