"""A set of frames in files: finding a frame by its coordinates and reading it."""

from array import array
from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates import (
    PLANE_AXES,
    Axes,
    Coordinates,
    FrameNumber,
    Key,
    place_text,
    read_coordinates,
    standard_names,
)
from exengine_ome_tiff.dataset.records import RecordHead, decode_head, decode_metadata
from exengine_ome_tiff.tiff import JournalFile, PageHandle, PixelFormat
from exengine_ome_tiff.translate import FrameOrder


class PageLocations(NamedTuple):
    """Where and what pages are; arrays have a number for each page.

    Parameters
    ----------
    files
        Number of its file.
    offsets
        Where its pixels begin there; of an encoded one, where its IFD is.
    formats
        Number of its format.
    known_formats
        Formats by these numbers; pages need not have all of them.
    """

    files: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    formats: npt.NDArray[np.int64]
    known_formats: tuple[PixelFormat, ...]


_HANDLE = (1 << 32) - 1


class FrameIndex:
    """Frames by coordinates. A frame takes about 200 bytes here, its pixels and metadata none.

    Adding is for one thread at a time; reading is for any, also meanwhile.
    """

    def __init__(self) -> None:
        self.axes = Axes()
        self.files: list[JournalFile] = []
        self.numbers: dict[Key, FrameNumber] = {}
        """Of each frame that counts, in order of first arrival, the number of its latest put."""
        self._places = array("Q")
        """Of each frame the file, and in the lower 32 bits the handle: one number, which no signal parts."""
        self._count = 0

    def __len__(self) -> int:
        """Return how many frames can be read, those that others have replaced included."""
        return self._count

    def add(self, key: Key, file: int, handle: PageHandle) -> bool:
        """Note where the next frame is; return whether its coordinates have been put before."""
        count = len(self.numbers)
        number: FrameNumber = len(self._places)  # type: ignore[assignment] # no call for each frame
        self._places.append(file << 32 | handle)
        self.numbers[key] = number  # from now on readers find the frame
        self._count = number + 1  # and from now on it is announced
        return len(self.numbers) == count

    def snapshot(self) -> "FrameIndex":
        """Return a copy that later frames do not change; no frame may be added meanwhile."""
        return self.without_last(0, n_keys=0)

    def without_last(self, count: int, *, n_keys: int) -> "FrameIndex":
        """Return a copy without the last frames; `n_keys` of them were the first ones at their coordinates.

        The others replaced earlier frames: at their coordinates the copy has none until one is added again.
        """
        other = FrameIndex()
        other.axes, other.files, other.numbers = self.axes, [*self.files], dict(self.numbers)
        for _ in range(n_keys):
            other.numbers.popitem()
        other._count = len(self) - count
        other._places = self._places[: other._count]
        return other

    def place(self, number: FrameNumber) -> tuple[int, PageHandle]:
        """Return file and handle of a frame by its number."""
        place = self._places[number]
        return place >> 32, PageHandle(place & _HANDLE)

    def places(self, numbers: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return files and handles of frames by their numbers, shape as those."""
        # a copy, as an array that somebody looks into cannot grow
        places = np.frombuffer(self._places.tobytes(), np.int64)[numbers]
        return places >> 32, places & _HANDLE

    def count_in(self, file: int) -> int:
        """Return how many frames are in a file by its number, those that others have replaced included."""
        files, _ = self.places(np.arange(len(self)))
        return int(np.count_nonzero(files == file))

    def note(self, number: FrameNumber) -> bytes:
        """Return the record of a frame by its number."""
        file, handle = self.place(number)
        return self.files[file].note(handle)

    def head(self, number: FrameNumber) -> RecordHead:
        """Return what finds a frame by its number, from its record."""
        return decode_head(self.note(number))

    def format(self, number: FrameNumber) -> PixelFormat:
        """Return what was put by the number of a frame."""
        file, handle = self.place(number)
        return self.files[file].pages.format(handle)

    def stored(self, number: FrameNumber) -> npt.NDArray[Any]:
        """Return the pixels of a frame by its number as they are in the file, in a new array."""
        file, handle = self.place(number)
        return self.files[file].stored(handle)

    def latest(self) -> tuple[list[Key], npt.NDArray[np.int64]]:
        """Return keys and numbers of the frames that count, in order of first arrival."""
        keys = [*self.numbers]
        numbers = [*self.numbers.values()]  # of more frames, where one came meanwhile
        return keys, np.array(numbers[: len(keys)], np.int64)

    def kinds(self, numbers: npt.NDArray[np.int64]) -> list[tuple[tuple[int, ...], str]]:
        """Return shapes and types in the files of frames by their numbers."""
        pages = self.pages(numbers)
        stored = [each.stored for each in pages.known_formats]
        return [stored[number] for number in pages.formats.tolist()]

    def pages(self, numbers: npt.NDArray[np.int64]) -> "PageLocations":
        """Return where and what the pages of frames are, by their numbers."""
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
        """Return the coordinates of all frames, in order of first arrival."""
        return [self.axes.coordinates(key) for key in list(self.numbers)]

    def find(self, coordinates: Mapping[str, int | str]) -> FrameNumber | None:
        """Return the number of the frame at coordinates, or None."""
        key = self.axes.find(read_coordinates(coordinates))
        return None if key is None else self.numbers.get(key)

    def pixels(self, coordinates: Mapping[str, int | str]) -> npt.NDArray[Any]:
        """Return a frame as it was put, in a new array."""
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
            raise KeyError(f"no frame at {place_text(coordinates)}")
        return number


def frame_order(dataset: FrameIndex) -> FrameOrder:
    """Return time points and places of all frames from coordinates, -1 for frames without a numbered time."""
    keys, numbers = dataset.latest()
    coordinates = [dataset.axes.coordinates(key) for key in keys]
    standard = standard_names(axis for each in coordinates for axis in each)
    plane_axes = {*PLANE_AXES.values()}
    places: dict[Hashable, int] = {}
    order = FrameOrder(np.full(len(dataset), -1), np.full(len(dataset), -1))
    for number, each in zip(numbers.tolist(), coordinates, strict=True):
        time = next((value for axis, value in each.items() if standard.get(axis) == "time"), None)
        if isinstance(time, int):
            rest = frozenset(item for item in each.items() if standard.get(item[0]) not in plane_axes)
            order.time[number], order.place[number] = time, places.setdefault(rest, len(places))
    return order
