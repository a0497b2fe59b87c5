"""Errors that nobody may have seen: ExEngine's thread dies silently when `put` raises."""

import errno
import json
import logging
import os
import threading
from collections.abc import Callable
from copy import copy
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates.keys import Coordinates, place_text
from exengine_ome_tiff.dataset.records import to_json
from exengine_ome_tiff.text_format import error_text

logger = logging.getLogger(__name__)

OnError = Literal["raise", "collect"]

_NO_ROOM = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


class PutErrors:
    """Remembers errors of `put` until the user is sure to see them.

    A thread that continues after an error has handled it. The error of a thread that has ended is remembered,
    unless the thread put another frame after it.

    Parameters
    ----------
    policy
        "raise" to raise errors in `put`, "collect" to log them and return.
    """

    def __init__(self, policy: OnError) -> None:
        self.is_collecting = policy == "collect"
        self._collected: list[Exception] = []
        self._raised: dict[threading.Thread, Exception] = {}
        self._lock = threading.RLock()  # a signal handler may interrupt
        self._second: list[tuple[Coordinates, npt.NDArray[Any], object]] = []
        """Frames for which the disk had no room, to be put again."""

    def remember(self, error: Exception, coordinates: str) -> None:
        """Remember an error, and log it if it is not raised."""
        # without its traceback, which keeps the frame in memory (and tblib makes `copy` copy it)
        remembered = copy(error).with_traceback(None)
        remembered.__cause__ = remembered.__context__ = None
        if self.is_collecting:
            self._collected.append(remembered)
            message = "could not store the frame at %s: %s (error %d so far)"
            logger.error(message, coordinates, error_text(error), len(self._collected))
        else:
            self._raised.setdefault(threading.current_thread(), remembered)

    def keep(self, coordinates: Coordinates, data: npt.ArrayLike, metadata: object) -> None:
        """Keep a copy of a frame for which the disk had no room."""
        frame = dict(coordinates), np.array(data), json.loads(to_json(metadata)[0])
        with self._lock:
            self._second.append(frame)
        logger.warning("no disk space for the frame at %s; it will be retried once", place_text(frame[0]))

    def try_again(self, put: Callable[[Coordinates, npt.NDArray[Any], object], None]) -> None:
        """Put the kept frames again; they are lost if there is still no room."""
        while self._second:
            with self._lock:
                if not self._second:
                    return
                frame = self._second.pop(0)
            try:
                put(*frame)
            except (OSError, RuntimeError) as error:  # RuntimeError if another thread has just finished
                self.remember(error, place_text(frame[0]))

    def _give_up(self) -> None:
        """Count the kept frames as errors, because nobody will put them again."""
        with self._lock:
            frames, self._second = self._second, []
        for coordinates, _, _ in frames:
            error = OSError(
                errno.ENOSPC, f"{os.strerror(errno.ENOSPC)}, for the frame at {place_text(coordinates)}"
            )
            self.remember(error, place_text(coordinates))

    def survived(self) -> None:
        """Forget the errors of this thread, because it continues."""
        if self._raised:
            self._raised.pop(threading.current_thread(), None)

    def log_remembered(self) -> None:
        """Log and forget the remembered errors, because another error is being raised."""
        self.survived()
        self._give_up()
        for error in (*self._collected, *self._of_ended_threads()):
            logger.error("earlier error: %s", error_text(error))
        self._collected, self._raised = [], {}

    def raise_remembered(self) -> None:
        """Raise the remembered errors once: all collected ones, or the first one of an ended thread."""
        self._give_up()
        collected, self._collected = self._collected, []
        raised, self._raised = self._of_ended_threads(), {}
        if collected:
            raise ExceptionGroup(f"{len(collected)} frames could not be stored", collected)
        for error in raised:
            raise error

    def _of_ended_threads(self) -> list[Exception]:
        own = threading.current_thread()  # alive, whatever an interrupt in `threading` did to it
        return [
            error for thread, error in self._raised.items() if thread is not own and not thread.is_alive()
        ]


def is_no_room(error: Exception) -> bool:
    """Whether an error means that the disk or a quota is full, or the file too large."""
    return isinstance(error, OSError) and error.errno in _NO_ROOM
