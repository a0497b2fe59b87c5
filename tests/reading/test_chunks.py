"""Chunks of lazy arrays, several small pages or a part of a large one, and the bytes read for them."""

import math

import dask
import numpy as np
import pytest

from acquisitions import frames_at, nested
from exengine_ome_tiff import TiffStorage
from exengine_ome_tiff.tiff.shared_file import SharedFile
from frames import assert_same, frame

LARGE = (3000, 3100)
FUSES_SELECTIONS = [*map(int, dask.__version__.split(".")[:2])] >= [2025, 2]
"""Earlier versions of dask read whole chunks."""


@pytest.fixture(autouse=True)
def _in_this_thread():
    with dask.config.set(scheduler="synchronous"):
        yield


@pytest.fixture
def read(monkeypatch):
    """Records the sizes of reads."""
    sizes = []
    read_into = SharedFile.read_into

    def noting(self, offset, buffer):
        sizes.append(len(buffer))
        return read_into(self, offset, buffer)

    monkeypatch.setattr(SharedFile, "read_into", noting)
    return sizes


def test_small_pages_share_chunks_along_the_fastest_axes(tmp_path):
    put = frames_at(nested(time=range(4), channel=("a", "b"), z=range(3)), (500, 600), "u2")
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        for at, pixels in put[:-1]:
            storage.put(at, pixels)
        array = storage.as_array()
        assert array.chunks == ((1,) * 4, (2,), (3,), (500,), (600,))
        assert 2 * math.prod(array.chunksize) <= 4 << 20
        expected = np.stack([pixels for _, pixels in put]).reshape(array.shape)
        expected[-1, -1, -1] = 0
        assert_same(array.compute(), expected)
        assert_same(array[2, 1, 1, 7:9].compute(), expected[2, 1, 1, 7:9])
        assert storage.as_array(["z", "time", "channel"]).chunks[:3] == ((1,) * 3, (3, 1), (2,))


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}])
@pytest.mark.parametrize("shape", [(16, 24), (16, 24, 3)], ids=["grey", "rgb"])
def test_a_selection_is_read_without_the_rest_of_its_chunk(tmp_path, read, options, shape):
    put = frames_at(nested(time=range(60), channel=("a", "b")), shape, "u1")
    with TiffStorage(tmp_path / "run.ome.tiff", **options) as storage:
        for at, pixels in put:
            if at["time"] != 30 or at["channel"] == "a":
                storage.put(at, pixels)
        array = storage.as_array()
        assert array.chunks[:2] == ((60,), (2,))
        expected = np.stack([pixels for _, pixels in put]).reshape(array.shape)
        expected[30, 1] = 0
        page_nbytes = expected[0, 0].nbytes
        for selection, n_pages in (
            ((7, 1), 1),
            ((-1, 0, 5), 1),
            ((slice(3, 5), 1, slice(2, 9, 3), slice(4, None, 2)), 2),
            ((slice(2, 40, 9),), 10),
            ((30,), 1),
            ((slice(10, 30), slice(None, None, -1), 0, 0), 120),
            ((slice(10, 10),), 0),
            ((None, 7, 1, None, slice(4)), 120),
            ((7, [1, 0], slice(4)), 120),
            (([59, 3, 3], 0, slice(None), 2), 120),
            ((..., 2), 120),
        ):
            read.clear()
            assert_same(np.asarray(array[selection].compute()), expected[selection])
            if FUSES_SELECTIONS:
                assert sum(read) <= n_pages * (page_nbytes + 2000 * bool(options))
        assert_same(array[5:20][2, 1].compute(), expected[7, 1])
        assert_same(array[7].T.sum(axis=0).compute(), expected[7].T.sum(axis=0))


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_chunks_of_large_tiled_pages_follow_their_tiles(tmp_path, read, compression):
    pixels = frame({"time": 0}, LARGE, "u2")
    with TiffStorage(tmp_path / "run.ome.tiff", compression=compression, tile=(256, 512)) as storage:
        storage.put({"time": 0}, pixels)
        array = storage.as_array()
        assert array.chunks == ((1,), (512,) * 5 + (440,), (512,) * 6 + (28,))
        read.clear()
        assert_same(array[0, 1500:1600, 900:1100].compute(), pixels[1500:1600, 900:1100])
        assert sum(read) < 12 * 512 * 256 * 2
        assert_same(array.compute()[0], pixels)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_large_pages_of_strips_are_read_in_bands(tmp_path, read, compression):
    pixels = frame({"time": 0}, LARGE, "u2")
    with TiffStorage(tmp_path / "run.ome.tiff", compression=compression) as storage:
        storage.put({"time": 0}, pixels)
        array = storage.as_array()
        assert len(array.chunks[1]) == 5
        assert array.chunks[2] == (3100,)
        read.clear()
        assert_same(array[0, 2000:2010, 900:1100].compute(), pixels[2000:2010, 900:1100])
        assert sum(read) < 6 << 20
        assert_same(array.compute()[0], pixels)


@pytest.mark.parametrize("options", [{}, {"compression": "zstd", "predictor": True, "tile": (512, 512)}])
def test_chunks_of_packed_and_stitched_pages(tmp_path, monkeypatch, options):
    monkeypatch.setattr("exengine_ome_tiff.reading.chunking._WHOLE_BYTES", 1 << 20)
    monkeypatch.setattr("exengine_ome_tiff.reading.chunking.CHUNK_BYTES", 1 << 20)
    words = {place: frame({"column": place}, (1200, 1300), "u4") & 0xFFFFFF for place in range(2)}
    summary = {"GridPixelOverlapY": 3, "GridPixelOverlapX": 20}
    with TiffStorage(tmp_path / "run.ome.tiff", summary_metadata=summary, **options) as storage:
        for place, pixels in words.items():
            storage.put({"row": 0, "column": place}, pixels, {"PixelType": "RGB32"})
        array = storage.as_array(stitched=True)
        assert len(array.chunks[0]) > 1
        assert_same(array.compute(), np.hstack([words[place][1:-2, 10:-10] for place in range(2)]))
        colour = storage.as_xarray({"column": 1}).values
        assert_same(colour[..., 2], (words[1] & 255).astype("u1"))
