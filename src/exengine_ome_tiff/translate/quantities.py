"""Keys whose name is a quantity with its unit, such as ``Exposure (ms)`` and ``x_um``."""

import math
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from exengine_ome_tiff.translate import parse
from exengine_ome_tiff.translate.key_names import (
    CONTAINER_WORDS,
    DENSITIES,
    LENGTHS_UM,
    MEASURED,
    OF_OTHERS,
    PLACE_WORDS,
    RATES_HZ,
    READOUT_MHZ,
    TIMES_S,
    WAVELENGTHS_NM,
    Name,
    name_of,
    names_in,
    unit_of,
    without,
    words_in,
)
from exengine_ome_tiff.translate.values import UNKNOWN


class Quantity(NamedTuple):
    """A quantity that is recognised by a name with a unit."""

    field: str
    names: frozenset[str]
    """Words joined with blanks, without the ignored ones."""
    ignored: frozenset[str]
    units: dict[str, float]
    example: str
    """The spelling of this package."""
    is_rate: bool = False
    """Whether the unit is that of the reciprocal."""


def _along(axis: str) -> Iterator[str]:
    """Yield names for the size of a pixel along an axis."""
    for name in ("pixel size", "voxel size", "physical size"):
        yield from (f"{name} {axis}", f"{axis} {name}")


def _of_wavelength(*names: str) -> Iterator[str]:
    """Yield names for a wavelength."""
    for name in names:
        yield name
        for word in ("wavelength", "lambda"):
            yield from (f"{name} {word}", f"{word} {name}")


def _quantity(
    field: str,
    names: Iterable[str],
    ignored: str,
    units: dict[str, float],
    example: str = "",
    *,
    is_rate: bool = False,
) -> Quantity:
    ignored_words = CONTAINER_WORDS.union(ignored.split())
    return Quantity(field, frozenset(names), frozenset(ignored_words), units, example or field, is_rate)


_EXPOSURES = names_in(
    "exposure, exposure time, exposure duration, integration time, acquire time, exp, expo, exp time, t exp"
)
_ELAPSED = names_in(
    "elapsed, elapsed time, time elapsed, relative time, time since start, time, timestamp, timestamps, t, "
    "runtime, run time, runner time"
)
_MAYBE_TIME_OF_DAY = {"time", "timestamp", "timestamps", "t"}
"""Names of elapsed times whose text, such as "10:15:00", may be the time of a clock."""
_Z_STEPS = names_in("z step, step z, z spacing, z interval, slice spacing, slice distance, dz, delta z")
_INTERVALS = names_in("interval, time interval, time step, time increment, period, cycle time, dt, delta t")
_DENSITIES = names_in("resolution, scale, calibration, pixel density, density")
_READOUTS = names_in("readout rate, read out rate, readout speed, readout frequency, pixel rate, readout")
_PIXEL_SIZES = names_in("pixel size, px size, pixelsize, voxel size")
_ON_STAGE = " ".join((*PLACE_WORDS, *MEASURED))
_OF_LIGHT = "channel peak center central nominal max maximum filter laser light"
_INTERVAL = "time_interval_s"
QUANTITIES = (
    _quantity(
        "exposure_s", _EXPOSURES, "camera cam detector abs actual current measured", TIMES_S, "exposure_ms"
    ),
    _quantity("x_um", ("x",), _ON_STAGE, LENGTHS_UM),
    _quantity("y_um", ("y",), _ON_STAGE, LENGTHS_UM),
    _quantity("z_um", ("z", "focus", "z focus"), f"{_ON_STAGE} drive", LENGTHS_UM),
    _quantity("pixel_size_um", _PIXEL_SIZES.union(_along("x")), "effective calibrated sample xy", LENGTHS_UM),
    _quantity("pixel_size_y_um", _along("y"), "", LENGTHS_UM),
    _quantity("elapsed_s", _ELAPSED, "since start camera cam sensor hardware hw", TIMES_S),
    _quantity("z_step_um", _Z_STEPS.union(_along("z")), "size stack", LENGTHS_UM),
    _quantity(_INTERVAL, _INTERVALS, "timelapse lapse planned", TIMES_S),
    _quantity(_INTERVAL, ("rate", "fps", "frequency", ""), "capture", RATES_HZ, is_rate=True),
    _quantity("pixel_size_um", {*_DENSITIES, ""}, "x xy camera", DENSITIES, is_rate=True),
    _quantity("excitation_nm", _of_wavelength("excitation", "exc", "ex"), _OF_LIGHT, WAVELENGTHS_NM),
    _quantity(
        "emission_nm",
        (*_of_wavelength("emission", "emi", "em"), "detection wavelength"),
        _OF_LIGHT,
        WAVELENGTHS_NM,
    ),
    _quantity("readout_mhz", _READOUTS, "camera cam detector pixel", READOUT_MHZ, "readout_rate_mhz"),
)
ANYWHERE = frozenset(quantity.field for quantity in QUANTITIES) - {"x_um", "y_um", "z_um", "elapsed_s"}
"""Fields that count in a dict of any name; a laser or a piezo may have a position and a time of its own."""
_NAME_WORDS = {word for quantity in QUANTITIES for name in quantity.names for word in name.split()}


_BIT_DEPTHS = {"bit depth", "significant bits", "bits per sample"}
_BIT_DEPTH_IGNORED = CONTAINER_WORDS | {"camera", "cam", "sensor"}
_WITH_UNIT = re.compile(
    r"\s*([+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][+-]?\d+)?)\s*([^\W\d_]+)(?:/(?:px|pixel))?\s*"
)
_AXES = ("x_um", "y_um", "z_um")
_LIST_NAMES = {"position", "pos", "coordinate", "coordinates", "location", "stage", "xyz", "xy"}
_LIST_WORDS = _LIST_NAMES | PLACE_WORDS | CONTAINER_WORDS | MEASURED
_OF_PIXELS = {"resolution", "scale", "calibration", "pixel", "size"}
"""Words that add nothing to a unit such as um/px."""


class Meaning(NamedTuple):
    """What a key means."""

    field: str
    read: Callable[[object], float]
    has_unit: bool = True
    example: str = ""
    is_rate: bool = False
    is_of_list: bool = False
    is_nested: bool = False
    """Whether the key is in a dict of any name; other keys take precedence."""


@lru_cache(maxsize=4096)
def meanings_of(key: str, unit: str | None = None) -> tuple[Meaning, ...]:
    """Find out what a metadata key means, by its name alone.

    Parameters
    ----------
    key
        Key in flat metadata.
    unit
        Unit from another key; a unit in the name takes precedence.

    Returns
    -------
    tuple of Meaning
        Empty if the name has no meaning. Without a unit, only text with one is read, such as "12.5 ms".
    """
    name = name_of(key)
    if name.unit is None and without(name.words, _BIT_DEPTH_IGNORED) in _BIT_DEPTHS:
        return (Meaning("bit_depth", parse.bits),)
    name = name._replace(unit=name.unit or unit)
    if name.unit in LENGTHS_UM and {*name.words} & _LIST_NAMES and not {*name.words} - _LIST_WORDS:
        return tuple(
            Meaning(field, _item_reader(index, _reader(quantity, quantity.units[name.unit])), is_of_list=True)
            for index, field in enumerate(_AXES)
            for quantity in QUANTITIES
            if quantity.field == field
        )
    found = _find(name)
    if found is None:
        return _nested_meanings(key)
    if name.unit is None and found.units is DENSITIES:
        return ()  # a resolution may be many things
    is_span = found.units is TIMES_S and without(name.words, found.ignored) not in _MAYBE_TIME_OF_DAY
    read = (
        _text_reader(found, is_span=is_span) if name.unit is None else _reader(found, found.units[name.unit])
    )
    meaning = Meaning(found.field, read, name.unit is not None, found.example, found.is_rate)
    if found.field != "elapsed_s" or name.unit is None:
        return (meaning,)
    clock = Meaning("utc_s", lambda value: parse.unix_s(read(value)))
    return (clock, meaning._replace(read=lambda value: _elapsed_s(read(value))))


def _nested_meanings(key: str) -> tuple[Meaning, ...]:
    """Find out what the last part of a key means in a dict with an unrelated name."""
    around, _, last = key.rpartition(".")
    if not around or name_of(last).unit is None or not OF_OTHERS.isdisjoint(words_in(around)):
        return ()
    return tuple(each._replace(is_nested=True) for each in meanings_of(last) if each.field in ANYWHERE)


def _find(name: Name) -> Quantity | None:
    is_size = name.is_per_pixel and {*name.words} <= _OF_PIXELS
    words = ("pixel", "size") if is_size else tuple(dict.fromkeys(name.words))  # z_stage.z_um
    if name.unit is None and _NAME_WORDS.isdisjoint(words):
        return None
    for quantity in QUANTITIES:
        rest = without(words, quantity.ignored)
        text = rest or ("" if quantity.is_rate and name.unit is not None else " ".join(words))
        names = {text, without(words, CONTAINER_WORDS) or text}
        if names & quantity.names and (name.unit is None or name.unit in quantity.units):
            return quantity
    return None


def _reader(quantity: Quantity, factor: float) -> Callable[[object], float]:
    """Return a reader for values of a quantity in a unit."""
    divisor = round(1 / factor) if factor < 1 else 1  # dividing makes 10 ms exactly 0.01 s

    def read(value: object) -> float:
        found = parse.number(value)
        if found != found:
            return _text_value(quantity, value) if isinstance(value, str) else UNKNOWN
        if quantity.is_rate:
            return _checked(quantity.field, 1 / (found * factor)) if found > 0 else UNKNOWN
        return _checked(quantity.field, found / divisor if factor < 1 else found * factor)

    return read


def _item_reader(index: int, read: Callable[[object], float]) -> Callable[[object], float]:
    """Return a reader for one of two or three coordinates in a list."""
    return lambda value: (
        read(value[index]) if isinstance(value, list | tuple) and index < len(value) in (2, 3) else UNKNOWN
    )


def _text_reader(quantity: Quantity, *, is_span: bool) -> Callable[[object], float]:
    """Return a reader for text with a unit, or for the text of a time span."""

    def read(value: object) -> float:
        span_s = parse.text_span_s(value) if is_span else UNKNOWN
        if span_s == span_s:
            return _checked(quantity.field, span_s)
        return _text_value(quantity, value) if isinstance(value, str) else UNKNOWN

    return read


def _text_value(quantity: Quantity, text: str) -> float:
    """Read text with a unit, such as "12.5 ms"."""
    match = _WITH_UNIT.fullmatch(text)
    factor = quantity.units.get(unit_of(match[2]) or "") if match is not None else None
    if match is None or factor is None:
        return UNKNOWN
    return _reader(quantity, factor)(match[1])


def _elapsed_s(seconds: float) -> float:
    """Exclude Unix time, which is not the time since the start."""
    return seconds if math.isnan(parse.unix_s(seconds)) else UNKNOWN


def _checked(field: str, value: float) -> float:
    """Exclude values that OME has no place for."""
    if field == "z_step_um":
        value = abs(value)
    if field == "time_interval_s" and value < 0:
        return UNKNOWN
    return parse.plausible(field, value)
