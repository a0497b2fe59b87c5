"""What metadata says, whoever said it: neutral values with their units in their names."""

import logging
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

logger = logging.getLogger(__name__)

UNKNOWN = float("nan")


class PlaneValues(NamedTuple):
    """What is known of one plane; NaN where nothing is."""

    elapsed_s: float = UNKNOWN
    """Seconds on a clock that may start again with every camera sequence."""
    local_clock_s: float = UNKNOWN
    """Seconds since 1970-01-01 on a wall clock whose time zone is not known."""
    utc_s: float = UNKNOWN
    """Seconds since 1970-01-01 00:00 UTC."""
    exposure_s: float = UNKNOWN
    x_um: float = UNKNOWN
    y_um: float = UNKNOWN
    z_um: float = UNKNOWN
    pixel_size_um: float = UNKNOWN
    bit_depth: float = UNKNOWN
    """Significant bits of a sample."""


class PlaneTable:
    """`PlaneValues` of many planes, 72 bytes each."""

    def __init__(self) -> None:
        self._values = array("d")

    def append(self, values: PlaneValues) -> None:
        """Add the values of the next plane."""
        self._values.extend(values)

    def __len__(self) -> int:
        return len(self._values) // len(PlaneValues._fields)

    def columns(self) -> dict[str, npt.NDArray[np.float64]]:
        """Return a copy of the table: an array of shape (planes,) for each field of `PlaneValues`."""
        rows = np.array(self._values).reshape(-1, len(PlaneValues._fields))
        return {name: rows[:, column] for column, name in enumerate(PlaneValues._fields)}


@dataclass(frozen=True, slots=True)
class ImageValues:
    """What is known of all planes of an image; None where nothing is."""

    pixel_size_um: float | None = None
    significant_bits: int | None = None
    acquired: datetime | None = None
    """When its first frame was taken; with a zone only where the metadata tells one."""


def image_values(planes: Mapping[str, npt.NDArray[np.float64]], acquired: datetime | None) -> ImageValues:
    """Find out what holds for all planes of an image.

    Parameters
    ----------
    planes
        Columns of a `PlaneTable` for the planes of the image, each of shape (n,).
    acquired
        When its first frame was taken.

    Returns
    -------
    ImageValues
        The pixel size is None where planes disagree about it, which is logged; the significant bits are
        those of the plane with the most.
    """
    sizes, bits = (planes[name][~np.isnan(planes[name])] for name in ("pixel_size_um", "bit_depth"))
    agree = sizes.size > 0 and bool((sizes == sizes[0]).all())
    if sizes.size and not agree:
        logger.warning("pixel sizes from %g to %g um in one image: none is written", sizes.min(), sizes.max())
    return ImageValues(
        pixel_size_um=float(sizes[0]) if agree else None,
        significant_bits=int(bits.max()) if bits.size else None,
        acquired=acquired,
    )
