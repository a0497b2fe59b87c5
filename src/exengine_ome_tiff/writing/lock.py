"""Making sure that one storage at a time writes a dataset, also across processes."""

import errno
import logging
import os
import sys
import weakref
from contextlib import suppress
from io import FileIO
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

logger = logging.getLogger(__name__)

_LOCKED_AT = (1 << 62) - 1
"""Byte that is locked on Windows, where nobody can read a locked byte: behind the end of any file."""
_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


class Lock:
    """Holds a file, as long as this process lives or until `release`; nothing is written to it.

    The operating system forgets the lock when the process ends, however it does. Where the file system knows
    no locks, as some network ones, there is none, with a line in the log.

    Parameters
    ----------
    path
        The file, which exists.
    is_own
        Whether the file is there for the lock alone, and goes with it.

    Raises
    ------
    BlockingIOError
        Somebody else holds it.
    """

    def __init__(self, path: Path, *, is_own: bool = False) -> None:
        self._path = path if is_own else None
        self._file: FileIO | None = None
        while self._file is None:
            self._file = path.open("a+b" if is_own else "r+b", buffering=0)
            try:
                _lock(self._file)
            except OSError as error:
                self.close()
                if error.errno in _TAKEN:
                    raise BlockingIOError(error.errno, "held by another TiffStorage", str(path)) from error
                logger.warning("%s cannot be locked: nothing keeps others from writing it: %s", path, error)
                return
            if not _is_at(self._file, path):  # somebody deleted it before it was locked
                self.close()
        _held.add(self)

    def release(self) -> None:
        """Let go of the file."""
        if self._file is None:
            return
        if self._path is not None and os.name != "nt":
            self._path.unlink(missing_ok=True)  # before somebody else can hold it
        self.close()
        if self._path is not None and os.name == "nt":
            with suppress(PermissionError):  # somebody else holds it by now
                self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file; where this process shares it with the one it was forked from, that one holds it."""
        file, self._file = self._file, None
        if file is not None:
            file.close()


_held: weakref.WeakSet[Lock] = weakref.WeakSet()


def _is_at(file: FileIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _lock(file: FileIO) -> None:
    if sys.platform == "win32":
        file.seek(_LOCKED_AT)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        file.seek(0)
    else:
        # not lockf(), whose lock ends when the process closes the file anywhere
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


def _release_in_child() -> None:
    """Close the files that a forked process got from its parent, which alone holds them."""
    for lock in list(_held):
        lock.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_release_in_child)
