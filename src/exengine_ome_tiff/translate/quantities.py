"""Keys that carry their meaning in their name: a quantity and its unit, as ``Exposure (ms)`` or ``x_um``."""

import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import cache, lru_cache
from typing import NamedTuple

from exengine_ome_tiff.translate import parse
from exengine_ome_tiff.translate.values import UNKNOWN

_LENGTHS_UM = {"um": 1.0, "nm": 1e-3, "mm": 1e3, "cm": 1e4, "m": 1e6}
_TIMES_S = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "min": 60.0, "h": 3600.0}
_RATES_HZ = {"hz": 1.0, "fps": 1.0, "khz": 1e3}
_SPELLINGS = {
    spelling: unit
    for unit, spellings in {
        "um": "µm μm micron microns micrometer micrometers micrometre micrometres",
        "nm": "nanometer nanometers nanometre nanometres",
        "mm": "millimeter millimeters millimetre millimetres",
        "m": "meter meters metre metres",
        "s": "sec secs second seconds",
        "ms": "msec msecs millisecond milliseconds",
        "us": "µs μs usec usecs microsecond microseconds",
        "ns": "nanosecond nanoseconds",
        "min": "mins minute minutes",
        "h": "hr hrs hour hours",
        "hz": "hertz",
    }.items()
    for spelling in spellings.split()
}
_CONTAINERS = {
    *("metadata", "info", "tags", "user", "userdata", "data", "extra", "event", "mda", "settings"),
    *("acquisition", "acq", "frame", "image", "plane", "scopedata"),
}
"""Words that say where a key is, and nothing of what it means."""
_PLACE = {"stage", "xy", "position", "pos", "coordinate", "coord", "location", "sample", "axis", "motor"}
_MEASURED = {"actual", "current", "measured"}


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
    return Quantity(field, frozenset(names), frozenset(ignored) | _CONTAINERS, units, example)


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
        ("exposure", "exposure time", "exposure duration", "integration time", "exp time"),
        {"camera", "cam", "detector", *_MEASURED},
        _TIMES_S,
        "exposure_ms",
    ),
    _quantity("x_um", ("x",), _PLACE | _MEASURED, _LENGTHS_UM, "x_um"),
    _quantity("y_um", ("y",), _PLACE | _MEASURED, _LENGTHS_UM, "y_um"),
    _quantity("z_um", ("z", "focus", "z focus"), _PLACE | _MEASURED | {"drive"}, _LENGTHS_UM, "z_um"),
    _quantity(
        "pixel_size_um",
        ("pixel size", "px size", "pixelsize", "pixel size x"),
        {"effective", "calibrated", "sample", "xy"},
        _LENGTHS_UM,
        "pixel_size_um",
    ),
    _quantity(
        "elapsed_s",
        ("elapsed", "elapsed time", "time elapsed", "relative time", "time since start", "time", "timestamp"),
        {"since", "start"},
        _TIMES_S,
        "elapsed_s",
    ),
    _quantity(
        "z_step_um",
        ("z step", "step z", "z spacing", "z interval", "slice spacing", "slice distance", "dz", "delta z"),
        {"size", "stack"},
        _LENGTHS_UM,
        "z_step_um",
    ),
    _quantity("time_interval_s", _INTERVALS, {"timelapse", "lapse", "planned"}, _TIMES_S, "time_interval_s"),
    _quantity(
        "time_interval_s", ("rate", "fps", "frequency", ""), {"capture"}, _RATES_HZ, "time_interval_s"
    )._replace(is_rate=True),
)
_BIT_DEPTHS = {"bit depth", "significant bits", "bits per sample"}
_BIT_DEPTH_IGNORED = _CONTAINERS | {"camera", "cam", "sensor"}
_OF_PLANES = 6
"""So many of the quantities differ from plane to plane; a frame's keys are compared with those."""
_SHORT = 5
"""Names of so many letters are near too many others."""
_NEAR = 0.88
_WORD = re.compile(r"[A-Z]+(?![a-zµμ])|[A-Z]?[a-zµμ]+|\d+")
_BRACKETS = re.compile(r"(.*?)\s*[(\[{]\s*([^)\]}]*?)\s*[)\]}]\s*")
_WITH_UNIT = re.compile(r"\s*([+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][+-]?\d+)?)\s*([^\W\d_]+)\s*")


class Meaning(NamedTuple):
    """What a key says."""

    field: str
    read: Callable[[object], float]
    has_unit: bool = True
    example: str = ""
    is_rate: bool = False


@lru_cache(maxsize=4096)
def meanings_of(key: str) -> tuple[Meaning, ...]:
    """Find out what a key means by its name alone; nothing where that tells nothing.

    Returns
    -------
    tuple of Meaning
        A key without a unit in its name counts only for text that has one, such as "12.5 ms".
    """
    words, unit = _words_and_unit(key)
    if unit is None and " ".join(word for word in words if word not in _BIT_DEPTH_IGNORED) in _BIT_DEPTHS:
        return (Meaning("bit_depth", parse.bits),)
    found = _find(words, unit)
    if found is None:
        return ()
    read = _text_reader(found) if unit is None else _reader(found, found.units[unit])
    meaning = Meaning(found.field, read, unit is not None, found.example, found.is_rate)
    if found.field != "elapsed_s" or unit is None:
        return (meaning,)
    clock = Meaning("utc_s", lambda value: parse.unix_s(read(value)))
    return (clock, meaning._replace(read=lambda value: _elapsed_s(read(value))))


def unit_of(text: str) -> str | None:
    """Return the standard spelling of a unit, None where it is none."""
    unit = _SPELLINGS.get(text.casefold(), text.casefold())
    return unit if any(unit in units for units in (_LENGTHS_UM, _TIMES_S, _RATES_HZ)) else None


_AXES = frozenset(("channel", "position"))
"""Keys whose numbers are indices, such as those of ``completeCoords``."""


@lru_cache(maxsize=4096)
def near_miss(key: str, known: frozenset[str] = frozenset()) -> str | None:
    """Return how a key ought to be spelled that is nearly one that is understood; None where none is near.

    Parameters
    ----------
    key
        That is not understood.
    known
        Keys of dialects, beside the names of this package.
    """
    squeezed = _squeezed(key.rpartition(".")[2])
    if len(squeezed) <= _SHORT or squeezed in _AXES:
        return None
    candidates = _candidates(known)
    matches = [squeezed] if squeezed in candidates else []
    if not matches and _words_and_unit(key)[1] is not None:
        matches = get_close_matches(squeezed, candidates, 1, _NEAR)
    return candidates[matches[0]] if matches and candidates[matches[0]] != key else None


@cache
def _candidates(known: frozenset[str]) -> dict[str, str]:
    """Return what keys are compared with, and how each of them ought to be spelled."""
    candidates = {_squeezed(name): name for name in known if "." not in name}
    for quantity in QUANTITIES[:_OF_PLANES]:
        names = [name for name in quantity.names if len(name) > _SHORT]
        spelled = [f"{name} {unit}" for name in names for unit in quantity.units]
        candidates |= dict.fromkeys(map(_squeezed, spelled), quantity.example)
        candidates[_squeezed(quantity.example)] = quantity.example
    return candidates | {"bitdepth": "bit_depth"}


def _squeezed(key: str) -> str:
    return re.sub(r"[\W_]", "", key).casefold()


def _words_and_unit(key: str) -> tuple[list[str], str | None]:
    if not _WORD.search(key.rpartition(".")[2]):
        return [], None  # a nested key without a word in it does not have the name of the dict around it
    brackets = _BRACKETS.fullmatch(key)
    if brackets is not None:
        unit = unit_of(brackets[2])
        return (_words(brackets[1]), unit) if unit is not None else ([], None)
    words = _words(key)
    unit = unit_of(words[-1]) if words else None
    return (words[:-1], unit) if unit is not None else (words, None)


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text) if word != "in"]


def _find(words: list[str], unit: str | None) -> Quantity | None:
    if not words and unit is None:
        return None
    for quantity in QUANTITIES:
        rest = [word for word in words if word not in quantity.ignored]
        name = " ".join(rest) or ("" if quantity.is_rate and unit is not None else " ".join(words))
        if name in quantity.names and (unit is None or unit in quantity.units):
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
            return 1 / (found * factor) if found > 0 else UNKNOWN
        return _checked(quantity.field, found / divisor if factor < 1 else found * factor)

    return read


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
    return seconds if parse.unix_s(seconds) != parse.unix_s(seconds) else UNKNOWN


def _checked(field: str, value: float) -> float:
    """Leave out values that OME has no place for."""
    if field == "pixel_size_um":
        return parse.size_um(value)
    if field in ("exposure_s", "time_interval_s"):
        return parse.duration_s(value)
    return parse.positive(abs(value)) or UNKNOWN if field == "z_step_um" else value
