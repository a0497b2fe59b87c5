"""The order of the values along an axis: numbers by value, then text by first arrival."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from exengine_ome_tiff.coordinates.coding import Numbers, ranked
from exengine_ome_tiff.coordinates.columns import Column, CoordinateTable, Part
from exengine_ome_tiff.coordinates.layout import AxisValue


@dataclass(frozen=True, slots=True, eq=False)
class AxisRanks:
    """The place of each frame's value among the values along an axis.

    Parameters
    ----------
    ranks
        Shape (frames,): 0 for a frame without the axis, then the integers by value, then the texts.
    numbers
        The integers, sorted.
    texts
        The texts, in order of first arrival.
    """

    ranks: Numbers
    numbers: Numbers
    texts: Sequence[str]

    @classmethod
    def nowhere(cls, count: int) -> "AxisRanks":
        """Rank frames that all lack the axis."""
        return cls(np.zeros(count, np.int64), np.zeros(0, np.int64), [])

    @classmethod
    def of(cls, count: int, columns: Sequence[tuple[Part, Column]]) -> "AxisRanks":
        """Rank the values that frames have along an axis, whatever further axes they have."""
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
        """Return the values of ranks, which are sorted; None for 0."""
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
        Of the frames.
    standard
        Names of axes that are spelt in another way.
    """
    columns: dict[str, list[tuple[Part, Column]]] = {}
    for name, part, column in coordinates.along():
        columns.setdefault(standard.get(name, name), []).append((part, column))
    return {name: AxisRanks.of(len(coordinates), found) for name, found in columns.items()}
