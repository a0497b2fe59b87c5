"""Telling of errors that leave everything as it is and may stay for hours."""

import logging
import time

logger = logging.getLogger(__name__)

_TELL_AGAIN_S = 60.0
"""How long the log says nothing more about an error that stays."""
_MOST_TOLD = 100
"""How many kinds of errors are told."""


class ErrorLog:
    """Logs each kind of error once a minute.

    Parameters
    ----------
    name
        Of the dataset.
    what
        What could not be done.
    """

    def __init__(self, name: str, what: str) -> None:
        self._name = name
        self._what = what
        self._told_s: dict[str, float] = {}
        """When the log told each kind of error."""

    def tell(self, error: Exception) -> None:
        """Log an error: once a minute where it stays."""
        kind, now_s = f"{type(error).__name__} {getattr(error, 'errno', '')}", time.monotonic()
        is_known = kind in self._told_s
        if (is_known and now_s - self._told_s[kind] < _TELL_AGAIN_S) or len(self._told_s) >= _MOST_TOLD:
            return
        self._told_s[kind] = now_s
        what = f"{type(error).__name__}: {error}"
        logger.error("%s: %s: %s; it is tried again", self._name, self._what, what)
