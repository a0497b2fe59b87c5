"""Decoding compressed or tiled pages as this package writes them, and no others."""

import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache, partial
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
_MOST_GROWTH, _SLACK_BYTES = 2, 1 << 20
"""Incompressible pixels grow less than this in all codecs: a strip or tile with more bytes is not read."""
_THREADED_BYTES = 1 << 20
"""All cores decode pages of this size and larger. Dividing a smaller page among them gains nothing."""
_PLAIN, _LZW, _ZLIB, _OLD_ZLIB, _ZSTD = 1, 5, 8, 32946, 50000
_COMPRESSIONS = (_PLAIN, _LZW, _ZLIB, _OLD_ZLIB, _ZSTD)
_NO_PREDICTOR, _DIFFERENCES = 1, 2
_SAMPLE_FORMATS = {"u": 1, "i": 2, "f": 3, "c": 6}
_CHUNKY = 1

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _SAMPLES = 256, 257, 258, 259, 277
_ROWS_PER_STRIP, _PLANAR, _PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT, _SAMPLE_FORMAT = 278, 284, 317, 322, 323, 339
_TAGS = (
    *(_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _SAMPLES, _ROWS_PER_STRIP),
    *(_PLANAR, _PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT, _SAMPLE_FORMAT),
)
"""Tags with the format and the coding of a page; all of their values fit into the entries."""


class _Segment(NamedTuple):
    """A strip or tile: place of its bytes, number of rows and columns, and position in the page."""

    offset: int
    nbytes: int
    rows: int
    columns: int
    y: int
    x: int


class _Coding(NamedTuple):
    """How the pages of a kind are encoded; `rows` and `columns` are those of a strip or tile."""

    compression: int
    predictor: int
    is_tiled: bool
    rows: int
    columns: int


@lru_cache
def _coding_of(fields: tuple[tuple[Any, ...] | None, ...], pixels: PixelFormat) -> _Coding:
    """Return the coding of pages of a format that have these entries for `_TAGS`.

    The pages of a kind have the same entries, so only the first one takes time.

    Raises
    ------
    ValueError
        The pages have another format, or are not coded as this package does it. Other codecs are a risk in
        damaged files, and no file of this package needs them.
    """
    found = {code: _number(chain.Entry._make(each)) for code, each in zip(_TAGS, fields, strict=True) if each}
    height, width = pixels.stored_shape[:2]
    dtype = pixels.stored_dtype
    expected = {
        _HEIGHT: height,
        _WIDTH: width,
        _SAMPLES: pixels.samples,
        _BITS: 8 * dtype.itemsize,
        _SAMPLE_FORMAT: _SAMPLE_FORMATS[dtype.kind],
        _PLANAR: _CHUNKY,
    }
    for code, value in expected.items():
        if (number := found.get(code, 1)) != value:
            raise ValueError(f"is not {pixels}: tag {code} is {number} instead of {value}")
    compression, predictor = found.get(_COMPRESSION, _PLAIN), found.get(_PREDICTOR, _NO_PREDICTOR)
    if compression not in _COMPRESSIONS or predictor not in (_NO_PREDICTOR, _DIFFERENCES):
        raise ValueError(f"has compression {compression} with predictor {predictor}, which is not supported")
    is_tiled = _TILE_WIDTH in found
    rows = found.get(_TILE_HEIGHT if is_tiled else _ROWS_PER_STRIP, height)
    columns = found.get(_TILE_WIDTH, width)
    largest = max(_SURELY_BYTES, _TILES_OF_PAGE * pixels.nbytes)
    if is_tiled and not 0 < rows * columns * pixels.samples * dtype.itemsize <= largest:
        raise ValueError(f"cannot be read: its tiles are {(rows, columns)}")
    if rows < 1:
        raise ValueError("cannot be read: its strips have no rows")
    return _Coding(compression, predictor, is_tiled, rows, columns)


def _number(entry: chain.Entry) -> int:
    """Return the only value of a tag; -1 if it has several values or none."""
    values = entry.numbers or ()
    return values[0] if len({*values}) == 1 else -1


class _Page:
    """An encoded page, and what its IFD says about its strips or tiles; errors as for `check_coding`."""

    def __init__(self, file: SharedFile, ifd: chain.Ifd, pixels: PixelFormat) -> None:
        self._file = file
        self._pixels = pixels
        self._pixel_nbytes = pixels.samples * pixels.stored_dtype.itemsize
        self._what = f"{file.path}: the page at offset {ifd.offset}"
        self._strips = strips = chain.check_strips(FileView(file), ifd)
        fields = {each[0]: each for each in chain.ENTRY.iter_unpack(ifd.entries)}
        try:
            self.coding = _coding_of(tuple(map(fields.get, _TAGS)), pixels)
        except ValueError as error:
            raise OmeTiffError(f"{self._what} {error}") from None
        if pixels.nbytes > max(_SURELY_BYTES, _MOST_COMPRESSED * strips.nbytes):
            raise OmeTiffError(f"{self._what} has {strips.nbytes} bytes, which cannot be {pixels}")
        if self.coding.compression in (_LZW, _ZSTD) and not _has_imagecodecs():
            raise OmeTiffError(f'{self._what} needs imagecodecs: pip install "exengine-ome-tiff[codecs]"')

    def segments(self, window: Window) -> list[_Segment]:
        """Return the strips or tiles that overlap a window; OmeTiffError if they do not fit the page."""
        height, width = self._pixels.stored_shape[:2]
        rows, columns = self.coding.rows, self.coding.columns
        n_across = -(-width // columns)
        expected = -(-height // rows) * n_across
        offsets, counts, _ = self._strips
        if len(offsets) != expected:
            raise OmeTiffError(f"{self._what}: expected {expected} strips or tiles, found {len(offsets)}")
        segments = []
        for row in range(window.top // rows, -(-window.bottom // rows)):
            y, own_rows = row * rows, rows if self.coding.is_tiled else min(rows, height - row * rows)
            most = _MOST_GROWTH * own_rows * columns * self._pixel_nbytes + _SLACK_BYTES
            for column in range(window.left // columns, -(-window.right // columns)):
                number = row * n_across + column
                nbytes = counts[number]
                if nbytes > most:
                    what = f"has {nbytes} bytes in a strip or tile, at most {most} fit"
                    raise OmeTiffError(f"{self._what} {what}")
                segments.append(_Segment(offsets[number], nbytes, own_rows, columns, y, column * columns))
        return segments

    def read(self, window: Window) -> npt.NDArray[Any]:
        """Read a window; errors as for `segments`, or a strip or tile cannot be decoded."""
        segments = self.segments(window)
        region = np.empty(window.shape(self._pixels), self._pixels.stored_dtype)
        decode = partial(self._decode, window=window, region=region)
        if self.coding.compression == _PLAIN or region.nbytes < _THREADED_BYTES:
            decode(segments)
        else:
            in_shares(decode, segments)
        return region

    def _decode(self, segments: Sequence[_Segment], window: Window, region: npt.NDArray[Any]) -> None:
        """Decode strips or tiles into the region of a window; OmeTiffError if they are damaged."""
        buffer = np.empty(max(segment.nbytes for segment in segments), np.uint8).data
        for segment in segments:
            top, left = max(segment.y, window.top), max(segment.x, window.left)
            bottom = min(segment.y + segment.rows, window.bottom)
            right = min(segment.x + segment.columns, window.right)
            place = region[top - window.top : bottom - window.top, left - window.left : right - window.left]
            data = buffer[: self._file.read_into(segment.offset, buffer[: segment.nbytes])]
            is_whole = place.shape[:2] == (segment.rows, segment.columns) and place.flags.c_contiguous
            if is_whole and self.coding.predictor == _NO_PREDICTOR:
                self._decompress(data, segment.offset, as_bytes(place))
                continue
            shape = (segment.rows, segment.columns, *self._pixels.stored_shape[2:])
            pixels = np.empty(shape, self._pixels.stored_dtype)
            self._decompress(data, segment.offset, as_bytes(pixels))
            if self.coding.predictor == _DIFFERENCES:
                pixels = np.cumsum(pixels, axis=1, dtype=pixels.dtype)
            place[:] = pixels[top - segment.y : bottom - segment.y, left - segment.x : right - segment.x]

    def _decompress(self, data: memoryview, offset: int, pixels: memoryview) -> None:
        """Decompress the bytes of a strip or a tile, whose offset messages name, into its pixels."""
        if _is_decompressed_into(self.coding.compression, data, pixels):
            return
        try:
            decompressed = _decompressed(self.coding.compression, data, len(pixels))
        except (RuntimeError, ValueError, zlib.error) as error:
            raise OmeTiffError(f"{self._what} cannot be decoded: {error}") from error
        if len(decompressed) != len(pixels):
            number = "more than" if len(decompressed) > len(pixels) else f"{len(decompressed)} instead of"
            raise OmeTiffError(
                f"{self._what}: the bytes at offset {offset} are {number} {len(pixels)} when decompressed"
            )
        pixels[:] = decompressed


def check_coding(file: SharedFile, ifd: chain.Ifd, pixels: PixelFormat) -> None:
    """Check, without reading pixels, that a page is coded as this package does it.

    Raises
    ------
    OmeTiffError
        It is another kind of page, or its strips or tiles are not inside the file.
    """
    _Page(file, ifd, pixels).segments(Window.whole(pixels))


def _page_at(file: SharedFile, ifd_at: int, pixels: PixelFormat) -> _Page:
    return _Page(file, chain.read_ifd(FileView(file), ifd_at), pixels)


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
    return _page_at(file, ifd_at, pixels).read(window or Window.whole(pixels))


def decoded_bands(file: SharedFile, ifd_at: int, pixels: PixelFormat) -> Iterator[npt.NDArray[Any]]:
    """Read the page of an IFD in the bands of `Window.bands`; parameters and errors as for `decoded`."""
    page = _page_at(file, ifd_at, pixels)
    yield from map(page.read, Window.bands(pixels, page.coding.rows))


def segment_shape(file: SharedFile, ifd_at: int, pixels: PixelFormat) -> tuple[int, int]:
    """Return height and width of the strips or tiles of a page; parameters and errors as for `decoded`."""
    first = _page_at(file, ifd_at, pixels).segments(Window.whole(pixels))[0]
    return first.rows, first.columns


@cache
def _has_imagecodecs() -> bool:
    return find_spec("imagecodecs") is not None


@cache
def _decoders() -> dict[int, Callable[..., Any]]:
    """Return the decoders, by compression, that write into given memory and never beyond it."""
    if not _has_imagecodecs():
        return {}
    import imagecodecs

    decoders: dict[int, Callable[..., Any]] = {_ZSTD: imagecodecs.zstd_decode}
    if imagecodecs.DEFLATE.available:  # twice as fast as Python's zlib
        decoders |= dict.fromkeys((_ZLIB, _OLD_ZLIB), imagecodecs.deflate_decode)
    return decoders


def _is_decompressed_into(compression: int, data: memoryview, pixels: memoryview) -> bool:
    """Decompress directly into memory, without a copy, and return whether that was possible."""
    decode = _decoders().get(compression)
    if decode is None:
        return False
    try:
        return len(decode(data, out=pixels)) == len(pixels)
    except RuntimeError:
        return False  # `_decompressed` raises an error with the reason


def _decompressed(compression: int, data: memoryview, nbytes: int) -> bytes | bytearray | memoryview:
    """Decompress bytes, at most one more than expected; raise the codec's errors."""
    if compression in (_ZLIB, _OLD_ZLIB):
        return zlib.decompressobj().decompress(data, nbytes + 1)
    if compression == _PLAIN:
        return data
    import imagecodecs

    decode: Callable[..., bytes | bytearray] = imagecodecs.zstd_decode
    if compression == _LZW:
        decode = imagecodecs.lzw_decode
    return decode(data, out=nbytes + 1)
