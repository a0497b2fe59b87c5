"""Which OME images a set of frames makes."""

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates.keys import Axes, Key
from exengine_ome_tiff.coordinates.layout import PLANE_AXES, AxisValue, ImageLayout, plane_counts

_NO_MODULO: Mapping[str, str] = {}

_MANY_PLANES = 10_000
_MOST_PLANES_A_FRAME = 64


def check_fold_axes(modulo: Mapping[str, str]) -> None:
    """Check which axes are to be kept inside of Z, C and T.

    Parameters
    ----------
    modulo
        Axis name to "Z", "C" or "T".

    Raises
    ------
    ValueError
        It is no such mapping, two axes are to be inside of the same one, or the axis is ``time``,
        ``channel``, ``z``, or ``position``, which tells files apart.
    TypeError
        It is no mapping.
    """
    if not isinstance(modulo, Mapping):
        raise TypeError(f"got fold_axes={modulo!r}, expected a mapping of axis names to 'Z', 'C' or 'T'")
    for axis, parent in modulo.items():
        if not isinstance(axis, str) or parent not in [*PLANE_AXES]:
            raise ValueError(f"got fold_axes={dict(modulo)!r}, expected axis names and 'Z', 'C' or 'T'")
        if axis in (*PLANE_AXES.values(), "position"):
            raise ValueError(f"got fold_axes={dict(modulo)!r}, but {axis!r} has a place of its own")
    if len(set(modulo.values())) < len(modulo):
        raise ValueError(
            f"got fold_axes={dict(modulo)!r}, but OME keeps one axis inside of each of Z, C and T"
        )


def lay_out(
    numbers: npt.NDArray[np.int64],
    keys: Sequence[Key],
    kinds: Sequence[Hashable],
    axes: Axes,
    modulo: Mapping[str, str] = _NO_MODULO,
) -> list[ImageLayout]:
    """Distribute frames over images.

    Within an image the index along an axis is the rank of the value among those seen: a missing axis
    first, then ints by value, then strings by first arrival. An image of more than 10,000 planes, and more
    than 64 for each frame, is taken apart along its shortest axis, whose values become labels.

    Parameters
    ----------
    numbers
        Of all frames that count, shape (frames,), in order of arrival.
    keys
        Their coordinates, as `Axes.key` gives them; all differ.
    kinds
        Their shapes and pixel types; frames of one image have the same.
    axes
        The axes that made the keys.
    modulo
        Axes that do not tell images apart, and the one of Z, C and T that each of them is kept inside of.

    Returns
    -------
    list of ImageLayout
        In order of first arrival.
    """
    count = len(keys)
    inside = {name: _Coded(count) for name in (*PLANE_AXES.values(), *modulo)}
    images = _Coded(count)
    for number, rows in _split(np.fromiter((key[0] for key in keys), np.int64, count)):
        is_all = len(rows) == count
        of_rows = keys if is_all else [keys[row] for row in rows.tolist()]
        columns = dict(zip(axes.names[number], [*zip(*of_rows, strict=True)][1:], strict=True))
        for name, coded in inside.items():
            if name in columns:
                coded.put(rows, columns.pop(name))
        names = tuple(sorted(columns))
        kinds_of_rows = kinds if is_all else [kinds[row] for row in rows.tolist()]
        images.put(rows, zip(repeat(names), kinds_of_rows, *(columns[name] for name in names)))
    values_inside = {name: coded.values for name, coded in inside.items()}
    of_images = images.values
    seen: set[Hashable] = set()
    layouts = []
    for code, rows in _split(images.codes):
        names, kind, *values = of_images[code]
        labels = tuple(zip(names, values, strict=True))
        codes = {name: coded.codes[rows] for name, coded in inside.items()}
        group = _Group(labels, kind, labels in seen, modulo, numbers[rows], codes)
        seen.add(labels)
        layouts += group.layouts(values_inside)
    return layouts


class _Coded:
    """Values of frames as small numbers; 0 stands for none.

    Parameters
    ----------
    count
        Of the frames.
    """

    def __init__(self, count: int) -> None:
        self.codes = np.zeros(count, np.int64)
        self._code = _Numbered({None: 0})

    def put(self, rows: npt.NDArray[np.int64], values: Iterable[Hashable]) -> None:
        """Say what the values of some frames are."""
        self.codes[rows] = np.fromiter(map(self._code.__getitem__, values), np.int64, len(rows))

    @property
    def values(self) -> list[Any]:
        """By their codes."""
        return [*self._code]


class _Numbered(dict[Any, int]):
    """Numbers things in the order in which they are asked for."""

    def __missing__(self, thing: Hashable) -> int:
        self[thing] = number = len(self)
        return number


def _split(codes: npt.NDArray[np.int64]) -> list[tuple[int, npt.NDArray[np.int64]]]:
    """Return each code with the places where it is, in order of their first ones."""
    by_code = np.argsort(codes, kind="stable")
    parts = np.split(by_code, np.flatnonzero(np.diff(codes[by_code])) + 1) if len(codes) else []
    return [(int(codes[part[0]]), part) for part in sorted(parts, key=lambda part: int(part[0]))]


class _Group(NamedTuple):
    """Frames that have the same labels and are alike, in order of arrival."""

    labels: tuple[tuple[str, int | str], ...]
    kind: Hashable
    is_variant: bool
    modulo: Mapping[str, str]
    numbers: npt.NDArray[np.int64]
    codes: Mapping[str, npt.NDArray[np.int64]]
    """By the names of the axes inside of images."""

    def layouts(self, values: Mapping[str, Sequence[AxisValue]]) -> list[ImageLayout]:
        """Return the image, or several where it would be nearly empty.

        Parameters
        ----------
        values
            Of each axis, by their codes.
        """
        along = {name: _Along.of(codes, values[name]) for name, codes in self.codes.items()}
        planes = math.prod(len(each.values) for each in along.values())
        if planes <= max(_MANY_PLANES, _MOST_PLANES_A_FRAME * len(self.numbers)):
            return [self._layout(along)]
        long_axes = [name for name, each in along.items() if len(each.values) > 1]
        split = min(long_axes, key=lambda name: len(along[name].values))
        layouts = []
        for code, part in _split(self.codes[split]):
            value = values[split][code]
            codes = {name: codes[part] for name, codes in self.codes.items()}
            if split in self.modulo:
                codes[split] = np.zeros_like(codes[split])
            labels = self.labels if value is None else (*self.labels, (split, value))
            group = self._replace(labels=labels, numbers=self.numbers[part], codes=codes)
            layouts += group.layouts(values)
        return layouts

    def _layout(self, along: Mapping[str, "_Along"]) -> ImageLayout:
        modulo = {
            parent: (name, along[name].values)
            for name, parent in self.modulo.items()
            if along[name].values != (None,)
        }
        values = {axis: along[name].values for axis, name in PLANE_AXES.items()}
        indices = {axis: along[name].ranks for axis, name in PLANE_AXES.items()}
        for axis, (name, inner) in modulo.items():
            indices[axis] = indices[axis] * len(inner) + along[name].ranks
        order = _order_of_arrival(indices)
        sizes = plane_counts(values, modulo)
        flat = np.zeros(len(self.numbers), np.int64)
        for axis in reversed(order):
            flat = flat * sizes[axis] + indices[axis]
        frames = np.full(math.prod(sizes.values()), -1, np.int64)
        frames[flat] = self.numbers
        return ImageLayout(self.labels, self.kind, self.is_variant, values, modulo, order, frames)


class _Along(NamedTuple):
    """What an axis of an image has."""

    values: tuple[AxisValue, ...]
    """By rank."""
    ranks: npt.NDArray[np.int64]
    """Of each frame, shape (frames,)."""

    @classmethod
    def of(cls, codes: npt.NDArray[np.int64], values: Sequence[AxisValue]) -> "_Along":
        """Rank the values of frames in order of arrival by their codes."""
        if not np.ptp(codes):
            return cls((values[codes[0]],), np.zeros(len(codes), np.int64))
        unique, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
        seen = [values[code] for code in unique[np.argsort(first)].tolist()]
        rank = {value: index for index, value in enumerate(sorted(seen, key=_rank))}
        ranks = np.array([rank[values[code]] for code in unique.tolist()], np.int64)
        return cls(tuple(rank), ranks[inverse])


def _rank(value: AxisValue) -> tuple[int, int]:
    """Sort key: no value, ints by value, strings alike, so that a stable sort keeps their arrival."""
    if value is None:
        return (0, 0)
    return (1, value) if isinstance(value, int) else (2, 0)


def _order_of_arrival(indices: dict[str, npt.NDArray[np.int64]]) -> str:
    """Sort Z, C, T by how often each changed from a frame to the next; ties keep Z, C, T."""
    changes = {axis: int(np.count_nonzero(np.diff(index))) for axis, index in indices.items()}
    return "".join(sorted(changes, key=lambda axis: -changes[axis]))
