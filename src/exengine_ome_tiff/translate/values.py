"""What metadata says, whoever said it: neutral values with their units in their names."""

from array import array
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

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


class PlaneTable:
    """`PlaneValues` of many planes, 56 bytes each."""

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
