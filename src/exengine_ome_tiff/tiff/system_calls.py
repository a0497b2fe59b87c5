"""System calls for which Python has no function."""

import ctypes
import os
import struct
import sys
from io import FileIO

if sys.platform == "win32":
    import msvcrt

    _END_OF_FILE = 6
    """FileEndOfFileInfo, which `SetFileInformationByHandle` sets."""
    _kernel = ctypes.WinDLL("kernel32", use_last_error=True)

    def set_size(file: FileIO, nbytes: int) -> None:
        """Lengthen or shorten a file; `FileIO.truncate` lengthens it by writing zeros, 4 kB a call.

        Raises
        ------
        OSError
            The disk has no room.
        """
        end = ctypes.c_longlong(nbytes)
        handle = ctypes.c_void_p(msvcrt.get_osfhandle(file.fileno()))
        if not _kernel.SetFileInformationByHandle(
            handle, _END_OF_FILE, ctypes.byref(end), ctypes.sizeof(end)
        ):
            raise ctypes.WinError(ctypes.get_last_error())

else:
    import fcntl

    # constants of macOS in <sys/fcntl.h>
    _PREALLOCATE, _FULL_SYNC = 42, 51
    _ALL, _FROM_END = 4, 3
    _REQUEST = struct.Struct("=Iiqqq")
    """struct fstore: flags, reference position, offset, length, and number of allocated bytes."""

    def preallocate(descriptor: int, nbytes: int) -> None:
        """Reserve space after the end of a file without changing its length; OSError if there is none."""
        fcntl.fcntl(descriptor, _PREALLOCATE, _REQUEST.pack(_ALL, _FROM_END, 0, nbytes, 0))

    def full_sync(descriptor: int) -> None:
        """Wait until the disk itself has written the bytes; `fsync` may leave them in the disk's cache.

        Raises
        ------
        OSError
            The file system does not support the call, such as one on a network.
        """
        fcntl.fcntl(descriptor, _FULL_SYNC)

    def set_size(file: FileIO, nbytes: int) -> None:
        """Lengthen or shorten a file."""
        file.truncate(nbytes)


if sys.platform == "linux":
    _SYNC_FILE_RANGE_WRITE = 2
    _sync_file_range = getattr(ctypes.CDLL(None, use_errno=True), "sync_file_range", None)
    CAN_WRITE_BACK = _sync_file_range is not None
    """Whether `write_back` does anything."""

    _malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    """Of glibc; other C libraries for Linux have no such function."""

    def give_back_memory() -> None:
        """Return free memory to the system; glibc keeps up to 64 MB, and everything below used memory."""
        if _malloc_trim is not None:
            _malloc_trim(0)

    def write_back(descriptor: int, start: int, nbytes: int) -> None:
        """Ask Linux to write bytes of a file to the disk, without waiting and without clearing errors.

        Raises
        ------
        OSError
            The file system does not support the call.
        """
        if _sync_file_range is None:
            return
        span = ctypes.c_int64(start), ctypes.c_int64(nbytes)
        if _sync_file_range(descriptor, *span, ctypes.c_uint(_SYNC_FILE_RANGE_WRITE)):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

else:
    CAN_WRITE_BACK = False

    def give_back_memory() -> None:
        """Do nothing, because these systems have no such call."""

    def write_back(descriptor: int, start: int, nbytes: int) -> None:
        """Do nothing, because these systems have no such call."""
