"""Writing frames that have waited for some time."""

import threading
import time
from collections.abc import Callable

from exengine_ome_tiff.writing.error_log import ErrorLog
from exengine_ome_tiff.writing.worker import Worker

IDLE_S = 0.25
"""How long a frame waits at most before it is written."""


class Flusher(Worker):
    """Writes waiting frames in a thread of its own, which starts with the first frame that waits.

    Any error leaves the frames waiting: the flusher tries again, the next `put` meets the error, and `finish`
    tries once more.

    Parameters
    ----------
    name
        Of the dataset, for the log.
    lock
        The recorder's; held while frames are written.
    flush
        Writes all frames that wait.
    """

    def __init__(self, name: str, lock: threading.RLock, flush: Callable[[], None]) -> None:
        super().__init__("TiffStorage flush")
        self._lock = lock
        self._flush = flush
        self._since_s: float | None = None
        """When the frame came that has waited longest."""
        self._errors = ErrorLog(name, "could not write waiting frames")

    @property
    def is_idle(self) -> bool:
        """Whether no frame is known to wait."""
        return self._since_s is None

    def begin(self, now_s: float) -> None:
        """Note, while the lock is held, that a frame waits."""
        self.start()
        self._since_s = now_s

    def forget(self) -> None:
        """Note, while the lock is held, that no frame waits any more."""
        self._since_s = None

    def _ended(self) -> None:
        super()._ended()
        self._since_s = None  # the next frame that waits starts another thread

    def _work(self) -> None:
        error = self._flush_when_due()
        if error is not None:
            self._errors.tell(error)  # while the lock is not held, as somebody's handler may need it

    def _flush_when_due(self) -> Exception | None:
        """Write what has waited long enough, or wait until something may have; return what went wrong."""
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
        except Exception as error:  # noqa: BLE001 - frames that come later need the thread, too
            self._since_s = time.monotonic()
            return error
        finally:
            self._lock.release()
        return None
