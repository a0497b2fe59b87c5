"""Pixels that Micro-Manager packs into words: RGB and float in readers, words in `TiffStorage`."""

import numpy as np
import pytest
import tifffile

from exengine_ome_tiff import TiffStorage
from frames import assert_same

SHAPE = (9, 11)
RANDOM = np.random.default_rng(seed=7)
BGR = RANDOM.integers(0, 256, (*SHAPE, 4), np.uint8)
BGR16 = RANDOM.integers(0, 65536, (*SHAPE, 4), np.uint16)
FLOATS = RANDOM.standard_normal(SHAPE).astype(np.float32)


def packed(samples, word, *, alpha):
    samples = samples.copy()
    if not alpha:
        samples[..., 3] = 0
    return samples.view(word).reshape(SHAPE)


CASES = {
    "RGB32": (packed(BGR, "<u4", alpha=False), "RGB32", BGR[..., 2::-1]),
    "RGB32 with alpha": (packed(BGR, "<u4", alpha=True), "RGB32", BGR[..., [2, 1, 0, 3]]),
    "RGB32 big-endian": (packed(BGR, "<u4", alpha=False).astype(">u4"), "RGB32", BGR[..., 2::-1]),
    "RGB32 reversed": (packed(BGR, "<u4", alpha=False)[::-1], "RGB32", BGR[::-1, :, 2::-1]),
    "RGB64": (packed(BGR16, "<u8", alpha=False), "RGB64", BGR16[..., 2::-1]),
    "RGB64 with alpha": (packed(BGR16, "<u8", alpha=True), "RGB64", BGR16[..., [2, 1, 0, 3]]),
    "GRAY32": (FLOATS.view(np.uint32), "GRAY32", FLOATS),
    "GRAY32 Fortran": (np.asfortranarray(FLOATS.view(np.uint32)), "GRAY32", FLOATS),
    "no packing": (FLOATS.view(np.uint32), "GRAY16", FLOATS.view(np.uint32)),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ["run.ome.tiff", "run"])
def test_readers_see_rgb_and_float_and_storage_returns_words(tmp_path, bioformats, name, case):
    words, pixel_type, seen = CASES[case]
    path = tmp_path / name
    coordinates = [{"time": time} for time in range(3)]
    with TiffStorage(path) as storage:
        for place in coordinates:
            storage.put(place, words, {"PixelType": pixel_type})
            assert_same(storage[place], words)
        storage.finish()
        assert_same(storage[coordinates[1]], words)
    file = path if path.is_file() else path / "run.ome.tiff"
    with TiffStorage.open(path) as storage:
        assert_same(storage[coordinates[2]], words)
    with tifffile.TiffFile(file) as tif:
        np.testing.assert_array_equal(tif.pages[1].asarray(), seen)
    with bioformats(file) as reader:
        np.testing.assert_array_equal(reader.plane(0, 0, 0, 2), seen)
        assert reader.warnings == []


def test_64_bits_without_a_tag_are_refused(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        with pytest.raises(TypeError, match="uint64"):
            storage.put({"time": 0}, np.ones(SHAPE, np.uint64), {"PixelType": "GRAY16"})
        with pytest.raises(TypeError, match="uint64"):
            storage.put({"time": 0}, np.ones(SHAPE, np.uint64), {})
        storage.put({"time": 0}, np.ones(SHAPE, np.uint32), {})


def test_frames_with_and_without_alpha_are_separate_images(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        storage.put({"time": 0}, CASES["RGB32"][0], {"PixelType": "RGB32"})
        storage.put({"time": 1}, CASES["RGB32 with alpha"][0], {"PixelType": "RGB32"})
        assert [image.sizes["S"] for image in storage.images] == [3, 4]
