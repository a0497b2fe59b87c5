"""Calls of macOS that Python has no function for; their numbers are those of its <sys/fcntl.h>."""

import struct
import sys

if sys.platform != "win32":
    import fcntl

    _PREALLOCATE, _FULL_SYNC = 42, 51
    _ALL, _FROM_END = 4, 3
    _REQUEST = struct.Struct("=Iiqqq")
    """struct fstore: flags, where from, offset, length, and how many bytes were allocated."""

    def preallocate(descriptor: int, nbytes: int) -> None:
        """Take room behind the end of a file, whose length stays; OSError where there is none."""
        fcntl.fcntl(descriptor, _PREALLOCATE, _REQUEST.pack(_ALL, _FROM_END, 0, nbytes, 0))

    def full_sync(descriptor: int) -> None:
        """Wait until the disk itself has written; `fsync` leaves the bytes in its cache.

        Raises
        ------
        OSError
            The file system, such as a network one, does not know the call.
        """
        fcntl.fcntl(descriptor, _FULL_SYNC)
