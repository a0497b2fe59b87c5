"""Waiting that Ctrl+C can end."""

import threading
import time
from collections.abc import Callable

_SLICE_S = 0.1
"""Windows delivers Ctrl+C when a wait is over."""


def wait_in_slices(
    condition: threading.Condition, predicate: Callable[[], bool], timeout_s: float | None = None
) -> bool:
    """Wait, as `Condition.wait_for`, in slices that are short enough for Ctrl+C to be noticed on Windows."""
    until_s = None if timeout_s is None else time.monotonic() + timeout_s
    while not predicate():
        left_s = _SLICE_S if until_s is None else min(_SLICE_S, until_s - time.monotonic())
        if left_s <= 0:
            return predicate()
        condition.wait(left_s)
    return True
