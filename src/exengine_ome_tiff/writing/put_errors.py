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

from exengine_ome_tiff.coordinates import Coordinates, place_text
from exengine_ome_tiff.dataset.records import to_json
from exengine_ome_tiff.text_format import error_text

logger = logging.getLogger(__name__)

OnError = Literal["raise", "collect"]

_NO_ROOM = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


class PutErrors:
    """Remembers what `put` raised until somebody is sure to be told.

    That is whoever catches it: a thread that lives on has done so. The error of a thread that has ended is
    remembered, unless the thread put another frame before.

    Parameters
    ----------
    policy
        "raise" to raise at the `put` that met it, "collect" to log it and let `put` return.
    """

    def __init__(self, policy: OnError) -> None:
        self.is_collecting = policy == "collect"
        self._collected: list[Exception] = []
        self._raised: dict[threading.Thread, Exception] = {}
        self._lock = threading.RLock()  # a signal handler may come in
        self._second: list[tuple[Coordinates, npt.NDArray[Any], object]] = []
        """Frames for which there was no room, to be tried once more."""

    def meet(self, error: Exception, coordinates: str) -> None:
        """Remember an error, logging it where it is not raised."""
        # without its traceback, which would keep the frame in memory, and which tblib makes `copy` copy
        remembered = copy(error).with_traceback(None)
        remembered.__cause__ = remembered.__context__ = None
        if self.is_collecting:
            self._collected.append(remembered)
            message = "could not store the frame at %s: %s (error %d so far)"
            logger.error(message, coordinates, error_text(error), len(self._collected))
        else:
            self._raised.setdefault(threading.current_thread(), remembered)

    def keep(self, coordinates: Coordinates, data: npt.ArrayLike, metadata: object) -> None:
        """Keep a copy of a frame for which there was no room."""
        frame = dict(coordinates), np.array(data), json.loads(to_json(metadata)[0])
        with self._lock:
            self._second.append(frame)
        logger.warning("no room for the frame at %s, will be tried once more", place_text(frame[0]))

    def try_again(self, put: Callable[[Coordinates, npt.NDArray[Any], object], None]) -> None:
        """Put the frames that were kept; those for which there still is no room are lost."""
        while self._second:
            with self._lock:
                if not self._second:
                    return
                frame = self._second.pop(0)
            try:
                put(*frame)
            except (OSError, RuntimeError) as error:  # the latter where another thread has finished meanwhile
                self.meet(error, place_text(frame[0]))

    def _give_up(self) -> None:
        """Count frames that were to be tried once more, when nobody will any more."""
        with self._lock:
            frames, self._second = self._second, []
        for coordinates, _, _ in frames:
            error = OSError(
                errno.ENOSPC, f"{os.strerror(errno.ENOSPC)}, for the frame at {place_text(coordinates)}"
            )
            self.meet(error, place_text(coordinates))

    def survived(self) -> None:
        """Forget what this thread met: it continues."""
        if self._raised:
            self._raised.pop(threading.current_thread(), None)

    def log_remembered(self) -> None:
        """Log what is remembered, because another error is on its way to the caller, and forget it."""
        self.survived()
        self._give_up()
        for error in (*self._collected, *self._of_ended_threads()):
            logger.error("earlier error: %s", error_text(error))
        self._collected, self._raised = [], {}

    def raise_remembered(self) -> None:
        """Raise what is remembered, once: all collected errors, or the first one that an ended thread met."""
        self._give_up()
        collected, self._collected = self._collected, []
        raised, self._raised = self._of_ended_threads(), {}
        if collected:
            raise ExceptionGroup(f"{len(collected)} frames could not be stored", collected)
        for error in raised:
            raise error

    def _of_ended_threads(self) -> list[Exception]:
        own = threading.current_thread()  # lives, whatever an interrupt inside `threading` has left of it
        return [
            error for thread, error in self._raised.items() if thread is not own and not thread.is_alive()
        ]


def is_no_room(error: Exception) -> bool:
    """Whether an error says that there is no room on the disk, or for the file or its owner."""
    return isinstance(error, OSError) and error.errno in _NO_ROOM
