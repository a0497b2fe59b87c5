"""A thread that works for a recorder until it is stopped."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue

_JOIN_S = 1.0
_PAUSE_S = 0.002


class Worker(ABC):
    """Works in a thread of its own.

    A signal may raise an exception between any two instructions of the calling thread. The methods of a
    condition or an event are Python code, which then leaves their lock held. So a worker has a queue, whose
    `put` is one call. It waits for limited times only, so it ends even if a signal prevents that call.

    Parameters
    ----------
    thread_name
        Shown by debuggers.
    """

    is_for_runs = False
    """Whether it starts with the first frame, and nobody else starts it."""

    def __init__(self, thread_name: str) -> None:
        self._thread_name = thread_name
        self._wake: SimpleQueue[None] = SimpleQueue()
        """Gets an item when the thread is to end; not the lock, so that it can end whoever holds that."""
        self._thread: threading.Thread | None = None
        """The thread that works; any other one ends."""
        self._is_running = False
        self._is_stopped = False
        self._then: Callable[[], None] | None = None

    def start(self) -> None:
        """Start the thread, while the recorder's lock is held; nothing happens where it runs."""
        if self._is_running:
            return
        # an exception of a signal handler may come while a thread starts: the next call starts another one
        self._thread = threading.Thread(target=self._run, name=self._thread_name, daemon=True)
        self._thread.start()
        self._is_running = True

    def stop(self, then: Callable[[], None] | None = None) -> None:
        """Begin no more work; the thread ends by itself, and before that does `then`."""
        self._then = then
        self._is_stopped = True
        self._wake.put(None)

    def join(self) -> None:
        """Wait until the thread has ended, after `stop`."""
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return
        # a signal handler that calls `close` may come inside a join, and a second join would not return
        while thread.is_alive() and thread is self._thread:
            time.sleep(_PAUSE_S)
        if thread.is_alive():
            thread.join(_JOIN_S)

    def is_current_thread(self) -> bool:
        """Whether the worker's own thread asks."""
        return threading.current_thread() is self._thread

    @abstractmethod
    def _work(self) -> None:
        """Do what is due now, or wait for it."""

    def _ended(self) -> None:
        """Note that the thread does no more; `start` starts another one."""
        self._is_running = False

    def _wait(self, timeout_s: float) -> None:
        """Wait, and no longer than until `stop`."""
        with suppress(Empty):
            self._wake.get(timeout=timeout_s)

    def _run(self) -> None:
        try:
            while not self._is_stopped and self.is_current_thread():
                self._work()
        finally:
            self._wake.put(None)  # for the other one, where there are two
            is_wanted = self.is_current_thread()
            if is_wanted:
                self._thread = None
                self._ended()
        if is_wanted and self._then is not None:
            self._then()


class Workers:
    """All workers of a recorder."""

    def __init__(self, *workers: Worker) -> None:
        self._workers = workers
        self.have_begun = False
        """Whether those that start with the first frame have."""

    def begin(self) -> None:
        """Note, while the recorder's lock is held, that there is a frame."""
        for worker in self._workers:
            if worker.is_for_runs:
                worker.start()
        self.have_begun = True

    def stop(self) -> None:
        """Begin no more work."""
        for worker in self._workers:
            worker.stop()

    def join(self) -> None:
        """Wait until all threads have ended, after `stop`."""
        for worker in self._workers:
            worker.join()

    def hand_over(self, then: Callable[[], None]) -> bool:
        """Where the thread of a worker asks, have it do something when its work is done; return whether."""
        for worker in self._workers:
            if worker.is_current_thread():
                worker.stop(then=then)  # the collector ran in the middle of that work
                return True
        return False
