"""Files and folders, orders of arrival, pixel types and codings: all readers see the frames."""

from itertools import combinations, product

import imagecodecs
import numpy as np
import pytest
import tifffile

from acquisitions import ORDERS, frames_at, put_all
from effort import is_thorough
from exengine_ome_tiff import TiffStorage
from readers.bioformats import version
from readers.check import assert_readers_agree

TARGETS = ["run.ome.tiff", "run"]
PIXELS = {
    "uint8": ((5, 7), "u1"),
    "int16": ((5, 7), "i2"),
    "uint16": ((40, 50), ">u2"),
    "float32": ((5, 7), "f4"),
    "bool": ((5, 7), "?"),
    "RGB": ((5, 7, 3), "u1"),
}
CODINGS = {
    "plain": {},
    "zlib": {"compression": "zlib", "compression_level": 1},
    "lzw, predictor": {"compression": "lzw", "predictor": True},
    "zstd": {"compression": "zstd"},
    "tiles": {"tile": (16, 32)},
    "pyramid": {"pyramid_levels": 1, "tile": (16, 16)},
}


def chosen() -> list[tuple[str, str, str, str]]:
    """Return all combinations; by default, only enough to cover each pair of values."""
    everything = [*product(TARGETS, ORDERS, PIXELS, CODINGS)]
    if is_thorough():
        return everything
    left = {pair for combination in everything for pair in combinations(enumerate(combination), 2)}
    found = []
    while left:
        best = max(everything, key=lambda each: len(left.intersection(combinations(enumerate(each), 2))))
        left.difference_update(combinations(enumerate(best), 2))
        found.append(best)
    return found


@pytest.mark.parametrize(("name", "order", "pixels", "coding"), chosen())
@pytest.mark.usefixtures("bioformats")
def test_all_readers_see_the_frames(tmp_path, caplog, name, order, pixels, coding):
    put = frames_at(ORDERS[order], *PIXELS[pixels])
    with TiffStorage(tmp_path / name, **CODINGS[coding]) as storage:
        put_all(storage, put)
    reads_zstd = version() >= (7,)
    assert_readers_agree(tmp_path / name, put, caplog, bioformats=reads_zstd or coding != "zstd")


@pytest.fixture(scope="module")
def as_many_bytes_as_pixels() -> np.ndarray:
    """Return 32 x 32 pixels of two bytes that zstd compresses to 1024 bytes."""
    random = np.random.default_rng(0)
    for mean in range(100, 2000):
        for _ in range(40):
            pixels = random.poisson(mean, (32, 32)).astype(np.uint16)
            nbytes = len(imagecodecs.zstd_encode(pixels, level=1))
            if nbytes == pixels.size:
                return pixels
            if abs(nbytes - pixels.size) > 60:
                break
    raise AssertionError("no such pixels")


@pytest.mark.parametrize(
    ("repeats", "options"),
    [((1, 1), {}), ((1, 2), {"tile": (32, 32)}), ((2, 2), {"pyramid_levels": 1})],
    ids=["strips", "tiles", "smaller copies"],
)
@pytest.mark.usefixtures("bioformats")
def test_zstd_with_as_many_bytes_as_pixels(tmp_path, caplog, as_many_bytes_as_pixels, repeats, options):
    """Bio-Formats reads such a strip or tile together with the bytes that follow it."""
    pixels = as_many_bytes_as_pixels
    if "tile" in options:
        pixels = np.tile(pixels, repeats)
    else:
        pixels = pixels.repeat(repeats[0], 0).repeat(repeats[1], 1)
    put = [({"time": time}, pixels) for time in range(2)]
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, compression="zstd", **options) as storage:
        put_all(storage, put)
    with tifffile.TiffFile(path) as tif:
        levels = [level.pages[number] for level in tif.series[0].levels for number in range(2)]
    assert all(nbytes != 1024 for page in levels for nbytes in page.databytecounts)
    assert any(nbytes == 1024 + 9 for nbytes in levels[-1].databytecounts)
    assert_readers_agree(path, put, caplog, bioformats=version() >= (7,))
