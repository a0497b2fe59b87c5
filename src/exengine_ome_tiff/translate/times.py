"""Reading time stamps."""

import logging
import re
from collections.abc import Iterable
from datetime import MAXYEAR, UTC, datetime
from functools import cache, lru_cache

from exengine_ome_tiff.translate.values import UNKNOWN

logger = logging.getLogger(__name__)

_FIRST_YEAR = 1900
_STAMP = re.compile(
    r"\s*(\d{4}[-/]\d{2}[-/]\d{2})(?:T| (?:[A-Z][a-z]{2} )?)(\d{2}:\d{2}:\d{2})(?:[.,](\d{1,6})\d*)?"
    r"\s*(Z|[+-]\d{2}:?\d{2})?(?:\s-)?\s*"
)
_JAVA = re.compile(r"\s*[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d{2}) (\d{2}:\d{2}:\d{2}) (\S+) (\d{4})\s*")
"""What Java's `Date.toString` makes: ``Fri Apr 20 13:46:03 UTC 2012``."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_time(stamp: object) -> datetime | None:
    """Read a time stamp such as ``2026-11-22 07:11:23.414179 +0000``.

    Date and time may be joined by ``T`` or a blank; fraction and zone may be missing. Of Java dates, such as
    ``Fri Apr 20 13:46:03 UTC 2012``, only the zones UTC and GMT are known: the others are ambiguous.

    Returns
    -------
    datetime or None
        With a zone only where the stamp has one; None where it is no time stamp or from before 1900.
    """
    return _parse(stamp) if isinstance(stamp, str) else None


@lru_cache(maxsize=8)  # as several rules read the same stamp
def _parse(stamp: str) -> datetime | None:
    match = _STAMP.fullmatch(stamp)
    if match is None:
        java = _JAVA.fullmatch(stamp)
        if java is None or java[1] not in _MONTHS:
            return None
        zone = "Z" if java[4] in ("UTC", "GMT", "Z") else ""
        return _parse(f"{java[5]}-{_MONTHS.index(java[1]) + 1:02}-{java[2]} {java[3]}{zone}")
    date, time, fraction, zone = match.groups()
    if not _FIRST_YEAR <= int(date[:4]) < MAXYEAR:
        return None
    try:
        return datetime.fromisoformat(
            f"{date.replace('/', '-')}T{time}.{(fraction or '0').ljust(6, '0')}{zone or ''}"
        )
    except ValueError:
        return None


def first_with_zone(stamps: Iterable[datetime | None]) -> datetime | None:
    """Return the first time that is known; one that tells its zone goes before others."""
    known = [stamp for stamp in stamps if stamp is not None]
    return next((stamp for stamp in known if stamp.tzinfo), known[0] if known else None)


def seconds(stamp: object, *, zone: bool) -> float:
    """Seconds since 1970-01-01 of a time stamp; NaN where it is none.

    Parameters
    ----------
    stamp
        What the metadata has.
    zone
        Whether to count from midnight UTC, for which the stamp must tell its zone, or else on the clock that
        the stamp shows, for which it must not.
    """
    if stamp is None:
        return UNKNOWN
    time = parse_time(stamp)
    if time is None and stamp:
        _log_once()
    if time is None or zone != (time.tzinfo is not None):
        return UNKNOWN
    return ((time if zone else time.replace(tzinfo=UTC)) - _EPOCH).total_seconds()


@cache
def _log_once() -> None:
    logger.warning("there are time stamps that cannot be read; they are kept as they are")
