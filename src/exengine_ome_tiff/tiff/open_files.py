"""How many files this process keeps open: one bound for all datasets."""

import os
import sys
import threading
from collections import OrderedDict
from collections.abc import Container
from pathlib import Path
from typing import Protocol

_WINDOWS_HANDLES = 512
_SHARE = 8
_FEWEST, _MOST = 4, 4096


class Releasable(Protocol):
    """Has a file that it can close, and open again when it needs it."""

    @property
    def path(self) -> Path:
        """Of the file."""
        ...

    def release(self) -> None:
        """Close the file."""
        ...


class OpenFiles:
    """Has the files closed that were used least recently, where there are too many.

    The lock is reentrant, as a signal handler or a finalizer may use a file at any moment.

    Parameters
    ----------
    limit
        Files that may be open; by default an eighth of what the process may have at the time.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._lock = threading.RLock()
        self._recent: Releasable | None = None
        """What was used last."""
        self._used: OrderedDict[Releasable, None] = OrderedDict()

    def use(self, owner: Releasable) -> None:
        """Note that a file was used, and close those that are too many."""
        if owner is self._recent:
            return
        surplus = []
        with self._lock:
            is_new = owner not in self._used
            self._used[owner] = None
            self._used.move_to_end(owner)
            self._recent = owner
            limit = self._bound() if is_new else len(self._used)
            while len(self._used) > limit:
                surplus.append(self._used.popitem(last=False)[0])
        for released in surplus:
            released.release()

    def forget(self, owner: Releasable) -> None:
        """Note that a file was closed for good."""
        with self._lock:
            self._used.pop(owner, None)
            self._recent = None

    def release(self, paths: Container[Path]) -> None:
        """Close the files at some paths, which their owners open again when they need them."""
        with self._lock:
            owners = [owner for owner in self._used if owner.path in paths]
        for owner in owners:
            owner.release()

    def _bound(self) -> int:
        return _share_of_process() if self._limit is None else self._limit

    def renew_lock(self) -> None:
        """Replace the lock in a forked child, where the thread that held it does not exist."""
        self._lock = threading.RLock()


def _share_of_process() -> int:
    """Return how many of the files that this process may open are for this package."""
    if sys.platform == "win32":
        return _WINDOWS_HANDLES // _SHARE
    import resource

    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY:
        return _MOST
    return max(_FEWEST, min(_MOST, limit // _SHARE))


OPEN_FILES = OpenFiles()
"""Those of this process."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=OPEN_FILES.renew_lock)
