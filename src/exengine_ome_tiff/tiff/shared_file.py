"""One file that several threads, and forked processes, read and write at offsets."""

import errno
import io
import os
import threading
from io import BufferedReader, FileIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, overload

from exengine_ome_tiff.tiff import disk
from exengine_ome_tiff.tiff.open_files import OPEN_FILES

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


class _OpenFile(FileIO):
    """A file that closes itself: a thread that reads it keeps it open, whoever else lets go of it."""

    def __del__(self) -> None:
        self.close()


class SharedFile:
    """A file that is open while it is used and while few others are.

    No call uses the position of the file, so that readers need no lock, and a forked process can share the
    descriptor with its parent. Only Windows, which has no fork, has a lock around position and read.

    Parameters
    ----------
    path
        Of the file, which exists and may grow.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: _OpenFile | None = None
        self._is_closed = False
        self._position_lock = threading.Lock()
        self._identity: tuple[int, int] | None = None

    def read(self, offset: int, nbytes: int) -> bytes:
        """Read bytes at an offset; fewer where the file ends before.

        Raises
        ------
        OSError
            The file cannot be opened or read.
        RuntimeError
            It was closed for good.
        """
        data = bytearray(nbytes)
        return bytes(memoryview(data)[: self.read_into(offset, data)])

    def read_into(self, offset: int, buffer: "WriteableBuffer") -> int:
        """Read bytes at an offset and return how many there were; errors as for `read`."""
        return disk.read_at(self._opened(), offset, buffer, self._position_lock)

    def write(self, offset: int, data: "ReadableBuffer") -> None:
        """Write all bytes at an offset; errors as for `read`."""
        disk.write_at(self._opened(is_written=True), offset, data, self._position_lock)

    def size(self) -> int:
        """Return how many bytes the file has; errors as for `read`."""
        return os.fstat(self._opened().fileno()).st_size

    def writable(self) -> FileIO:
        """Return the file open for writing, for what has no position; errors as for `read`."""
        return self._opened(is_written=True)

    def release(self) -> None:
        """Close the file, when its last reader is done, until it is used again."""
        self._file = None

    def close(self) -> None:
        """Close the file for good."""
        self._is_closed = True
        self._file = None
        OPEN_FILES.forget(self)

    @overload
    def reopened(self, mode: Literal["rb"]) -> BufferedReader: ...
    @overload
    def reopened(self, mode: Literal["rb", "r+b"], buffering: Literal[0]) -> FileIO: ...

    def reopened(self, mode: str, buffering: int = -1) -> IO[bytes]:
        """Open the file once more, with a position of its own, making sure that it is the same one.

        Raises
        ------
        FileNotFoundError
            It has been moved or deleted.
        OSError
            There is another file in its place.
        """
        file: IO[bytes] = self.path.open(mode, buffering)
        try:
            self._check_identity(file.fileno())
        except OSError:
            file.close()
            raise
        return file

    def is_in_place(self) -> bool:
        """Whether the file still is where it was, and no other one."""
        try:
            self.reopened("rb").close()
        except OSError:
            return False
        return True

    def _opened(self, *, is_written: bool = False) -> FileIO:
        self._check_open()
        file = self._file
        if file is None or (is_written and not file.writable()):
            file = _OpenFile(self.path, "r+b" if is_written else "rb")
            self._check_identity(file.fileno())
            self._file = file
            self._check_open()  # once more, as another thread may have closed it meanwhile
        OPEN_FILES.use(self)
        return file

    def _check_open(self) -> None:
        if self._is_closed:
            self._file = None
            raise RuntimeError(f"{self.path}: closed while it was read")

    def _check_identity(self, descriptor: int) -> None:
        status = os.fstat(descriptor)
        identity = (status.st_dev, status.st_ino)
        if self._identity is None:
            self._identity = identity
        elif self._identity != identity:
            raise OSError(errno.ESTALE, "another file has taken its place", str(self.path))


class FileView(io.RawIOBase):
    """A shared file with a position, for whoever needs a file object.

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

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def seekable(self) -> bool:
        """Whether it has positions."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position."""
        base = 0 if whence == os.SEEK_SET else self._position if whence == os.SEEK_CUR else self._file.size()
        self._position = base + offset
        return self._position

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Read bytes."""
        count = self._file.read_into(self._position, buffer)
        self._position += count
        return count
