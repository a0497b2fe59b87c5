"""Decoding compressed or tiled pages as this package writes them, and no others."""

import zlib
from collections.abc import Sequence
from functools import cache, partial
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.threads import in_shares
from exengine_ome_tiff.tiff import chain
from exengine_ome_tiff.tiff.pixels import PixelFormat, Window, as_bytes
from exengine_ome_tiff.tiff.shared_file import FileView, SharedFile

_SURELY_BYTES = 1 << 28
_MOST_COMPRESSED = 50_000
"""Maximum compression ratio of pages larger than `_SURELY_BYTES`."""
_TILES_OF_PAGE = 64
"""Maximum ratio of tile size to page size for tiles larger than `_SURELY_BYTES`."""
_THREADED_BYTES = 1 << 20
"""All cores decode pages of this size and larger. Dividing a smaller page among them gains nothing."""
_PLAIN, _LZW, _ZLIB, _OLD_ZLIB, _ZSTD = 1, 5, 8, 32946, 50000
_COMPRESSIONS = (_PLAIN, _LZW, _ZLIB, _OLD_ZLIB, _ZSTD)
_NO_PREDICTOR, _DIFFERENCES = 1, 2
_SAMPLE_FORMATS = {"u": 1, "i": 2, "f": 3, "c": 6}
_CHUNKY = 1

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _SAMPLES = 256, 257, 258, 259, 277
_ROWS_PER_STRIP, _PLANAR, _PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT, _SAMPLE_FORMAT = 278, 284, 317, 322, 323, 339


class _Segment(NamedTuple):
    """A strip or tile: place of its bytes, number of rows and columns, and position in the page."""

    offset: int
    nbytes: int
    rows: int
    columns: int
    y: int
    x: int


class _Page:
    """The coding of a page according to the tags of its IFD."""

    def __init__(self, file: SharedFile, ifd: chain.Ifd, pixels: PixelFormat) -> None:
        self._file = file
        self._view = FileView(file)
        self._entries = {entry.code: entry for entry in ifd.tags()}
        self._pixels = pixels
        self._what = f"{file.path}: the page at offset {ifd.offset}"
        self.compression = self._number(_COMPRESSION, _PLAIN)
        self._predictor = self._number(_PREDICTOR, _NO_PREDICTOR)

    def check(self, nbytes: int) -> None:
        """Raise OmeTiffError unless this is a page of the expected format, coded as this package does it.

        Other codecs are a risk in damaged files, and no file of this package needs them.
        """
        pixels, dtype = self._pixels, self._pixels.stored_dtype
        if pixels.nbytes > max(_SURELY_BYTES, _MOST_COMPRESSED * nbytes):
            raise OmeTiffError(f"{self._what} has {nbytes} bytes, which cannot be {pixels}")
        expected = {
            _HEIGHT: pixels.stored_shape[0],
            _WIDTH: pixels.stored_shape[1],
            _SAMPLES: pixels.samples,
            _BITS: 8 * dtype.itemsize,
            _SAMPLE_FORMAT: _SAMPLE_FORMATS[dtype.kind],
            _PLANAR: _CHUNKY,
        }
        for code, value in expected.items():
            if (found := self._number(code, 1)) != value:
                raise OmeTiffError(f"{self._what} is not {pixels}: tag {code} is {found} instead of {value}")
        if self.compression not in _COMPRESSIONS or self._predictor not in (_NO_PREDICTOR, _DIFFERENCES):
            raise OmeTiffError(
                f"{self._what}: compression {self.compression} with predictor {self._predictor} "
                "is not supported"
            )
        if self.compression in (_LZW, _ZSTD) and not _has_imagecodecs():
            raise OmeTiffError(f'{self._what} needs imagecodecs: pip install "exengine-ome-tiff[codecs]"')

    def segments(self, window: Window) -> list[_Segment]:
        """Return the strips or tiles that overlap a window; OmeTiffError if they do not cover the page."""
        height, width = self._pixels.stored_shape[:2]
        is_tiled = _TILE_WIDTH in self._entries
        rows = self._number(_TILE_HEIGHT if is_tiled else _ROWS_PER_STRIP, height)
        columns = self._number(_TILE_WIDTH, width)
        largest = max(_SURELY_BYTES, _TILES_OF_PAGE * self._pixels.nbytes)
        if is_tiled and not 0 < self._nbytes(rows, columns) <= largest:
            raise OmeTiffError(f"{self._what}: its tiles are {(rows, columns)}")
        if rows < 1:
            raise OmeTiffError(f"{self._what}: its strips have no rows")
        offsets = self._numbers(chain.TILE_OFFSETS if is_tiled else chain.STRIP_OFFSETS)
        counts = self._numbers(chain.TILE_BYTE_COUNTS if is_tiled else chain.STRIP_BYTE_COUNTS)
        expected = -(-height // rows) * -(-width // columns)
        if len(offsets) != expected:
            raise OmeTiffError(f"{self._what}: expected {expected} strips or tiles, found {len(offsets)}")
        segments = []
        for row in range(window.top // rows, -(-window.bottom // rows)):
            y, own_rows = row * rows, rows if is_tiled else min(rows, height - row * rows)
            for column in range(window.left // columns, -(-window.right // columns)):
                number = row * -(-width // columns) + column
                segments.append(
                    _Segment(offsets[number], counts[number], own_rows, columns, y, column * columns)
                )
        return segments

    def decode(self, segments: Sequence[_Segment], window: Window, region: npt.NDArray[Any]) -> None:
        """Decode strips or tiles into the region of a window; OmeTiffError if they are damaged."""
        for segment in segments:
            top, left = max(segment.y, window.top), max(segment.x, window.left)
            bottom = min(segment.y + segment.rows, window.bottom)
            right = min(segment.x + segment.columns, window.right)
            place = region[top - window.top : bottom - window.top, left - window.left : right - window.left]
            data = bytearray(segment.nbytes)
            del data[self._file.read_into(segment.offset, data) :]
            if not self._is_decoded_into(data, segment, place):
                place[:] = self._decoded(data, segment)[
                    top - segment.y : bottom - segment.y, left - segment.x : right - segment.x
                ]

    def _is_decoded_into(self, data: bytearray, segment: _Segment, place: npt.NDArray[Any]) -> bool:
        """Decode directly into the region, without a copy, and return whether that was possible."""
        if self.compression != _ZSTD or self._predictor != _NO_PREDICTOR or not place.flags.c_contiguous:
            return False
        if place.shape[:2] != (segment.rows, segment.columns):
            return False
        import imagecodecs

        try:
            return len(imagecodecs.zstd_decode(data, out=as_bytes(place))) == place.nbytes
        except RuntimeError:
            return False  # `_decoded` raises an error with the reason

    def _decoded(self, data: bytearray, segment: _Segment) -> npt.NDArray[Any]:
        """Return the pixels of a strip or a tile."""
        nbytes = self._nbytes(segment.rows, segment.columns)
        try:
            decompressed = _decompressed(self.compression, data, nbytes)
        except (RuntimeError, ValueError, zlib.error) as error:
            raise OmeTiffError(f"{self._what} cannot be decoded: {error}") from error
        if len(decompressed) != nbytes:
            number = "more than" if len(decompressed) > nbytes else f"{len(decompressed)} instead of"
            raise OmeTiffError(
                f"{self._what}: the bytes at offset {segment.offset} are {number} {nbytes} when decompressed"
            )
        shape = (segment.rows, segment.columns, *self._pixels.stored_shape[2:])
        pixels = np.frombuffer(decompressed, self._pixels.stored_dtype).reshape(shape)
        if self._predictor == _DIFFERENCES:
            return np.cumsum(pixels, axis=1, dtype=pixels.dtype)
        return pixels

    def _nbytes(self, rows: int, columns: int) -> int:
        return rows * columns * self._pixels.samples * self._pixels.stored_dtype.itemsize

    def _numbers(self, code: int) -> tuple[int, ...]:
        entry = self._entries.get(code)
        return () if entry is None else chain.read_numbers(self._view, entry)

    def _number(self, code: int, default: int) -> int:
        """Return the only value of a tag; -1 if it has several values."""
        values = self._numbers(code) or (default,)
        return values[0] if len(values) == 1 or len({*values}) == 1 else -1


def check_coding(
    file: SharedFile, ifd: chain.Ifd, pixels: PixelFormat, window: Window | None = None
) -> tuple[_Page, list[_Segment]]:
    """Check, without reading pixels, that a page is coded as this package does it.

    Returns
    -------
    _Page, list of _Segment
        The page and its strips or tiles: those that overlap the window, or all.

    Raises
    ------
    OmeTiffError
        It is another kind of page, or its strips or tiles are not inside the file.
    """
    nbytes = chain.check_strips(FileView(file), ifd)
    page = _Page(file, ifd, pixels)
    page.check(nbytes)
    return page, page.segments(window or Window.whole(pixels))


def decoded(
    file: SharedFile, ifd_at: int, pixels: PixelFormat, window: Window | None = None
) -> npt.NDArray[Any]:
    """Read the page of an IFD.

    tifffile would hold locks, which a process forked at that moment would inherit.

    Parameters
    ----------
    file
        The file.
    ifd_at
        Offset of the IFD.
    pixels
        Expected format of the page.
    window
        The region to read, inside the page. Only strips or tiles that overlap it are decoded. By default the
        entire page.

    Returns
    -------
    numpy.ndarray
        Pixels as stored in the file, with the shape and type of `pixels` and `window`.

    Raises
    ------
    OmeTiffError
        It is another kind of page, or cannot be decoded.
    """
    page, segments = check_coding(file, chain.read_ifd(FileView(file), ifd_at), pixels, window)
    window = window or Window.whole(pixels)
    region = np.empty(window.shape(pixels), pixels.stored_dtype)
    decode = partial(page.decode, window=window, region=region)
    if page.compression == _PLAIN or region.nbytes < _THREADED_BYTES:
        decode(segments)
    else:
        in_shares(decode, segments)
    return region


def segment_shape(file: SharedFile, ifd_at: int, pixels: PixelFormat) -> tuple[int, int]:
    """Return height and width of the strips or tiles of a page; parameters and errors as for `decoded`."""
    _, segments = check_coding(file, chain.read_ifd(FileView(file), ifd_at), pixels)
    return segments[0].rows, segments[0].columns


@cache
def _has_imagecodecs() -> bool:
    return find_spec("imagecodecs") is not None


def _decompressed(compression: int, data: bytearray, nbytes: int) -> bytes | bytearray:
    """Decompress bytes, at most one more than expected; raise the codec's errors."""
    if compression in (_ZLIB, _OLD_ZLIB):
        return zlib.decompressobj().decompress(data, nbytes + 1)
    if compression == _PLAIN:
        return data
    import imagecodecs

    decode = imagecodecs.lzw_decode if compression == _LZW else imagecodecs.zstd_decode
    return decode(data, out=nbytes + 1)
