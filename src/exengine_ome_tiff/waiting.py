"""Waiting that Ctrl+C can end."""

import time
from collections.abc import Callable
from contextlib import suppress
from threading import Lock, Thread

SLICE_S = 0.1
"""Windows delivers Ctrl+C when a wait is over."""


def interruptibly(call: Callable[[], object]) -> None:
    """Make a call that waits for threads, from which Ctrl+C returns on Windows, too.

    Parameters
    ----------
    call
        Raises nothing; an interrupt leaves it waiting in a thread of its own.
    """
    thread = Thread(target=call, name="waiting", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(SLICE_S)


class News:
    """Threads that wait for a change, and whoever tells them of it.

    Each thread that waits has a lock of its own, which whoever has news releases. No lock is shared: a signal
    handler may raise anywhere, and nothing stays held.
    """

    def __init__(self) -> None:
        self._bells: set[Lock] = set()

    def tell(self) -> None:
        """Wake the threads that wait, after a change that can make their predicates true."""
        for bell in tuple(self._bells):
            with suppress(RuntimeError):  # it was released before, and its thread has not noticed yet
                bell.release()

    def wait_for(self, predicate: Callable[[], bool], timeout_s: float | None = None) -> bool:
        """Wait until a predicate holds, in slices that are short enough for Ctrl+C to be noticed on Windows.

        Parameters
        ----------
        predicate
            What a change can make true.
        timeout_s
            How long to wait; None for as long as it takes.

        Returns
        -------
        bool
            Whether the predicate holds.
        """
        until_s = None if timeout_s is None else time.monotonic() + timeout_s
        bell = Lock()
        bell.acquire()
        try:
            self._bells.add(bell)  # before the predicate is asked: whoever changes it rings afterwards
            while not predicate():
                left_s = SLICE_S if until_s is None else min(SLICE_S, until_s - time.monotonic())
                if left_s <= 0:
                    return predicate()
                bell.acquire(timeout=left_s)
            return True
        finally:
            self._bells.discard(bell)
