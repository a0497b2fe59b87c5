"""Reading one value: numbers and text that may come as either, and time stamps."""

import math
import re
from datetime import UTC, datetime, timedelta

from exengine_ome_tiff.translate.times import parse_time, seconds
from exengine_ome_tiff.translate.values import BOUNDS, UNKNOWN

_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d*,\d+([eE][+-]?\d+)?\s*")
_UNIX_S = (3e8, 7.3e9)
"""Seconds since 1970 of the years from 1979 to 2200."""
_UNIX_UNITS_S = (1.0, 1e-3, 1e-6, 1e-9)
_SPAN = re.compile(r"P(?:([\d.]+)D)?(?:T(?:([\d.]+)H)?(?:([\d.]+)M)?(?:([\d.]+)S)?)?")
_SPAN_UNITS_S = (86400, 3600, 60, 1)
_BITS = re.compile(r"\s*(\d+)[\s-]?bits?\s*", re.IGNORECASE)
_RGB_BITS = 0xFFFFFF
_LONGEST_EXPOSURE_S = BOUNDS["exposure_s"].high
_MIN_STEP_UM, _MAX_STEP_UM, _ = BOUNDS["z_step_um"]
_MIN_PIXEL_SIZE_UM, _MAX_PIXEL_SIZE_UM, _ = BOUNDS["pixel_size_um"]


def number(value: object) -> float:
    """Read a number or its text, which may have a decimal comma; NaN where there is no finite one.

    A list of one number, as arrays of one item become, counts as that number.
    """
    if type(value) is float:  # most values of most frames
        return value if math.isfinite(value) else UNKNOWN
    if not isinstance(value, (int, float, str)) or isinstance(value, bool):  # of each frame: no new union
        return number(value[0]) if isinstance(value, list) and len(value) == 1 else UNKNOWN
    if isinstance(value, str):
        if "_" in value:  # which Python takes for a separator of digits
            return UNKNOWN
        if "," in value and _DECIMAL_COMMA.fullmatch(value):
            value = value.replace(",", ".")
    try:
        result = float(value)
    except (ValueError, OverflowError):
        return UNKNOWN
    return result if math.isfinite(result) else UNKNOWN


def milliseconds(value: object) -> float:
    """Read milliseconds; seconds."""
    return number(value) / 1000


def exposure_ms(value: object) -> float:
    """Read milliseconds that an exposure can take; seconds."""
    seconds_ = milliseconds(value)
    return seconds_ if 0 <= seconds_ <= _LONGEST_EXPOSURE_S else UNKNOWN


def exposure_s(value: object) -> float:
    """Read seconds that an exposure can take."""
    seconds_ = number(value)
    return seconds_ if 0 <= seconds_ <= _LONGEST_EXPOSURE_S else UNKNOWN


def size_um(value: object) -> float:
    """Read a pixel size; 0 is Micro-Manager's way to say that it is not calibrated."""
    size = number(value)
    return size if _MIN_PIXEL_SIZE_UM <= size <= _MAX_PIXEL_SIZE_UM else UNKNOWN


def step_um(value: object) -> float | None:
    """Read a step along z, in whichever direction; None if it is none."""
    step = abs(number(value))
    return step if _MIN_STEP_UM <= step <= _MAX_STEP_UM else None


def bits(value: object) -> float:
    """Read a number of bits, such as 12 or "12-bit"."""
    match = _BITS.fullmatch(value) if isinstance(value, str) else None
    count = number(value if match is None else match[1])
    return count if count >= 1 and count.is_integer() else UNKNOWN


def span_s(value: object) -> float:
    """Read a time span: a number of seconds, or text such as "PT1M30.5S"."""
    match = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return number(value)
    return sum(
        float(part) * unit_s for part, unit_s in zip(match.groups(), _SPAN_UNITS_S, strict=True) if part
    )


def local_clock(value: object) -> float:
    """Read a time stamp that has no time zone; seconds since 1970-01-01 on its clock."""
    return seconds(value, zone=False) if _may_be_stamp(value) else UNKNOWN


def utc_clock(value: object) -> float:
    """Read a time stamp that tells its zone, or Unix time; seconds since 1970-01-01 00:00 UTC."""
    return seconds(value, zone=True) if _may_be_stamp(value) else unix_s(value)


def _may_be_stamp(value: object) -> bool:
    return isinstance(value, str) and (":" in value or "T" in value)


def unix_s(value: object) -> float:
    """Read Unix time in seconds, milliseconds, microseconds or nanoseconds, which its size tells apart."""
    ticks = number(value)
    if not ticks >= _UNIX_S[0]:
        return UNKNOWN
    found = [ticks * unit_s for unit_s in _UNIX_UNITS_S if _UNIX_S[0] <= ticks * unit_s < _UNIX_S[1]]
    return found[0] if found else UNKNOWN


def moment(value: object) -> datetime | None:
    """Read a time stamp or Unix time."""
    stamp = parse_time(value)
    ticks_s = unix_s(value)
    if stamp is not None or ticks_s != ticks_s:
        return stamp
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=ticks_s)


def text(value: object) -> str | None:
    """Read text that is not empty."""
    return value if isinstance(value, str) and value else None


def label(value: object) -> str | None:
    """Read text that is not empty, or a whole number as text."""
    return str(value) if type(value) is int else text(value)


def known(value: float) -> float | None:
    """Turn NaN into None."""
    return None if math.isnan(value) else value


def argb(value: object) -> tuple[int, int, int] | None:
    """Take red, green and blue out of Java's signed ARGB."""
    color = number(value)
    if math.isnan(color):
        return None
    rgb = int(color) & _RGB_BITS
    return rgb >> 16, rgb >> 8 & 255, rgb & 255


def positive(value: float) -> float | None:
    """Turn what is not above 0, and NaN, into None."""
    return value if value > 0 else None


def count(value: object) -> int | None:
    """Read a number of things, from 1 on."""
    things = number(value)
    return int(things) if things >= 1 else None
