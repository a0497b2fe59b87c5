"""Encoded pages are those that tifffile would write, whether or not tifffile writes them."""

import sys

import numpy as np
import pytest
import tifffile

from exengine_ome_tiff import TiffStorage, recover, threads, validate
from exengine_ome_tiff.tiff import appender
from frames import assert_same, frame
from readers.check import assert_readers_agree

LARGE, SMALL, COLOR = (701, 800), (30, 40), (300, 301, 3)
"""Of several strips, the last of which is shorter; of one strip; RGB."""
OF_PLACES = (270, 273, 324, *range(65140, 65150))
"""Tags of the OME-XML, which has a UUID, of strips and tiles, and private ones."""
TILES = {"tile": (128, 96)}


def put(path, shapes, dtype="u2", **options):
    """Write frames of shapes that take turns."""
    frames = []
    with TiffStorage(path, **options) as storage:
        for number, shape in enumerate(shapes):
            place = {"time": shapes[:number].count(shape), "shape": str(shape)}
            frames.append((place, frame(place, shape, "u1" if len(shape) == 3 else dtype)))
            storage.put(*frames[-1], {"number": number})
            assert_same(storage[place], frames[-1][1])
    return frames


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "zlib"},
        {"compression": "zstd"},
        {"compression": "lzw"},
        {"compression": "zlib", "predictor": True},
        {"compression": "lzw", "predictor": True, **TILES},
        {"compression": "zstd", **TILES},
        TILES,
    ],
    ids=str,
)
def test_pixels_and_tags_are_those_of_tifffile(tmp_path, options, monkeypatch):
    shapes = [LARGE, SMALL] * 4 + [COLOR] * 2
    frames = put(tmp_path / "ours.ome.tiff", shapes, **options)
    monkeypatch.setattr(appender.Appender, "_learn", lambda *_: None)  # so that tifffile writes all
    put(tmp_path / "tifffile.ome.tiff", shapes, **options)
    ours, other = (pages(tmp_path / f"{name}.ome.tiff") for name in ("ours", "tifffile"))
    assert len(ours) == len(frames)
    assert ours == other
    assert validate(tmp_path / "ours.ome.tiff") == []


def pages(path):
    """Return the strips or tiles of all pages, and those tags that do not tell where something is."""
    found = []
    with tifffile.TiffFile(path) as tif:
        for page in tif.pages:
            tags = {tag.code: (tag.count, tag.value) for tag in page.tags if tag.code not in OF_PLACES}
            strips = zip(page.dataoffsets, page.databytecounts, strict=True)
            found.append((tags, [tif.filehandle.read_array("u1", n, at).tobytes() for at, n in strips]))
    return found


@pytest.mark.usefixtures("bioformats")
@pytest.mark.parametrize(
    "options",
    [
        {"compression": "zlib"},
        {"compression": "lzw", "checksums": True},
        {"compression": "zlib", "predictor": True, **TILES},
        TILES,
    ],
    ids=str,
)
def test_readers_see_them(tmp_path, options, caplog):
    shapes = [SMALL, LARGE, SMALL, LARGE, SMALL, COLOR, COLOR, LARGE]
    assert_readers_agree(tmp_path / "run.ome.tiff", put(tmp_path / "run.ome.tiff", shapes, **options), caplog)


@pytest.mark.parametrize("options", [{}, {"predictor": True}, TILES], ids=str)
def test_tifffile_writes_the_first_page_of_each_kind_and_no_other(tmp_path, options, monkeypatch):
    written = []
    write = appender.Appender._write

    def count(self, writer, data, *rest):
        written.append(data.shape)
        return write(self, writer, data, *rest)

    monkeypatch.setattr(appender.Appender, "_write", count)
    put(
        tmp_path / "run.ome.tiff",
        [LARGE, SMALL, LARGE, SMALL, LARGE, COLOR, COLOR],
        compression="zlib",
        **options,
    )
    assert written == [LARGE, SMALL, COLOR]


def test_an_unfinished_file_has_all_encoded_pages(tmp_path):
    path = tmp_path / "run.ome.tiff"
    storage = TiffStorage(path, compression="zstd")
    for number in range(6):
        storage.put({"time": number}, frame({"time": number}, LARGE))
    storage.suspend()
    recover(path)
    with TiffStorage.open(path) as storage:
        for number in range(6):
            assert_same(storage[{"time": number}], frame({"time": number}, LARGE))
    assert validate(path) == []


@pytest.mark.parametrize("n_bits_fewer", [0, 14])
def test_incompressible_pixels_have_space_and_strips_differ_in_length(tmp_path, n_bits_fewer):
    noise = np.random.default_rng(0).integers(0, 1 << 16, (700, 800), np.uint16)
    noise >>= np.linspace(0, n_bits_fewer, 700).astype(np.uint16)[:, np.newaxis]
    for compression in ("zlib", "zstd", "lzw"):
        path = tmp_path / f"{compression}.ome.tiff"
        with TiffStorage(path, compression=compression) as storage:
            for number in range(3):
                storage.put({"time": number}, noise + np.uint16(number))
        with tifffile.TiffFile(path) as tif:
            for number, page in enumerate(tif.pages):
                np.testing.assert_array_equal(page.asarray(), noise + np.uint16(number))


def test_many_small_tiles_take_the_same_time_each(tmp_path, monkeypatch):
    monkeypatch.setattr(threads, "CORES", 1)  # a profile function sees one thread
    n_calls = {count: calls_of_tiles(tmp_path / f"{count}.ome.tiff", count) for count in (64, 1024)}
    assert n_calls[1024] < 20 * n_calls[64]


def calls_of_tiles(path, count):
    """Count the calls of Python functions while a flat frame of tiles is put."""
    n_calls, image = 0, np.zeros((16, 16 * count), np.uint8)

    def count_call(_frame, event, _argument):
        nonlocal n_calls
        n_calls += event == "call"

    with TiffStorage(path, compression="zlib", tile=(16, 16)) as storage:
        storage.put({"time": 0}, image)
        before = sys.getprofile()
        sys.setprofile(count_call)
        try:
            storage.put({"time": 1}, image)
        finally:
            sys.setprofile(before)
    return n_calls
