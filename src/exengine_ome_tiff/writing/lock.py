"""A lock file, so that only one storage at a time changes a dataset, also across processes."""

import errno
import logging
import os
import secrets
import sys
import time
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
"""Offset of the locked byte on Windows, after the end of any file, because locked bytes cannot be read."""
_DENIES_DELETED = os.name == "nt"
"""Whether a file that was just deleted denies access until other processes have closed it."""
_DENIED = errno.EPERM
"""No permission to create or to open the lock file, which says nothing about other processes."""
_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
_MARK_BYTES = 16
_UNLOCKED = "%s cannot be locked, so other processes could write to the dataset at the same time: %s"
_MOST_TRIES, _PAUSE_S = 50, 0.01
"""How often to retry if another process deletes the file just before it is locked."""


class Lock:
    """Holds a lock file until the process ends, or until `release`, which deletes the file.

    The operating system releases the lock when the process ends, even if it is killed; a remaining file does
    no harm. Some network file systems do not support locks. Then there is no lock, and a warning is logged.
    A read-only disk has no lock either, and needs none. A read-only folder has none, with the same warning.

    Parameters
    ----------
    path
        The lock file, which has no other purpose; created if it is missing.

    Raises
    ------
    BlockingIOError
        Another storage holds it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: FileIO | None = None
        if path.is_symlink():
            path.unlink()  # or the target of the link would be created
        for tries_left in reversed(range(_MOST_TRIES)):
            try:
                if self._try():
                    return
            except OSError as error:
                if error.errno in _TAKEN:
                    raise BlockingIOError(error.errno, "held by another TiffStorage", str(path)) from error
                if not (tries_left and _DENIES_DELETED and error.errno == _DENIED):
                    if error.errno != errno.EROFS:  # nobody writes to a read-only disk
                        logger.warning(_UNLOCKED, path, error)
                    return
            time.sleep(_PAUSE_S)
        raise BlockingIOError(errno.EAGAIN, "other TiffStorage instances keep taking it", str(path))

    def _try(self) -> bool:
        """Lock the file; return whether it is still at its path afterwards."""
        file = _opened(self._path)
        if file is None:
            return False
        try:
            _lock(file)
            is_there = _is_at(file, self._path)
        except OSError as error:
            file.close()
            if error.errno not in _TAKEN:
                with suppress(OSError):
                    self._path.unlink()
            raise
        if not is_there:
            file.close()
            return False
        self._file = file
        _held.add(self)
        return True

    def follow(self, folder: Path) -> None:
        """Update the path after the folder of the file was moved."""
        self._path = folder / self._path.name

    def release(self) -> None:
        """Delete the file and release the lock."""
        if self._file is None:
            return
        if os.name != "nt":
            with suppress(OSError):  # a remaining file does no harm
                self._path.unlink()  # before another process can lock it
        self.close()
        if os.name == "nt":
            with suppress(OSError):  # another process has locked it
                self._path.unlink()

    def close(self) -> None:
        """Close the file; after a fork, the parent process keeps the lock."""
        file, self._file = self._file, None
        if file is not None:
            file.close()


_held: weakref.WeakSet[Lock] = weakref.WeakSet()


def _opened(path: Path) -> FileIO | None:
    """Open a lock file; None if Windows is about to delete it, OSError with `_DENIED` without permission."""
    try:
        return path.open("a+b", buffering=0)
    except PermissionError as error:
        try:
            return path.open("rb", buffering=0)  # of another user, whose process may have ended
        except FileNotFoundError:
            raise OSError(_DENIED, "cannot create a lock file", str(path)) from error
        except PermissionError:
            if _DENIES_DELETED:
                return None
            raise OSError(_DENIED, "cannot open the lock file", str(path)) from error


def _is_at(file: FileIO, path: Path) -> bool:
    """Whether a file is still at its path; another process may have deleted or replaced it."""
    try:
        if os.path.samestat(os.fstat(file.fileno()), path.stat()):
            return True
        if not file.writable():
            return False
        # on a network file system the number of a file may change: compare the contents
        mark = secrets.token_bytes(_MARK_BYTES)
        file.write(mark)
        return path.read_bytes()[-_MARK_BYTES:] == mark
    except FileNotFoundError:
        return False
    except PermissionError:
        return True  # a lock prevents reading, and also replacing the file


def _lock(file: FileIO) -> None:
    if sys.platform == "win32":
        file.seek(_LOCKED_AT)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        file.seek(0)
    else:
        # not lockf(): its lock ends when the process closes any descriptor of the file
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


def _release_in_child() -> None:
    """Close inherited files in a forked process; the parent process keeps the locks."""
    for lock in list(_held):
        lock.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_release_in_child)
