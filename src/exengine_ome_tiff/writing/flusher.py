"""A thread that writes waiting frames after a short time."""

import threading
import time
from collections.abc import Callable

from exengine_ome_tiff.writing.error_log import ErrorLog
from exengine_ome_tiff.writing.worker import Worker

IDLE_S = 0.25
"""Maximum time that a frame waits before it is written."""


class Flusher(Worker):
    """Writes waiting frames in its own thread, which starts with the first waiting frame.

    After an error the frames keep waiting: the flusher retries, and so do the next `put`, which raises the
    error, and `finish`.

    Parameters
    ----------
    name
        Name of the dataset, for the log.
    lock
        The recorder's lock, held while frames are written.
    flush
        Writes all waiting frames.
    """

    def __init__(self, name: str, lock: threading.RLock, flush: Callable[[], None]) -> None:
        super().__init__("TiffStorage flush")
        self._lock = lock
        self._flush = flush
        self._since_s: float | None = None
        """Time of the frame that has waited longest."""
        self._errors = ErrorLog(name, "could not write waiting frames")

    @property
    def is_idle(self) -> bool:
        """Whether no frame is known to wait."""
        return self._since_s is None

    def begin(self, now_s: float) -> None:
        """Note that a frame waits; the lock must be held."""
        self.start()
        self._since_s = now_s

    def forget(self) -> None:
        """Note that no frame waits; the lock must be held."""
        self._since_s = None

    def _ended(self) -> None:
        super()._ended()
        self._since_s = None  # the next frame that waits starts another thread

    def _work(self) -> None:
        error = self._flush_when_due()
        if error is not None:
            self._errors.log(error)  # without the lock, because a log handler may need it

    def _flush_when_due(self) -> Exception | None:
        """Write frames that are due, or wait until they may be; return the error, if any."""
        since_s = self._since_s
        rest_s = IDLE_S if since_s is None else since_s + IDLE_S - time.monotonic()
        if rest_s > 0:
            self._wait(rest_s)
            return None
        if not self._lock.acquire(timeout=IDLE_S):
            return None
        try:
            if not self._is_stopped:
                self._flush()
        except Exception as error:  # noqa: BLE001 - later frames need the thread, too
            self._since_s = time.monotonic()
            return error
        finally:
            self._lock.release()
        return None
