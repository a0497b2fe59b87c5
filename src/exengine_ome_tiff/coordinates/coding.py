"""Encodes values as small integers, which NumPy can sort and compare."""

from collections.abc import Hashable
from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]

_MOST_GAPS = 4
_FEW = 1024
_MOST = 1 << 62


class Numbering(dict[Any, int]):
    """Numbers things in the order of their first lookup."""

    def __missing__(self, thing: Hashable) -> int:
        self[thing] = number = len(self)
        return number


def ranked(values: npt.NDArray[np.integer[Any]]) -> tuple[Numbers, Numbers]:
    """Return the sorted distinct integers of an array, and the rank of each value among them.

    Equivalent to `numpy.unique`, but does not sort values that lie close together.
    """
    if not len(values):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    low, high = int(values.min()), int(values.max())
    if high - low >= _MOST_GAPS * len(values) + _FEW:
        distinct, ranks = np.unique(values, return_inverse=True)
        return distinct.astype(np.int64), ranks.astype(np.int64)
    above = values.astype(np.int64) - low
    is_there = np.zeros(high - low + 1, np.bool_)
    is_there[above] = True
    distinct = np.flatnonzero(is_there)
    if len(distinct) < len(is_there):
        above = (np.cumsum(is_there) - 1)[above]
    return distinct + low, above


def combined(columns: list[Numbers], count: int) -> Numbers:
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
    numbers, size = np.zeros(count, np.int64), 1
    for column in columns:
        own_size = int(column.max()) + 1 if count else 1
        if own_size == 1:
            continue
        if size * own_size >= _MOST:
            numbers = ranked(numbers)[1]
            size = int(numbers.max()) + 1
        numbers = numbers * own_size + column
        size *= own_size
    return numbers


def split(codes: Numbers) -> list[tuple[int, Numbers]]:
    """Return each code with its indices, in order of the first index."""
    if not len(codes):
        return []
    if codes.min() == codes.max():
        return [(int(codes[0]), np.arange(len(codes)))]
    by_code = np.argsort(codes, kind="stable")
    parts = np.split(by_code, np.flatnonzero(np.diff(codes[by_code])) + 1)
    return [(int(codes[part[0]]), part) for part in sorted(parts, key=lambda part: int(part[0]))]
