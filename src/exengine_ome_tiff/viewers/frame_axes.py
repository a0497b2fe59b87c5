"""The axes of a growing dataset, and the frame at each position."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates.keys import Coordinates, FrameNumber, place_text, standard_names
from exengine_ome_tiff.coordinates.layout import AxisValue
from exengine_ome_tiff.dataset.frame_index import FrameIndex
from exengine_ome_tiff.reading.selection import slowest_first

Shape = tuple[int, ...]


class FrameAxes:
    """The axes of the frames with the most common shape and type, and the frame at each position.

    Parameters
    ----------
    frames
        Returns all frames; RuntimeError if the dataset is closed.
    selection
        Coordinates that the frames have; their axes are left out.

    Raises
    ------
    ValueError
        No frame has these coordinates.
    """

    def __init__(self, frames: Callable[[], FrameIndex], selection: Coordinates) -> None:
        self._frames = frames
        self.selection = selection
        """Coordinates that all frames share."""
        self.shape, self.dtype = self._commonest()
        """Shape and type of the pixels, as stored in the file."""
        self.newest: Coordinates = {}
        """Coordinates of the latest frame, without the selected axes."""
        self.axes: dict[str, tuple[AxisValue, ...]] = {}
        """Values along each axis, the slowest first: None, then sorted numbers, then text by arrival."""
        self._begin(frames())
        self.update()

    def _begin(self, index: FrameIndex) -> None:
        """Start with the first frame."""
        self._index = index
        self._seen = self._puts = 0
        """Number of coordinates that `update` has processed, and of frames put until then."""
        self._counts: dict[str, dict[AxisValue, int]] = {}
        """Number of frames for each value of each axis, in order of arrival."""
        self.count = self.n_others = 0
        """Number of frames, and of frames left out because of their shape or type."""

    def update(self) -> bool:
        """Add new frames; return whether there are any."""
        index = self._frames()
        if index is not self._index:  # the files were finished, and opened again
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
        """Return the axis with a standard name, such as "channel", in any spelling; None without one."""
        return next((axis for axis, each in standard_names(self.axes).items() if each == name), None)

    def plane(self, place: Mapping[str, AxisValue]) -> npt.NDArray[Any] | None:
        """Read the frame at a value of each axis; None if there is none. Thread-safe."""
        index = self._frames()
        coordinates = {name: value for name, value in place.items() if value is not None}
        number = index.find(self.selection | coordinates)
        if number is None or index.format(number).stored != (self.shape, self.dtype.str):
            return None
        return index.stored(number)

    def _commonest(self) -> tuple[Shape, np.dtype[Any]]:
        """Return the most common shape and type of frames."""
        index = self._frames()
        chosen = [number for coordinates, number in index.numbered() if self._matches(coordinates)]
        if not chosen:
            at = f" at {place_text(self.selection)}" if self.selection else " yet"
            raise ValueError(f"no frame{at}")
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
