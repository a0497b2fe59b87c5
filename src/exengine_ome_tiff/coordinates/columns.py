"""Coordinates of many frames in columns, with one array per axis, and the ranks of their values."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates.keys import Axes, Coordinates, Key
from exengine_ome_tiff.coordinates.layout import AxisValues
from exengine_ome_tiff.pieces import pieces

Numbers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.integer[Any]]
"""Indices and ranks, in 32 bits where that is enough."""

_MOST_GAPS = 4
_FEW = 1024
_MOST = 1 << 62
_INT32 = np.iinfo(np.int32).max
_MANY = 64
"""Longest axis whose consecutive integers are in a tuple."""


class Numbering(dict[Any, int]):
    """Numbers things in the order of their first lookup."""

    def __missing__(self, thing: Hashable) -> int:
        self[thing] = number = len(self)
        return number


def ranked(values: Codes) -> tuple[Codes, Codes]:
    """Return the sorted distinct integers of an array, and the rank of each value among them.

    Equivalent to `numpy.unique`, but does not sort values that lie close together.
    """
    if not len(values):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    low, high = int(values.min()), int(values.max())
    if high == low:
        return np.array([low]), np.broadcast_to(np.int32(0), len(values))  # takes no memory
    if high - low >= _MOST_GAPS * len(values) + _FEW:
        distinct, ranks = np.unique(values, return_inverse=True)
        return distinct.astype(np.int64), ranks.astype(_index_type(len(distinct)))
    is_small = low > -_INT32 and high < _INT32 and high - low < _INT32
    above = np.subtract(values, low, dtype=np.int32 if is_small else np.int64, casting="unsafe")
    is_there = np.zeros(high - low + 1, np.bool_)
    for piece in pieces(len(above)):
        is_there[above[piece]] = True
    if is_there.all():
        return np.arange(low, high + 1, dtype=above.dtype), above
    return np.flatnonzero(is_there) + low, (np.cumsum(is_there, dtype=above.dtype) - 1)[above]


def _index_type(count: int) -> type[np.int32] | type[np.int64]:
    """Return the type of indices below a count."""
    return np.int32 if count <= _INT32 else np.int64


def combined(columns: list[Codes], count: int) -> Codes:
    """Assign numbers to rows, equal for rows with the same values in all columns.

    Parameters
    ----------
    columns
        Numbers from 0, each of shape (count,).
    count
        Number of rows.

    Returns
    -------
    numpy.ndarray
        Shape (count,); sorts like the rows by the first column, then the next, and so on.
    """
    numbers: Codes = np.broadcast_to(np.int32(0), count)
    size = 1
    for column in columns:
        own_size = int(column.max()) + 1 if count else 1
        if own_size == 1:
            continue
        if size == 1:
            numbers, size = column, own_size
            continue
        if size * own_size >= _MOST:
            numbers = ranked(numbers)[1]
            size = int(numbers.max()) + 1
        numbers = numbers.astype(np.int64) * own_size + column
        size *= own_size
    return numbers


def split(codes: Codes) -> list[tuple[int, Codes]]:
    """Return each code with its indices, in order of the first index."""
    if not len(codes):
        return []
    if codes.min() == codes.max():
        return [(int(codes[0]), np.arange(len(codes), dtype=_index_type(len(codes))))]
    by_code = np.argsort(codes, kind="stable").astype(_index_type(len(codes)))
    parts = np.split(by_code, np.flatnonzero(np.diff(codes[by_code])) + 1)
    return [(int(codes[part[0]]), part) for part in sorted(parts, key=lambda part: int(part[0]))]


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """Values of frames along one axis.

    Parameters
    ----------
    data
        The values if all are integers, else indices into `values`; shape (frames,).
    values
        Distinct values; None if `data` holds the values.
    """

    data: npt.NDArray[np.integer[Any]]
    values: Sequence[int | str] | None = None

    @classmethod
    def of(cls, values: Sequence[int | str]) -> "Column":
        """Make a column of values."""
        if set(map(type, values)) <= {int}:
            return cls(np.fromiter(values, np.int64, len(values)))
        numbering = Numbering()
        data = np.fromiter(map(numbering.__getitem__, values), np.int64, len(values))
        return cls(data, [*numbering])

    @classmethod
    def joined(cls, columns: Sequence["Column"]) -> "Column":
        """Concatenate columns."""
        if len(columns) == 1:
            return columns[0]
        if all(each.values is None for each in columns):
            kinds = {each.data.dtype for each in columns}  # NumPy joins uint64 and int64 to float64
            kind = kinds.pop() if len(kinds) == 1 else np.int64
            return cls(np.concatenate([each.data for each in columns], dtype=kind, casting="unsafe"))
        numbering, parts = Numbering(), []
        for each in columns:
            values, ranks = each.ranked()
            parts.append(np.array([numbering[value] for value in values], np.int64)[ranks])
        return cls(np.concatenate(parts), [*numbering])

    def take(self, rows: Codes) -> "Column":
        """Return the values of some frames."""
        return Column(self.data[rows], self.values)

    def ranked(self) -> tuple[Sequence[int | str], Codes]:
        """Return the distinct values of the frames, and the index of each frame's value among them."""
        distinct, ranks = ranked(self.data)
        if self.values is None:
            return distinct.tolist(), ranks
        return [self.values[code] for code in distinct.tolist()], ranks

    def compact(self) -> "Column":
        """Return an equal column in the smallest type, without unused values."""
        if self.values is None:
            return Column(smallest(self.data))
        values, ranks = self.ranked()
        return Column(smallest(ranks), values)

    def tolist(self) -> list[int | str]:
        """Return the values of all frames."""
        numbers: list[int | str] = self.data.tolist()
        return numbers if self.values is None else [self.values[int(number)] for number in numbers]


class Part(NamedTuple):
    """Frames that have the same axes.

    Parameters
    ----------
    names
        Axis names.
    rows
        Rows of the frames in the table, ascending.
    columns
        Values along each axis.
    """

    names: tuple[str, ...]
    rows: Numbers
    columns: tuple[Column, ...]


class CoordinateTable:
    """Coordinates of frames, one per row.

    Parameters
    ----------
    count
        Number of frames.
    parts
        Parts that together have each row once.
    """

    def __init__(self, count: int, parts: Iterable[Part]) -> None:
        self._count = count
        self.parts = sorted((part for part in parts if len(part.rows)), key=lambda part: int(part.rows[0]))

    @classmethod
    def of(cls, keys: Sequence[Key], axes: Axes) -> "CoordinateTable":
        """Make a table from keys of `Axes.key`."""
        sets = np.fromiter((key[0] for key in keys), np.int64, len(keys))
        parts = []
        for number in np.unique(sets).tolist():
            rows = np.flatnonzero(sets == number)
            of_rows = keys if len(rows) == len(keys) else [keys[row] for row in rows.tolist()]
            columns = tuple(map(Column.of, [*zip(*of_rows, strict=True)][1:]))
            parts.append(Part(axes.names[number], rows, columns))
        return cls(len(keys), parts)

    @classmethod
    def joined(cls, tables: Sequence["CoordinateTable"], order: Numbers) -> "CoordinateTable":
        """Merge tables.

        Parameters
        ----------
        tables
            Tables with rows in order of arrival.
        order
            Indices into the concatenated rows, in order of arrival.
        """
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        sets: dict[frozenset[str], list[Part]] = {}
        start = 0
        for table in tables:
            for part in table.parts:
                moved = part._replace(rows=place[start + part.rows])
                sets.setdefault(frozenset(part.names), []).append(moved)
            start += len(table)
        return cls(len(order), map(_joined_part, sets.values()))

    def __len__(self) -> int:
        return self._count

    def take(self, rows: Codes) -> "CoordinateTable":
        """Return rows in the given order."""
        parts = []
        for part in self.parts:
            if len(part.rows) == self._count:
                found, inside = np.arange(len(rows)), rows
            else:
                at = np.searchsorted(part.rows, rows)
                at[at == len(part.rows)] = 0
                found = np.flatnonzero(part.rows[at] == rows)
                inside = at[found]
            parts.append(Part(part.names, found, tuple(column.take(inside) for column in part.columns)))
        return CoordinateTable(len(rows), parts)

    def coordinates(self) -> list[Coordinates]:
        """Return the coordinates of all frames."""
        found: list[Coordinates] = [{}] * self._count
        for names, rows, columns in self.parts:
            values = zip(*(column.tolist() for column in columns), strict=True)
            for row, each in zip(rows.tolist(), values if columns else [()] * len(rows), strict=True):
                found[row] = dict(zip(names, each, strict=True))
        return found

    def along(self) -> Iterator[tuple[str, Part, Column]]:
        """Yield each axis of each part."""
        for part in self.parts:
            for name, column in zip(part.names, part.columns, strict=True):
                yield name, part, column


def _joined_part(parts: Sequence[Part]) -> Part:
    """Merge parts with the same axes of one table, and sort their rows."""
    if len(parts) == 1 and (parts[0].rows[1:] > parts[0].rows[:-1]).all():
        return parts[0]
    names = min(parts, key=lambda part: int(part.rows[0])).names
    rows = np.concatenate([part.rows for part in parts])
    order = np.argsort(rows)
    columns = []
    for name in names:
        column = Column.joined([part.columns[part.names.index(name)] for part in parts])
        columns.append(column.take(order))
    return Part(names, rows[order], tuple(columns))


def smallest(numbers: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.integer[Any]]:
    """Convert integers to the smallest type that holds them, unsigned if possible."""
    low, high = (int(numbers.min()), int(numbers.max())) if len(numbers) else (0, 0)
    kind = np.min_scalar_type(high if low >= 0 else min(low, -high - 1))
    return numbers.astype(kind, copy=False)


@dataclass(frozen=True, slots=True, eq=False)
class AxisRanks:
    """The rank of each frame's value along an axis.

    Parameters
    ----------
    ranks
        Shape (frames,); 0 for frames without the axis, then the integers, then the texts.
    numbers
        Sorted integers.
    texts
        Texts in order of first arrival.
    """

    ranks: Codes
    numbers: Codes
    texts: Sequence[str]

    @classmethod
    def of(cls, count: int, columns: Sequence[tuple[Part, Column]]) -> "AxisRanks":
        """Rank the values along an axis in all parts of a table."""
        is_whole = len(columns) == 1 and len(columns[0][0].rows) == count
        rows = columns[0][0].rows if is_whole else np.concatenate([part.rows for part, _ in columns])
        column = Column.joined([column for _, column in columns])
        if column.values is None:
            numbers, codes = ranked(column.data)
            if is_whole and len(numbers) == 1:
                return cls(np.broadcast_to(np.int32(1), count), numbers, [])  # takes no memory
            codes = codes + 1
            if not is_whole:
                codes, of_rows = np.zeros(count, codes.dtype), codes
                codes[rows] = of_rows
            return cls(codes, numbers, [])
        values, codes = column.ranked()
        first = np.full(len(values), count)
        np.minimum.at(first, codes, rows)
        arrival = first.tolist()
        coded = [*enumerate(values)]
        numbered = sorted((value, code) for code, value in coded if isinstance(value, int))
        texts = sorted((arrival[code], value, code) for code, value in coded if isinstance(value, str))
        by_rank = [code for _, code in numbered] + [code for *_, code in texts]
        rank_of = np.empty(len(values), np.int32)
        rank_of[by_rank] = np.arange(1, len(values) + 1)
        ranks = np.zeros(count, np.int32)
        ranks[rows] = rank_of[codes]
        numbers = np.array([value for value, _ in numbered], np.int64)
        return cls(ranks, numbers, [text for _, text, _ in texts])

    def values(self, ranks: Codes) -> AxisValues:
        """Return the values of sorted distinct ranks; None for rank 0."""
        start, stop = np.searchsorted(ranks, (1, len(self.numbers) + 1)).tolist()
        if not start and stop == len(ranks) > _MANY:
            first, last = self.numbers[ranks[[0, -1]] - 1].tolist()
            if last - first == len(ranks) - 1:
                return range(first, last + 1)
        texts = (ranks[stop:] - len(self.numbers) - 1).tolist()
        return (
            *([None] * start),
            *self.numbers[ranks[start:stop] - 1].tolist(),
            *(self.texts[text] for text in texts),
        )


def ranks_along(coordinates: CoordinateTable, standard: Mapping[str, str]) -> dict[str, AxisRanks]:
    """Rank the values along all axes.

    Parameters
    ----------
    coordinates
        Coordinates of the frames.
    standard
        Standard names of axes by spelling.
    """
    columns: dict[str, list[tuple[Part, Column]]] = {}
    for name, part, column in coordinates.along():
        columns.setdefault(standard.get(name, name), []).append((part, column))
    return {name: AxisRanks.of(len(coordinates), found) for name, found in columns.items()}
