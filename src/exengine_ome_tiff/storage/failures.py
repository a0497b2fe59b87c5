"""Errors that nobody may have seen: ExEngine's thread dies silently when `put` raises."""

import logging
import threading
from typing import Literal, get_args

logger = logging.getLogger(__name__)

OnError = Literal["raise", "defer"]


class Failures:
    """Remembers what `put` raised until somebody is sure to be told.

    An error is forgotten when the thread that met it puts another frame: whoever called has lived through it.

    Parameters
    ----------
    policy
        "raise" to raise at the `put` that met it, "defer" to log it and let `put` return.
    """

    def __init__(self, policy: OnError) -> None:
        if policy not in get_args(OnError):
            raise ValueError(f"got on_error={policy!r}, expected one of {get_args(OnError)}")
        self.is_deferring = policy == "defer"
        self._deferred: list[Exception] = []
        self._raised: dict[threading.Thread, Exception] = {}

    def meet(self, error: Exception) -> None:
        """Remember an error, logging it where it is not raised."""
        if self.is_deferring:
            self._deferred.append(error)
            logger.error("frame %d was lost: %s", len(self._deferred), error, exc_info=error)
        else:
            self._raised.setdefault(threading.current_thread(), error)

    def survived(self) -> None:
        """Forget what this thread met: it goes on putting frames."""
        if self._raised:
            self._raised.pop(threading.current_thread(), None)

    def forget(self, error: BaseException | None) -> None:
        """Forget an error that is on its way to the caller."""
        self._raised = {thread: raised for thread, raised in self._raised.items() if raised is not error}

    def log_remembered(self) -> None:
        """Log what is remembered, because another error is on its way to the caller, and forget it."""
        for error in (*self._deferred, *self._raised.values()):
            logger.error("remembered while another error is raised: %s", error, exc_info=error)
        self._deferred, self._raised = [], {}

    def raise_remembered(self) -> None:
        """Raise what is remembered, once: all deferred errors as a group, or the first that was raised."""
        deferred, self._deferred = self._deferred, []
        raised, self._raised = self._raised, {}
        if deferred:
            raise ExceptionGroup(f"{len(deferred)} frames could not be stored", deferred)
        for error in raised.values():
            raise error
