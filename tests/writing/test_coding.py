"""Compression, tiles and pyramids: frames round-trip exactly at any time; the matrix checks other readers."""

import os
import sys

import numpy as np
import pytest
import tifffile

import warm
from exengine_ome_tiff import TiffStorage, threads
from exengine_ome_tiff.tiff import appender
from frames import assert_same, frame

CODINGS = {
    "zlib": {"compression": "zlib"},
    "zlib 1 predictor": {"compression": "zlib", "compression_level": 1, "predictor": True},
    "lzw": {"compression": "lzw"},
    "zstd": {"compression": "zstd", "compression_level": 3},
    "zstd predictor tiles": {"compression": "zstd", "predictor": True, "tile": (32, 48)},
    "tiles": {"tile": (16, 32)},
}
COORDINATES = [
    {"position": position, "time": time, "channel": channel}
    for time in range(3)
    for position in ("a", "b")
    for channel in ("DAPI", "GFP")
    if (time, position, channel) != (1, "b", "GFP")
]


@pytest.mark.parametrize("dtype", ["u1", ">u2", "i4", "f4", "f8", "?", "f2"])
@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("name", ["run.ome.tiff", "run"])
def test_frames_are_read_back_at_any_time(tmp_path, name, coding, dtype):
    path = tmp_path / name
    with TiffStorage(path, **CODINGS[coding]) as storage:
        for number, place in enumerate(COORDINATES):
            storage.put(place, frame(place, (50, 70), dtype), {"number": number})
            assert_same(storage[place], frame(place, (50, 70), dtype))
            assert storage.get_metadata(place) == {"number": number}
        storage.finish()
        for place in COORDINATES:
            assert_same(storage[place], frame(place, (50, 70), dtype))
    with TiffStorage.open(path) as storage:
        for number, place in enumerate(COORDINATES):
            assert_same(storage[place], frame(place, (50, 70), dtype))
            assert storage.get_metadata(place) == {"number": number}


def test_rgb_is_compressed_too(tmp_path, bioformats):
    path = tmp_path / "run.ome.tiff"
    places = [{"time": time} for time in range(2)]
    with TiffStorage(path, compression="zlib", predictor=True, tile=(16, 16)) as storage:
        for place in places:
            storage.put(place, frame(place, (40, 30, 3), "u1"))
            assert_same(storage[place], frame(place, (40, 30, 3), "u1"))
    with bioformats(path) as reader:
        for place in places:
            np.testing.assert_array_equal(
                reader.plane(0, 0, 0, place["time"]), frame(place, (40, 30, 3), "u1")
            )
        assert reader.warnings == []


def test_pages_are_compressed_and_tiled(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff", compression="zlib", tile=(256, 128)) as storage:
        storage.put({"time": 0}, np.zeros((512, 512), np.uint16))
        storage.put({"time": 1}, np.zeros((64, 64), np.uint16))
    with tifffile.TiffFile(tmp_path / "run.ome.tiff") as tif:
        large, small = tif.pages
        assert (large.compression, large.tilelength, large.tilewidth) == (8, 256, 128)
        assert (small.compression, small.is_tiled) == (8, False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"compression": "jpeg"}, "expected one of zlib, lzw, zstd"),
        ({"compression": "lzma"}, "expected one of zlib, lzw, zstd"),
        ({"compression": ["zlib"]}, "expected one of zlib, lzw, zstd"),
        ({"compression": "zlib", "compression_level": 10}, "compression_level=10"),
        ({"compression": "lzw", "compression_level": 1}, "compression_level=1"),
        ({"compression_level": 1}, "needs a compression"),
        ({"predictor": True}, "needs a compression"),
        ({"tile": (100, 128)}, "multiples of 16"),
        ({"tile": (0, 16)}, "multiples of 16"),
        ({"tile": (24, 16)}, "multiples of 16"),
        ({"tile": (16,)}, "multiples of 16"),
    ],
)
def test_invalid_options_are_refused_before_anything_is_created(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        TiffStorage(tmp_path / "run.ome.tiff", **options)
    assert list(tmp_path.iterdir()) == []


def test_codecs_that_are_not_installed(tmp_path, monkeypatch):
    monkeypatch.setattr("exengine_ome_tiff.tiff.page_coding.find_spec", lambda _: None)
    with pytest.raises(ImportError, match=r"exengine-ome-tiff\[codecs\]"):
        TiffStorage(tmp_path / "run.ome.tiff", compression="zstd")
    TiffStorage(tmp_path / "run.ome.tiff", compression="zlib").close()


@pytest.mark.parametrize("compression", ["zlib", "zstd"])
def test_the_default_level_is_the_fastest(tmp_path, compression):
    sizes = {}
    for level in (None, 1, 6):
        path = tmp_path / f"{level}.ome.tiff"
        with TiffStorage(path, compression=compression, compression_level=level) as storage:
            storage.put({"time": 0}, frame({"time": 0}, (200, 200), "u1") // 16)
        with tifffile.TiffFile(path) as tiff:
            sizes[level] = sum(tiff.pages[0].databytecounts)
    assert sizes[None] == sizes[1] != sizes[6]


@pytest.mark.parametrize(("options", "parts"), [({}, [8, 8]), ({"tile": (256, 256)}, [16, 16])])
def test_compression_uses_all_cores(tmp_path, monkeypatch, options, parts):
    shared = []

    def noting(work, items):
        shared.append(len(items))
        threads.in_shares(work, items)

    monkeypatch.setattr(appender, "in_shares", noting)
    with TiffStorage(tmp_path / "run.ome.tiff", compression="zlib", **options) as storage:
        for time in range(2):
            storage.put({"time": time}, frame({"time": 0}, (1024, 1024)))
        assert shared == parts


SCRIPT = """
import numpy as np
from exengine_ome_tiff import TiffStorage, threads
storage = TiffStorage("run.ome.tiff", pyramid_levels=1, **{coding})
for time, z in ((0, 0), (0, 1), (1, 0)):
    storage.put({"time": time, "z": z}, np.full((1700, 1900), time + 2 * z, np.uint16))
"""


@pytest.mark.parametrize("coding", [{}, {"compression": "zlib"}])
def test_python_may_end_before_finish(tmp_path, coding):
    command = [sys.executable, "-W", "error", "-c", SCRIPT.replace("{coding}", repr(coding))]
    environment = os.environ | {"TIFFFILE_NUM_THREADS": "4"}
    done = warm.run(command, cwd=tmp_path, environment=environment)
    (line,) = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (0, "")
    assert line.startswith("run: 1 of 4 planes are missing")
    with tifffile.TiffFile(tmp_path / "run.ome.tiff") as tif:
        for level in tif.series[0].levels:
            values = level.asarray()[:, :, 0, 0]
            assert {*values.ravel().tolist()} == {0, 1, 2}


@pytest.mark.parametrize("name", ["run.ome.tiff", "run"])
@pytest.mark.parametrize(
    "options",
    [
        {"tile": (np.int64(32), np.int32(32))},
        {"tile": np.array([32, 32])},
        {"tile": [32, 32]},
        {"compression": "zlib", "compression_level": np.int64(3), "predictor": np.True_},
        {"pyramid_levels": np.int64(2)},
    ],
    ids=str,
)
def test_options_may_be_numpy_numbers(tmp_path, name, options):
    with TiffStorage(tmp_path / name, **options) as storage:
        storage.put({"time": 0}, np.ones((99, 99), np.uint16))
    with TiffStorage.open(tmp_path / name) as storage:
        assert storage[{"time": 0}].all()


@pytest.mark.parametrize(
    "options",
    [
        {"tile": 32},
        {"tile": "32"},
        {"tile": (32.0, 32.0)},
        {"compression": "zlib", "compression_level": "3"},
        {"compression": "zlib", "compression_level": 1.5},
        {"compression": "zlib", "predictor": "horizontal"},
        {"pyramid_levels": True},
    ],
    ids=str,
)
def test_options_of_the_wrong_type_are_named(tmp_path, options):
    with pytest.raises(ValueError, match=[*options][-1]):
        TiffStorage(tmp_path / "run", **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("compression", "level"), [("zlib", 0), ("zlib", 9), ("zstd", 1), ("zstd", 22)])
def test_lowest_and_highest_compression_levels(tmp_path, compression, level):
    array = frame({"level": level}, (64, 64))
    options = {"compression": compression, "compression_level": level}
    with TiffStorage(tmp_path / "run.ome.tiff", **options) as storage:
        storage.put({}, array)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "run.ome.tiff"), array)
