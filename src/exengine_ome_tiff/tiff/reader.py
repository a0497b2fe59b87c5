"""Pages of one file by handle: where their pixels and notes are, and reading them."""

from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.tiff import chain
from exengine_ome_tiff.tiff.decode import decoded
from exengine_ome_tiff.tiff.pixels import PixelFormat
from exengine_ome_tiff.tiff.shared_file import FileView, SharedFile
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
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = SharedFile(path)
        self.dataset = b""
        """What the writer of the file said of the whole dataset."""
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
            return decoded(self.file, self.data_offset(handle), pixels)
        return read_plain(self.file, self.data_offset(handle), pixels)

    def stored_nbytes(self, handle: int) -> int:
        """Return how many bytes the pixels of a page have in the file; errors as for `pixels`."""
        pixels = self.format(handle)
        if not pixels.is_encoded:
            return pixels.nbytes
        file = FileView(self.file)
        return chain.check_strips(file, chain.read_ifd(file, self.data_offset(handle)))

    def decoded(self, ifd_at: int, pixels: PixelFormat) -> npt.NDArray[Any]:
        """Read the page of an IFD; see `decode.decoded`."""
        return decoded(self.file, ifd_at, pixels)

    def note(self, handle: int) -> bytes:
        """Read the note of a page; RuntimeError if the reader is closed."""
        row = handle * _ROW
        return self.file.read(self._rows[row + _NOTE_AT], self._rows[row + _NOTE_NBYTES])

    def close(self) -> None:
        """Close the file for good."""
        self.file.close()
