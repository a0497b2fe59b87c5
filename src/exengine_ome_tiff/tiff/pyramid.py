"""Smaller copies of images."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

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
