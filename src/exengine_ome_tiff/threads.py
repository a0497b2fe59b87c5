"""Work that several threads share."""

import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import pairwise
from queue import Empty, SimpleQueue
from typing import TypeAlias, TypeVar

T = TypeVar("T")

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
"""Number of cores that this process may use; found once, because `os.cpu_count` reads files."""
_IDLE_S = 1.0
"""A helper without work ends after this time."""
_SHARES_PER_CORE = 16
"""Shares are small, so that all cores finish at about the same time."""

_Shares: TypeAlias = "deque[Callable[[], None]]"
_Ends: TypeAlias = "SimpleQueue[Exception | None]"
"""Gets an item for each share that has ended: its error, or None."""


def workers() -> int:
    """Return how many threads may work at a time: one for each core."""
    is_ending = not threading.main_thread().is_alive()  # no thread can be started any more
    return 1 if is_ending else CORES


def in_shares(work: Callable[[Sequence[T]], None], items: Sequence[T]) -> None:
    """Divide work among the cores, roughly in order; the calling thread does some of it.

    Parameters
    ----------
    work
        Does a share, which is some consecutive `items`. This function raises its first error.
    items
        The work to do.
    """
    cores = workers()
    if min(len(items), cores) < 2:
        work(items)
        return
    count = min(len(items), cores * _SHARES_PER_CORE)
    bounds = (number * len(items) // count for number in range(count + 1))
    shares: _Shares = deque(partial(work, items[start:stop]) for start, stop in pairwise(bounds))
    ends: _Ends = SimpleQueue()
    _helpers.call(min(count, cores) - 1, shares, ends)
    try:
        _do_shares(shares, ends)
        errors = [error for error in (ends.get() for _ in range(count)) if error is not None]
    finally:
        shares.clear()  # nobody begins another share after an exception of a signal handler
    if errors:
        raise errors[0]


def _do_shares(shares: _Shares, ends: _Ends) -> None:
    """Do the shares that no other thread has begun."""
    while True:
        try:
            share = shares.popleft()
        except IndexError:
            return
        try:
            share()
        except Exception as error:  # noqa: BLE001 - the thread that called `in_shares` raises it
            ends.put(error)
        else:
            ends.put(None)


class _Helpers:
    """Threads that do shares for others, and end when nobody has called them for some time.

    Starting a thread and waiting for its end takes 0.1 ms, a tenth of the time that zstd takes for a strip.
    Nobody waits for a helper that has not begun a share. So calls are safe inside shares and at Python's end.
    """

    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[_Shares, _Ends]] = SimpleQueue()
        self._running = set[int]()

    def call(self, count: int, shares: _Shares, ends: _Ends) -> None:
        """Have helpers do shares; fewer of them if the system starts no more threads."""
        with suppress(RuntimeError):
            for _ in range(count - len(self._running)):
                threading.Thread(target=self._run, name="TiffStorage helper", daemon=True).start()
        for _ in range(count):
            self._calls.put((shares, ends))

    def _run(self) -> None:
        self._running.add(threading.get_ident())
        try:
            while True:
                _do_shares(*self._calls.get(timeout=_IDLE_S))
        except Empty:
            pass
        finally:
            self._running.discard(threading.get_ident())


_helpers = _Helpers()


def _forget_helpers() -> None:
    """Start with new helpers in a forked process, which has none of the threads."""
    global _helpers  # noqa: PLW0603 - one for each process
    _helpers = _Helpers()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_helpers)
