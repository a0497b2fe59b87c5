"""The axes along which frames lie, and the frame at each place: both grow with the dataset."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates import Coordinates, FrameNumber, place_text, standard_names
from exengine_ome_tiff.coordinates.layout import AxisValue
from exengine_ome_tiff.dataset.frame_index import FrameIndex
from exengine_ome_tiff.reading.selection import slowest_first

Shape = tuple[int, ...]


class FrameAxes:
    """The axes of the frames of one shape and type, and the frame at each place.

    Parameters
    ----------
    frames
        Returns all frames; RuntimeError if the dataset is closed.
    selection
        Coordinates that the frames have; these are no axes.

    Raises
    ------
    ValueError
        There is no such frame.
    """

    def __init__(self, frames: Callable[[], FrameIndex], selection: Coordinates) -> None:
        self._frames = frames
        self.selection = selection
        """Coordinates that all frames have."""
        self.shape, self.dtype = self._commonest()
        """Shape and type of the pixels in the file."""
        self.newest: Coordinates = {}
        """Coordinates of the frame that came last, without the selected axes."""
        self.axes: dict[str, tuple[AxisValue, ...]] = {}
        """Values along each axis, the slowest axis first: None, numbers by value, text by arrival."""
        self._begin(frames())
        self.update()

    def _begin(self, index: FrameIndex) -> None:
        """Look at frames from the first one on."""
        self._index = index
        self._seen = self._puts = 0
        """How many coordinates `update` has looked at, and how many frames were put until then."""
        self._counts: dict[str, dict[AxisValue, int]] = {}
        """Of each axis, how many frames have each value, in order of arrival."""
        self.count = self.n_others = 0
        """How many frames there are, and how many of another shape or type are left out."""

    def update(self) -> bool:
        """Take in the frames that have come; return whether there are any."""
        index = self._frames()
        if index is not self._index:  # as the files were finished, and have been opened again
            self._begin(index)
        puts, new = len(index), index.numbered(self._seen)
        if puts == self._puts and not new:
            return False
        if new:
            self._add(index, new)
        self._seen, self._puts = self._seen + len(new), puts
        self.axes = {name: self._values(name) for name in slowest_first(self._counts)}
        return True

    def standard(self, name: str) -> str | None:
        """Return the axis that is `name`, such as "channel" in whichever spelling; None without one."""
        return next((axis for axis, each in standard_names(self.axes).items() if each == name), None)

    def plane(self, place: Mapping[str, AxisValue]) -> npt.NDArray[Any] | None:
        """Read the frame at a value of each axis; None if there is none. For any thread."""
        index = self._frames()
        coordinates = {name: value for name, value in place.items() if value is not None}
        number = index.find(self.selection | coordinates)
        if number is None or index.format(number).stored != (self.shape, self.dtype.str):
            return None
        return index.stored(number)

    def _commonest(self) -> tuple[Shape, np.dtype[Any]]:
        """Return shape and type of most of the frames."""
        index = self._frames()
        chosen = [number for coordinates, number in index.numbered() if self._matches(coordinates)]
        if not chosen:
            at = f" at {place_text(self.selection)}" if self.selection else " yet"
            raise ValueError(f"there is no frame{at}")
        kind_of, kinds = index.kinds(np.array(chosen, np.int64))
        shape, dtype = kinds[Counter(kind_of.tolist()).most_common(1)[0][0]]
        return shape, np.dtype(dtype)

    def _matches(self, coordinates: Coordinates) -> bool:
        return not self.selection or self.selection.items() <= coordinates.items()

    def _add(self, index: FrameIndex, new: list[tuple[Coordinates, FrameNumber]]) -> None:
        kind_of, kinds = index.kinds(np.array([number for _, number in new], np.int64))
        is_such = [kind == (self.shape, self.dtype.str) for kind in kinds]
        for (coordinates, _), kind in zip(new, kind_of.tolist(), strict=True):
            if not self._matches(coordinates):
                continue
            if not is_such[kind]:
                self.n_others += 1
                continue
            self.count += 1
            self.newest = {name: value for name, value in coordinates.items() if name not in self.selection}
            for name, value in self.newest.items():
                counts = self._counts.setdefault(name, {})
                counts[value] = counts.get(value, 0) + 1

    def _values(self, name: str) -> tuple[AxisValue, ...]:
        counts = self._counts[name]
        lacking = [None] if sum(counts.values()) < self.count else []
        numbers = sorted(value for value in counts if isinstance(value, int))
        return (*lacking, *numbers, *(value for value in counts if isinstance(value, str)))
