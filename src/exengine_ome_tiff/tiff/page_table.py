"""The pages of one file by handle: where pixels, notes and IFDs are; and pages that nothing leads to yet."""

from array import array
from collections.abc import Iterable, Sequence
from typing import Any, NewType, TypeAlias

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.tiff.ifds import PageKind
from exengine_ome_tiff.tiff.pixels import PixelFormat

PageHandle = NewType("PageHandle", int)
"""A page of a file: they count from 0."""

Column: TypeAlias = npt.NDArray[np.integer[Any]]

MAX_BLOCK_PAGES = 256
LARGE_BYTES = 1 << 20
"""Pages from this size on wait for no others: what a block of its own costs is little beside their pixels."""
_PAGE_BYTES = 160
"""What a page has in a record at most, beside its note; places that are filled up included."""
BLOCK_BYTES = 4096
"""What a block has in a record at most, beside its pages."""

_ROW = 4
_KIND, _DATA_AT, _NOTE_AT, _IFD_AT = range(_ROW)
"""How many numbers are kept of a page, and what they are: the first one is the format and, in its lower bits,
the length of the note."""
_NOTE_BITS = 40
MOST_NOTE_BYTES = 1 << _NOTE_BITS
_NOTE_NBYTES = MOST_NOTE_BYTES - 1


class PageTable:
    """What is kept of each page: 32 bytes. One thread adds pages; any number of them looks."""

    def __init__(self) -> None:
        self._formats: list[PixelFormat] = []
        self._numbers: dict[PixelFormat, int] = {}
        """Of each format, its place in the list."""
        self._rows = array("Q")
        """Four numbers a page, which one call adds: no signal comes between them."""

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
        """Make a table of pages that were written before.

        Parameters
        ----------
        formats
            Of all pages.
        format_of
            For each page the place of its format there; shape (pages,), as of all that follow.
        data_at, ifd_at, note_at, note_nbytes
            As for `add` and `locate`; each page has its own offset of a note.
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
        """Make a handle for a page whose IFD and note may not be in the file yet.

        Parameters
        ----------
        format_number
            Of its format.
        data_at
            Where its pixels begin; for an encoded page, where its IFD is.
        """
        self._rows.extend((format_number << _NOTE_BITS, data_at, 0, 0))
        return PageHandle(len(self._rows) // _ROW - 1)

    def locate(
        self, handles: Iterable[PageHandle], ifd_at: int, note_at: int, notes: Iterable[bytes]
    ) -> None:
        """Note where pages are that were written together.

        Parameters
        ----------
        handles
            Of the pages.
        ifd_at
            Offset of the IFD of the first one.
        note_at
            Offset of the note of the first one; the others are after it.
        notes
            As they are in the file.
        """
        rows = self._rows
        for handle, note in zip(handles, notes, strict=True):
            row, nbytes = handle * _ROW, len(note)
            rows[row] = rows[row] >> _NOTE_BITS << _NOTE_BITS | nbytes
            rows[row + _NOTE_AT] = note_at
            rows[row + _IFD_AT] = ifd_at
            note_at += nbytes + 1

    def row(self, handle: PageHandle) -> tuple[PixelFormat, int, int, int, int]:
        """Return all that is kept of a page: its format, and where its pixels, its IFD and its note are."""
        return self.format(handle), self.data_at(handle), self.ifd_at(handle), *self.note(handle)

    def format(self, handle: PageHandle) -> PixelFormat:
        """Return what was put."""
        return self._formats[self._rows[handle * _ROW] >> _NOTE_BITS]

    def data_at(self, handle: PageHandle) -> int:
        """Return where the pixels of a page begin; for an encoded page, where its IFD is."""
        return self._rows[handle * _ROW + _DATA_AT]

    def ifd_at(self, handle: PageHandle) -> int:
        """Return the offset of the IFD of the first page that was written together with a page."""
        return self._rows[handle * _ROW + _IFD_AT]

    def notes(self, handles: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return offsets and lengths of the notes of many pages."""
        return self._column(_NOTE_AT, handles), self._column(_KIND, handles) & _NOTE_NBYTES

    def note(self, handle: PageHandle) -> tuple[int, int]:
        """Return offset and length of a note."""
        row = handle * _ROW
        return self._rows[row + _NOTE_AT], self._rows[row] & _NOTE_NBYTES

    def data_offsets(self, handles: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return what `data_at` does for many pages, shape as `handles`."""
        return self._column(_DATA_AT, handles)

    def ifd_offsets(self, handles: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return what `ifd_at` does for many pages, shape as `handles`."""
        return self._column(_IFD_AT, handles)

    def formats(self, handles: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], Sequence[PixelFormat]]:
        """Return a number for the format of each of many pages, and the formats by these numbers."""
        return self._column(_KIND, handles) >> _NOTE_BITS, self._formats

    @property
    def has_encoded(self) -> bool:
        """Whether any page may be compressed or tiled."""
        return any(pixels.is_encoded for pixels in self._formats)

    def _column(self, column: int, handles: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        # of a copy, as an array that somebody looks into cannot grow
        values: npt.NDArray[np.int64] = np.frombuffer(self._rows[column::_ROW], np.int64)[handles]
        return values


class WaitingBlock:
    """Pages of one format whose pixels are in the file, and to which nothing leads yet."""

    def __init__(self, pixels: PixelFormat, number: int, kind: PageKind) -> None:
        self.pixels = pixels
        self.number = number
        self.kind = kind
        self.capacity = 1 if pixels.nbytes >= LARGE_BYTES else MAX_BLOCK_PAGES
        self.page_nbytes = kind.ifd_nbytes + _PAGE_BYTES
        """What each adds at most, its pixels and its note not included."""
        self.handles: list[PageHandle] = []
        self.checksums: dict[PageHandle, str] = {}
