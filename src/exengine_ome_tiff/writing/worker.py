"""A background thread of a recorder."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue

_JOIN_S = 1.0
_PAUSE_S = 0.002


class Worker(ABC):
    """Repeats a task in its own thread.

    A signal may raise an exception between any two instructions of the calling thread. The methods of
    `Condition` and `Event` are Python code, which would then leave their lock held. A worker therefore has a
    queue, whose `put` is a single call. All waits are limited, so the thread ends even if a signal prevents
    that call.

    Parameters
    ----------
    thread_name
        Shown by debuggers.
    """

    is_for_runs = False
    """Whether it starts with the first frame."""

    def __init__(self, thread_name: str) -> None:
        self._thread_name = thread_name
        self._wake: SimpleQueue[None] = SimpleQueue()
        """Gets an item when the thread should end; independent of the recorder's lock."""
        self._thread: threading.Thread | None = None
        """The current thread; any other one ends."""
        self._is_running = False
        self._is_stopped = False
        self._then: Callable[[], None] | None = None

    def start(self) -> None:
        """Start the thread unless it is running; the recorder's lock must be held."""
        if self._is_running:
            return
        # a signal handler may raise while a thread starts: then the next call starts another one
        self._thread = threading.Thread(target=self._run, name=self._thread_name, daemon=True)
        self._thread.start()
        self._is_running = True

    def stop(self, then: Callable[[], None] | None = None) -> None:
        """Ask the thread to end; it calls `then` before it ends."""
        self._then = then
        self._is_stopped = True
        self._wake.put(None)

    def join(self) -> None:
        """Wait until the thread has ended, after `stop`."""
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return
        # a signal handler may call `close` during a join, and a second join would not return
        while thread.is_alive() and thread is self._thread:
            time.sleep(_PAUSE_S)
        if thread.is_alive():
            thread.join(_JOIN_S)

    def is_current_thread(self) -> bool:
        """Whether the caller is the worker's thread."""
        return threading.current_thread() is self._thread

    @abstractmethod
    def _work(self) -> None:
        """Do the work that is due, or wait for it."""

    def _ended(self) -> None:
        """Note that the thread has ended; `start` starts another one."""
        self._is_running = False

    def _wait(self, timeout_s: float) -> None:
        """Wait, at most until `stop`."""
        with suppress(Empty):
            self._wake.get(timeout=timeout_s)

    def _run(self) -> None:
        try:
            while not self._is_stopped and self.is_current_thread():
                self._work()
        finally:
            self._wake.put(None)  # for the other thread, if there are two
            is_wanted = self.is_current_thread()
            if is_wanted:
                self._thread = None
                self._ended()
        if is_wanted and self._then is not None:
            self._then()


class Workers:
    """The workers of a recorder."""

    def __init__(self, *workers: Worker) -> None:
        self._workers = workers
        self.have_begun = False
        """Whether workers that start with the first frame have started."""

    def begin(self) -> None:
        """Start workers with the first frame; the recorder's lock must be held."""
        for worker in self._workers:
            if worker.is_for_runs:
                worker.start()
        self.have_begun = True

    def stop(self) -> None:
        """Ask all threads to end."""
        for worker in self._workers:
            worker.stop()

    def join(self) -> None:
        """Wait until all threads have ended, after `stop`."""
        for worker in self._workers:
            worker.join()

    def hand_over(self, then: Callable[[], None]) -> bool:
        """If the caller is a worker's thread, make it call `then` at its end; return whether it is."""
        for worker in self._workers:
            if worker.is_current_thread():
                worker.stop(then=then)  # the garbage collector ran during its work
                return True
        return False
