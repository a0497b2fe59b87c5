"""Distributes frames over OME images."""

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates.columns import (
    AxisRanks,
    Codes,
    CoordinateTable,
    combined,
    ranked,
    ranks_along,
    split,
)
from exengine_ome_tiff.coordinates.keys import label_rank, standard_names
from exengine_ome_tiff.coordinates.layout import PLANE_AXES, AxisValues, ImageLayout, plane_counts

_NO_MODULO: Mapping[str, str] = {}

_MANY_PLANES = 10_000
_MOST_PLANES_A_FRAME = 64


def check_fold_axes(modulo: Mapping[str, str]) -> None:
    """Check which axes are folded into Z, C and T.

    Parameters
    ----------
    modulo
        "Z", "C" or "T" by axis name.

    Raises
    ------
    ValueError
        An item is invalid, two axes are folded into the same one, or an axis is ``time``, ``channel``, ``z``,
        or ``position``, which separates files.
    TypeError
        `modulo` is not a mapping.
    """
    if not isinstance(modulo, Mapping):
        raise TypeError(f"got fold_axes={modulo!r}, expected a dict: write fold_axes={{'angle': 'T'}}")
    for axis, parent in modulo.items():
        if not isinstance(axis, str) or parent not in [*PLANE_AXES]:
            raise ValueError(f"got fold_axes={dict(modulo)!r}, expected axis names and 'Z', 'C' or 'T'")
        if axis in (*PLANE_AXES.values(), "position"):
            raise ValueError(f"got fold_axes={dict(modulo)!r}, but {axis!r} has a place of its own")
    if len(set(modulo.values())) < len(modulo):
        raise ValueError(
            f"got fold_axes={dict(modulo)!r}, but OME folds at most one axis into each of Z, C and T"
        )


def lay_out(
    numbers: npt.NDArray[np.int64],
    coordinates: CoordinateTable,
    kind_of: Codes,
    kinds: Sequence[Hashable],
    modulo: Mapping[str, str] = _NO_MODULO,
) -> list[ImageLayout]:
    """Distribute frames over images.

    Spellings such as ``t`` and ``Channel`` count as the standard axes. Within an image, the index along an
    axis is the rank of the value: integers by value, then strings by first arrival in the dataset. A frame
    that lacks an axis takes the place of the first value. If that place is taken, all frames of its channel
    that lack the same axes form a separate image. An image with more than 10,000 planes and more than 64
    planes per frame is split along its shortest axis, whose values become labels.

    Parameters
    ----------
    numbers
        Frame numbers in order of arrival, without replaced frames, shape (frames,).
    coordinates
        Coordinates of these frames, all different.
    kind_of
        Index of the kind of each frame in `kinds`, shape (frames,).
    kinds
        Shapes and pixel types; all frames of an image have the same.
    modulo
        Axes folded into images, with the one of Z, C and T that each is folded into.

    Returns
    -------
    list of ImageLayout
        Images in order of first arrival.
    """
    inside, labels = _ranks(coordinates, modulo)
    seen: set[Hashable] = set()
    layouts = []
    for _, rows in split(combined([kind_of, *(axis.ranks for axis in labels.values())], len(numbers))):
        kind, first = kinds[kind_of[rows[0]]], rows[:1]
        values = {name: axis.values(axis.ranks[first])[0] for name, axis in labels.items()}
        labels_here = tuple((name, value) for name, value in values.items() if value is not None)
        codes = {name: axis.ranks for name, axis in inside.items()}
        group = _Group(labels_here, kind, labels_here in seen, modulo, numbers, codes, inside)
        if len(rows) < len(numbers):
            group = group.part(rows)
        seen.add(labels_here)
        for part in group.parts():
            layouts += part.layouts()
    return sorted(layouts, key=lambda layout: layout.first_frame)


def _ranks(
    coordinates: CoordinateTable, modulo: Mapping[str, str]
) -> tuple[dict[str, AxisRanks], dict[str, AxisRanks]]:
    """Rank values along the axes inside images, and along the axes that separate images, in order."""
    spelt = list(dict.fromkeys(name for name, _, _ in coordinates.along()))
    inside = (*PLANE_AXES.values(), *modulo)
    standard = standard_names(axis for axis in spelt if axis not in inside or axis in PLANE_AXES.values())
    ranks = ranks_along(coordinates, standard)
    labels = {
        name: label_rank(name, arrival)
        for arrival, name in enumerate(standard.get(axis, axis) for axis in spelt)
        if name not in inside
    }
    nowhere = AxisRanks(np.broadcast_to(np.int32(0), len(coordinates)), np.zeros(0, np.int64), [])
    return (
        {name: ranks.get(name, nowhere) for name in inside},
        {name: ranks[name] for name in sorted(labels, key=labels.__getitem__)},
    )


class _Group(NamedTuple):
    """Frames with the same labels and kind, in order of arrival."""

    labels: tuple[tuple[str, int | str], ...]
    kind: Hashable
    is_variant: bool
    modulo: Mapping[str, str]
    numbers: npt.NDArray[np.int64]
    codes: Mapping[str, Codes]
    """Ranks along each axis inside images."""
    axes: Mapping[str, AxisRanks]
    lacking: tuple[str, ...] = ()
    """Axes that these frames lack, and whose first values belong to other frames."""

    def parts(self) -> list["_Group"]:
        """Give frames that lack an axis the place of its first value, or a separate image."""
        lacks = {name: codes == 0 for name, codes in self.codes.items()}
        lacks = {name: lack for name, lack in lacks.items() if lack.any() and not lack.all()}
        if not lacks:
            return [self]
        pattern = sum(lack.astype(np.int64) << bit for bit, lack in enumerate(lacks.values()))
        is_out = np.zeros(len(self.numbers), np.bool_)
        while True:
            filled = {name: self._filled(name, ~is_out) for name in self.codes}
            crowded = _crowded(filled, pattern, self.codes[PLANE_AXES["C"]], is_out)
            if not crowded.any():
                break
            is_out |= crowded
        parts = [self._replace(codes=filled).part(np.flatnonzero(~is_out))]
        for which, rows in split(np.where(is_out, pattern, 0)):
            if which:
                names = tuple(name for bit, name in enumerate(lacks) if which >> bit & 1)
                parts.append(self._replace(lacking=names).part(rows))
        return parts

    def _filled(self, name: str, is_in: npt.NDArray[np.bool_]) -> Codes:
        """Return the codes along an axis; frames without a value get the first one."""
        codes = self.codes[name]
        known = codes[is_in & (codes > 0)]
        return np.where(codes > 0, codes, known.min()) if known.size else codes

    def part(self, rows: Codes) -> "_Group":
        """Return some of the frames."""
        codes = {name: codes[rows] for name, codes in self.codes.items()}
        return self._replace(numbers=self.numbers[rows], codes=codes)

    def layouts(self) -> list[ImageLayout]:
        """Return one image, or several if most planes of one image would be missing."""
        along: dict[str, AxisValues] = {}
        ranks: dict[str, Codes] = {}
        for name, codes in self.codes.items():
            distinct, ranks[name] = ranked(codes)
            along[name] = self.axes[name].values(distinct)
        planes = math.prod(map(len, along.values()))
        if planes <= max(_MANY_PLANES, _MOST_PLANES_A_FRAME * len(self.numbers)):
            return [self._layout(along, ranks)]
        long_axes = [name for name, values in along.items() if len(values) > 1]
        shortest = min(long_axes, key=lambda name: len(along[name]))
        layouts = []
        for code, rows in split(self.codes[shortest]):
            part, (value,) = self.part(rows), self.axes[shortest].values(np.array([code]))
            if shortest in self.modulo:
                part = part._replace(codes={**part.codes, shortest: np.zeros_like(rows)})
            labels = self.labels if value is None else (*self.labels, (shortest, value))
            layouts += part._replace(labels=labels).layouts()
        return layouts

    def _layout(self, along: Mapping[str, AxisValues], ranks: Mapping[str, Codes]) -> ImageLayout:
        modulo = {
            parent: (name, along[name]) for name, parent in self.modulo.items() if along[name] != (None,)
        }
        values = {axis: along[name] for axis, name in PLANE_AXES.items()}
        indices = {axis: ranks[name] for axis, name in PLANE_AXES.items()}
        for axis, (name, inner) in modulo.items():
            indices[axis] = indices[axis] * len(inner) + ranks[name]
        order = _order_of_arrival(indices)
        sizes = plane_counts(values, modulo)
        flat = np.zeros(len(self.numbers), np.int64)
        for axis in reversed(order):
            flat *= sizes[axis]
            flat += indices[axis]
        frames = np.full(math.prod(sizes.values()), -1, np.int64)
        frames[flat] = self.numbers
        return ImageLayout(
            self.labels, self.kind, self.is_variant, values, modulo, order, frames, self.lacking
        )


def _crowded(
    filled: Mapping[str, Codes],
    pattern: npt.NDArray[np.int64],
    channels: Codes,
    is_out: npt.NDArray[np.bool_],
) -> npt.NDArray[np.bool_]:
    """Find frames that lack axes and share a place with a frame that lacks fewer axes, by channel.

    Parameters
    ----------
    filled
        Codes along each axis without gaps, each of shape (frames,).
    pattern
        One bit for each axis that a frame lacks.
    channels
        Codes of the channels.
    is_out
        Frames that are excluded already.
    """
    place = ranked(combined([*filled.values()], len(pattern)))[1]
    taken = np.zeros(len(pattern), np.bool_)
    crowded = np.zeros(len(pattern), np.bool_)
    sets = split(pattern * (int(channels.max()) + 1) + channels)
    for _, alike in sorted(sets, key=lambda each: int(pattern[each[1][0]]).bit_count()):
        rows = alike[~is_out[alike]]
        if taken[place[rows]].any():
            crowded[rows] = True
        else:
            taken[place[rows]] = True
    return crowded


def _order_of_arrival(indices: dict[str, Codes]) -> str:
    """Sort Z, C, T by how often each changes between frames, most often first; ties keep Z, C, T."""
    changes = {axis: int(np.count_nonzero(index[1:] != index[:-1])) for axis, index in indices.items()}
    return "".join(sorted(changes, key=lambda axis: -changes[axis]))
