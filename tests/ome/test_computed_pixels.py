"""The bit depth of a camera does not apply to pixels computed from its frames."""

import numpy as np
import pytest
from ome_types import from_tiff

from exengine_ome_tiff import TiffStorage, info

CAMERA = {"Camera": "C", "BitDepth": 12}


def bits_of(path, frames, metadata=CAMERA):
    with TiffStorage(path) as storage:
        for time, frame in enumerate(frames):
            storage.put({"time": time}, frame, metadata)
    return from_tiff(path).images[0].pixels.significant_bits


def image(value, dtype):
    return np.full((8, 8), value, dtype)


@pytest.mark.parametrize(
    ("frames", "metadata", "bits"),
    [
        ([image(4095, "u2")], CAMERA, 12),
        ([image(1000, "u2"), image(0, "u2")], {"BitDepth": "12"}, 12),
        ([image(65535, "u2")], {"Camera": "C", "BitDepth": 16}, 16),
        ([image(200, "u1")], {"Camera": "C", "BitDepth": 8}, 8),
        ([image(1023, "u2")], {"Camera": "C", "C-BitDepth": "10"}, 10),
        ([np.zeros((8, 8, 3), "u1")], {"Camera": "C", "BitDepth": 8}, 8),
    ],
)
def test_pixels_of_a_camera(tmp_path, caplog, frames, metadata, bits):
    assert bits_of(tmp_path / "run.ome.tiff", frames, metadata) == bits
    assert caplog.records == []


@pytest.mark.parametrize(
    ("frames", "metadata"),
    [
        ([image(1234.5, "f4")], CAMERA),
        ([image(160_000, "u4")], CAMERA),
        ([image(-5, "i2")], CAMERA),
        ([image(20, "u1")], CAMERA),
        ([image(True, "?")], CAMERA),
        ([image(1j, "c8")], CAMERA),
        ([image(20, "u2")], {"Camera": "C", "BitDepth": 8}),
        ([image(20, "u4")], {"Camera": "C", "BitDepth": 16}),
        ([image(20, "u2")], {"Camera": "C", "BitDepth": 0}),
        ([image(20, "u2")], {"Camera": "C", "BitDepth": 40}),
    ],
)
def test_pixel_types_that_no_camera_delivers(tmp_path, frames, metadata):
    assert bits_of(tmp_path / "run.ome.tiff", frames, metadata) is None
    (places,) = [
        each.written_to for each in info(tmp_path / "run.ome.tiff").metadata if each.key == "BitDepth"
    ]
    assert "ome" not in places


@pytest.mark.parametrize("peaks", [(4096, 0), (0, 65535)])
def test_a_sum_in_the_type_of_the_camera(tmp_path, caplog, peaks):
    path = tmp_path / "run.ome.tiff"
    assert bits_of(path, [image(peak, "u2") for peak in peaks]) is None
    (line,) = [record.getMessage() for record in caplog.records]
    assert f"pixels reach {max(peaks)}, but the bit depth is 12: no SignificantBits" in line
    assert [str(finding) in line for finding in info(path).check] == [True]


def test_only_some_of_many_images_are_checked(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        for position in range(100):
            storage.put({"position": position}, image(100, "u2"), CAMERA)
    images = from_tiff(tmp_path / "run.ome.tiff").images
    assert {each.pixels.significant_bits for each in images} == {12}
