"""Finds frames in columns of coordinates, without a Python object per frame."""

from bisect import bisect_right
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from exengine_ome_tiff.coordinates.columns import (
    Codes,
    Column,
    CoordinateTable,
    Numbers,
    Part,
    ranked,
    smallest,
)
from exengine_ome_tiff.coordinates.keys import Coordinates

_MOST = 1 << 62
_MOST_RANGE = 1 << 31
"""A larger range of integers along an axis is ranked; else its size times the frames could exceed 62 bits."""

Lookup: TypeAlias = Callable[[Any], int | None]
"""Returns the index of a value along an axis, or None."""


class _Step(NamedTuple):
    """How an axis contributes to the sort key of a frame."""

    name: str
    low: int
    """The integer with index 0, if there is no lookup."""
    size: int
    """Number of values along the axis."""
    lookup: Lookup | None
    """None if the indices of integers are these minus the lowest one."""
    renumber: Lookup | None
    """Replaces the key of the previous axes if the new key would need more than 62 bits."""


class _SortedPart:
    """Frames with the same axes, sorted by integer keys that are unique to their coordinates."""

    def __init__(self, part: Part) -> None:
        self._steps: list[_Step] = []
        keys, size = np.zeros(len(part.rows), np.int64), 1
        for name, column in zip(part.names, part.columns, strict=True):
            low, lookup, places, own_size = _placed(column)
            renumber = None
            if size * own_size >= _MOST:
                distinct, codes = ranked(keys)
                keys, renumber, size = codes.astype(np.int64), _finder(distinct), len(distinct)
            keys, size = keys * own_size + places, size * own_size
            self._steps.append(_Step(name, low, own_size, lookup, renumber))
        self._rows = part.rows
        if not (np.diff(keys) > 0).all():
            order = np.argsort(keys, kind="stable")
            keys, self._rows = keys[order], part.rows[order]
        self.is_unique = bool((np.diff(keys) > 0).all())
        """Whether all places differ."""
        is_complete = self.is_unique and len(keys) == size
        self._keys = None if is_complete else smallest(keys).data
        """None if they count from 0, because there is a frame at each combination of values."""
        self._row_at = self._rows.data  # its items are Python's integers

    def find(self, coordinates: Coordinates) -> int | None:
        """Return the row of the last frame at coordinates, or None."""
        key: Any = 0
        for name, low, size, lookup, renumber in self._steps:
            value: Any = coordinates[name]
            if lookup is not None:
                value = lookup(value)
            elif type(value) is int:
                value -= low
            else:
                return None
            key = key if renumber is None else renumber(key)
            if value is None or key is None or not 0 <= value < size:
                return None
            key = key * size + value
        at: int = key
        if self._keys is not None:
            at = bisect_right(self._keys, key) - 1
            if at < 0 or self._keys[at] != key:
                return None
        return self._row_at[at]

    def first_and_last(self) -> tuple[Numbers, Numbers]:
        """Return the rows of the first and the last frame at each place."""
        if self.is_unique:
            return self._rows, self._rows
        starts = np.flatnonzero(np.diff(np.asarray(self._keys, np.int64), prepend=-1))
        ends = np.append(starts[1:], len(self._rows)) - 1
        return self._rows[starts], self._rows[ends]


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
        if not all(part.is_unique for part in self._parts.values()):
            found = [part.first_and_last() for part in self._parts.values()]
            first = np.concatenate([first for first, _ in found])
            order = np.argsort(first, kind="stable")
            self.last_of = first[order], np.concatenate([last for _, last in found])[order]

    def find(self, coordinates: Coordinates) -> int | None:
        """Return the row of the frame at coordinates, or None."""
        part = self._parts.get(frozenset(coordinates))
        return None if part is None else part.find(coordinates)


def _placed(column: Column) -> tuple[int, Lookup | None, Numbers, int]:
    """Return the lowest integer or a lookup, the index of each frame's value, and the number of values."""
    if column.values is not None:
        numbers = {value: number for number, value in enumerate(column.values)}
        return 0, numbers.get, column.data.astype(np.int64), len(numbers)
    low, high = int(column.data.min()), int(column.data.max())
    if high - low < _MOST_RANGE:
        return low, None, column.data.astype(np.int64) - low, high - low + 1
    distinct, ranks = ranked(column.data)
    return 0, _finder(distinct), ranks.astype(np.int64), len(distinct)


def _finder(distinct: Codes) -> Lookup:
    """Return a lookup for sorted integers."""
    known = distinct.data

    def find(value: object) -> int | None:
        if not isinstance(value, int):
            return None
        at = bisect_right(known, value) - 1
        return at if at >= 0 and known[at] == value else None

    return find
