"""Which arrays can be a TIFF page, and as what."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

_STORED_AS = {
    "|b1": "|u1",
    "<f2": "<f4",
    **{code: code for code in ("|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<f4", "<f8", "<c8", "<c16")},
}
_SUPPORTED = "bool, int8/16/32, uint8/16/32, float16/32/64, complex64/128"
_RGB_DTYPES = ("|u1", "<u2")


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """Shape and pixel type of a frame, as it was put and as it lies in the file.

    Parameters
    ----------
    shape
        (Y, X), or (Y, X, 3) and (Y, X, 4) for RGB and RGBA; pixels.
    dtype
        What was put, byte order included, as NumPy's `dtype.str`.
    """

    shape: tuple[int, ...]
    dtype: str

    @property
    def stored_dtype(self) -> np.dtype[Any]:
        """Little-endian type of the pixels in the file: uint8 for bool, float32 for float16."""
        return _stored_dtype(self.dtype)

    @property
    def samples(self) -> int:
        """Samples of a pixel: 1, 3 for RGB, 4 for RGBA."""
        return self.shape[2] if len(self.shape) == 3 else 1

    @property
    def nbytes(self) -> int:
        """Bytes of a page in the file."""
        return int(np.prod(self.shape)) * self.stored_dtype.itemsize

    def __str__(self) -> str:
        return f"{'x'.join(map(str, self.shape))} {self.stored_dtype.name}"

    @property
    def stored(self) -> tuple[tuple[int, ...], str]:
        """Shape and type in the file; frames that share it can be planes of one image."""
        return self.shape, self.stored_dtype.str

    def as_put(self, stored: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Turn pixels as they lie in the file into an array as it was put."""
        return stored.astype(self.dtype, copy=False)


@lru_cache
def _stored_dtype(dtype: str) -> np.dtype[Any]:
    return np.dtype(_STORED_AS[np.dtype(dtype).newbyteorder("<").str])


@lru_cache(maxsize=1024)
def pixel_format(shape: tuple[int, ...], dtype: str) -> PixelFormat:
    """Check that arrays of this kind can be pages.

    Parameters
    ----------
    shape
        Shape of the array.
    dtype
        NumPy's `dtype.str` of the array.

    Returns
    -------
    PixelFormat

    Raises
    ------
    TypeError
        OME-TIFF and its readers have no such pixel type.
    ValueError
        The shape is no single image.
    """
    if np.dtype(dtype).newbyteorder("<").str not in _STORED_AS:
        reason = (
            "; Bio-Formats reads no 64-bit integers" if np.dtype(dtype).name in ("int64", "uint64") else ""
        )
        raise TypeError(f"got pixels of type {np.dtype(dtype).name}, expected one of {_SUPPORTED}{reason}")
    is_rgb = len(shape) == 3 and shape[2] in (3, 4)
    if len(shape) != 2 and not is_rgb:
        raise ValueError(
            f"got an array of shape {shape}, expected (Y, X), or (Y, X, 3) and (Y, X, 4) for RGB"
        )
    if min(shape) < 1:
        raise ValueError(f"got an empty array of shape {shape}, expected at least one pixel")
    if is_rgb and np.dtype(dtype).newbyteorder("<").str not in _RGB_DTYPES:
        raise TypeError(f"got RGB pixels of type {np.dtype(dtype).name}, expected uint8 or uint16")
    return PixelFormat(shape, dtype)
