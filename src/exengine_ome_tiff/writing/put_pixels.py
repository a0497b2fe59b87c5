"""Checking the pixels that `put` gets."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.ma import MaskedArray

from exengine_ome_tiff.coordinates.keys import Coordinates, place_text
from exengine_ome_tiff.tiff import PixelFormat, packing_of, pixel_format
from exengine_ome_tiff.translate.translator import flat

PIXEL_TYPE = "PixelType"
"""Metadata key with the packing of pixels by Micro-Manager's cameras, such as "RGB32"."""


def check_pixels(
    coordinates: Coordinates, data: npt.ArrayLike, tags: Mapping[str, object]
) -> tuple[npt.NDArray[Any], PixelFormat]:
    """Return a frame as an array, and its format in a file.

    Raises
    ------
    TypeError, ValueError
        The data is not an image that can be stored; the message has the coordinates.
    """
    if isinstance(data, MaskedArray):
        raise TypeError(f"frame at {place_text(coordinates)}: got a masked array, expected a plain one")
    array = np.asarray(data)
    pixel_type = tags.get(PIXEL_TYPE)
    if isinstance(pixel_type, Mapping):  # as in property maps
        pixel_type = flat({PIXEL_TYPE: pixel_type}).get(PIXEL_TYPE)
    packing = packing_of(array, pixel_type if isinstance(pixel_type, str) else None)
    try:
        return array, pixel_format(array.shape, array.dtype.str, packing)
    except (TypeError, ValueError) as error:
        raise type(error)(f"frame at {place_text(coordinates)}: {error}") from None
