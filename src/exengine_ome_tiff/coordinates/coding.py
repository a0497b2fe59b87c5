"""Coordinate values as small numbers, in arrays that NumPy can sort and compare."""

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates.layout import AxisValue


class Axis(NamedTuple):
    """The values of a dataset along an axis."""

    values: Sequence[AxisValue]
    """By their codes; that of code 0 is None."""
    rank: npt.NDArray[np.int64]
    """Of each code among all: ints by value, then strings by first arrival."""
    by_rank: Sequence[AxisValue]


class Codes:
    """Values of frames as small numbers; 0 stands for none.

    Parameters
    ----------
    count
        Of the frames.
    """

    def __init__(self, count: int) -> None:
        self.codes = np.zeros(count, np.int64)
        self._code = _Numbers({None: 0})

    def put(self, rows: npt.NDArray[np.int64], values: Iterable[Hashable]) -> None:
        """Say what the values of some frames are."""
        self.codes[rows] = np.fromiter(map(self._code.__getitem__, values), np.int64, len(rows))

    @property
    def values(self) -> list[Any]:
        """By their codes."""
        return [*self._code]

    def axis(self) -> Axis:
        """Rank the values, which are those of an axis."""
        values = self.values
        seen, first = np.unique(self.codes, return_index=True)
        arrival = dict(zip(seen.tolist(), first.tolist(), strict=True))
        numbers = [code for code, value in enumerate(values) if isinstance(value, int)]
        texts = [code for code, value in enumerate(values) if isinstance(value, str)]
        by_rank = [0, *sorted(numbers, key=values.__getitem__), *sorted(texts, key=arrival.__getitem__)]
        rank = np.empty(len(values), np.int64)
        rank[by_rank] = np.arange(len(values))
        return Axis(values, rank, [values[code] for code in by_rank])


class _Numbers(dict[Any, int]):
    """Numbers things in the order in which they are asked for."""

    def __missing__(self, thing: Hashable) -> int:
        self[thing] = number = len(self)
        return number


def split(codes: npt.NDArray[np.int64]) -> list[tuple[int, npt.NDArray[np.int64]]]:
    """Return each code with the places where it is, in order of their first ones."""
    by_code = np.argsort(codes, kind="stable")
    parts = np.split(by_code, np.flatnonzero(np.diff(codes[by_code])) + 1) if len(codes) else []
    return [(int(codes[part[0]]), part) for part in sorted(parts, key=lambda part: int(part[0]))]
