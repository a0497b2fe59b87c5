"""Parse time stamps."""

import re
from collections.abc import Iterable
from datetime import MAXYEAR, UTC, datetime
from functools import lru_cache

from exengine_ome_tiff.translate.values import UNKNOWN

_FIRST_YEAR = 1900
_TIME = r"(\d{2}:\d{2}(?::\d{2})?)(?:[.,](\d{1,6})\d*)?"
_ZONE = r"\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})?(?:\[[\w/]+\])?(?:\s-)?\s*"
_STAMP = re.compile(rf"\s*(\d{{4}}[-/]\d{{2}}[-/]\d{{2}})(?:T| (?:[A-Z][a-z]{{2}} )?){_TIME}{_ZONE}")
_DOTTED = re.compile(r"\s*(\d{1,2})\.(\d{1,2})\.(\d{4}),?\s+(\d{1,2}:.*)")
"""Dots imply day, month and year."""
_BASIC = re.compile(r"\s*(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})(.*)")
_JAVA = re.compile(r"\s*[A-Z][a-z]{2} ([A-Z][a-z]{2}) +(\d{1,2}) (\d{2}:\d{2}:\d{2})(?: (\S+))? (\d{4})\s*")
"""Java's `Date.toString`, ``Fri Apr 20 13:46:03 UTC 2012``, and C's `ctime`, which omits the zone."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
