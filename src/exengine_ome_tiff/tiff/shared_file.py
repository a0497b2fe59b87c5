"""Files that threads and forked processes share, read and write at offsets; and the limit of open files."""

import errno
import io
import os
import sys
import threading
from collections import OrderedDict
from collections.abc import Container
from io import BufferedReader, FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

from exengine_ome_tiff.tiff import disk

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


_WINDOWS_HANDLES = 512
_SHARE = 8
_FEWEST, _MOST = 4, 4096


class OpenFiles:
    """Closes the least recently used files if too many are open.

    The limit is an eighth of the process's limit. The lock is reentrant, because a signal handler or a
    finalizer may use a file at any moment.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.recent: SharedFile | None = None
        """The file that was used last."""
        self._used: OrderedDict[SharedFile, None] = OrderedDict()

    def use(self, owner: "SharedFile") -> None:
        """Note that a file is used, and close files beyond the limit."""
        surplus = []
        with self._lock:
            is_new = owner not in self._used
            self._used[owner] = None
            self._used.move_to_end(owner)
            self.recent = owner
            limit = _share_of_process() if is_new else len(self._used)
            while len(self._used) > limit:
                surplus.append(self._used.popitem(last=False)[0])
        for released in surplus:
            released.release()

    def forget(self, owner: "SharedFile") -> None:
        """Note that a file is closed permanently."""
        with self._lock:
            self._used.pop(owner, None)
            self.recent = None

    def release(self, paths: Container[Path]) -> None:
        """Close the files at some paths; their owners reopen them when necessary."""
        with self._lock:
            owners = [owner for owner in self._used if owner.path in paths]
        for owner in owners:
            owner.release()

    def renew_lock(self) -> None:
        """Replace the lock in a forked child, in which the thread that held it does not exist."""
        self._lock = threading.RLock()


def _share_of_process() -> int:
    """Return how many open files of this process are available to this package."""
    if sys.platform == "win32":
        return _WINDOWS_HANDLES // _SHARE
    else:  # noqa: RET505 - for mypy, code after an `if` of another platform is unreachable
        import resource

        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if limit == resource.RLIM_INFINITY:
            return _MOST
        return max(_FEWEST, min(_MOST, limit // _SHARE))


OPEN_FILES = OpenFiles()
"""The open files of this process."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=OPEN_FILES.renew_lock)


class FileGoneError(OSError):
    """Another program deleted, replaced or truncated a file during a run."""


class _OpenFile(FileIO):
    """A file that closes itself after its last user; a thread that reads it keeps it open."""

    def __del__(self) -> None:
        self.close()


class SharedFile:
    """A file that is open while it is used, and longer if few files are open.

    No call uses the position of the file, so readers need no lock, and a forked process can share the
    descriptor with its parent. Only on Windows, which has no fork, a lock protects position and read.

    Parameters
    ----------
    path
        Path of the file, which exists and may grow.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: _OpenFile | None = None
        self._is_closed = False
        self._position_lock = threading.RLock()  # a signal handler may read in the middle of a read
        self._identity: tuple[int, int] | None = None
        self._end = 0
        """Offset of the end of the written bytes."""
        self.mark: tuple[int, bytes] | None = None
        """Offset and value of bytes that identify the file; None if there are none yet."""

    def read(self, offset: int, nbytes: int) -> bytes:
        """Read bytes at an offset; fewer if the file ends before.

        Raises
        ------
        OSError
            The file cannot be opened or read.
        RuntimeError
            The file was closed permanently.
        """
        return disk.read_bytes_at(self._opened(), offset, nbytes, self._position_lock)

    def read_into(self, offset: int, buffer: "WriteableBuffer") -> int:
        """Read bytes at an offset into a buffer, and return their number; errors as for `read`."""
        return disk.read_at(self._opened(), offset, buffer, self._position_lock)

    def write(self, offset: int, data: "ReadableBuffer") -> None:
        """Write all bytes at an offset; errors as for `read`."""
        disk.write_at(self._opened(is_written=True), offset, data, self._position_lock)
        self._end = max(self._end, offset + memoryview(data).nbytes)

    def size(self) -> int:
        """Return the size of the file in bytes; errors as for `read`."""
        return os.fstat(self._opened().fileno()).st_size

    def writable(self) -> FileIO:
        """Return the file opened for writing, for calls that ignore its position; errors as for `read`."""
        return self._opened(is_written=True)

    def release(self) -> None:
        """Close the file until its next use, as soon as its last reader is done."""
        self._file = None

    def cut_off(self) -> None:
        """Reopen the file at its next use, and make the current user read and write nothing.

        A signal handler has interrupted that user, which may already have the descriptor. So the descriptor
        is redirected.
        """
        file, self._file = self._file, None
        if file is not None:
            with Path(os.devnull).open("r+b", buffering=0) as nowhere:
                os.dup2(nowhere.fileno(), file.fileno(), inheritable=False)

    def close(self) -> None:
        """Close the file permanently."""
        self._is_closed = True
        self._file = None
        OPEN_FILES.forget(self)

    @overload
    def reopened(self, mode: Literal["rb"]) -> BufferedReader: ...
    @overload
    def reopened(self, mode: Literal["rb", "r+b"], buffering: Literal[0]) -> FileIO: ...

    def reopened(self, mode: str, buffering: int = -1) -> BufferedReader | FileIO:
        """Open the file a second time, with its own position, after checking that it is the same file.

        Raises
        ------
        FileNotFoundError
            The file was moved or deleted.
        OSError
            Another file is in its place.
        """
        file = _OpenFile(self.path, mode)
        self._check_identity(file)
        return BufferedReader(file) if buffering else file

    def is_in_place(self) -> bool:
        """Whether the same file is still at its path."""
        try:
            self.reopened("rb").close()
        except OSError:
            return False
        return True

    def check_in_place(self) -> None:
        """Check, before writing, that no other program has deleted, replaced or truncated the file.

        Raises
        ------
        FileGoneError
            The file was deleted, replaced or truncated. If it is open, the rest can still be read.
        """
        try:
            file = self._file or self._opened(is_written=True)
            status = os.fstat(file.fileno())
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ESTALE):
                raise
            raise FileGoneError(error.errno, error.strerror, str(self.path)) from error
        # some file systems do not count links
        if status.st_size < self._end or (status.st_nlink == 0 and not self.is_in_place()):
            raise FileGoneError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.path))

    def _opened(self, *, is_written: bool = False) -> FileIO:
        file = self._file
        if file is None or (is_written and not file.writable()):
            self._check_open()
            file = _OpenFile(self.path, "r+b" if is_written else "rb")
            self._check_identity(file)
            self._file = file
            self._check_open()  # again, because another thread may have closed it meanwhile
        if OPEN_FILES.recent is not self:
            OPEN_FILES.use(self)
        return file

    def _check_open(self) -> None:
        if self._is_closed:
            self._file = None
            raise RuntimeError(f"{self.path}: closed while it was read")

    def _check_identity(self, file: FileIO) -> None:
        """Check that a file is the same one, by its mark if it has one.

        Some network file systems report another inode each time. A file shorter than the written bytes is an
        older copy.
        """
        status = os.fstat(file.fileno())
        identity = (status.st_dev, status.st_ino)
        if self._identity is None:
            self._identity = identity
        is_same = self._identity == identity
        if self.mark is not None:
            at, mark = self.mark
            found = bytearray(len(mark))
            is_same = disk.read_at(file, at, found) == len(mark) and found == mark
            is_same = is_same and (self._identity == identity or status.st_size >= self._end)
        if not is_same:
            raise OSError(errno.ESTALE, "another file has taken its place", str(self.path))


class FileView(io.RawIOBase):
    """A shared file with a position, for code that needs a file object.

    Parameters
    ----------
    file
        The file.
    """

    def __init__(self, file: SharedFile) -> None:
        super().__init__()
        self.name = str(file.path)
        self._file = file
        self._position = 0

    @property
    def end(self) -> int:
        """Offset of the end of the file."""
        return self._file.size()

    def readable(self) -> bool:
        """Whether the file is readable."""
        return True

    def seekable(self) -> bool:
        """Whether the file is seekable."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position."""
        base = 0 if whence == os.SEEK_SET else self._position if whence == os.SEEK_CUR else self.end
        self._position = base + offset
        return self._position

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Read bytes."""
        count = self._file.read_into(self._position, buffer)
        self._position += count
        return count
