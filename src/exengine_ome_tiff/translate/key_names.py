"""The words and the unit in the name of a key, as in ``Exposure (ms)``, ``stageXUm`` and ``px/um``."""

import re
from collections.abc import Container
from functools import lru_cache
from typing import NamedTuple

LENGTHS_UM = {"um": 1.0, "nm": 1e-3, "mm": 1e3, "cm": 1e4, "m": 1e6}
TIMES_S = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "min": 60.0, "h": 3600.0}
RATES_HZ = {"hz": 1.0, "fps": 1.0, "khz": 1e3}
READOUT_MHZ = {"mhz": 1.0, "khz": 1e-3, "hz": 1e-6}
WAVELENGTHS_NM = {"nm": 1.0, "um": 1e3, "m": 1e9}
_LEADING_UNITS = {"um", "nm", "mm", "ms", "us", "ns"}
"""Units that are not words, so they may also come first."""
_PER_LENGTH = "px/"
DENSITIES = {f"{_PER_LENGTH}{unit}": 1 / size_um for unit, size_um in LENGTHS_UM.items()}
"""Pixels per micrometre, by units such as px/mm."""
_UNITS = (LENGTHS_UM, TIMES_S, RATES_HZ, READOUT_MHZ, DENSITIES)
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


def names_in(text: str) -> frozenset[str]:
    """Split a list of names at its commas."""
    return frozenset(text.split(", "))


CONTAINER_WORDS = names_in(
    "metadata, info, tags, user, userdata, data, extra, event, mda, settings, acquisition, acq, frame, "
    "image, plane, scopedata"
)
"""Words for the place of a key, which add nothing to its meaning."""
PLACE_WORDS = names_in("stage, xy, position, pos, coordinate, coord, location, sample, axis, motor")
MEASURED = names_in("actual, current, measured")
"""Words that distinguish a measured value from the one that was set."""
OF_OTHERS = names_in(
    "previous, last, next, default, max, min, maximum, minimum, limit, limits, range, sensor, camera, "
    "detector, chip, roi, offset, home, origin, error, tube, zoom, timestamps, timestamp, condenser, "
    "illumination, illuminator, optovar, adapter, relay, intermediate"
)
"""Words of dicts whose values do not describe the frame."""
_WORD = re.compile(r"[kM]Hz|[A-Z]+(?![a-zµμ])|[A-Z]?[a-zµμ]+|\d+")
_JOINED = re.compile(r"([xyz])(pos|position|stage|coord)|(pos|position|stage|coord)([xyz])")
_BRACKETS = re.compile(r"(.*?)\s*[(\[{]\s*([^)\]}]*?)\s*[)\]}]\s*")
_PER_PIXEL = re.compile(r"(?:\s*/|[\s_]*[pP]er[\s_]*)\s*(?:px|pix|pixel|Pixel)\b")
_DENSITY = re.compile(
    r"(.*?)[\s_(\[]*(?<![^\W\d_])(?:px|pix|pixels?)(?:\s*/\s*|[\s_]*per[\s_]*)([^\W\d_]+)\s*[)\]]?\s*",
    re.IGNORECASE,
)
"""A name that ends in pixels per unit of length, such as "resolution (px/um)"."""
VALUE = re.compile(r"\.(?:value|magnitude)$")
"""Keys of values that ophyd and pint nest beside their time stamps and units."""


class Name(NamedTuple):
    """The words of a key and its unit."""

    words: tuple[str, ...]
    unit: str | None = None
    is_per_pixel: bool = False


def unit_of(text: str) -> str | None:
    """Return the standard spelling of a unit, or None."""
    unit = _SPELLINGS.get(text.casefold(), text.casefold())
    return unit if any(unit in units for units in _UNITS) else None


@lru_cache(maxsize=4096)
def name_of(key: str) -> Name:
    """Split a key into words and unit: its last word, text in brackets, or the unit of the dict around it."""
    key = VALUE.sub("", key)
    around, _, last = key.rpartition(".")
    if not _WORD.search(last):
        return Name(())  # a nested key without words does not inherit the name of the dict
    name = _name_of(key)
    if name.unit is None and around and _BRACKETS.fullmatch(key) is None:
        outer = _name_of(around)
        if outer.unit is not None and outer.words:
            return Name((*outer.words, *words_in(last)), outer.unit, outer.is_per_pixel)
    return name


def _name_of(key: str) -> Name:
    density = _DENSITY.fullmatch(key)
    if density is not None and unit_of(density[2]) in LENGTHS_UM:
        return Name(words_in(density[1]), f"{_PER_LENGTH}{unit_of(density[2])}")
    without = _PER_PIXEL.sub("", key)
    is_per_pixel = without != key
    brackets = _BRACKETS.fullmatch(without)
    if brackets is not None:
        unit = unit_of(brackets[2])
        return Name(words_in(brackets[1]), unit, is_per_pixel) if unit is not None else Name(())
    words = words_in(without)
    unit = unit_of(words[-1]) if words else None
    if unit is None and len(words) > 1 and words[0] in _LEADING_UNITS:
        return Name(words[1:], words[0], is_per_pixel)
    return Name(words[:-1] if unit is not None else words, unit, is_per_pixel)


def words_in(text: str) -> tuple[str, ...]:
    """Split text at blanks, punctuation and capital letters."""
    words = (word.casefold() for word in _WORD.findall(text) if word.casefold() != "in")
    return tuple(part for word in words for part in _parts(word))


def _parts(word: str) -> tuple[str, ...]:
    """Split a word such as "xpos" into "x" and "pos"."""
    match = _JOINED.fullmatch(word)
    return (word,) if match is None else tuple(filter(None, match.groups()))


def without(words: tuple[str, ...], ignored: Container[str]) -> str:
    """Join words with blanks, except those that are ignored."""
    return " ".join(word for word in words if word not in ignored)
