"""The index of a dataset: finds a frame by its coordinates and reads it."""

import logging
from array import array
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates.absent_frame import absent_frame_text
from exengine_ome_tiff.coordinates.columns import CoordinateTable, combined, ranks_along, split
from exengine_ome_tiff.coordinates.key_search import KeySearch
from exengine_ome_tiff.coordinates.keys import (
    Axes,
    Coordinates,
    FrameNumber,
    Key,
    read_coordinates,
    standard_names,
)
from exengine_ome_tiff.coordinates.layout import PLANE_AXES
from exengine_ome_tiff.dataset.frame_numbers import FrameNumbers
from exengine_ome_tiff.dataset.records import RecordHead, decode_head, decode_metadata
from exengine_ome_tiff.pieces import pieces
from exengine_ome_tiff.text_format import count_text
from exengine_ome_tiff.tiff import JournalFile, PageHandle, PixelFormat, is_record_intact
from exengine_ome_tiff.translate.clocks import FrameOrder


class PageLocations(NamedTuple):
    """Locations and formats of pages; arrays have one item per page.

    Parameters
    ----------
    files
        Number of the file.
    offsets
        Offset of the pixels in the file; for an encoded page, offset of its IFD.
    formats
        Number of the format.
    known_formats
        Formats by these numbers; some may be unused.
    """

    files: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    formats: npt.NDArray[np.int64]
    known_formats: tuple[PixelFormat, ...]


logger = logging.getLogger(__name__)

RECORDS_CHANGED = (
    "%s: the records of %s have changed since they were written, so coordinates and metadata may be "
    "wrong: restore the file from a backup; validate() lists the frames"
)

Kind: TypeAlias = tuple[tuple[int, ...], str]
"""Shape and data type of a page in the file."""

_MOST_ARRIVAL = 1 << 60
_HANDLE = (1 << 32) - 1
_FEW_FRAMES = 1000


class FrameIndex:
    """Frames by coordinates; their pixels and metadata stay in the files.

    One thread at a time may add frames. Any thread may read, also while frames are added.
    """

    def __init__(self) -> None:
        self.axes = Axes()
        self.files: list[JournalFile] = []
        self._numbers = FrameNumbers(self.axes)
        self._places = array("Q")
        """For each frame its file and, in the lower 32 bits, its handle; a signal cannot split one number."""
        self._count = 0
        self._arrivals: list[tuple[FrameNumber, int]] = []
        """Frames whose arrival number in the record is not one more than that of the previous frame."""
        self._next_arrival = 0
        self.is_numbered = True
        """Whether all arrival numbers in records are in the range that this package writes."""
        self._table: CoordinateTable | None = None
        """Coordinates of all frames if they were read as columns; then no frame can be added."""
        self._checked = set[tuple[JournalFile, int]]()
        """Blocks whose records have been checked, by file and offset, if `load` did not read them."""
        self._search: KeySearch | None = None
        self._latest: tuple[int, tuple[CoordinateTable, npt.NDArray[np.int64]]] | None = None
        """The number of frames at the last call of `latest`, and its result."""

    @classmethod
    def of(
        cls, files: Sequence[JournalFile], table: CoordinateTable, places: npt.NDArray[np.int64]
    ) -> "FrameIndex":
        """Make the index of frames whose coordinates are in columns; no frame can be added to it.

        Parameters
        ----------
        files
            The files.
        table
            Coordinates of all frames in order of arrival.
        places
            File of each frame and, in the lower 32 bits, its handle.
        """
        index = cls()
        index.files, index._table, index._count = [*files], table, len(table)
        index._places.frombytes(places.tobytes())
        for part in table.parts:
            index.axes.register(part.names)
        return index

    def __len__(self) -> int:
        """Return the number of readable frames, overwritten ones included."""
        return self._count

    @property
    def n_distinct(self) -> int:
        """Number of distinct coordinates."""
        if self._table is not None:
            return len(self.latest()[1])
        return self._count - self._numbers.n_replaced(self._count)

    def keys(self) -> list[Key]:
        """Return the keys of the latest frames, in order of first arrival."""
        return [self.axes.key(coordinates) for coordinates in self.coordinates()]

    def add(self, key: Key, file: int, handle: PageHandle, arrival: int) -> bool:
        """Add the next frame; return whether it overwrites another one.

        Parameters
        ----------
        key
            Its coordinates.
        file, handle
            Its location.
        arrival
            The arrival number in its record.
        """
        number: FrameNumber = len(self._places)  # type: ignore[assignment] # no call for each frame
        if arrival != self._next_arrival:
            self._arrivals.append((number, arrival))
            self.is_numbered &= 0 <= arrival < _MOST_ARRIVAL
        self._next_arrival = arrival + 1
        self._places.append(file << 32 | handle)
        is_replaced = self._numbers.put(key, number)  # from now on readers find the frame
        self._count = number + 1  # and from now on it is announced
        return is_replaced

    def snapshot(self) -> "FrameIndex":
        """Return the frames so far, which later frames do not change; no frame may be added during this call.

        The result shares all tables with this index, so it takes no memory per frame. No frame can be added
        to it.
        """
        other = copy(self)
        other.files = [*self.files]
        other.forget()
        return other

    def without_last(self, count: int) -> "FrameIndex":
        """Return a copy without the last frames, to which frames can be added."""
        other = FrameIndex()
        other._count = len(self) - count
        other.axes, other.files = self.axes, [*self.files]
        other._numbers = self._numbers.until(other._count)
        other._places = self._places[: other._count]
        other._arrivals = [each for each in self._arrivals if each[0] < other._count]
        last, arrival = other._arrivals[-1] if other._arrivals else (0, 0)
        other._next_arrival = arrival + other._count - last
        other.is_numbered = self.is_numbered
        return other

    def place(self, number: FrameNumber) -> tuple[int, PageHandle]:
        """Return file and handle of a frame by its number."""
        place = self._places[number]
        return place >> 32, PageHandle(place & _HANDLE)

    def places(self, numbers: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return files and handles of frames by their numbers, shape (frames,) as those."""
        files, handles = np.empty_like(numbers), np.empty_like(numbers)
        for part, *places in self._places_in_parts(numbers):
            files[part], handles[part] = places
        return files, handles

    def _places_in_parts(
        self, numbers: npt.NDArray[np.int64]
    ) -> Iterator[tuple[slice, npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
        """Yield parts of an array of frame numbers, with the files and handles of these frames."""
        for piece in pieces(len(numbers)):
            some = numbers[piece]
            low, high = int(some.min()), int(some.max())
            # a copy, because an array with a view cannot grow
            places = np.frombuffer(self._places[low : high + 1], np.int64)[some - low]
            yield piece, places >> 32, places & _HANDLE

    def count_in(self, file: int) -> int:
        """Return the number of frames in a file, overwritten ones included."""
        return sum(int(np.count_nonzero(files == file)) for files in self._file_of_frames())

    def files_with_frames(self) -> set[int]:
        """Return the numbers of the files that have frames."""
        return {file for files in self._file_of_frames() for file in np.unique(files).tolist()}

    def _file_of_frames(self) -> Iterator[npt.NDArray[np.int64]]:
        """Yield the files of some consecutive frames at a time."""
        for piece in pieces(self._count):
            yield np.frombuffer(self._places[piece], np.int64) >> 32

    def note(self, number: FrameNumber) -> bytes:
        """Return the record of a frame."""
        file, handle = self.place(number)
        journal = self.files[file]
        if self._table is not None and (journal, journal.pages.ifd_at(handle)) not in self._checked:
            self._check_record(journal, handle)
        return journal.note(handle)

    def _check_record(self, journal: JournalFile, handle: PageHandle) -> None:
        """Log once that the records of a block have changed; `load` does so for the files that it reads."""
        block_at = journal.pages.ifd_at(handle)
        self._checked.add((journal, block_at))
        if not is_record_intact(journal, handle):
            in_block = journal.pages.ifd_offsets(np.arange(len(journal.pages))) == block_at
            logger.warning(RECORDS_CHANGED, journal.path, count_text(int(in_block.sum()), "frame"))

    def head(self, number: FrameNumber) -> RecordHead:
        """Return the coordinates and the arrival number in the record of a frame."""
        return decode_head(self.note(number))

    def format(self, number: FrameNumber) -> PixelFormat:
        """Return shape and data type of a frame."""
        file, handle = self.place(number)
        return self.files[file].pages.format(handle)

    def stored(self, number: FrameNumber) -> npt.NDArray[Any]:
        """Return the pixels of a frame as stored in the file, in a new array."""
        file, handle = self.place(number)
        return self.files[file].stored(handle)

    def latest(self) -> tuple[CoordinateTable, npt.NDArray[np.int64]]:
        """Return coordinates and numbers of the latest frames, in order of first arrival."""
        count, known = self._count, self._latest
        if known is None or known[0] != count:
            known = self._latest = count, self._find_latest()
        return known[1]

    def _find_latest(self) -> tuple[CoordinateTable, npt.NDArray[np.int64]]:
        if self._table is None:
            return self._numbers.latest(stop=self._count)
        last_of = self._searched().last_of
        if last_of is None:
            return self._table, np.arange(len(self._table))
        return self._table.take(last_of[0]), last_of[1]

    def forget(self) -> None:
        """Free what `latest` has found, which it finds again when it is called."""
        self._latest = None

    def table(self) -> CoordinateTable:
        """Return the coordinates of all frames by their numbers; no frame may be added during this call."""
        if self._table is not None:
            return self._table
        table, numbers = self.latest()
        replaced, numbers_replaced = self._numbers.replaced(self._count)
        if not len(replaced):
            return table
        every = np.concatenate([numbers, numbers_replaced])
        return CoordinateTable.joined([table, replaced], np.argsort(every))

    def arrivals(self, numbers: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.int64]:
        """Return the arrival numbers in the records of frames, given their numbers."""
        firsts = np.array([0, *(number for number, _ in self._arrivals)], np.int64)
        ahead = np.array([0, *(arrival - number for number, arrival in self._arrivals)], np.int64)
        return numbers + ahead[np.searchsorted(firsts, numbers, "right") - 1]

    def _searched(self) -> KeySearch:
        """Return the search in the columns, which sorts them on the first call."""
        if self._search is None:
            self._search = KeySearch(self.table())
        return self._search

    def kinds(self, numbers: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], list[Kind]]:
        """Return shapes and data types of frames in their files.

        Returns
        -------
        numpy.ndarray
            For each frame the position of its kind in the list.
        list
            All kinds.
        """
        known: dict[Kind, int] = {}
        kind_of = np.empty(len(numbers), np.int64)
        for part, files, handles in self._places_in_parts(numbers):
            for file, rows in split(files):
                which, formats = self.files[file].pages.formats(handles[rows])
                kinds = [known.setdefault(each.stored, len(known)) for each in formats]
                kind_of[part][rows] = np.array(kinds, np.int64)[which]
        if len(known) == 1:
            return np.broadcast_to(np.int64(0), len(numbers)), [*known]  # takes no memory
        return kind_of, [*known]

    def pages(self, numbers: npt.NDArray[np.int64]) -> "PageLocations":
        """Return locations and formats of the pages of frames."""
        files, handles = self.places(numbers)
        offsets, formats = np.empty_like(files), np.empty_like(files)
        known: dict[PixelFormat, int] = {}
        for file in np.unique(files).tolist():
            rows = np.flatnonzero(files == file)
            offsets[rows] = self.files[file].pages.data_offsets(handles[rows])
            which, of_file = self.files[file].pages.formats(handles[rows])
            renumbered = np.array([known.setdefault(each, len(known)) for each in of_file], np.int64)
            formats[rows] = renumbered[which]
        return PageLocations(files, offsets, formats, tuple(known))

    def coordinates(self) -> list[Coordinates]:
        """Return the coordinates of the latest frames, in order of first arrival."""
        return self.latest()[0].coordinates()

    def numbered(self, seen: int = 0) -> list[tuple[Coordinates, FrameNumber]]:
        """Return coordinates and numbers as `latest` does, but skip the first `seen` ones."""
        if self._table is None:
            rest, numbers = self._numbers.latest(seen, self._count)
        else:
            table, numbers = self.latest()
            rest, numbers = table.take(np.arange(seen, len(table))), numbers[seen:]
        return [*zip(rest.coordinates(), map(FrameNumber, numbers.tolist()), strict=True)]

    def find(self, coordinates: Mapping[str, int | str]) -> FrameNumber | None:
        """Return the number of the frame at coordinates, or None."""
        if self._table is not None:
            search = self._search or self._searched()
            return search.find(read_coordinates(coordinates))  # type: ignore[return-value] # a row's number
        key = self.axes.find(read_coordinates(coordinates))
        return None if key is None else self._numbers.get(key, self._count)

    def pixels(self, coordinates: Mapping[str, int | str]) -> npt.NDArray[Any]:
        """Return a frame with the shape and data type of `put`, in a new array."""
        file, handle = self.place(self._number_at(coordinates))
        return self.files[file].pixels(handle)

    def metadata(self, coordinates: Mapping[str, int | str]) -> Any:
        """Return the metadata of a frame as new objects."""
        return decode_metadata(self.note(self._number_at(coordinates)))

    def close(self) -> None:
        """Close all files."""
        for file in self.files:
            file.close()

    def _number_at(self, coordinates: Mapping[str, int | str]) -> FrameNumber:
        number = self.find(coordinates)
        if number is None:
            is_fast = self._table is not None or self._count <= _FEW_FRAMES
            table = self.latest()[0] if is_fast else None  # somebody may be polling a long run
            raise KeyError(absent_frame_text(read_coordinates(coordinates), self.axes.names, table))
        return number


def frame_order(dataset: FrameIndex) -> FrameOrder:
    """Return time points and places of all frames; -1 for frames without an integer time."""
    table, numbers = dataset.latest()
    standard = standard_names(axis for part in table.parts for axis in part.names)
    plane_axes = {*PLANE_AXES.values()}
    order = FrameOrder(np.full(len(dataset), -1), np.full(len(dataset), -1))
    ranks = ranks_along(table, standard)
    time = ranks.get("time")
    if time is not None:
        rest = [axis.ranks for name, axis in ranks.items() if name not in plane_axes]
        rows = np.flatnonzero((time.ranks > 0) & (time.ranks <= len(time.numbers)))
        order.time[numbers[rows]] = time.numbers[time.ranks[rows] - 1]
        order.place[numbers[rows]] = combined(rest, len(table))[rows]
    return order
