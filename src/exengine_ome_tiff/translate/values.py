"""What metadata says, whoever said it: neutral values with their units in their names."""

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from types import MappingProxyType, UnionType
from typing import Any, NamedTuple, get_args, get_origin

import numpy as np
import numpy.typing as npt

UNKNOWN = float("nan")
_RGB, _MAX_COLOR = 3, 255
_FIRST_YEAR, _LAST_YEAR = 1900, 9999


class Bounds(NamedTuple):
    """The smallest and the largest number that something can be in a light microscope, and its unit."""

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
"""By the names of fields and options; what is beyond them was told in another unit."""
_ANY = Bounds(-math.inf, math.inf)


def is_plausible(name: str, value: object) -> bool:
    """Whether a field can have a value; what is no number is not judged."""
    low, high, _ = BOUNDS.get(name, _ANY)
    return not isinstance(value, int | float) or low <= value <= high


def range_text(name: str) -> str:
    """Return the bounds of a field for people, such as "from 100 to 20000 nm"; empty if it has none."""
    bounds = BOUNDS.get(name)
    return f"from {bounds.low:g} to {bounds.high:g} {bounds.unit}".strip() if bounds else ""


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


_FIELDS = len(PlaneValues._fields)
_CHUNK = 1024
"""Planes that are kept together, in arrays of the fields that are known of any of them."""


class PlaneTable:
    """`PlaneValues` of many planes, 8 bytes for each value that is known."""

    def __init__(self) -> None:
        self._chunks: list[dict[int, npt.NDArray[np.float64]]] = []
        self._values = array("d")
        """Of the last planes, one after the other."""

    def append(self, values: PlaneValues) -> None:
        """Add the values of the next plane."""
        self._values.extend(values)
        if len(self._values) == _CHUNK * _FIELDS:
            # at once, whatever interrupts us
            self._chunks, self._values = [*self._chunks, _known(self._values)], array("d")

    def snapshot(self) -> "PlaneTable":
        """Return a copy that later additions do not change; nothing may be added meanwhile."""
        other = PlaneTable()
        other._chunks, other._values = self._chunks, self._values[:]
        return other

    def __len__(self) -> int:
        return len(self._chunks) * _CHUNK + len(self._values) // _FIELDS

    def columns(self) -> dict[str, npt.NDArray[np.float64]]:
        """Return the table: an array of shape (planes,), to be read only, for each field of `PlaneValues`."""
        count = len(self)
        columns = {name: np.broadcast_to(UNKNOWN, count) for name in PlaneValues._fields}
        for number, chunk in enumerate([*self._chunks, _known(self._values)]):
            for index, values in chunk.items():
                name = PlaneValues._fields[index]
                if not columns[name].flags.writeable:
                    columns[name] = np.full(count, UNKNOWN)
                columns[name][number * _CHUNK :][: len(values)] = values
        return columns


def _known(values: "array[float]") -> dict[int, npt.NDArray[np.float64]]:
    """Take the columns of rows in which anything is known."""
    rows = np.array(values).reshape(-1, _FIELDS)
    known = np.flatnonzero(~np.isnan(rows).all(axis=0))
    return {index: rows[:, index].copy() for index in known.tolist()}


@dataclass(frozen=True, slots=True)
class CameraValues:
    """What is known of a camera and its settings; None if nothing is.

    Parameters
    ----------
    label
        What the camera is called in this system; distinguishes cameras. Empty where nobody tells.
    manufacturer, model, serial_number
        As its driver tells them.
    binning
        Pixels that were joined, as "2x2".
    gain, offset
        As the camera counts them.
    readout_mhz
        Read-out rate.
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
    """What a frame says beside numbers that differ from plane to plane; None if nothing is known.

    Parameters
    ----------
    acquired
        When it was taken; with a zone only where the metadata says one.
    position_name
        Of the place on the stage.
    objective
        What the objective turret calls its objective.
    pixel_aspect
        Height of a pixel by its width.
    camera
        That took it.
    time_interval_s
        Planned between time points.
    z_step_um
        Between planes along z.
    channel_name
        Of the channel.
    excitation_nm, emission_nm
        Wavelengths of the channel.
    magnification, numerical_aperture, immersion
        Of the objective, where keys of their own tell them; immersion is one of OME's.
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
    """What the summary metadata says of the whole dataset; None if nothing is known.

    Parameters
    ----------
    started
        When the acquisition began; with a zone only where the metadata says one.
    time_interval_s
        Planned between time points, where it is the same for all.
    z_step_um
        Between planes along z.
    pixel_size_um
        In the sample.
    description
        Comment of the user.
    user_name
        Who recorded it; written only where an experimenter was asked for.
    objective
        What the objective turret calls its objective.
    exposure_s, bit_depth
        Of frames, where none of them tells its own.
    channel_colors
        Red, green and blue, 0 to 255, by the names of channels, and by their numbers as text.
    cameras
        By label.
    wells
        Names of wells by the labels of positions.
    plate_name, plate_rows, plate_columns, plate_description, plate_id, plate_status
        Of the multi-well plate.
    plate_row_naming, plate_column_naming
        "letter" or "number".
    plate_origin_x_um, plate_origin_y_um
        Of its wells.
    channel_names, position_names
        By the numbers of channels and positions, from 0.
    magnification, numerical_aperture, immersion
        Of the objective, where keys of their own tell them; immersion is one of OME's.
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
    """Take each value from the first part that tells it."""
    known: dict[str, Any] = {}
    for part in parts:
        for each in fields(part):
            value = getattr(part, each.name)
            if value is not None and value != {}:
                known.setdefault(each.name, value)
    return SummaryValues(**known)


def _check_types(values: CameraValues | FrameValues | SummaryValues) -> None:
    """Raise TypeError if a translator says something that has no place there."""
    for each in fields(values):
        value, kind = getattr(values, each.name), each.type
        kinds = get_args(kind) if isinstance(kind, UnionType) else (get_origin(kind) or kind,)
        if float in kinds:
            kinds = (*kinds, int)
        is_infinite = isinstance(value, float) and not math.isfinite(value)
        is_far = isinstance(value, datetime) and not _FIRST_YEAR <= value.year < _LAST_YEAR
        if not isinstance(value, kinds) or isinstance(value, bool) or is_infinite or is_far:
            raise TypeError(f"got {each.name}={value!r}, expected {kind}")
