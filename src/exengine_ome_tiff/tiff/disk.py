"""Calls to the operating system: writing all bytes, reserving space, waiting for the disk."""

import errno
import math
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
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
"""Error numbers of a full disk and of an exhausted quota."""
_LITTLE_ROOM_BYTES = 4 << 20
IN_MEMORY_BYTES = 64 << 20
"""Arrays larger than this are in a temporary file while they are filled."""
_ZEROS = bytes(1 << 20)
_Lock = AbstractContextManager[object]
_NO_LOCK: _Lock = nullcontext()
_NOT_SUPPORTED = (errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL, errno.ENOTTY)
_PATIENCE_S, _PAUSE_S = 1.5, 0.05


def write_all(file: FileIO, data: "ReadableBuffer") -> None:
    """Write all bytes at the current position of a file, in as many calls as necessary.

    Raises
    ------
    OSError
        Not all of them could be written.
    """
    rest = memoryview(data).cast("B")
    while rest:
        written = os.write(file.fileno(), rest)
        if written == len(rest):
            return
        rest = rest[written:]


def write_at(file: FileIO, offset: int, data: "ReadableBuffer", lock: _Lock = _NO_LOCK) -> None:
    """Write all bytes at an offset; errors as for `write_all`.

    Parameters
    ----------
    file
        File open for writing without a buffer.
    offset
        Offset of the first byte.
    data
        The bytes.
    lock
        Lock to hold on systems that only write at the current position of a file.
    """
    if not hasattr(os, "pwrite"):  # Windows
        with _position(file, offset, lock):
            write_all(file, data)
        return
    rest = memoryview(data).cast("B")
    while rest:  # usually once, because each call lets another thread run first
        written = os.pwrite(file.fileno(), rest, offset)
        if written == len(rest):
            return
        rest, offset = rest[written:], offset + written


def read_bytes_at(file: FileIO, offset: int, nbytes: int, lock: _Lock = _NO_LOCK) -> bytes:
    """Read bytes at an offset, fewer if the file ends before; `file` and `lock` as for `write_at`."""
    if hasattr(os, "pread"):
        found: bytes = os.pread(file.fileno(), nbytes, offset)
        if len(found) == nbytes:
            return found
    data = bytearray(nbytes)
    return bytes(memoryview(data)[: read_at(file, offset, data, lock)])


def read_at(file: FileIO, offset: int, buffer: "WriteableBuffer", lock: _Lock = _NO_LOCK) -> int:
    """Read bytes at an offset until a buffer is full or the file ends, and return their number.

    Parameters as for `write_at`.
    """
    rest = memoryview(buffer).cast("B")
    nbytes = len(rest)
    while rest:
        if hasattr(os, "preadv"):
            count = os.preadv(file.fileno(), [rest], offset)
        else:
            with _position(file, offset, lock):  # Windows
                count = file.readinto(rest)
        if count == len(rest):
            return nbytes
        if not count:
            break
        rest, offset = rest[count:], offset + count
    return nbytes - len(rest)


@contextmanager
def _position(file: FileIO, offset: int, lock: _Lock) -> Iterator[None]:
    """Move to a position and back, because this may run in a signal handler between a seek and its write."""
    with lock:
        before = file.tell()
        file.seek(offset)
        try:
            yield
        finally:
            file.seek(before)


def reserve(file: FileIO, start: int, stop: int) -> bool:
    """Reserve space on the disk, so that a full disk is noticed now and not by a later write.

    The length of the file becomes `stop`. On ext4, writing to reserved space is also faster.

    Returns
    -------
    bool
        Whether the operating system and the file system support this.

    Raises
    ------
    OSError
        There is no space, or the file would exceed its maximum size. The file is unchanged.
    """
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), start, stop - start)
        elif os.name == "nt":
            system_calls.set_size(file, stop)  # which also allocates the space
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
    """Wait until a file survives a power failure, as far as the disk keeps its promises."""
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
    """Rename or delete a file, and try again if Windows refuses.

    On Windows, a virus scanner or a viewer may hold a file open for a moment, which prevents renaming it.

    Raises
    ------
    OSError
        The change failed; on Windows, for one and a half seconds.
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
    """Wait until the names of the files in a folder are on the disk; Windows neither needs nor has this."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # the answer of some network file systems for folders
            raise
    finally:
        os.close(descriptor)


def write_whole(path: Path, data: bytes | Iterable[bytes], *, fsync: bool) -> None:
    """Write a file, in pieces or at once: it has either all of its new bytes or its previous contents.

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
        raise described(error, path) from error


def write_part(path: Path, data: bytes | Iterable[bytes], *, fsync: bool) -> Path:
    """Write a file under its temporary name and return that path; errors as for `write_whole`."""
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    try:
        with part.open("xb", buffering=0) as file:
            for piece in [data] if isinstance(data, bytes) else data:
                write_all(file, piece)
            if fsync:
                sync_file(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise described(error, path) from error
    return part


def scratch_array(shape: tuple[int, ...], dtype: np.dtype[Any], folder: Path) -> npt.NDArray[Any]:
    """Return an array of zeros, in memory up to 64 MB, otherwise in a temporary file without a name.

    Parameters
    ----------
    shape, dtype
        Shape and type of the array.
    folder
        Folder of the temporary file.

    Raises
    ------
    OSError
        There is no space for the file.
    """
    nbytes = math.prod(shape) * dtype.itemsize
    if nbytes <= IN_MEMORY_BYTES:
        return np.zeros(shape, dtype)
    with tempfile.TemporaryFile(dir=folder) as file:
        for start in range(0, nbytes, len(_ZEROS)):  # or a mapped page without space kills the process
            file.write(_ZEROS[: nbytes - start])
        file.flush()
        return np.memmap(file, dtype, mode="r+", shape=shape)


def described(error: OSError, path: Path) -> OSError:
    """Add the path, and the free space or advice, to an error; return errors of signal handlers unchanged."""
    if error.filename == str(path) or (error.errno is None and type(error) is not OSError):
        return error
    free = shutil.disk_usage(path.parent).free
    number = error.errno or (errno.ENOSPC if free < _LITTLE_ROOM_BYTES else errno.EIO)
    advice = "copy the dataset to another disk" if number == errno.EROFS else f"{free:,} bytes are free"
    return OSError(number, f"{os.strerror(number)}; {advice}", str(path))
