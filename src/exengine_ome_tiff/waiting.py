"""Waiting that Ctrl+C can end."""

import time
from collections.abc import Callable
from contextlib import suppress
from threading import Lock, Thread

SLICE_S = 0.1
"""Maximum length of a wait: Windows delivers Ctrl+C only between waits."""


def interruptibly(call: Callable[[], object]) -> None:
    """Make a call that waits for threads, so that Ctrl+C interrupts it on Windows, too.

    Parameters
    ----------
    call
        Raises nothing; after an interrupt it keeps waiting in its own thread.
    """
    thread = Thread(target=call, name="waiting", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(SLICE_S)


class News:
    """Notification of threads that wait for a change.

    Each waiting thread has its own lock, and `tell` releases it. No lock is shared, so none stays held if a
    signal handler raises anywhere.
    """

    def __init__(self) -> None:
        self._bells: set[Lock] = set()

    def tell(self) -> None:
        """Wake the waiting threads after a change that can make their predicates true."""
        for bell in tuple(self._bells):
            with suppress(RuntimeError):  # already released, but its thread has not noticed yet
                bell.release()

    def wait_for(self, predicate: Callable[[], bool], timeout_s: float | None = None) -> bool:
        """Wait until a predicate holds, in slices that are short enough for Ctrl+C to be noticed on Windows.

        Parameters
        ----------
        predicate
            The condition to wait for.
        timeout_s
            Maximum time to wait; None to wait indefinitely.

        Returns
        -------
        bool
            Whether the predicate holds.
        """
        until_s = None if timeout_s is None else time.monotonic() + timeout_s
        bell = Lock()
        bell.acquire()
        try:
            self._bells.add(bell)  # before the first check: `tell` rings after the change
            while not predicate():
                left_s = SLICE_S if until_s is None else min(SLICE_S, until_s - time.monotonic())
                if left_s <= 0:
                    return predicate()
                bell.acquire(timeout=left_s)
            return True
        finally:
            self._bells.discard(bell)
