"""Parse single values: numbers, also as text, and time stamps."""

import math
import re
from collections.abc import Iterable
from datetime import MAXYEAR, UTC, datetime, timedelta
from functools import lru_cache

from exengine_ome_tiff.translate.values import UNKNOWN, is_plausible

_FIRST_YEAR = 1900
_TIME = r"(\d{2}:\d{2}(?::\d{2})?)(?:[.,](\d{1,6})\d*)?"
_ZONE = r"\s*(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?(?:\[[\w/]+\])?(?:\s-)?\s*"
_STAMP = re.compile(rf"\s*(\d{{4}}[-/]\d{{2}}[-/]\d{{2}})(?:T| (?:[A-Z][a-z]{{2}} )?){_TIME}{_ZONE}")
_DOTTED = re.compile(r"\s*(\d{1,2})\.(\d{1,2})\.(\d{4}),?\s+(\d{1,2}:.*)")
"""Dots imply day, month and year."""
_BASIC = re.compile(r"\s*(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})(.*)")
_JAVA = re.compile(r"\s*[A-Z][a-z]{2} ([A-Z][a-z]{2}) +(\d{1,2}) (\d{2}:\d{2}:\d{2})(?: (\S+))? (\d{4})\s*")
"""Java's `Date.toString`, ``Fri Apr 20 13:46:03 UTC 2012``, and C's `ctime`, which omits the zone."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d*,\d+([eE][+-]?\d+)?\s*")
_UNIX_S = (3e8, 7.3e9)
"""Unix time of the years 1979 to 2200."""
_UNIX_UNITS_S = (1.0, 1e-3, 1e-6, 1e-9)
_SPAN = re.compile(r"P(?:([\d.]+)D)?(?:T(?:([\d.]+)H)?(?:([\d.]+)M)?(?:([\d.]+)S)?)?")
_CLOCK_SPAN = re.compile(r"\s*(?:(\d+) days?, )?(\d{1,4}):(\d{2}):(\d{2}(?:[.,]\d+)?)\s*")
"""Hours, minutes and seconds, as Python prints a time span."""
_SPAN_UNITS_S = (86400, 3600, 60, 1)
_RATE = re.compile(r"\s*(\d+(?:[.,]\d+)?)\s?(MHz|kHz)\b.*", re.IGNORECASE)
_BY = re.compile(r"[xX\xd7*,;]")
_BITS = re.compile(r"\s*(\d+)[\s-]?bits?\s*", re.IGNORECASE)
_RGB_BITS = 0xFFFFFF


def parse_time(stamp: object) -> datetime | None:
    """Parse a time stamp such as ``2026-11-22 07:11:23.414179 +0000``.

    ``T`` or a blank joins date and time; seconds, fraction and zone are optional. ``20261122T071123Z``,
    ``22.11.2026 07:11:23`` and ``Fri Apr 20 13:46:03 UTC 2012`` are read, too. Of named zones, only
    UTC and GMT are read, because other names are ambiguous.

    Returns
    -------
    datetime or None
        Aware only if the stamp has a zone; None if it is not a time stamp or is before 1900.
    """
    return _parse(stamp) if isinstance(stamp, str) else None


@lru_cache(maxsize=8)  # as several rules read the same stamp
def _parse(stamp: str) -> datetime | None:
    match = _STAMP.fullmatch(stamp) or _STAMP.fullmatch(_in_order(stamp))
    if match is None:
        return None
    date, time, fraction, zone = match.groups()
    if not _FIRST_YEAR <= int(date[:4]) < MAXYEAR:
        return None
    offset = "Z" if zone in ("UTC", "GMT") else zone or ""
    clock = time if len(time) > len("10:00") else f"{time}:00"
    try:
        return datetime.fromisoformat(
            f"{date.replace('/', '-')}T{clock}.{(fraction or '0').ljust(6, '0')}{offset}"
        )
    except ValueError:
        return None


def _in_order(stamp: str) -> str:
    """Convert other spellings to year, month and day first."""
    if (match := _DOTTED.fullmatch(stamp)) is not None:
        day, month, year, clock = match.groups()
        return f"{year}-{month:0>2}-{day:0>2} {clock if clock[1:2].isdigit() else '0' + clock}"
    if (match := _BASIC.fullmatch(stamp)) is not None:
        return "{}-{}-{}T{}:{}:{}{}".format(*match.groups())
    if (match := _JAVA.fullmatch(stamp)) is not None and match[1] in _MONTHS:
        zone = "Z" if match[4] in ("UTC", "GMT", "Z") else ""
        return f"{match[5]}-{_MONTHS.index(match[1]) + 1:02}-{match[2]:0>2} {match[3]}{zone}"
    return stamp


def first_with_zone(stamps: Iterable[datetime | None]) -> datetime | None:
    """Return the first time that is known; one with a zone takes precedence."""
    known = [stamp for stamp in stamps if stamp is not None]
    return next((stamp for stamp in known if stamp.tzinfo), known[0] if known else None)


def seconds(stamp: object, *, zone: bool) -> float:
    """Return the seconds since 1970-01-01 of a time stamp, or NaN.

    Parameters
    ----------
    stamp
        Value in the metadata.
    zone
        True: count in UTC; NaN if the stamp has no zone. False: count on its own clock; NaN if it has one.
    """
    time = parse_time(stamp)
    if time is None or zone != (time.tzinfo is not None):
        return UNKNOWN
    return ((time if zone else time.replace(tzinfo=UTC)) - _EPOCH).total_seconds()


def number(value: object) -> float:
    """Parse a number, or text that may have a decimal comma; NaN if it is not finite.

    A list with one item, such as an array of one number becomes, counts as its item.
    """
    if type(value) is float:  # as most are
        return value if math.isfinite(value) else UNKNOWN
    if not isinstance(value, (int, float, str)) or isinstance(value, bool):
        return number(value[0]) if isinstance(value, list) and len(value) == 1 else UNKNOWN
    if isinstance(value, str):
        if "_" in value:  # a separator of digits in Python
            return UNKNOWN
        if "," in value and _DECIMAL_COMMA.fullmatch(value):
            value = value.replace(",", ".")
    try:
        result = float(value)
    except (ValueError, OverflowError):
        return UNKNOWN
    return result if math.isfinite(result) else UNKNOWN


def plausible(field: str, value: float) -> float:
    """Return a value within the bounds of a field, else NaN."""
    return value if is_plausible(field, value) else UNKNOWN


def milliseconds(value: object) -> float:
    """Convert milliseconds to seconds."""
    return number(value) / 1000


def exposure_ms(value: object) -> float:
    """Convert an exposure from milliseconds to seconds; NaN if it is implausible."""
    return exposure_s(milliseconds(value))


def exposure_s(value: object) -> float:
    """Parse an exposure in seconds; NaN if it is implausible."""
    return plausible("exposure_s", number(value))


def size_um(value: object) -> float:
    """Parse a pixel size; NaN for 0, which Micro-Manager writes without a calibration."""
    return plausible("pixel_size_um", number(value))


def step_um(value: object) -> float | None:
    """Parse the size of a step along z, in either direction."""
    return known(plausible("z_step_um", abs(number(value))))


def bits(value: object) -> float:
    """Parse a number of bits, such as 12 or "12-bit"."""
    match = _BITS.fullmatch(value) if isinstance(value, str) else None
    count = number(value if match is None else match[1])
    return count if count >= 1 and count.is_integer() else UNKNOWN


def span_s(value: object) -> float:
    """Parse a time span: a number of seconds, or text such as "PT1M30.5S" and "0:01:30.5"."""
    span = text_span_s(value)
    return number(value) if math.isnan(span) else span


def text_span_s(value: object) -> float:
    """Parse text such as "PT1M30.5S" and "0:01:30.5"; NaN for a number, which may be in any unit."""
    text = value if isinstance(value, str) else ""
    match = _SPAN.fullmatch(text) or _CLOCK_SPAN.fullmatch(text)
    parts = () if match is None else match.groups()
    if not any(parts):
        return UNKNOWN
    return sum(number(part) * unit_s for part, unit_s in zip(parts, _SPAN_UNITS_S, strict=True) if part)


def readout_mhz(value: object) -> float | None:
    """Parse a readout rate in MHz, or text such as "100 MHz" and "560 kHz 16bit"."""
    match = _RATE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return known_number(value)
    return known(number(match[1]) / (1 if match[2].casefold() == "mhz" else 1000))


def local_clock(value: object) -> float:
    """Parse a time stamp without a zone; seconds since 1970-01-01 on its clock."""
    return seconds(value, zone=False) if _may_be_stamp(value) else UNKNOWN


def utc_clock(value: object) -> float:
    """Parse a time stamp with a zone, or Unix time; seconds since 1970-01-01 00:00 UTC."""
    return seconds(value, zone=True) if _may_be_stamp(value) else unix_s(value)


def _may_be_stamp(value: object) -> bool:
    return isinstance(value, str) and (":" in value or "T" in value)


def unix_s(value: object) -> float:
    """Parse Unix time; its magnitude shows whether it counts s, ms, us or ns."""
    ticks = number(value)
    if not ticks >= _UNIX_S[0]:
        return UNKNOWN
    found = [ticks * unit_s for unit_s in _UNIX_UNITS_S if _UNIX_S[0] <= ticks * unit_s < _UNIX_S[1]]
    return found[0] if found else UNKNOWN


CLOCKS = (("utc_s", utc_clock), ("local_clock_s", local_clock))
"""Fields of times, with their readers."""


def moment(value: object) -> datetime | None:
    """Parse a time stamp or Unix time."""
    stamp = parse_time(value)
    ticks_s = unix_s(value)
    if stamp is not None or ticks_s != ticks_s:
        return stamp
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=ticks_s)


def text(value: object) -> str | None:
    """Return text that is not empty."""
    return value if isinstance(value, str) and value else None


def label(value: object) -> str | None:
    """Return text that is not empty, or an integer as text."""
    return str(value) if type(value) is int else text(value)


def known(value: float) -> float | None:
    """Replace NaN by None."""
    return None if math.isnan(value) else value


def argb(value: object) -> tuple[int, int, int] | None:
    """Return red, green and blue of Java's signed ARGB."""
    color = number(value)
    if math.isnan(color):
        return None
    rgb = int(color) & _RGB_BITS
    return rgb >> 16, rgb >> 8 & 255, rgb & 255


def positive(value: float) -> float | None:
    """Return a number above 0, else None."""
    return value if value > 0 else None


def count(value: object) -> int | None:
    """Parse a count of at least 1."""
    things = number(value)
    return int(things) if things >= 1 else None


def known_number(value: object) -> float | None:
    """Parse a number; None if it is unknown."""
    return known(number(value))


def binning(value: object) -> str | None:
    """Format a binning such as 2, "2", "2 X 2" or [2, 2] as "2x2"; None if a side is not a whole number."""
    if isinstance(value, list | tuple):
        value = "x".join(map(str, value))
    side = number(value)
    is_pair = isinstance(value, str) and not side.is_integer()
    sides = [*map(number, _BY.split(str(value)))] if is_pair else [side, side]
    if len(sides) != 2 or not all(each >= 1 and each.is_integer() for each in sides):
        return None
    return "x".join(f"{each:g}" for each in sides)
