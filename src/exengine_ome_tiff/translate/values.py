"""Values of metadata in a neutral form, with units in their names."""

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cache
from types import MappingProxyType, UnionType
from typing import Any, NamedTuple, TypeAlias, get_args, get_origin

import numpy as np
import numpy.typing as npt

Frames: TypeAlias = npt.NDArray[np.integer[Any]]
"""Frame numbers."""

UNKNOWN = float("nan")
_RGB, _MAX_COLOR = 3, 255
_FIRST_YEAR, _LAST_YEAR = 1900, 9999


class Bounds(NamedTuple):
    """Smallest and largest plausible value in light microscopy, and the unit."""

    low: float
    high: float
    unit: str = ""


_WAVELENGTH = Bounds(100, 20_000, "nm")
_LENGTH = Bounds(1e-4, 50, "µm")
BOUNDS: Mapping[str, Bounds] = MappingProxyType(
    {
        "exposure_s": Bounds(0, 3600, "s"),
        "pixel_size_um": _LENGTH,
        "pixel_size_y_um": _LENGTH,
        "z_step_um": Bounds(1e-4, 1000, "µm"),
        "numerical_aperture": Bounds(0, 1.7),
        "excitation_nm": _WAVELENGTH,
        "emission_nm": _WAVELENGTH,
        "wavelength_nm": _WAVELENGTH,
        "cut_in_nm": _WAVELENGTH,
        "cut_out_nm": _WAVELENGTH,
    }
)
"""Bounds of fields and options; values beyond them are probably in another unit."""
_ANY = Bounds(-math.inf, math.inf)


def is_plausible(name: str, value: object) -> bool:
    """Whether a value is within the bounds of a field; values other than numbers always are."""
    low, high, _ = BOUNDS.get(name, _ANY)
    return not isinstance(value, int | float) or low <= value <= high


def range_text(name: str) -> str:
    """Return the bounds of a field as text, such as "from 100 to 20000 nm"; "" without bounds."""
    bounds = BOUNDS.get(name)
    return f"from {bounds.low:g} to {bounds.high:g} {bounds.unit}".strip() if bounds else ""


class PlaneValues(NamedTuple):
    """Values of one plane; NaN where unknown."""

    elapsed_s: float = UNKNOWN
    """Seconds on a clock that may restart with every camera sequence."""
    local_clock_s: float = UNKNOWN
    """Seconds since 1970-01-01 on a wall clock in an unknown time zone."""
    utc_s: float = UNKNOWN
    """Seconds since 1970-01-01 00:00 UTC."""
    exposure_s: float = UNKNOWN
    x_um: float = UNKNOWN
    y_um: float = UNKNOWN
    z_um: float = UNKNOWN
    pixel_size_um: float = UNKNOWN
    bit_depth: float = UNKNOWN
    """Significant bits of a sample."""


_FIELDS = len(PlaneValues._fields)
_CHUNK = 1024
"""Planes per chunk, which has arrays for the fields that are known of any of them."""


class PlaneTable:
    """`PlaneValues` of many planes, in 8 bytes per known value."""

    def __init__(self) -> None:
        self._chunks: list[dict[int, npt.NDArray[np.float64]]] = []
        self._values = array("d")
        """Values of the last planes, one plane after the other."""

    def append(self, values: PlaneValues) -> None:
        """Add the values of the next plane."""
        self._values.extend(values)
        if len(self._values) == _CHUNK * _FIELDS:
            # in one statement, so that an interrupt leaves a consistent state
            self._chunks, self._values = [*self._chunks, _known(self._values)], array("d")

    def snapshot(self) -> "PlaneTable":
        """Return a copy that later planes do not change; do not add planes meanwhile."""
        other = PlaneTable()
        other._chunks, other._values = self._chunks, self._values[:]
        return other

    def __len__(self) -> int:
        return len(self._chunks) * _CHUNK + len(self._values) // _FIELDS

    def columns(self) -> dict[str, npt.NDArray[np.float64]]:
        """Return a read-only array of shape (planes,) for each field of `PlaneValues`.

        A field that is equal in all planes, or unknown in all of them, takes no memory; see `taken`.
        """
        chunks = [*self._chunks, *([_known(self._values)] if self._values else [])]
        return {
            name: _column([chunk.get(index) for chunk in chunks], len(self))
            for index, name in enumerate(PlaneValues._fields)
        }


def _column(chunks: Sequence[npt.NDArray[np.float64] | None], count: int) -> npt.NDArray[np.float64]:
    """Join the chunks of a field, None for a chunk without a known value; shape (count,)."""
    first = next((chunk[0] for chunk in chunks if chunk is not None), UNKNOWN)
    if all(chunk is None if np.isnan(first) else _is_all(chunk, first) for chunk in chunks):
        return np.broadcast_to(first, count)
    column = np.full(count, UNKNOWN)
    for number, chunk in enumerate(chunks):
        if chunk is not None:
            column[number * _CHUNK :][: len(chunk)] = chunk
    return column


def _is_all(chunk: npt.NDArray[np.float64] | None, value: float) -> bool:
    return chunk is not None and bool((chunk == value).all())


def taken(column: npt.NDArray[np.float64], frames: Frames) -> npt.NDArray[np.float64]:
    """Return the values of frames in a column of a `PlaneTable`; equal values take no memory."""
    return np.broadcast_to(column[:1], frames.shape) if column.strides == (0,) else column[frames]


def is_unknown(column: npt.NDArray[np.float64]) -> bool:
    """Whether a column of a `PlaneTable` has no value."""
    return column.strides == (0,) and bool(np.isnan(column[:1]).all())


def _known(values: "array[float]") -> dict[int, npt.NDArray[np.float64]]:
    """Return the columns in which any value is known, by the index of the field."""
    rows = np.array(values).reshape(-1, _FIELDS)
    known = np.flatnonzero(~np.isnan(rows).all(axis=0))
    return {index: rows[:, index].copy() for index in known.tolist()}


@dataclass(frozen=True, slots=True)
class CameraValues:
    """A camera and its settings; None where unknown.

    Parameters
    ----------
    label
        Name of the camera in this system, which distinguishes cameras; "" if unknown.
    manufacturer, model, serial_number
        Values from the driver.
    binning
        Number of pixels binned, as "2x2".
    gain, offset
        Values in the units of the camera.
    readout_mhz
        Readout rate.
    bit_depth
        Significant bits of a sample.
    """

    label: str
    manufacturer: str | None = None
    model: str | None = None
    serial_number: str | None = None
    binning: str | None = None
    gain: float | None = None
    offset: float | None = None
    readout_mhz: float | None = None
    bit_depth: float | None = None

    def __post_init__(self) -> None:
        _check_types(self)


@dataclass(frozen=True, slots=True)
class FrameValues:
    """Values of a frame other than `PlaneValues`; None where unknown.

    Parameters
    ----------
    acquired
        Time when the frame was taken; aware only if the metadata has a time zone.
    position_name
        Name of the stage position.
    objective
        Label of the objective in the turret.
    pixel_aspect
        Height of a pixel divided by its width.
    camera
        Camera that took the frame.
    time_interval_s
        Planned interval between time points.
    z_step_um
        Distance between planes along z.
    channel_name
        Name of the channel.
    excitation_nm, emission_nm
        Wavelengths of the channel.
    magnification, numerical_aperture, immersion
        Properties of the objective from keys of their own; the immersion is one of OME's.
    """

    acquired: datetime | None = None
    position_name: str | None = None
    objective: str | None = None
    pixel_aspect: float | None = None
    camera: CameraValues | None = None
    time_interval_s: float | None = None
    z_step_um: float | None = None
    channel_name: str | None = None
    magnification: float | None = None
    numerical_aperture: float | None = None
    immersion: str | None = None
    excitation_nm: float | None = None
    emission_nm: float | None = None

    def __post_init__(self) -> None:
        _check_types(self)


@dataclass(frozen=True, slots=True)
class SummaryValues:
    """Values of a dataset from its summary metadata; None where unknown.

    Parameters
    ----------
    started
        Time when the acquisition began; aware only if the metadata has a time zone.
    time_interval_s
        Planned interval between time points, if constant.
    z_step_um
        Distance between planes along z.
    pixel_size_um
        Pixel size in the sample plane.
    description
        Comment of the user.
    user_name
        Person who recorded the dataset; written only with the option ``experimenter``.
    objective
        Label of the objective in the turret.
    exposure_s, bit_depth
        Values for frames, if no frame has its own.
    channel_colors
        Red, green and blue, 0 to 255, by channel name, and by channel number as text.
    cameras
        Cameras by label.
    wells
        Names of wells by position label.
    plate_name, plate_rows, plate_columns, plate_description, plate_id, plate_status
        Properties of the multi-well plate.
    plate_row_naming, plate_column_naming
        "letter" or "number".
    plate_origin_x_um, plate_origin_y_um
        Origin of the wells.
    channel_names, position_names
        Names by number of the channel or position, from 0.
    magnification, numerical_aperture, immersion
        Properties of the objective from keys of their own; the immersion is one of OME's.
    """

    started: datetime | None = None
    time_interval_s: float | None = None
    z_step_um: float | None = None
    pixel_size_um: float | None = None
    description: str | None = None
    user_name: str | None = None
    objective: str | None = None
    exposure_s: float | None = None
    bit_depth: float | None = None
    channel_colors: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    cameras: Mapping[str, CameraValues] = field(default_factory=dict)
    wells: Mapping[str, str] = field(default_factory=dict)
    plate_name: str | None = None
    plate_rows: int | None = None
    plate_columns: int | None = None
    plate_description: str | None = None
    plate_id: str | None = None
    plate_status: str | None = None
    plate_row_naming: str | None = None
    plate_column_naming: str | None = None
    plate_origin_x_um: float | None = None
    plate_origin_y_um: float | None = None
    channel_names: Mapping[int, str] = field(default_factory=dict)
    position_names: Mapping[int, str] = field(default_factory=dict)
    magnification: float | None = None
    numerical_aperture: float | None = None
    immersion: str | None = None

    def __post_init__(self) -> None:
        _check_types(self)
        for color in self.channel_colors.values():
            if len(color) != _RGB or not all(
                isinstance(each, int) and 0 <= each <= _MAX_COLOR for each in color
            ):
                raise ValueError(f"got the colour {color!r}, expected red, green and blue from 0 to 255")


def merged(parts: Sequence[SummaryValues]) -> SummaryValues:
    """Take each value from the first part that has it."""
    known: dict[str, Any] = {}
    for part in parts:
        for each in fields(part):
            value = getattr(part, each.name)
            if value is not None and value != {}:
                known.setdefault(each.name, value)
    return SummaryValues(**known)


def _check_types(values: CameraValues | FrameValues | SummaryValues) -> None:
    """Raise TypeError if a translator returns a value of the wrong type."""
    values_type: type = type(values)
    for name, kind, kinds in _types_of(values_type):
        value = getattr(values, name)
        is_infinite = isinstance(value, float) and not math.isfinite(value)
        is_far = isinstance(value, datetime) and not _FIRST_YEAR <= value.year < _LAST_YEAR
        if not isinstance(value, kinds) or isinstance(value, bool) or is_infinite or is_far:
            raise TypeError(f"got {name}={value!r}, expected {kind}")


@cache
def _types_of(values: type[Any]) -> list[tuple[str, object, tuple[type, ...]]]:
    """Return the name, the annotation and the accepted types of each field; int passes as float."""
    found = []
    for each in fields(values):
        kind = each.type
        kinds = get_args(kind) if isinstance(kind, UnionType) else (get_origin(kind) or kind,)
        found.append((each.name, kind, (*kinds, int) if float in kinds else kinds))
    return found
