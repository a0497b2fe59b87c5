"""What is asked of the operating system: write all bytes, reserve room, wait until they are safe."""

import errno
import math
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.tiff import system_calls

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

FULL = (errno.ENOSPC, errno.EDQUOT)
"""Error numbers of a disk, or of a user's share of it, that has no room."""
_LITTLE_ROOM_BYTES = 4 << 20
IN_MEMORY_BYTES = 64 << 20
"""Of an image that is worked on; a larger one is in a temporary file."""
_ZEROS = bytes(1 << 20)
_Lock = AbstractContextManager[object]
_NO_LOCK: _Lock = nullcontext()
_NOT_SUPPORTED = (errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL, errno.ENOTTY)
_PATIENCE_S, _PAUSE_S = 1.5, 0.05


def write_all(file: FileIO, data: "ReadableBuffer") -> None:
    """Write bytes where the file is, all of them, however many calls that takes.

    Raises
    ------
    OSError
        Some were not written.
    """
    rest = memoryview(data).cast("B")
    while rest:
        written = os.write(file.fileno(), rest)
        if written == len(rest):
            return
        rest = rest[written:]


def write_at(file: FileIO, offset: int, data: "ReadableBuffer", lock: _Lock = _NO_LOCK) -> None:
    """Write bytes at a position; as `write_all`.

    Parameters
    ----------
    file
        Open for writing without a buffer.
    offset
        Of the first byte.
    data
        The bytes.
    lock
        Held where the system can only write at the position of the file.
    """
    if not hasattr(os, "pwrite"):  # Windows
        with _position(file, offset, lock):
            write_all(file, data)
        return
    rest = memoryview(data).cast("B")
    while rest:  # mostly once: each call lets another thread go first
        written = os.pwrite(file.fileno(), rest, offset)
        if written == len(rest):
            return
        rest, offset = rest[written:], offset + written


def read_at(file: FileIO, offset: int, buffer: "WriteableBuffer", lock: _Lock = _NO_LOCK) -> int:
    """Read bytes at a position until a buffer is full or the file ends; return how many there were.

    Parameters as for `write_at`.
    """
    rest = memoryview(buffer).cast("B")
    nbytes = len(rest)
    while rest and (count := _read_some(file, offset, rest, lock)):
        rest, offset = rest[count:], offset + count
    return nbytes - len(rest)


def _read_some(file: FileIO, offset: int, buffer: memoryview, lock: _Lock) -> int:
    if hasattr(os, "preadv"):
        count: int = os.preadv(file.fileno(), [buffer], offset)
        return count
    with _position(file, offset, lock):  # Windows
        return file.readinto(buffer)


@contextmanager
def _position(file: FileIO, offset: int, lock: _Lock) -> Iterator[None]:
    """Go to a position, and back: a signal handler may come in between another call and its position."""
    with lock:
        before = file.tell()
        file.seek(offset)
        try:
            yield
        finally:
            file.seek(before)


def reserve(file: FileIO, start: int, stop: int) -> bool:
    """Take room on the disk for bytes that will be written, so that a full disk is met now and not then.

    The file is `stop` bytes long then. On ext4 writing is also faster in room that was reserved.

    Returns
    -------
    bool
        Whether this system, and the file system, can do it.

    Raises
    ------
    OSError
        There is no room, or the file may not become so long; the file is as it was.
    """
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), start, stop - start)
        elif os.name == "nt":
            system_calls.set_size(file, stop)  # the file system gives the file its room
        elif sys.platform == "darwin":
            system_calls.preallocate(file.fileno(), stop - start)
            file.truncate(stop)
        else:
            return False
    except OSError as error:
        if error.errno in _NOT_SUPPORTED:
            return False
        file.truncate(start)
        raise
    return True


def sync_file(file: FileIO) -> None:
    """Wait until a file is where it survives loss of power, as far as the disk tells the truth."""
    if sys.platform == "darwin":
        try:
            system_calls.full_sync(file.fileno())
        except OSError as error:
            if error.errno not in _NOT_SUPPORTED:
                raise
        else:
            return
    os.fsync(file.fileno())


def patiently(change: Callable[[], object]) -> None:
    """Change a file's name or delete it, trying again where Windows refuses.

    A virus scanner or a viewer may hold a file for a moment there, and nobody can rename it meanwhile.

    Raises
    ------
    OSError
        It did not work, or not within a second and a half.
    """
    until_s = time.monotonic() + _PATIENCE_S
    while True:
        try:
            change()
        except PermissionError:
            if os.name != "nt" or time.monotonic() > until_s:
                raise
            time.sleep(_PAUSE_S)
        else:
            return


def sync_folder(folder: Path) -> None:
    """Wait until the names of the files in a folder are safe; Windows has no such call, nor need of it."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # what some network file systems say of folders
            raise
    finally:
        os.close(descriptor)


def write_whole(path: Path, data: bytes, *, fsync: bool) -> None:
    """Write a file that is there with all of its bytes, or as it was before.

    Raises
    ------
    OSError
        It could not be written.
    """
    part = write_part(path, data, fsync=fsync)
    try:
        patiently(lambda: part.replace(path))
    except OSError as error:
        part.unlink(missing_ok=True)
        raise told(error, path) from error


def write_part(path: Path, data: bytes, *, fsync: bool) -> Path:
    """Write a file under the name that it has until it is whole; return that; errors as for `write_whole`."""
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    try:
        with part.open("xb", buffering=0) as file:
            write_all(file, data)
            if fsync:
                sync_file(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise told(error, path) from error
    return part


def scratch_array(shape: tuple[int, ...], dtype: np.dtype[Any], folder: Path) -> npt.NDArray[Any]:
    """Return zeros to work on: in memory up to 64 MB, else in a temporary file, which goes with the array.

    Parameters
    ----------
    shape, dtype
        Of the array.
    folder
        Where the file is.

    Raises
    ------
    OSError
        There is no room for it.
    """
    nbytes = math.prod(shape) * dtype.itemsize
    if nbytes <= IN_MEMORY_BYTES:
        return np.zeros(shape, dtype)
    with tempfile.TemporaryFile(dir=folder) as file:
        for start in range(0, nbytes, len(_ZEROS)):  # now, as a mapped page without room kills the process
            file.write(_ZEROS[: nbytes - start])
        file.flush()
        return np.memmap(file, dtype, mode="r+", shape=shape)


def told(error: OSError, path: Path) -> OSError:
    """Say where writing failed and how much room there is; what a signal handler raised stays as it is."""
    if error.filename == str(path) or (error.errno is None and type(error) is not OSError):
        return error
    free = shutil.disk_usage(path.parent).free
    number = error.errno or (errno.ENOSPC if free < _LITTLE_ROOM_BYTES else errno.EIO)
    return OSError(number, f"{os.strerror(number)}; {free:,} bytes are free", str(path))
