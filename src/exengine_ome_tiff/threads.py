"""Work that several threads share."""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def workers() -> int:
    """Return how many threads may work at a time: one for each core."""
    is_ending = not threading.main_thread().is_alive()  # no thread can be started any more
    return 1 if is_ending else os.cpu_count() or 1


def in_shares(work: Callable[[Sequence[T]], None], items: Sequence[T]) -> None:
    """Have each core do a share of some work; this thread does the first one.

    Parameters
    ----------
    work
        Does a share, a part of `items`. What it raises, this raises when all shares have ended.
    items
        What is to be done.
    """
    count = min(len(items), workers())
    if count < 2:
        work(items)
        return
    shares = [items[number::count] for number in range(count)]
    with ThreadPoolExecutor(count - 1) as pool:
        others = [pool.submit(work, share) for share in shares[1:]]
        work(shares[0])
        for each in others:
            each.result()
