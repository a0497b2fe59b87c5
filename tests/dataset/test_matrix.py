"""Files and folders, orders of arrival, pixel types and codings: all readers see the frames."""

from itertools import combinations, product

import pytest

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
