"""Making sure that one storage at a time changes a dataset, also across processes."""

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
"""Byte that is locked on Windows, where nobody can read a locked byte: after the end of any file."""
_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
_MARK_BYTES = 16
_MOST_TRIES, _PAUSE_S = 50, 0.01
"""How often to try again where others delete the file just before it is locked."""


class Lock:
    """Holds a lock file as long as this process lives, or until `release`, which deletes the file.

    The operating system forgets the lock when the process ends, however it does; a file that is left is in
    nobody's way. Where a file system knows no locks, as some network ones, there is none, with a line in the
    log.

    Parameters
    ----------
    path
        The file, which is there for the lock alone; made where it is missing.

    Raises
    ------
    BlockingIOError
        Somebody else holds it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: FileIO | None = None
        if path.is_symlink():
            path.unlink()  # or a file would be made where the link leads
        for _ in range(_MOST_TRIES):
            try:
                if self._try():
                    return
            except OSError as error:
                if error.errno in _TAKEN:
                    raise BlockingIOError(error.errno, "held by another TiffStorage", str(path)) from error
                logger.warning("%s cannot be locked: other processes may write it, too: %s", path, error)
                return
            time.sleep(_PAUSE_S)
        raise BlockingIOError(errno.EAGAIN, "taken by one TiffStorage after another", str(path))

    def _try(self) -> bool:
        """Lock the file; return whether it still is at its path then."""
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
        """Take note that the file was moved to another folder, with the folder that it was in."""
        self._path = folder / self._path.name

    def release(self) -> None:
        """Delete the file and let go of it."""
        if self._file is None:
            return
        if os.name != "nt":
            with suppress(OSError):  # it is in nobody's way
                self._path.unlink()  # before somebody else can hold it
        self.close()
        if os.name == "nt":
            with suppress(OSError):  # somebody else holds it by now
                self._path.unlink()

    def close(self) -> None:
        """Close the file; where this process shares it with the one it was forked from, that one holds it."""
        file, self._file = self._file, None
        if file is not None:
            file.close()


_held: weakref.WeakSet[Lock] = weakref.WeakSet()


def _opened(path: Path) -> FileIO | None:
    """Open a lock file; None if Windows is about to delete it."""
    try:
        return path.open("a+b", buffering=0)
    except PermissionError as error:
        if os.name == "nt":
            return None
        if not path.exists():
            raise OSError(errno.EROFS, "no lock file can be created there", str(path)) from error
        return path.open("rb", buffering=0)  # that of another user, who may have ended


def _is_at(file: FileIO, path: Path) -> bool:
    """Whether a file is at a path, where others may have deleted it, and made another one, meanwhile."""
    try:
        if os.path.samestat(os.fstat(file.fileno()), path.stat()):
            return True
        if not file.writable():
            return False
        # a network file system may number the same file otherwise each time: what is in it tells, then
        mark = secrets.token_bytes(_MARK_BYTES)
        file.write(mark)
        return path.read_bytes()[-_MARK_BYTES:] == mark
    except FileNotFoundError:
        return False
    except PermissionError:
        return True  # locks keep others from reading there, and from replacing the file


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
