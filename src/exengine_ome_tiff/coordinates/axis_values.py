"""Orders the values along an axis: integers by value, then text by first arrival."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from exengine_ome_tiff.coordinates.coding import Numbers, ranked
from exengine_ome_tiff.coordinates.columns import Column, CoordinateTable, Part
from exengine_ome_tiff.coordinates.layout import AxisValue


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

    ranks: Numbers
    numbers: Numbers
    texts: Sequence[str]

    @classmethod
    def of(cls, count: int, columns: Sequence[tuple[Part, Column]]) -> "AxisRanks":
        """Rank the values along an axis in all parts of a table."""
        rows = np.concatenate([part.rows for part, _ in columns])
        column = Column.joined([column for _, column in columns])
        ranks = np.zeros(count, np.int64)
        if column.values is None:
            numbers, codes = ranked(column.data)
            ranks[rows] = codes + 1
            return cls(ranks, numbers, [])
        values, codes = column.ranked()
        first = np.full(len(values), count)
        np.minimum.at(first, codes, rows)
        arrival = first.tolist()
        coded = [*enumerate(values)]
        numbered = sorted((value, code) for code, value in coded if isinstance(value, int))
        texts = sorted((arrival[code], value, code) for code, value in coded if isinstance(value, str))
        by_rank = [code for _, code in numbered] + [code for *_, code in texts]
        rank_of = np.empty(len(values), np.int64)
        rank_of[by_rank] = np.arange(1, len(values) + 1)
        ranks[rows] = rank_of[codes]
        numbers = np.array([value for value, _ in numbered], np.int64)
        return cls(ranks, numbers, [text for _, text, _ in texts])

    def values(self, ranks: Numbers) -> tuple[AxisValue, ...]:
        """Return the values of sorted ranks; None for rank 0."""
        start, stop = np.searchsorted(ranks, (1, len(self.numbers) + 1)).tolist()
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
