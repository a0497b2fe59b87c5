"""Writing frames that have waited for some time."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue

from exengine_ome_tiff.writing.error_log import ErrorLog

IDLE_S = 0.25
"""How long a frame waits at most before it is written."""


class Flusher:
    """Writes waiting frames in a thread of its own, which starts with the first frame that waits.

    Any error leaves the frames waiting: the flusher tries again, the next `put` meets the error, and `finish`
    tries once more.

    A signal may raise an exception between any two instructions of the calling thread. The methods of a
    condition or an event are Python code, which then leaves their lock held. So the flusher has a queue,
    whose `put` is one call. It never waits longer than `IDLE_S`, so it ends even if a signal prevents that.

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
        self._lock = lock
        self._wake: SimpleQueue[None] = SimpleQueue()
        """Gets an item when the thread is to end; not the lock, so that it can end whoever holds that."""
        self._flush = flush
        self._thread: threading.Thread | None = None
        """The thread that writes; any other one ends."""
        self._since_s: float | None = None
        """When the frame came that has waited longest."""
        self._is_stopped = False
        self._then: Callable[[], None] | None = None
        self._errors = ErrorLog(name, "could not write frames that wait")

    @property
    def is_idle(self) -> bool:
        """Whether no frame is known to wait."""
        return self._since_s is None

    def begin(self, now_s: float) -> None:
        """Note, while the lock is held, that a frame waits."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="TiffStorage flush", daemon=True)
            self._thread.start()
        self._since_s = now_s

    def forget(self) -> None:
        """Note, while the lock is held, that no frame waits any more."""
        self._since_s = None

    def stop(self, then: Callable[[], None] | None = None) -> None:
        """Write nothing more; the thread ends by itself, and before that does `then`."""
        self._then = then
        self._is_stopped = True
        self._wake.put(None)

    def join(self) -> None:
        """Wait until the thread has ended, after `stop`."""
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return
        while thread.is_alive():
            thread.join(IDLE_S)  # in slices, as Ctrl+C does not interrupt a join without a timeout on Windows

    def is_current_thread(self) -> bool:
        """Whether the flusher's own thread asks."""
        return threading.current_thread() is self._thread

    def _run(self) -> None:
        try:
            while not self._is_stopped and self.is_current_thread():
                error = self._flush_when_due()
                if error is not None:
                    self._errors.tell(error)  # while the lock is not held, as somebody's handler may need it
        finally:
            if self.is_current_thread():
                self._since_s = self._thread = None  # the next frame that waits starts another thread
        if self._then is not None:
            self._then()

    def _flush_when_due(self) -> Exception | None:
        """Write what has waited long enough, or wait until something may have; return what went wrong."""
        since_s = self._since_s
        rest_s = IDLE_S if since_s is None else since_s + IDLE_S - time.monotonic()
        if rest_s > 0:
            with suppress(Empty):
                self._wake.get(timeout=rest_s)
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
