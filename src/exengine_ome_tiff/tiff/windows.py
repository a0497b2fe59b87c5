"""A call of Windows that Python has no function for."""

import sys
from io import FileIO

if sys.platform == "win32":
    import ctypes
    import msvcrt

    _END_OF_FILE = 6
    """FileEndOfFileInfo, which `SetFileInformationByHandle` sets."""
    _kernel = ctypes.WinDLL("kernel32", use_last_error=True)

    def set_size(file: FileIO, nbytes: int) -> None:
        """Lengthen or shorten a file; `FileIO.truncate` lengthens it by writing zeros, 4 kB a call.

        Raises
        ------
        OSError
            The disk has no room; NTFS takes it at once.
        """
        end = ctypes.c_longlong(nbytes)
        handle = ctypes.c_void_p(msvcrt.get_osfhandle(file.fileno()))
        if not _kernel.SetFileInformationByHandle(
            handle, _END_OF_FILE, ctypes.byref(end), ctypes.sizeof(end)
        ):
            raise ctypes.WinError(ctypes.get_last_error())

else:

    def set_size(file: FileIO, nbytes: int) -> None:
        """Lengthen or shorten a file."""
        file.truncate(nbytes)
