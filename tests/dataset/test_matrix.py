"""Files and folders, orders of arrival, pixel types and codings: all readers see what was put."""

import pytest

from acquisitions import ORDERS, frames_at, put_all
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


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("pixels", PIXELS)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.usefixtures("bioformats")
def test_all_readers_see_what_was_put(tmp_path, caplog, name, order, pixels, coding):
    put = frames_at(ORDERS[order], *PIXELS[pixels])
    with TiffStorage(tmp_path / name, **CODINGS[coding]) as storage:
        put_all(storage, put)
    reads_zstd = version() >= (7,)
    assert_readers_agree(tmp_path / name, put, caplog, bioformats=reads_zstd or coding != "zstd")
