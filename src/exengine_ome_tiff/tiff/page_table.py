"""The pages of one file by handle: offsets of pixels, notes and IFDs, and pages that are not linked yet."""

from array import array
from collections.abc import Iterable, Sequence
from typing import Any, NewType, TypeAlias

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.tiff.ifds import PageKind
from exengine_ome_tiff.tiff.pixels import PixelFormat

PageHandle = NewType("PageHandle", int)
"""Number of a page in its file, from 0."""

Column: TypeAlias = npt.NDArray[np.integer[Any]]

MAX_BLOCK_PAGES = 256
LARGE_BYTES = 1 << 20
"""Each page of this size or larger is a block of its own, whose overhead is small compared to the pixels."""
_PAGE_BYTES = 160
"""Maximum overhead of a page in a block in addition to its note, padding included."""
BLOCK_BYTES = 4096
"""Maximum overhead of a block in addition to its pages."""

_ROW = 4
_KIND, _DATA_AT, _NOTE_AT, _IFD_AT = range(_ROW)
"""Numbers in the row of a page, and their meaning. The first one contains the format and, in its lower bits,
the length of the note."""
_NOTE_BITS = 40
MOST_NOTE_BYTES = 1 << _NOTE_BITS
_NOTE_NBYTES = MOST_NOTE_BYTES - 1


class PageTable:
    """32 bytes of data about each page. One thread adds pages, and any number of threads read the table."""

    def __init__(self) -> None:
        self._formats: list[PixelFormat] = []
        self._numbers: dict[PixelFormat, int] = {}
        """Index of each format in the list."""
        self._rows = array("Q")
        """Four numbers per page, added by one call that no signal can interrupt."""

    @classmethod
    def of(
        cls,
        formats: Sequence[PixelFormat],
        format_of: Column,
        data_at: Column,
        ifd_at: Column,
        note_at: Column,
        note_nbytes: Column,
    ) -> "PageTable":
        """Make a table of existing pages.

        Parameters
        ----------
        formats
            The formats of all pages.
        format_of
            Index of the format of each page; shape (pages,), as all other arrays.
        data_at, ifd_at, note_at, note_nbytes
            As for `add` and `locate`, with the note offset of each page.
        """
        table = cls()
        numbers = np.array([table.format_number(each) for each in formats], np.uint64)
        table._rows = array("Q", [0]) * (_ROW * len(format_of))
        rows = np.frombuffer(table._rows, np.uint64).reshape(-1, _ROW)
        rows[:, _KIND] = numbers[format_of] << np.uint64(_NOTE_BITS)
        rows[:, _KIND] |= note_nbytes
        rows[:, _DATA_AT], rows[:, _NOTE_AT], rows[:, _IFD_AT] = data_at, note_at, ifd_at
        return table

    def __len__(self) -> int:
        return len(self._rows) // _ROW

    def format_number(self, pixels: PixelFormat) -> int:
        """Return the number of a format, for `add`."""
        number = self._numbers.get(pixels)
        if number is None:
            number = len(self._formats)
            self._formats.append(pixels)
            self._numbers[pixels] = number
        return number

    def add(self, format_number: int, data_at: int) -> PageHandle:
        """Add a page, whose IFD and note may not be in the file yet, and return its handle.

        Parameters
        ----------
        format_number
            Number of its format.
        data_at
            Offset of its pixels; for an encoded page, of its IFD.
        """
        self._rows.extend((format_number << _NOTE_BITS, data_at, 0, 0))
        return PageHandle(len(self._rows) // _ROW - 1)

    def locate(
        self, handles: Iterable[PageHandle], ifd_at: int, note_at: int, notes: Iterable[bytes]
    ) -> None:
        """Record the offsets of pages that were written together.

        Parameters
        ----------
        handles
            Handles of the pages.
        ifd_at
            Offset of the IFD of the first page.
        note_at
            Offset of the note of the first page; the other notes follow.
        notes
            The notes as stored in the file.
        """
        rows = self._rows
        for handle, note in zip(handles, notes, strict=True):
            row, nbytes = handle * _ROW, len(note)
            rows[row] = rows[row] >> _NOTE_BITS << _NOTE_BITS | nbytes
            rows[row + _NOTE_AT] = note_at
            rows[row + _IFD_AT] = ifd_at
            note_at += nbytes + 1

    def row(self, handle: PageHandle) -> tuple[PixelFormat, int, int, int, int]:
        """Return the format of a page, the offsets of pixels, IFD and note, and the length of the note."""
        return self.format(handle), self.data_at(handle), self.ifd_at(handle), *self.note(handle)

    def place(self, handle: PageHandle) -> tuple[PixelFormat, int]:
        """Return the results of `format` and `data_at`."""
        row = handle * _ROW
        return self._formats[self._rows[row] >> _NOTE_BITS], self._rows[row + _DATA_AT]

    def format(self, handle: PageHandle) -> PixelFormat:
        """Return the format of a page as it was put."""
        return self._formats[self._rows[handle * _ROW] >> _NOTE_BITS]

    def data_at(self, handle: PageHandle) -> int:
        """Return the offset of the pixels of a page; for an encoded page, of its IFD."""
        return self._rows[handle * _ROW + _DATA_AT]

    def ifd_at(self, handle: PageHandle) -> int:
        """Return the IFD offset of the first page in the block of a page."""
        return self._rows[handle * _ROW + _IFD_AT]

    def notes(self, handles: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the offsets and lengths of the notes of many pages."""
        return self._column(_NOTE_AT, handles), self._column(_KIND, handles) & _NOTE_NBYTES

    def note(self, handle: PageHandle) -> tuple[int, int]:
        """Return the offset and length of a note."""
        row = handle * _ROW
        return self._rows[row + _NOTE_AT], self._rows[row] & _NOTE_NBYTES

    def data_offsets(self, handles: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the result of `data_at` for many pages; same shape as `handles`."""
        return self._column(_DATA_AT, handles)

    def ifd_offsets(self, handles: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the result of `ifd_at` for many pages; same shape as `handles`."""
        return self._column(_IFD_AT, handles)

    def formats(self, handles: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], Sequence[PixelFormat]]:
        """Return the format numbers of many pages, and the formats that these numbers index."""
        return self._column(_KIND, handles) >> _NOTE_BITS, self._formats

    @property
    def has_encoded(self) -> bool:
        """Whether any page may be compressed or tiled."""
        return any(pixels.is_encoded for pixels in self._formats)

    def _column(self, column: int, handles: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        if not len(handles):
            return np.zeros(0, np.int64)
        low, high = int(handles.min()), int(handles.max())
        # of a copy, because an array with a view cannot grow
        copy = self._rows[low * _ROW + column : (high + 1) * _ROW : _ROW]
        values: npt.NDArray[np.int64] = np.frombuffer(copy, np.int64)[handles - low]
        return values


class WaitingBlock:
    """Pages of one format whose pixels are in the file, but which are not linked yet."""

    def __init__(self, pixels: PixelFormat, number: int, kind: PageKind) -> None:
        self.pixels = pixels
        self.number = number
        self.kind = kind
        self.capacity = 1 if pixels.nbytes >= LARGE_BYTES else MAX_BLOCK_PAGES
        self.page_nbytes = kind.ifd_nbytes + _PAGE_BYTES
        """Maximum overhead of a page, without its pixels and its note."""
        self.handles: list[PageHandle] = []
        self.checksums: dict[PageHandle, str] = {}
