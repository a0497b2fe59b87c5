"""Pages of one file by handle: where their pixels and notes are, and reading them."""

import errno
import os
import threading
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader, FileIO
from pathlib import Path
from typing import IO, Any, Literal, overload

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.tiff import chain
from exengine_ome_tiff.tiff.decode import decoded
from exengine_ome_tiff.tiff.open_files import OpenFiles
from exengine_ome_tiff.tiff.pixels import PixelFormat
from exengine_ome_tiff.tiff.stored_page import read_plain

_ROW, _FORMAT, _DATA_AT, _NOTE_AT, _NOTE_NBYTES = 4, 0, 1, 2, 3
"""How many numbers are kept of a page, and what they are."""


class PageReader:
    """Random access to the pages of one file, from any thread.

    A page's handle is a number that counts from 0 in each file. What is kept of a page are 32 bytes.

    Parameters
    ----------
    path
        File to read; may still grow.
    open_files
        Bounds how many files are open.
    """

    def __init__(self, path: Path, open_files: OpenFiles) -> None:
        self.path = path
        self.dataset = b""
        """What the writer of the file said of the whole dataset."""
        self._open_files = open_files
        self._file: FileIO | None = None
        self._is_closed = False
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._identity: tuple[int, int] | None = None
        self._formats: list[PixelFormat] = []
        self._rows = array("Q")
        """Four numbers a page, which are added with one call: no signal comes between them."""

    def __len__(self) -> int:
        return len(self._rows) // _ROW

    def format_number(self, pixels: PixelFormat) -> int:
        """Return the number of a format, for `add`."""
        if pixels not in self._formats:
            self._formats.append(pixels)
        return self._formats.index(pixels)

    def add(self, format_number: int, data_at: int, note_nbytes: int) -> int:
        """Make a handle for a page whose note may not be in the file yet.

        Parameters
        ----------
        format_number
            Of its format.
        data_at
            Where its pixels begin; for an encoded page, where its IFD is.
        note_nbytes
            Length of its note.
        """
        self._rows.extend((format_number, data_at, 0, note_nbytes))
        return len(self._rows) // _ROW - 1

    def data_offset(self, handle: int) -> int:
        """Return where in the file the pixels of a page begin."""
        return self._rows[handle * _ROW + _DATA_AT]

    def locate_notes(self, handles: Iterable[int], note_at: int) -> None:
        """Say where the notes of pages are: that of the first one at an offset, the others behind it."""
        rows = self._rows
        for handle in handles:
            row = handle * _ROW
            rows[row + _NOTE_AT] = note_at
            note_at += rows[row + _NOTE_NBYTES] + 1

    def data_offsets(self, handles: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return where in the file the pixels of several pages begin, shape as `handles`.

        Of encoded ones, where their IFDs are.
        """
        return self._column(_DATA_AT, handles)

    def formats(self, handles: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], Sequence[PixelFormat]]:
        """Return a number for the format of each of some pages, and the formats by these numbers."""
        return self._column(_FORMAT, handles), self._formats

    def _column(self, column: int, handles: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        # of a copy, as an array that somebody looks into cannot grow
        rows = np.frombuffer(self._rows.tobytes(), np.int64).reshape(-1, _ROW)
        values: npt.NDArray[np.int64] = rows[handles, column]
        return values

    @property
    def has_encoded(self) -> bool:
        """Whether any page may be compressed or tiled."""
        return any(pixels.is_encoded for pixels in self._formats)

    def format(self, handle: int) -> PixelFormat:
        """Return what was put."""
        return self._formats[self._rows[handle * _ROW]]

    def pixels(self, handle: int) -> npt.NDArray[Any]:
        """Read a page.

        Returns
        -------
        numpy.ndarray
            A new array of the shape and type that was put.

        Raises
        ------
        OmeTiffError
            The file ends before the page does.
        RuntimeError
            The reader is closed.
        """
        return self.format(handle).as_put(self.stored(handle))

    def stored(self, handle: int) -> npt.NDArray[Any]:
        """Read a page as it lies in the file; errors as for `pixels`."""
        pixels = self.format(handle)
        if pixels.is_encoded:
            return self._decoded(handle)
        self._use()
        with self._lock:
            return read_plain(self._opened(), self.data_offset(handle), pixels)

    def stored_nbytes(self, handle: int) -> int:
        """Return how many bytes the pixels of a page have in the file; errors as for `pixels`."""
        pixels = self.format(handle)
        if not pixels.is_encoded:
            return pixels.nbytes
        with self._at_start() as file:
            return chain.check_strips(file, chain.read_ifd(file, self.data_offset(handle)))

    def _decoded(self, handle: int) -> npt.NDArray[Any]:
        """Read an encoded page through tifffile."""
        return self.decoded(self.data_offset(handle), self.format(handle))

    def decoded(self, ifd_at: int, pixels: PixelFormat) -> npt.NDArray[Any]:
        """Read the page of an IFD through tifffile; see `decoding.decoded`."""
        with self._at_start() as file:
            return decoded(file, ifd_at, pixels)

    def note(self, handle: int) -> bytes:
        """Read the note of a page; RuntimeError if the reader is closed."""
        row = handle * _ROW
        self._use()
        with self._lock:
            file = self._opened()
            file.seek(self._rows[row + _NOTE_AT])
            return file.read(self._rows[row + _NOTE_NBYTES])

    def release(self) -> None:
        """Close the file until it is read again."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    def close(self) -> None:
        """Close the file for good."""
        self._is_closed = True
        self.release()
        self._open_files.forget(self)

    @contextmanager
    def _at_start(self) -> Iterator[FileIO]:
        """Hold the file at its beginning."""
        self._use()
        with self._lock:
            file = self._opened()
            file.seek(0)
            yield file

    def _use(self) -> None:
        """Tell that the file is about to be used, while its lock is not held."""
        if self._process != os.getpid():
            # forked: the file's position and the lock are the parent's, whatever its threads did with them
            self._process, self._lock, self._file = os.getpid(), threading.Lock(), None
        self._open_files.use(self)

    def _opened(self) -> FileIO:
        """Return the file, while its lock is held."""
        if self._is_closed:
            raise RuntimeError(f"{self.path}: closed while it was read")
        if self._file is None:
            # unbuffered: a buffer would go on showing bytes that the writer has changed since
            self._file = self.reopened("rb", buffering=0)
        return self._file

    @overload
    def reopened(self, mode: Literal["rb"]) -> BufferedReader: ...
    @overload
    def reopened(self, mode: Literal["rb", "r+b"], buffering: Literal[0]) -> FileIO: ...

    def reopened(self, mode: str, buffering: int = -1) -> IO[bytes]:
        """Open the file once more, making sure that it is the same one.

        Raises
        ------
        FileNotFoundError
            It has been moved or deleted.
        OSError
            There is another file in its place.
        """
        file: IO[bytes] = self.path.open(mode, buffering)
        status = os.fstat(file.fileno())
        identity = (status.st_dev, status.st_ino)
        if self._identity is None:
            self._identity = identity
        elif self._identity != identity:
            file.close()
            raise OSError(errno.ESTALE, "another file has taken its place", str(self.path))
        return file

    def is_in_place(self) -> bool:
        """Whether the file still is where it was, and no other one."""
        try:
            self.reopened("rb").close()
        except OSError:
            return False
        return True

    def size(self) -> int:
        """Return how many bytes the file has."""
        with self._at_start() as file:
            return os.fstat(file.fileno()).st_size
