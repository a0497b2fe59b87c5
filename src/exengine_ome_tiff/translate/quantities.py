"""Keys that carry their meaning in their name: a quantity and its unit, as ``Exposure (ms)`` or ``x_um``."""

import math
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
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
CONTAINER_WORDS = {
    *("metadata", "info", "tags", "user", "userdata", "data", "extra", "event", "mda", "settings"),
    *("acquisition", "acq", "frame", "image", "plane", "scopedata"),
}
"""Words that say where a key is, and nothing of what it means."""
_PLACE_WORDS = {
    "stage",
    "xy",
    "position",
    "pos",
    "coordinate",
    "coord",
    "location",
    "sample",
    "axis",
    "motor",
}
MEASURED = {"actual", "current", "measured"}
"""Words that tell a value from the one that was asked for."""


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
        _TIMES_S,
        "exposure_ms",
    ),
    _quantity("x_um", ("x",), _PLACE_WORDS | MEASURED, _LENGTHS_UM, "x_um"),
    _quantity("y_um", ("y",), _PLACE_WORDS | MEASURED, _LENGTHS_UM, "y_um"),
    _quantity("z_um", ("z", "focus", "z focus"), _PLACE_WORDS | MEASURED | {"drive"}, _LENGTHS_UM, "z_um"),
    _quantity(
        "pixel_size_um",
        ("pixel size", "px size", "pixelsize", "voxel size", *_along("x")),
        {"effective", "calibrated", "sample", "xy"},
        _LENGTHS_UM,
        "pixel_size_um",
    ),
    _quantity("pixel_size_y_um", _along("y"), (), _LENGTHS_UM, "pixel_size_y_um"),
    _quantity(
        "elapsed_s",
        (
            *("elapsed", "elapsed time", "time elapsed", "relative time", "time since start", "time"),
            *("timestamp", "t", "runtime", "run time"),
        ),
        {"since", "start", "camera", "cam", "sensor", "hardware", "hw"},
        _TIMES_S,
        "elapsed_s",
    ),
    _quantity(
        "z_step_um",
        (
            *("z step", "step z", "z spacing", "z interval", "slice spacing", "slice distance"),
            *("dz", "delta z", *_along("z")),
        ),
        {"size", "stack"},
        _LENGTHS_UM,
        "z_step_um",
    ),
    _quantity("time_interval_s", _INTERVALS, {"timelapse", "lapse", "planned"}, _TIMES_S, "time_interval_s"),
    _quantity(
        "time_interval_s", ("rate", "fps", "frequency", ""), {"capture"}, _RATES_HZ, "time_interval_s"
    )._replace(is_rate=True),
)
OF_PLANES = QUANTITIES[:7]
"""Those that frames tell; a frame's keys are compared with their names."""
_NAME_WORDS = {word for quantity in QUANTITIES for name in quantity.names for word in name.split()}


def unit_of(text: str) -> str | None:
    """Return the standard spelling of a unit, None where it is none."""
    unit = _SPELLINGS.get(text.casefold(), text.casefold())
    return unit if any(unit in units for units in (_LENGTHS_UM, _TIMES_S, _RATES_HZ)) else None


_BIT_DEPTHS = {"bit depth", "significant bits", "bits per sample"}
_BIT_DEPTH_IGNORED = CONTAINER_WORDS | {"camera", "cam", "sensor"}
_WORD = re.compile(r"[A-Z]+(?![a-zµμ])|[A-Z]?[a-zµμ]+|\d+")
_JOINED = re.compile(r"([xyz])(pos|position|stage|coord)|(pos|position|stage|coord)([xyz])")
_BRACKETS = re.compile(r"(.*?)\s*[(\[{]\s*([^)\]}]*?)\s*[)\]}]\s*")
_WITH_UNIT = re.compile(
    r"\s*([+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][+-]?\d+)?)\s*([^\W\d_]+)(?:/(?:px|pixel))?\s*"
)
_PER_PIXEL = re.compile(r"(?:\s*/|[\s_]*[pP]er[\s_]*)\s*(?:px|pix|pixel|Pixel)\b")
_VALUE = re.compile(r"\.value$")
"""The key of a value beside its time stamp, as ophyd nests them."""
_AXES = ("x_um", "y_um", "z_um")
_LIST_NAMES = {"position", "pos", "coordinate", "coordinates", "location", "stage", "xyz", "xy"}
_LIST_WORDS = _LIST_NAMES | _PLACE_WORDS | CONTAINER_WORDS | {"actual", "current", "measured"}
_OF_PIXELS = {"resolution", "scale", "calibration", "pixel", "size"}
"""Words that tell nothing more than a unit such as um/px."""


class Name(NamedTuple):
    """The words of a key, and its unit."""

    words: tuple[str, ...]
    unit: str | None = None
    is_per_pixel: bool = False


class Meaning(NamedTuple):
    """What a key says."""

    field: str
    read: Callable[[object], float]
    has_unit: bool = True
    example: str = ""
    is_rate: bool = False
    is_of_list: bool = False


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
    if name.unit in _LENGTHS_UM and {*name.words} & _LIST_NAMES and not {*name.words} - _LIST_WORDS:
        return tuple(
            Meaning(field, _item_reader(index, _reader(quantity, quantity.units[name.unit])), is_of_list=True)
            for index, field in enumerate(_AXES)
            for quantity in QUANTITIES
            if quantity.field == field
        )
    found = _find(name)
    if found is None:
        return ()
    read = _text_reader(found) if name.unit is None else _reader(found, found.units[name.unit])
    meaning = Meaning(found.field, read, name.unit is not None, found.example, found.is_rate)
    if found.field != "elapsed_s" or name.unit is None:
        return (meaning,)
    clock = Meaning("utc_s", lambda value: parse.unix_s(read(value)))
    return (clock, meaning._replace(read=lambda value: _elapsed_s(read(value))))


@lru_cache(maxsize=4096)
def name_of(key: str) -> Name:
    """Split a key into words and its unit: its last word, in brackets, or that of the dict around it."""
    key = _VALUE.sub("", key)
    around, _, last = key.rpartition(".")
    if not _WORD.search(last):
        return Name(())  # a nested key without a word in it does not have the name of the dict around it
    name = _name_of(key)
    if name.unit is None and around and _BRACKETS.fullmatch(key) is None:
        outer = _name_of(around)
        if outer.unit is not None and outer.words:
            return Name((*outer.words, *_words(last)), outer.unit, outer.is_per_pixel)
    return name


def _name_of(key: str) -> Name:
    without = _PER_PIXEL.sub("", key)
    is_per_pixel = without != key
    brackets = _BRACKETS.fullmatch(without)
    if brackets is not None:
        unit = unit_of(brackets[2])
        return Name(_words(brackets[1]), unit, is_per_pixel) if unit is not None else Name(())
    words = _words(without)
    unit = unit_of(words[-1]) if words else None
    return Name(words[:-1] if unit is not None else words, unit, is_per_pixel)


def _words(text: str) -> tuple[str, ...]:
    words = (word.casefold() for word in _WORD.findall(text) if word != "in")
    return tuple(part for word in words for part in _parts(word))


def _parts(word: str) -> tuple[str, ...]:
    """Split a word such as "xpos" into the axis and what it is a place on."""
    match = _JOINED.fullmatch(word)
    return (word,) if match is None else tuple(filter(None, match.groups()))


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
            return 1 / (found * factor) if found > 0 else UNKNOWN
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
    if field in ("pixel_size_um", "pixel_size_y_um"):
        return parse.size_um(value)
    if field in ("exposure_s", "time_interval_s"):
        return parse.duration_s(value)
    return parse.positive(abs(value)) or UNKNOWN if field == "z_step_um" else value
