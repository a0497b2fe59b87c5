"""Selection of the frames of an array, and their places in it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates.columns import CoordinateTable
from exengine_ome_tiff.coordinates.keys import read_coordinates, standard_name, value_text
from exengine_ome_tiff.coordinates.layout import AxisValue
from exengine_ome_tiff.dataset.frame_index import FrameIndex
from exengine_ome_tiff.text_format import list_text

ROW, COLUMN = "row", "column"
_SLOW_FIRST = {ROW: 7, COLUMN: 6, "position": 5, "time": 4, "channel": 3, "z": 2}
_OTHER_AXES = 3
_MANY_FRAMES, _MOST_PLACES_A_FRAME = 1_000_000, 64

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """The axes of an array with their values, and the numbers of its frames, -1 for missing ones."""

    axes: dict[str, tuple[AxisValue, ...]]
    frames: Numbers


@dataclass(frozen=True, slots=True, eq=False)
class _Axis:
    """All values along an axis, None first; the rank of each frame's value; the values by arrival."""

    values: list[AxisValue]
    ranks: Numbers
    by_arrival: list[AxisValue]

    @classmethod
    def of(cls, column: list[AxisValue]) -> "_Axis":
        by_arrival = list(dict.fromkeys(column))
        values = sorted(by_arrival, key=_order)
        rank = {value: index for index, value in enumerate(values)}
        ranks = np.fromiter(map(rank.__getitem__, column), np.int64, len(column))
        return cls(values, ranks, by_arrival)

    def chosen(self, name: str, wanted: AxisValue) -> AxisValue:
        """Return the value that the user selects; a number may count text values."""
        value = None if wanted is None else read_coordinates({name: wanted})[name]
        texts = [each for each in self.by_arrival if isinstance(each, str)]
        has_numbers = len(texts) + (None in self.values) < len(self.values)
        if isinstance(value, int) and not has_numbers and 0 <= value < len(texts):
            value = texts[value]
        if value not in self.values:
            raise ValueError(f"no frame has {name}={wanted!r}: expected one of {_listed(self.values)}")
        return value


def select(
    dataset: FrameIndex,
    axes: Iterable[str] | None,
    selection: Mapping[str, AxisValue],
    *,
    stitched: bool = False,
) -> Selection:
    """Choose frames and arrange them along axes; errors as for `TiffStorage.as_array`.

    With `stitched`, rows and columns are the last two axes, with all numbers from the first to the last.
    """
    coordinates, numbers = dataset.latest()
    columns = _columns(coordinates)
    if isinstance(axes, str):
        raise TypeError(f"axes: expected a list of names, got {axes!r}")
    named = None if axes is None else list(axes)
    for name in (*(named or ()), *selection, *((ROW, COLUMN) if stitched else ())):
        if name not in columns:
            raise ValueError(f"no frame has an axis {name!r}: expected {_listed([*columns])}")
    if named is not None and len(set(named)) < len(named):
        raise ValueError(f"axes: expected each axis once, got {named!r}")
    is_in = np.ones(len(numbers), np.bool_)
    values_of = {name: columns[name].chosen(name, value) for name, value in selection.items()}
    for name, value in values_of.items():
        is_in &= columns[name].ranks == columns[name].values.index(value)
    rows = np.flatnonzero(is_in)
    grid = (ROW, COLUMN) if stitched else ()
    stacked = [name for name in named or columns if name not in selection and name not in grid]
    if named is None:
        stacked = [name for name in stacked if _seen(columns[name], rows) != [None]]
    along = {name: _along(columns[name], rows) for name in stacked}
    for name in grid:
        values = [values_of[name]] if name in selection else [*_along(columns[name], rows)]
        along[name] = _every_number(name, values, len(rows))
    for name, axis in columns.items():
        seen = _seen(axis, rows)
        if name not in along and name not in selection and len(seen) > 1:
            raise ValueError(
                f"the axis {name!r} has several values, {_listed(seen)}: "
                f"name it in `axes`, or select one of them, such as {name}={seen[-1]!r}"
            )
    return Selection(along, _arranged(columns, along, rows, numbers))


def _columns(coordinates: CoordinateTable) -> dict[str, _Axis]:
    """Return the axes of all frames, the slowest first."""
    if not len(coordinates):
        raise ValueError("the dataset has no frame yet, so the array has no shape")
    columns: dict[str, list[AxisValue]] = {}
    for name, part, values in coordinates.along():
        column = columns.setdefault(name, [None] * len(coordinates))
        for row, value in zip(part.rows.tolist(), values.tolist(), strict=True):
            column[row] = value
    return {name: _Axis.of(columns[name]) for name in slowest_first(columns)}


def slowest_first(names: Iterable[str]) -> list[str]:
    """Sort axes as `TiffStorage.as_array` does: row, column, position, time, channel and others, z."""
    return sorted(names, key=lambda name: -_SLOW_FIRST.get(standard_name(name), _OTHER_AXES))


def _seen(axis: _Axis, rows: Numbers) -> list[AxisValue]:
    """Return the values of some frames."""
    return [axis.values[rank] for rank in np.unique(axis.ranks[rows]).tolist()]


def _along(axis: _Axis, rows: Numbers) -> tuple[AxisValue, ...]:
    """Return all values along an axis, None only if a selected frame lacks the axis."""
    seen = _seen(axis, rows)
    if seen == [None]:
        return (None,)
    return tuple(value for value in axis.values if value is not None or None in seen)


def _every_number(name: str, values: Sequence[AxisValue], frames: int) -> tuple[AxisValue, ...]:
    """Return all numbers from the first to the last."""
    numbers = [value for value in values if isinstance(value, int)]
    if len(numbers) < len(values):
        raise ValueError(f"axis {name!r}: stitching needs numbers, got {_listed(values)}")
    _check_places(max(numbers) - min(numbers) + 1, frames)
    return tuple(range(min(numbers), max(numbers) + 1))


def _arranged(
    columns: Mapping[str, _Axis], along: Mapping[str, tuple[AxisValue, ...]], rows: Numbers, numbers: Numbers
) -> Numbers:
    """Arrange the numbers of frames along the axes."""
    shape = tuple(len(values) for values in along.values())
    _check_places(math.prod(shape), len(rows))
    flat = np.zeros(len(rows), np.int64)
    for name, values in along.items():
        index = {value: number for number, value in enumerate(values)}
        of_rank = np.array([index.get(value, -1) for value in columns[name].values], np.int64)
        flat = flat * len(values) + of_rank[columns[name].ranks[rows]]
    frames = np.full(math.prod(shape), -1, np.int64)
    frames[flat] = numbers[rows]
    return frames.reshape(shape)


def _check_places(places: int, frames: int) -> None:
    if places > max(_MANY_FRAMES, _MOST_PLACES_A_FRAME * frames):
        raise ValueError(
            f"{frames} frames would make an array of {places} planes: select values of some axes"
        )


def _order(value: AxisValue) -> tuple[int, int, str]:
    if value is None:
        return 0, 0, ""
    return (1, value, "") if isinstance(value, int) else (2, 0, value)


def _listed(values: Iterable[AxisValue]) -> str:
    return list_text([value_text(value) for value in values])
