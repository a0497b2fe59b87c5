"""Keys that carry their meaning in their name: a quantity and its unit, as ``Exposure (ms)`` or ``x_um``."""

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
    unit_of,
    words_in,
)
from exengine_ome_tiff.translate.values import UNKNOWN, is_plausible

_OF_LIGHT = {"channel", "peak", "center", "central", "nominal", "max", "maximum", "filter", "laser", "light"}


class Quantity(NamedTuple):
    """What can be told by a name with a unit."""

    field: str
    names: frozenset[str]
    """Words joined by blanks, without those that are ignored."""
    ignored: frozenset[str]
    units: dict[str, float]
    example: str
    """How this package spells it."""
    is_rate: bool = False
    """Whether the unit is that of the reciprocal."""


def _quantity(
    field: str, names: Iterable[str], ignored: Iterable[str], units: dict[str, float], example: str
) -> Quantity:
    return Quantity(field, frozenset(names), frozenset(ignored) | CONTAINER_WORDS, units, example)


def _along(axis: str) -> Iterator[str]:
    """Yield names of the size of a pixel along an axis."""
    for name in ("pixel size", "voxel size", "physical size"):
        yield from (f"{name} {axis}", f"{axis} {name}")


def _of_wavelength(*names: str) -> Iterator[str]:
    """Yield names of a wavelength."""
    for name in names:
        yield name
        for word in ("wavelength", "lambda"):
            yield from (f"{name} {word}", f"{word} {name}")


_INTERVALS = (
    "interval",
    "time interval",
    "time step",
    "time increment",
    "period",
    "cycle time",
    "dt",
    "delta t",
)
QUANTITIES = (
    _quantity(
        "exposure_s",
        (
            *("exposure", "exposure time", "exposure duration", "integration time", "acquire time"),
            *("exp", "expo", "exp time", "t exp"),
        ),
        {"camera", "cam", "detector", "abs", *MEASURED},
        TIMES_S,
        "exposure_ms",
    ),
    _quantity("x_um", ("x",), PLACE_WORDS | MEASURED, LENGTHS_UM, "x_um"),
    _quantity("y_um", ("y",), PLACE_WORDS | MEASURED, LENGTHS_UM, "y_um"),
    _quantity("z_um", ("z", "focus", "z focus"), PLACE_WORDS | MEASURED | {"drive"}, LENGTHS_UM, "z_um"),
    _quantity(
        "pixel_size_um",
        ("pixel size", "px size", "pixelsize", "voxel size", *_along("x")),
        {"effective", "calibrated", "sample", "xy"},
        LENGTHS_UM,
        "pixel_size_um",
    ),
    _quantity("pixel_size_y_um", _along("y"), (), LENGTHS_UM, "pixel_size_y_um"),
    _quantity(
        "elapsed_s",
        (
            *("elapsed", "elapsed time", "time elapsed", "relative time", "time since start", "time"),
            *("timestamp", "timestamps", "t", "runtime", "run time", "runner time"),
        ),
        {"since", "start", "camera", "cam", "sensor", "hardware", "hw"},
        TIMES_S,
        "elapsed_s",
    ),
    _quantity(
        "z_step_um",
        (
            *("z step", "step z", "z spacing", "z interval", "slice spacing", "slice distance"),
            *("dz", "delta z", *_along("z")),
        ),
        {"size", "stack"},
        LENGTHS_UM,
        "z_step_um",
    ),
    _quantity("time_interval_s", _INTERVALS, {"timelapse", "lapse", "planned"}, TIMES_S, "time_interval_s"),
    _quantity(
        "time_interval_s", ("rate", "fps", "frequency", ""), {"capture"}, RATES_HZ, "time_interval_s"
    )._replace(is_rate=True),
    _quantity(
        "pixel_size_um",
        ("resolution", "scale", "calibration", "pixel density", "density", ""),
        {"x", "xy", "camera"},
        DENSITIES,
        "pixel_size_um",
    )._replace(is_rate=True),
    _quantity(
        "excitation_nm",
        _of_wavelength("excitation", "exc", "ex"),
        _OF_LIGHT,
        WAVELENGTHS_NM,
        "excitation_nm",
    ),
    _quantity(
        "emission_nm",
        (*_of_wavelength("emission", "emi", "em"), "detection wavelength"),
        _OF_LIGHT,
        WAVELENGTHS_NM,
        "emission_nm",
    ),
    _quantity(
        "readout_mhz",
        ("readout rate", "read out rate", "readout speed", "readout frequency", "pixel rate", "readout"),
        {"camera", "cam", "detector", "pixel"},
        READOUT_MHZ,
        "readout_rate_mhz",
    ),
)
ANYWHERE = frozenset(quantity.field for quantity in QUANTITIES) - {"x_um", "y_um", "z_um", "elapsed_s"}
"""Fields that count in a dict of any name; a laser or a piezo may have a place and a time of its own."""
_NAME_WORDS = {word for quantity in QUANTITIES for name in quantity.names for word in name.split()}


_BIT_DEPTHS = {"bit depth", "significant bits", "bits per sample"}
_BIT_DEPTH_IGNORED = CONTAINER_WORDS | {"camera", "cam", "sensor"}
_WITH_UNIT = re.compile(
    r"\s*([+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][+-]?\d+)?)\s*([^\W\d_]+)(?:/(?:px|pixel))?\s*"
)
_AXES = ("x_um", "y_um", "z_um")
_LIST_NAMES = {"position", "pos", "coordinate", "coordinates", "location", "stage", "xyz", "xy"}
_LIST_WORDS = _LIST_NAMES | PLACE_WORDS | CONTAINER_WORDS | {"actual", "current", "measured"}
_OF_PIXELS = {"resolution", "scale", "calibration", "pixel", "size"}
"""Words that tell nothing more than a unit such as um/px."""


class Meaning(NamedTuple):
    """What a key says."""

    field: str
    read: Callable[[object], float]
    has_unit: bool = True
    example: str = ""
    is_rate: bool = False
    is_of_list: bool = False
    is_nested: bool = False
    """Whether it is in a dict of any name; then others count first."""


@lru_cache(maxsize=4096)
def meanings_of(key: str, unit: str | None = None) -> tuple[Meaning, ...]:
    """Find out what a key means by its name alone; nothing where that tells nothing.

    Parameters
    ----------
    key
        Of metadata.
    unit
        That another key tells; the name's own unit takes precedence.

    Returns
    -------
    tuple of Meaning
        A key without a unit in its name counts only for text that has one, such as "12.5 ms".
    """
    name = name_of(key)
    if name.unit is None and _without(name.words, _BIT_DEPTH_IGNORED) in _BIT_DEPTHS:
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
    read = _text_reader(found) if name.unit is None else _reader(found, found.units[name.unit])
    meaning = Meaning(found.field, read, name.unit is not None, found.example, found.is_rate)
    if found.field != "elapsed_s" or name.unit is None:
        return (meaning,)
    clock = Meaning("utc_s", lambda value: parse.unix_s(read(value)))
    return (clock, meaning._replace(read=lambda value: _elapsed_s(read(value))))


def _nested_meanings(key: str) -> tuple[Meaning, ...]:
    """Find out what the last part of a key means, where the dict around it has a name of its own."""
    around, _, last = key.rpartition(".")
    if not around or name_of(last).unit is None or not OF_OTHERS.isdisjoint(words_in(around)):
        return ()
    return tuple(each._replace(is_nested=True) for each in meanings_of(last) if each.field in ANYWHERE)


def _without(words: tuple[str, ...], ignored: set[str] | frozenset[str]) -> str:
    return " ".join(word for word in words if word not in ignored)


def _find(name: Name) -> Quantity | None:
    words = ("pixel", "size") if name.is_per_pixel and {*name.words} <= _OF_PIXELS else name.words
    if name.unit is None and _NAME_WORDS.isdisjoint(words):
        return None
    for quantity in QUANTITIES:
        rest = _without(words, quantity.ignored)
        text = rest or ("" if quantity.is_rate and name.unit is not None else " ".join(words))
        names = {text, _without(words, CONTAINER_WORDS) or text}
        if names & quantity.names and (name.unit is None or name.unit in quantity.units):
            return quantity
    return None


def _reader(quantity: Quantity, factor: float) -> Callable[[object], float]:
    """Make what reads values of a quantity in a unit."""
    divisor = round(1 / factor) if factor < 1 else 1  # 10 ms are 0.01 s to the last digit if they are divided

    def read(value: object) -> float:
        found = parse.number(value)
        if found != found:
            return _text_value(quantity, value) if isinstance(value, str) else UNKNOWN
        if quantity.is_rate:
            return _checked(quantity.field, 1 / (found * factor)) if found > 0 else UNKNOWN
        return _checked(quantity.field, found / divisor if factor < 1 else found * factor)

    return read


def _item_reader(index: int, read: Callable[[object], float]) -> Callable[[object], float]:
    """Make what reads one of two or three coordinates in a list."""
    return lambda value: (
        read(value[index]) if isinstance(value, list | tuple) and index < len(value) in (2, 3) else UNKNOWN
    )


def _text_reader(quantity: Quantity) -> Callable[[object], float]:
    return lambda value: _text_value(quantity, value) if isinstance(value, str) else UNKNOWN


def _text_value(quantity: Quantity, text: str) -> float:
    """Read text that has its unit, such as "12.5 ms"."""
    match = _WITH_UNIT.fullmatch(text)
    factor = quantity.units.get(unit_of(match[2]) or "") if match is not None else None
    if match is None or factor is None:
        return UNKNOWN
    return _reader(quantity, factor)(match[1])


def _elapsed_s(seconds: float) -> float:
    """Leave out Unix time, which is no time since the start."""
    return seconds if math.isnan(parse.unix_s(seconds)) else UNKNOWN


def _checked(field: str, value: float) -> float:
    """Leave out values that OME has no place for."""
    if field == "z_step_um":
        value = abs(value)
    if field == "time_interval_s" and value < 0:
        return UNKNOWN
    return value if is_plausible(field, value) else UNKNOWN
