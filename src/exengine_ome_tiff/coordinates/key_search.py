"""Finds frames in columns of coordinates, without a Python object per frame."""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

import numpy as np

from exengine_ome_tiff.coordinates.columns import Column, CoordinateTable, Numbers, Part, ranked, smallest
from exengine_ome_tiff.coordinates.keys import Coordinates

_MOST = 1 << 62

Lookup: TypeAlias = Callable[[int | str], int]
"""Returns the index of a value along an axis, or -1."""


class _Step(NamedTuple):
    """How an axis contributes to the sort key of a frame."""

    renumber: Lookup | None
    """Replaces the key of the previous axes if the new key would need more than 62 bits."""
    size: int
    """Number of values along the axis."""
    place: Lookup


class _SortedPart:
    """Frames with the same axes, sorted by integer keys that are unique to their coordinates."""

    def __init__(self, part: Part) -> None:
        self._steps: dict[str, _Step] = {}
        self.rows = part.rows
        keys, size = np.zeros(len(part.rows), np.int64), 1
        for name, column in zip(part.names, part.columns, strict=True):
            place, places, own_size = _placed(column)
            renumber = None
            if size * own_size >= _MOST:
                distinct, keys = ranked(keys)
                renumber, size = _finder(distinct), len(distinct)
            keys, size = keys * own_size + places, size * own_size
            self._steps[name] = _Step(renumber, own_size, place)
        self.order: Numbers | None = None
        """Order of the frames by key; None if they are sorted."""
        if len(keys) > 1 and not (np.diff(keys) > 0).all():
            self.order = np.argsort(keys, kind="stable")
            keys = keys[self.order]
        self._keys = smallest(keys).data

    def find(self, coordinates: Coordinates) -> int | None:
        """Return the row of the last frame at coordinates, or None."""
        key = 0
        for name, (renumber, size, place) in self._steps.items():
            key = key if renumber is None else renumber(key)
            own = place(coordinates[name])
            if own < 0 or key < 0:
                return None
            key = key * size + own
        at = bisect_right(self._keys, key) - 1
        if at < 0 or self._keys[at] != key:
            return None
        return int(self.rows[at if self.order is None else self.order[at]])

    def first_and_last(self) -> tuple[Numbers, Numbers]:
        """Return the rows of the first and the last frame at each place."""
        if self.order is None:
            return self.rows, self.rows
        starts = np.flatnonzero(np.diff(np.asarray(self._keys, np.int64), prepend=-1))
        ends = np.append(starts[1:], len(self.order)) - 1
        return self.rows[self.order[starts]], self.rows[self.order[ends]]


class KeySearch:
    """Finds frames by coordinates; the last of several frames at the same coordinates counts.

    Parameters
    ----------
    table
        Coordinates of all frames in order of arrival.
    """

    def __init__(self, table: CoordinateTable) -> None:
        self._parts = {frozenset(part.names): _SortedPart(part) for part in table.parts}
        self.last_of: tuple[Numbers, Numbers] | None = None
        """Rows of the first frame at each place, ascending, and of the last; None if all places differ."""
        if any(part.order is not None for part in self._parts.values()):
            found = [part.first_and_last() for part in self._parts.values()]
            first = np.concatenate([first for first, _ in found])
            if len(first) < len(table):
                order = np.argsort(first, kind="stable")
                self.last_of = first[order], np.concatenate([last for _, last in found])[order]

    def find(self, coordinates: Coordinates) -> int | None:
        """Return the row of the frame at coordinates, or None."""
        part = self._parts.get(frozenset(coordinates))
        return None if part is None else part.find(coordinates)


def _placed(column: Column) -> tuple[Lookup, Numbers, int]:
    """Return a lookup for the values of a column, the index of each frame's value, and their number."""
    if column.values is not None:
        numbers: Mapping[int | str, int] = {value: number for number, value in enumerate(column.values)}
        return lambda value: numbers.get(value, -1), column.data.astype(np.int64), len(numbers)
    low, high = int(column.data.min()), int(column.data.max())
    if high - low < _MOST:

        def place(value: int | str) -> int:
            return value - low if isinstance(value, int) and low <= value <= high else -1

        return place, column.data.astype(np.int64) - low, high - low + 1
    distinct, ranks = ranked(column.data)
    return _finder(distinct), ranks, len(distinct)


def _finder(distinct: Numbers) -> Lookup:
    """Return a lookup for sorted integers."""
    known = distinct.data

    def find(value: int | str) -> int:
        if not isinstance(value, int):
            return -1
        at = bisect_right(known, value) - 1
        return at if at >= 0 and known[at] == value else -1

    return find
