"""Sparse files that grow past 4 GiB, and a plane of more than 2 GiB."""

import errno
import os
import sys

import numpy as np
import pytest
import tifffile

from acquisitions import frames_at, nested
from effort import effort
from exengine_ome_tiff import TiffStorage, validate
from frames import assert_same
from readers.check import assert_readers_agree

PAST_4_GIB = 5 << 30


@pytest.mark.skipif(sys.platform == "win32", reason="a file grows by writing zeros there, not by a hole")
@pytest.mark.parametrize(
    "coding", [{}, {"compression": "zlib"}, {"pyramid_levels": 1}], ids=["plain", "zlib", "pyramid"]
)
@pytest.mark.parametrize("shape", effort([(64, 64)], [(64, 64), (560, 1000)]), ids=str)
@pytest.mark.usefixtures("bioformats")
def test_a_file_that_grows_past_4_gib(tmp_path, caplog, shape, coding):
    path = tmp_path / "run.ome.tiff"
    put = frames_at(nested(time=range(6), z=(0, 1))[:-1], shape)
    with TiffStorage(path, **coding) as storage:
        for number, (place, array) in enumerate(put):
            if number in (4, 9):
                storage.flush()
                end = PAST_4_GIB * (1 if number == 4 else 2)
                os.truncate(path, end)
                file = storage._recording.index.files[0].tail
                # or the hole would be overwritten
                file._start = file._end = file._reserved = end
            storage.put(place, array, {"number": number})
        storage.finish()
        for number, (place, array) in enumerate(put):
            assert_same(storage[place], array)
            assert storage.get_metadata(place) == {"number": number}
    with tifffile.TiffFile(path) as tif:
        offsets = [page.dataoffsets[0] for page in tif.pages]
    assert [offset >= PAST_4_GIB for offset in offsets] == [False] * 4 + [True] * 8
    assert_readers_agree(path, put, caplog)
    with TiffStorage.open(path) as storage:
        for place, array in put:
            assert_same(storage[place], array)


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file system with holes and large files")
@pytest.mark.parametrize("coding", [{}, {"compression": "zlib"}], ids=["plain", "zlib"])
@pytest.mark.parametrize("end", [1 << 43, 15 << 40], ids=["8 TiB", "15 TiB"])
def test_a_file_that_grows_past_8_tib(tmp_path, end, coding):
    path = tmp_path / "run.ome.tiff"
    put = frames_at(nested(time=range(6)), (8, 8))
    with TiffStorage(path, fsync=False, **coding) as storage:
        for number, (place, array) in enumerate(put):
            if number == 2:
                storage.flush()
                file = storage._recording.index.files[0].tail
                file._start = file._end = file._reserved = end + 4096
            try:
                storage.put(place, array)
                storage.flush()
            except OSError as error:
                if number != 2 or error.errno not in (errno.EFBIG, errno.EINVAL):
                    raise
                pytest.skip("files cannot be so large here")
    with TiffStorage.open(path) as storage:
        for place, array in put:
            assert_same(storage[place], array)
    with tifffile.TiffFile(path) as tif:
        assert [page.dataoffsets[0] > end for page in tif.pages] == [False] * 2 + [True] * 4
    copy = tmp_path / "moved.ome.tiff"
    path.rename(copy)
    assert validate(copy) == []


@pytest.mark.thorough
def test_a_plane_of_more_than_2_gib(tmp_path, bioformats):
    path = tmp_path / "run.ome.tiff"
    side = 46_400
    assert side**2 > 1 << 31
    places = {(0, 0): 1, (side - 1, side - 1): 2, (side // 2, side // 3): 3, (46_283, 5_647): 4}
    array = np.zeros((side, side), np.uint8)
    for place, value in places.items():
        array[place] = value
    small = array[:4, :4].copy()
    with TiffStorage(path) as storage:
        storage.put({"time": 0}, array)
        storage.put({"time": 1}, small)
        del array
        storage.finish()
        assert_marked(storage[{"time": 0}], (side, side), places)
        assert_same(storage[{"time": 1}], small)
    assert_marked(tifffile.memmap(path, mode="r"), (side, side), places)
    with bioformats(path) as reader:  # Java arrays are limited to 2 GiB: only regions can be read
        for (y, x), value in places.items():
            left, top = min(x, side - 4), min(y, side - 4)
            part = reader.plane_index(0, 0, region=(left, top, 4, 4))
            assert part[y - top, x - left] == value
            assert np.count_nonzero(part) == 1
        assert reader.warnings == []


def assert_marked(array, shape, places):
    """Assert that all pixels are zero except for the given ones."""
    assert (array.shape, array.dtype) == (shape, np.uint8)
    assert np.count_nonzero(array) == len(places)
    assert [array[place] for place in places] == list(places.values())
