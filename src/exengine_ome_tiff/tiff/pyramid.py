"""Smaller copies of images: making them, and finding them in a file."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.tiff import chain
from exengine_ome_tiff.tiff.pixels import PixelFormat
from exengine_ome_tiff.tiff.shared_file import FileView, SharedFile

_SUM_OF_FOUR = {"|i1": "<i2", "|u1": "<u2", "<i2": "<i4", "<u2": "<u4", "<i4": "<i8", "<u4": "<u8"}


def smaller_shapes(shape: tuple[int, ...], count: int) -> Iterator[tuple[int, ...]]:
    """Yield the shapes of smaller copies of an image, each of half the height and width of the one before.

    Parameters
    ----------
    shape
        (Y, X) or (Y, X, samples) of the image.
    count
        How many; there are fewer where a side would get shorter than a pixel.
    """
    for _ in range(count):
        height, width, *samples = shape
        if min(height, width) < 2:
            return
        shape = (height // 2, width // 2, *samples)
        yield shape


def halved(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return an image of half the size, each pixel the mean of four.

    Parameters
    ----------
    image
        Shape (Y, X) or (Y, X, samples), of at least two pixels a side, in one of the types that lie in files.

    Returns
    -------
    numpy.ndarray
        Of the same type, C-contiguous, shape (Y // 2, X // 2) or with samples: a last odd row or column is
        left out. Integers are rounded, halves up.
    """
    height, width = (side // 2 * 2 for side in image.shape[:2])
    corners = [image[row:height:2, column:width:2] for row in (0, 1) for column in (0, 1)]
    if image.dtype.kind not in "iu":
        quarter = np.asarray(0.25, image.dtype)
        with np.errstate(all="ignore"):  # infinities and NaN are pixels like others
            mean: npt.NDArray[Any] = corners[0] * quarter
            for corner in corners[1:]:
                mean += corner * quarter  # one by one, as their sum may be too large a number
        return mean
    total: npt.NDArray[Any] = corners[0].astype(_SUM_OF_FOUR[image.dtype.str])
    for corner in corners[1:]:
        total += corner
    total += 2
    total >>= 2
    return total.astype(image.dtype)


def copies_in_file(
    file: SharedFile, pages: Iterable[tuple[int, PixelFormat]], level: int
) -> list[tuple[int, PixelFormat] | None]:
    """Find smaller copies of pages in a finished file.

    Parameters
    ----------
    file
        The file.
    pages
        Offset of the pixels of each page, of the IFD where it is encoded; and its format.
    level
        Which copy, from 1 on.

    Returns
    -------
    list of (int, PixelFormat) or None
        The same of the copy of each page; None if it has none.

    Raises
    ------
    OmeTiffError
        The file is damaged.
    """
    view = FileView(file)
    copies: dict[int, int] = {}
    """Offset of the IFD of each copy, by that of the first strip or tile of its page."""
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
    """Return where and what a copy of a page is."""
    ifd = chain.read_ifd(view, ifd_at)
    *_, shape = smaller_shapes(pixels.stored_shape, level)
    compression = ifd.find(chain.COMPRESSION)
    is_plain = compression is None or chain.read_numbers(view, compression) == (1,)
    is_encoded = not is_plain or ifd.find(chain.TILE_OFFSETS) is not None
    copy = PixelFormat(shape, pixels.stored_dtype.str, is_encoded=is_encoded)
    return ifd_at if is_encoded else _first_strip(view, ifd), copy


def _first_strip(view: FileView, ifd: chain.Ifd) -> int:
    chain.check_strips(view, ifd)
    strips = chain.read_strips(view, ifd)
    if not strips:
        raise OmeTiffError(f"{view.name}: the page at offset {ifd.offset} has no pixels")
    return strips[0][0]
