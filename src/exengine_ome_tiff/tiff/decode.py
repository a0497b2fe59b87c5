"""Decoding a page that is compressed or tiled, through tifffile, whoever wrote it."""

import io
import math
import os
import zlib
from importlib.util import find_spec
from io import FileIO
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import tifffile

from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.tiff import chain
from exengine_ome_tiff.tiff.page_coding import workers
from exengine_ome_tiff.tiff.pixels import PixelFormat

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_SURELY_BYTES = 1 << 28
_MOST_COMPRESSED = 50_000
"""Pages beyond this size are not taken to be that much larger than their compressed bytes."""
_TILES_OF_PAGE = 64
"""How much larger than its page a tile may be beyond that size."""
_PLAIN, _LZW, _ZLIB, _ZLIB_OF_OLD, _ZSTD = 1, 5, 8, 32946, 50000
_COMPRESSIONS = (_PLAIN, _LZW, _ZLIB, _ZLIB_OF_OLD, _ZSTD)
_PREDICTORS = (1, 2)
_MOST_OF_ZLIB = 1040
"""How much larger than its bytes deflated data can be."""

_NO_FLAVOR: Any = {"is_lsm": False, "is_ndpi": False, "is_scanimage": False}
"""For files of these kinds tifffile reads all pages at once."""


class _OnePage(io.RawIOBase):
    """A file as tifffile is to see it: with one page as its first, so that no other one has a say in it.

    Parameters
    ----------
    file
        The file.
    ifd_at
        Offset of the page's IFD.
    """

    def __init__(self, file: FileIO, ifd_at: int) -> None:
        super().__init__()
        self.name = file.name
        self._file = file
        self._header = chain.header(ifd_at)
        self.seek(0)

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def seekable(self) -> bool:
        """Whether it has positions."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._file.tell()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position."""
        return self._file.seek(offset, whence)

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Read bytes."""
        view = memoryview(buffer).cast("B")
        at = self._file.tell()
        count = self._file.readinto(view) or 0
        own = self._header[at : at + count]
        view[: len(own)] = own
        return count


def decoded(file: FileIO, ifd_at: int, pixels: PixelFormat) -> npt.NDArray[Any]:
    """Read the page of an IFD.

    Parameters
    ----------
    file
        The file, open for reading without a buffer.
    ifd_at
        Offset of the IFD.
    pixels
        What the page is to be.

    Returns
    -------
    numpy.ndarray
        Pixels as they lie in the file, shape and type as `pixels` says.

    Raises
    ------
    OmeTiffError
        It is something else, or cannot be decoded.
    """
    what = f"{file.name}: the page at offset {ifd_at}"
    nbytes = chain.check_strips(file, chain.read_ifd(file, ifd_at))
    if pixels.nbytes > max(_SURELY_BYTES, _MOST_COMPRESSED * nbytes):
        raise OmeTiffError(f"{what} has {nbytes} bytes, which cannot be {pixels}")
    try:
        with tifffile.TiffFile(cast("Any", _OnePage(file, ifd_at)), **_NO_FLAVOR) as tif:
            page = tif.pages.first
            is_right = (page.shape, page.dtype) == (pixels.stored_shape, pixels.stored_dtype)
            stored = None
            if is_right:
                _check_coding(file, page, pixels)
                stored = page.asarray(maxworkers=workers())
    except Exception as error:
        raise OmeTiffError(f"{what} cannot be decoded: {error}") from error
    if stored is None:
        raise OmeTiffError(f"{what} is {page.shape} {page.dtype}, not {pixels}")
    return np.asarray(stored)


def _check_coding(file: FileIO, page: tifffile.TiffPage, pixels: PixelFormat) -> None:
    """Make sure that a page is coded as one of ours, and that no tile or strip holds more than it should.

    Other codecs are the work of many hands, and nothing that this package wrote needs them.

    Raises
    ------
    OmeTiffError
        It is not.
    """
    if page.compression not in _COMPRESSIONS or page.predictor not in _PREDICTORS:
        raise OmeTiffError(f"compression {page.compression} with predictor {page.predictor} is none of ours")
    largest = max(_SURELY_BYTES, _TILES_OF_PAGE * pixels.nbytes)
    nbytes = math.prod(page.tile or (0,)) * pixels.samples * pixels.stored_dtype.itemsize
    if nbytes > largest:
        raise OmeTiffError(f"its tiles are {page.tile}")
    if page.compression == _PLAIN or find_spec("imagecodecs") is not None:
        return  # imagecodecs never makes more than it is asked for
    if page.compression not in (_ZLIB, _ZLIB_OF_OLD):
        raise OmeTiffError('it needs imagecodecs: pip install "exengine-ome-tiff[codecs]"')
    largest = max(nbytes, pixels.nbytes)
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        if count * _MOST_OF_ZLIB <= _SURELY_BYTES:
            continue
        file.seek(offset)
        if len(zlib.decompressobj().decompress(file.read(count), largest + 1)) > largest:
            raise OmeTiffError(f"the bytes at offset {offset} are more than {largest} when decompressed")
