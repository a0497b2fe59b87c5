"""Smaller copies of images: making them and finding them in a file."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.threads import in_shares
from exengine_ome_tiff.tiff import chain
from exengine_ome_tiff.tiff.pixels import PixelFormat
from exengine_ome_tiff.tiff.shared_file import FileView, SharedFile

_PART_BYTES = 256 << 10
_SUM_OF_FOUR = {"|i1": "<i2", "|u1": "<u2", "<i2": "<i4", "<u2": "<u4", "<i4": "<i8", "<u4": "<u8"}


def smaller_shapes(shape: tuple[int, ...], count: int) -> Iterator[tuple[int, ...]]:
    """Yield the shapes of smaller copies of an image, each half as high and wide as the previous one.

    Parameters
    ----------
    shape
        (Y, X) or (Y, X, samples) of the image.
    count
        Maximum number of copies; the last copy has at least one pixel.
    """
    for _ in range(count):
        height, width, *samples = shape
        if min(height, width) < 2:
            return
        shape = (height // 2, width // 2, *samples)
        yield shape


def halved(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return an image of half the size, in which each pixel is the mean of four.

    Parameters
    ----------
    image
        Shape (Y, X) or (Y, X, samples), with at least two pixels per side; one of the types stored in files.

    Returns
    -------
    numpy.ndarray
        C-contiguous, of the same type, shape (Y // 2, X // 2) or (Y // 2, X // 2, samples). A last odd row or
        column is left out. Integers are rounded, halves up.
    """
    height, width = (side // 2 * 2 for side in image.shape[:2])
    if image.dtype.kind in "iu":
        rows = image[0:height:2, :width], image[1:height:2, :width]
        columns = np.add(*rows, dtype=_SUM_OF_FOUR[image.dtype.str])
        total: npt.NDArray[Any] = columns[:, 0::2] + columns[:, 1::2]
        total += 2
        total >>= 2
        return total.astype(image.dtype)
    corners = [image[row:height:2, column:width:2] for row in (0, 1) for column in (0, 1)]
    quarter = np.asarray(0.25, image.dtype)
    with np.errstate(all="ignore"):  # infinities and NaN are valid pixels
        mean: npt.NDArray[Any] = corners[0] * quarter
        for corner in corners[1:]:
            mean += corner * quarter  # one by one, because the sum of four may overflow
    return mean


def halved_in_shares(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Do the same as `halved`, on all cores and in parts that fit into their caches."""
    height, width, *samples = image.shape
    half = np.empty((height // 2, width // 2, *samples), image.dtype)
    step = max(1, _PART_BYTES // (2 * image[0].nbytes))

    def work(tops: Sequence[int]) -> None:
        for top in tops:
            half[top : top + step] = halved(image[2 * top : 2 * (top + step)])

    in_shares(work, range(0, len(half), step))
    return half


def tiles(
    bands: Iterable[npt.NDArray[Any]], pixels: PixelFormat, tile: tuple[int, int]
) -> Iterator[npt.NDArray[Any]]:
    """Cut an image that comes in bands of rows into tiles.

    Parameters
    ----------
    bands
        Consecutive rows, shape (rows, X) or (rows, X, samples); the number of rows may vary.
    pixels
        Format of the image.
    tile
        Height and width of a tile.

    Yields
    ------
    numpy.ndarray
        Tiles in the order of a TIFF page. The last ones are filled up with zeros.
    """
    height, width = tile
    image_width, *samples = pixels.stored_shape[1:]
    padded_width = -(-image_width // width) * width
    rows, count = np.zeros((height, padded_width, *samples), pixels.stored_dtype), 0
    for band in bands:
        top = 0
        while top < len(band):
            part = band[top : top + height - count]
            rows[count : count + len(part), :image_width] = part
            top, count = top + len(part), count + len(part)
            if count == height:
                yield from _row_of_tiles(rows, width)
                count = 0
    if count:
        rows[count:] = 0
        yield from _row_of_tiles(rows, width)


def _row_of_tiles(rows: npt.NDArray[Any], width: int) -> Iterator[npt.NDArray[Any]]:
    for left in range(0, rows.shape[1], width):
        yield rows[:, left : left + width].copy()


def copies_in_file(
    file: SharedFile, pages: Iterable[tuple[int, PixelFormat]], level: int
) -> list[tuple[int, PixelFormat] | None]:
    """Find smaller copies of pages in a finished file.

    Parameters
    ----------
    file
        The file.
    pages
        For each page, its format and the offset of its pixels, or of its IFD if it is encoded.
    level
        Number of the copy; 1 is the largest one.

    Returns
    -------
    list of (int, PixelFormat) or None
        The same for the copy of each page; None for a page without this copy.

    Raises
    ------
    OmeTiffError
        The file is damaged.
    """
    view = FileView(file)
    copies: dict[int, int] = {}
    """IFD offset of each copy, by the offset of the first strip or tile of its page."""
    for ifd in chain.walk(view, chain.first_offset(view)):
        entry = ifd.find(chain.SUB_IFDS)
        offsets = () if entry is None else chain.read_numbers(view, entry)
        if len(offsets) >= level:
            copies[_first_strip(view, ifd)] = offsets[level - 1]
    found: list[tuple[int, PixelFormat] | None] = []
    for at, pixels in pages:
        strip_at = _first_strip(view, chain.read_ifd(view, at)) if pixels.is_encoded else at
        copy_at = copies.get(strip_at)
        found.append(None if copy_at is None else _copy(view, copy_at, pixels, level))
    return found


def _copy(view: FileView, ifd_at: int, pixels: PixelFormat, level: int) -> tuple[int, PixelFormat]:
    """Return the place and format of a copy of a page."""
    ifd = chain.read_ifd(view, ifd_at)
    *_, shape = smaller_shapes(pixels.stored_shape, level)
    compression = ifd.find(chain.COMPRESSION)
    is_plain = compression is None or chain.read_numbers(view, compression) == (1,)
    is_encoded = not is_plain or ifd.find(chain.TILE_OFFSETS) is not None
    copy = PixelFormat(shape, pixels.stored_dtype.str, is_encoded=is_encoded)
    return ifd_at if is_encoded else _first_strip(view, ifd), copy


def _first_strip(view: FileView, ifd: chain.Ifd) -> int:
    offsets = chain.check_strips(view, ifd).offsets
    if not offsets:
        raise OmeTiffError(f"{view.name}: the page at offset {ifd.offset} has no pixels")
    return offsets[0]
