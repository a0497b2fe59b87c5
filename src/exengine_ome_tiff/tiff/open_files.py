"""How many of a dataset's files are open at a time."""

import os
import sys
import threading
from collections import OrderedDict
from typing import Protocol

_WINDOWS_HANDLES = 512
_SHARE = 8


class Releasable(Protocol):
    """Has a file that it can close, and open again when it needs it."""

    def release(self) -> None:
        """Close the file."""
        ...


class OpenFiles:
    """Has the files closed that were used least recently, where there are too many.

    Parameters
    ----------
    limit
        Files that may be open; by default an eighth of what the process may have.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._limit = max(4, _handles_of_process() // _SHARE) if limit is None else limit
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._recent: Releasable | None = None
        """What was used last."""
        self._used: OrderedDict[Releasable, None] = OrderedDict()

    def use(self, owner: Releasable) -> None:
        """Tell that a file is about to be used; the caller must hold no lock that a `release` needs."""
        if self._process != os.getpid():
            self._process, self._lock, self._recent = os.getpid(), threading.Lock(), None
            self._used.clear()
        if owner is self._recent:
            return
        with self._lock:
            self._used[owner] = None
            self._used.move_to_end(owner)
            self._recent = owner
            surplus = [self._used.popitem(last=False)[0] for _ in range(len(self._used) - self._limit)]
        for released in surplus:
            released.release()

    def forget(self, owner: Releasable) -> None:
        """Tell that a file was closed for good."""
        with self._lock:
            self._used.pop(owner, None)
            self._recent = None


def _handles_of_process() -> int:
    """Return how many files this process may have open."""
    if sys.platform == "win32":
        return _WINDOWS_HANDLES
    import resource

    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
