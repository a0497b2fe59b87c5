"""What is known of one OME image before it becomes XML."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates import ImageLayout
from exengine_ome_tiff.translate import ImageValues

_OME_TYPES = {
    "|u1": "uint8",
    "<u2": "uint16",
    "<u4": "uint32",
    "|i1": "int8",
    "<i2": "int16",
    "<i4": "int32",
    "<f4": "float",
    "<f8": "double",
    "<c8": "complex",
    "<c16": "double-complex",
}


@dataclass(frozen=True, slots=True, eq=False)
class OmeImage:
    """One image of a dataset.

    Parameters
    ----------
    layout
        Its place among the others and its planes.
    name
        What readers show.
    shape
        Shape of a plane in pixels: (Y, X), or (Y, X, samples) for RGB.
    dtype
        Pixel type in the file as NumPy's `dtype.str`.
    values
        What its first frame says of all of it.
    planes
        What is known of each plane, as arrays by frame number, shape (frames,): ``delta_t_s``,
        ``exposure_s``, ``x_um``, ``y_um``, ``z_um``; NaN where unknown.
    """

    layout: ImageLayout
    name: str
    shape: tuple[int, ...]
    dtype: str
    values: ImageValues
    planes: Mapping[str, npt.NDArray[np.float64]]

    @property
    def samples(self) -> int:
        """Samples of a pixel: 1, or 3 and 4 for RGB and RGBA."""
        return self.shape[2] if len(self.shape) == 3 else 1

    @property
    def bits(self) -> int:
        """Bits of a sample."""
        return np.dtype(self.dtype).itemsize * 8

    @property
    def ome_type(self) -> str:
        """Name of the pixel type in OME."""
        return _OME_TYPES[self.dtype]
