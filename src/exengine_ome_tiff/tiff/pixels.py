"""Arrays that can be TIFF pages, and their formats in the file."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

_STORED_AS = {
    "|b1": "|u1",
    "<f2": "<f4",
    **{code: code for code in ("|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<f4", "<f8", "<c8", "<c16")},
}
_SUPPORTED = "bool, int8/16/32, uint8/16/32, float16/32/64, complex64/128"
_RGB_DTYPES = ("|u1", "<u2")
_PACKED = {
    ("RGB32", "<u4"): ("|u1", 3),
    ("RGBA32", "<u4"): ("|u1", 4),
    ("RGB64", "<u8"): ("<u2", 3),
    ("RGBA64", "<u8"): ("<u2", 4),
    ("GRAY32", "<u4"): ("<f4", 1),
}
"""Contents of the words of packed pixels: type and number of the stored samples."""
BAND_BYTES = 16 << 20
"""Larger pages are read in bands of about this size where a part of the page is enough at a time."""
_MOST_PX = (1 << 31) - 1
"""Maximum side length in OME and its readers."""


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """Shape and pixel type of a frame, as it was put and as it is stored in the file.

    Parameters
    ----------
    shape
        (Y, X), or (Y, X, 3) and (Y, X, 4) for RGB and RGBA; pixels.
    dtype
        NumPy's `dtype.str` of the array that was put, with its byte order.
    packing
        Contents of pixels that Micro-Manager's cameras pack into one unsigned integer. RGB32 and RGB64 are
        bytes and 16-bit words B, G, R and an empty one, which is not empty in RGBA32 and RGBA64. GRAY32 is a
        32-bit floating-point number. None for plain numbers.
    is_encoded
        Whether pages are compressed or tiled, instead of plain rows of pixels.
    """

    shape: tuple[int, ...]
    dtype: str
    packing: str | None = None
    is_encoded: bool = False

    @property
    def stored_dtype(self) -> np.dtype[Any]:
        """Little-endian type of the samples in the file: uint8 for bool, float32 for float16."""
        return _stored_dtype(self.dtype, self.packing)

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """Shape of a page in the file: (Y, X) or (Y, X, samples)."""
        if self.packing is None or self.packing == "GRAY32":
            return self.shape
        return (*self.shape, 4 if self.packing.startswith("RGBA") else 3)

    @property
    def samples(self) -> int:
        """Samples of a pixel in the file: 1, 3 for RGB, 4 for RGBA."""
        return self.stored_shape[2] if len(self.stored_shape) == 3 else 1

    @property
    def nbytes(self) -> int:
        """Bytes of a page in the file."""
        return math.prod(self.stored_shape) * self.stored_dtype.itemsize

    def __str__(self) -> str:
        return f"{'x'.join(map(str, self.stored_shape))} {self.stored_dtype.name}"

    @property
    def stored(self) -> tuple[tuple[int, ...], str]:
        """Shape and type in the file; frames with the same values can be planes of one image."""
        return self.stored_shape, self.stored_dtype.str

    def as_stored(self, put: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Convert an array that was put, or rows of it, into pixels of a page, without a copy if possible."""
        if self.packing is None:
            return put
        words = np.ascontiguousarray(put, np.dtype(self.dtype).newbyteorder("<"))
        samples = words.view(self.stored_dtype)
        if self.packing == "GRAY32":
            return samples
        return samples.reshape(*put.shape, 4)[..., [2, 1, 0, 3][: self.samples]]

    def as_put(self, stored: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Convert stored pixels of a page or a region into an array as it was put."""
        if self.packing is None:
            if _STORED_AS.get(self.dtype) == self.dtype:
                return stored
            with np.errstate(all="ignore"):  # a foreign file may have numbers too large for float16
                return stored.astype(self.dtype, copy=False)
        if self.packing != "GRAY32":
            samples = np.zeros((*stored.shape[:2], 4), stored.dtype)
            samples[..., [2, 1, 0, 3][: self.samples]] = stored
            stored = samples
        words = stored.view(np.dtype(self.dtype).newbyteorder("<"))
        return words.reshape(stored.shape[:2]).astype(self.dtype, copy=False)


class Window(NamedTuple):
    """A region of a page: its first row and column, and the row and column after its last ones."""

    top: int
    left: int
    bottom: int
    right: int

    @classmethod
    def whole(cls, pixels: PixelFormat) -> "Window":
        """Return the window that covers all of a page."""
        height, width = pixels.stored_shape[:2]
        return cls(0, 0, height, width)

    @classmethod
    def bands(cls, pixels: PixelFormat, rows: int = 1) -> "Iterator[Window]":
        """Yield windows of about 16 MB that together cover a page; their height is a multiple of `rows`."""
        height, width = pixels.stored_shape[:2]
        step = max(1, BAND_BYTES * height // pixels.nbytes // rows) * rows
        for top in range(0, height, step):
            yield cls(top, 0, min(height, top + step), width)

    def shape(self, pixels: PixelFormat) -> tuple[int, ...]:
        """Return the shape of the region in a page of a format."""
        return (self.bottom - self.top, self.right - self.left, *pixels.stored_shape[2:])


def as_bytes(stored: npt.NDArray[Any]) -> memoryview:
    """Return a view of stored, C-contiguous pixels as bytes."""
    plain = stored.view(np.uint8) if stored.dtype.kind == "c" else stored  # not for memoryview
    return plain.data.cast("B")


def packing_of(data: npt.NDArray[Any], pixel_type: object) -> str | None:
    """Determine the packing of pixels.

    Parameters
    ----------
    data
        Array that was put.
    pixel_type
        The pixel type in the metadata: "RGB32", "RGB64", "GRAY32", or any other value.

    Returns
    -------
    str or None
        Packing for `PixelFormat`, None if the array has plain numbers.
    """
    if (
        pixel_type is None
        or (pixel_type, np.dtype(data.dtype).newbyteorder("<").str) not in _PACKED
        or data.ndim != 2
    ):
        return None
    bits = {"RGB32": 24, "RGB64": 48}.get(str(pixel_type))
    return f"RGBA{str(pixel_type)[3:]}" if bits and (data >> bits).any() else str(pixel_type)


@lru_cache
def _stored_dtype(dtype: str, packing: str | None) -> np.dtype[Any]:
    little = np.dtype(dtype).newbyteorder("<").str
    return np.dtype(_STORED_AS[little] if packing is None else _PACKED[packing, little][0])


@lru_cache(maxsize=1024)
def pixel_format(shape: tuple[int, ...], dtype: str, packing: str | None = None) -> PixelFormat:
    """Check that arrays of this kind can be pages.

    Parameters
    ----------
    shape
        Shape of the array.
    dtype
        NumPy's `dtype.str` of the array.
    packing
        Result of `packing_of`.

    Returns
    -------
    PixelFormat

    Raises
    ------
    TypeError
        OME-TIFF or its readers do not support the pixel type.
    ValueError
        The shape is not that of a single image.
    """
    little = np.dtype(dtype).newbyteorder("<").str
    if packing is None and little not in _STORED_AS:
        is_long = little in ("<i8", "<u8")
        reason = "; Bio-Formats reads no 64-bit integers: put frame.astype(np.uint16)" if is_long else ""
        raise TypeError(f"got pixels of type {np.dtype(dtype).name}, expected one of {_SUPPORTED}{reason}")
    if packing is not None and (packing, little) not in _PACKED:
        raise TypeError(f"got pixels of type {np.dtype(dtype).name} packed as {packing}")
    is_rgb = len(shape) == 3 and shape[2] in (3, 4) and packing is None
    if len(shape) != 2 and not is_rgb:
        fix = "; put each plane of a stack with its own coordinates" if len(shape) > 2 else ""
        raise ValueError(
            f"got an array of shape {shape}, expected (Y, X), or (Y, X, 3) and (Y, X, 4) for RGB{fix}"
        )
    if min(shape) < 1:
        raise ValueError(f"got an empty array of shape {shape}, expected at least one pixel")
    if max(shape) > _MOST_PX:
        raise ValueError(f"got an array of shape {shape}, expected at most {_MOST_PX} pixels along a side")
    if is_rgb and little not in _RGB_DTYPES:
        raise TypeError(f"got RGB pixels of type {np.dtype(dtype).name}, expected uint8 or uint16")
    return PixelFormat(shape, dtype, packing)
