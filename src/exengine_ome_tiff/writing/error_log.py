"""Logging of errors that repeat, perhaps for hours."""

import logging
import time

logger = logging.getLogger(__name__)

_REPEAT_S = 60.0
"""Minimum time between messages about the same error."""
_MOST_LOGGED = 100
"""Maximum number of kinds of errors that are logged."""


class ErrorLog:
    """Logs each kind of error once a minute.

    Parameters
    ----------
    name
        Name of the dataset.
    what
        Description of the failed action.
    """

    def __init__(self, name: str, what: str) -> None:
        self._name = name
        self._what = what
        self._logged_s: dict[str, float] = {}
        """Time of the last message about each kind of error."""

    def log(self, error: Exception) -> None:
        """Log an error, at most once a minute if it repeats."""
        kind, now_s = f"{type(error).__name__} {getattr(error, 'errno', '')}", time.monotonic()
        is_known = kind in self._logged_s
        if (is_known and now_s - self._logged_s[kind] < _REPEAT_S) or len(self._logged_s) >= _MOST_LOGGED:
            return
        self._logged_s[kind] = now_s
        what = f"{type(error).__name__}: {error}"
        logger.error("%s: %s: %s; retrying", self._name, self._what, what)
