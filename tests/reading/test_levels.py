"""Pyramid levels as lazy arrays, compared with tifffile."""

import dask
import numpy as np
import pytest
import tifffile

from exengine_ome_tiff import TiffStorage
from frames import assert_same, frame

CODINGS = {
    "tiles": {},
    "zlib": {"compression": "zlib", "tile": (64, 64)},
    "smaller than a tile": {"tile": (256, 256)},
}


@pytest.fixture(autouse=True)
def _in_this_thread():
    with dask.config.set(scheduler="synchronous"):
        yield


@pytest.mark.parametrize("name", ["run.ome.tiff", "run"])
@pytest.mark.parametrize("coding", CODINGS)
def test_each_level_is_what_tifffile_reads(tmp_path, name, coding):
    path = tmp_path / name
    storage = TiffStorage(path, pyramid_levels=2, pixel_size_um=0.5, **CODINGS[coding])
    for position in ("a", "b"):
        for time in range(2):
            at = {"position": position, "time": time}
            storage.put(at, frame(at, (200, 150), "u2"))
    with pytest.raises(ValueError, match=r"`finish` adds pyramid levels"):
        storage.as_array(level=1)
    storage.finish()
    files = [path] * 2 if path.is_file() else sorted(path.glob("*.ome.tiff"))
    expected = {}
    for level in range(3):
        for number, file in enumerate(files):
            with tifffile.TiffFile(file) as tiff:
                series = tiff.series[number if path.is_file() else 0]
                expected[level, number] = series.levels[level].asarray()
    with TiffStorage.open(path) as reader:
        for opened in (storage, reader):
            for level in range(3):
                array = opened.as_array(["position", "time"], level=level)
                assert_same(array.compute(), np.stack([expected[level, number] for number in range(2)]))
                labelled = opened.as_xarray("b", level=level)
                assert_same(labelled.values, expected[level, 1])
                step = 1 << level
                assert labelled["y"].values[:2].tolist() == [(step - 1) / 4, (step - 1) / 4 + step / 2]
        for level in (3, -1, "1"):
            with pytest.raises(ValueError, match="level"):
                reader.as_array(level=level)
        with pytest.raises(ValueError, match="cannot be stitched"):
            reader.as_array(stitched=True, level=1)
    storage.close()


def test_levels_of_colour_frames_and_of_frames_without_levels(tmp_path):
    colour = frame({"time": 0}, (120, 100, 3), "u1")
    with TiffStorage(tmp_path / "run.ome.tiff", pyramid_levels=1) as storage:
        storage.put({"time": 0}, colour)
        storage.finish()
        means = colour.reshape(60, 2, 50, 2, 3).mean(axis=(1, 3))
        assert_same(storage.as_array(level=1).compute()[0], np.floor(means + 0.5).astype("u1"))
        assert storage.images[0].asdask(level=1).shape == (1, 60, 50, 3)
    with TiffStorage(tmp_path / "plain.ome.tiff") as storage:
        storage.put({"time": 0}, colour)
        storage.finish()
        with pytest.raises(ValueError, match=r"no pyramid level 1$"):
            storage.as_array(level=1)
