"""Which OME images a set of frames makes, and which frame is which plane of them."""

import math
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates.keys import Axes, Key

AxisValue: TypeAlias = int | str | None

PLANE_AXES = {"Z": "z", "C": "channel", "T": "time"}
"""The axes that lie inside an image, by their OME names; every other axis tells images apart."""

_NO_MODULO: Mapping[str, str] = {}

_MANY_PLANES = 10_000
_MOST_PLANES_A_FRAME = 64


class Frame(NamedTuple):
    """One frame of a dataset as far as its place among the others goes."""

    number: int
    """Order of arrival, from 0."""
    key: Key
    """Coordinates, as `Axes.key` gives them."""
    kind: Hashable
    """Shape and pixel type; frames of one image have the same."""


@dataclass(frozen=True, slots=True)
class ImageLayout:
    """One OME image: at most Z, C, T of planes that are alike.

    Parameters
    ----------
    labels
        Axis and value of everything that tells this image from the others, in the order of the axes.
    kind
        What its frames' `Frame.kind` is.
    is_variant
        Whether an earlier image has the same labels and another kind.
    values
        For each of Z, C, T the coordinate values along it, by rank; None where a frame lacked the axis.
    modulo
        For those of Z, C, T that another axis lies inside of: name of that axis, and its values by rank. They
        vary faster than the values of the axis that they are inside of.
    order
        The two or three plane axes from the fastest varying to the slowest, a permutation of "ZCT".
    frames
        Frame numbers, -1 where no frame was put; shape (Z * C * T,), in `order`.
    """

    labels: tuple[tuple[str, int | str], ...]
    kind: Hashable
    is_variant: bool
    values: dict[str, tuple[AxisValue, ...]]
    modulo: dict[str, tuple[str, tuple[AxisValue, ...]]]
    order: str
    frames: npt.NDArray[np.int64]

    @property
    def sizes(self) -> dict[str, int]:
        """Number of planes along each of Z, C and T."""
        return _sizes(self.values, self.modulo)

    @property
    def first_frame(self) -> int:
        """Number of the frame that came first."""
        return int(self.frames[self.frames >= 0].min())

    def name(self, dataset: str, kind: str, prefix: str | None = None) -> str:
        """Return a name made of the labels, position first.

        Parameters
        ----------
        dataset
            Name of the dataset, for an image without labels.
        kind
            What to add to the name of a variant.
        prefix
            What the name begins with, instead of the name of the dataset.
        """
        labels = sorted(self.labels, key=lambda label: label[0] != "position")
        parts = [
            value if axis == "position" and isinstance(value, str) and value else f"{axis} {shown(value)}"
            for axis, value in labels
        ]
        name = ", ".join([*([prefix] if prefix else []), *parts])
        return (name or dataset) + (f" ({kind})" if self.is_variant else "")

    def zct(self) -> npt.NDArray[np.int64]:
        """Return the indices of all planes, shape (Z * C * T, 3), columns Z, C, T, rows as in `frames`."""
        shape = tuple(self.sizes[axis] for axis in reversed(self.order))
        indices = np.indices(shape).reshape(3, -1)[::-1]
        return np.stack([indices[self.order.index(axis)] for axis in "ZCT"], axis=1)


def check_modulo(modulo: Mapping[str, str]) -> None:
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
        raise TypeError(f"got modulo={modulo!r}, expected a mapping of axis names to 'Z', 'C' or 'T'")
    for axis, parent in modulo.items():
        if not isinstance(axis, str) or parent not in [*PLANE_AXES]:
            raise ValueError(f"got modulo={dict(modulo)!r}, expected axis names and 'Z', 'C' or 'T'")
        if axis in (*PLANE_AXES.values(), "position"):
            raise ValueError(f"got modulo={dict(modulo)!r}, but {axis!r} has a place of its own")
    if len(set(modulo.values())) < len(modulo):
        raise ValueError(f"got modulo={dict(modulo)!r}, but OME keeps one axis inside of each of Z, C and T")


def lay_out(frames: Iterable[Frame], axes: Axes, modulo: Mapping[str, str] = _NO_MODULO) -> list[ImageLayout]:
    """Distribute frames over images.

    Within an image the index along an axis is the rank of the value among those seen: a missing axis
    first, then ints by value, then strings by first arrival. An image of more than 10,000 planes, and more
    than 64 for each frame, is taken apart along its shortest axis, whose values become labels.

    Parameters
    ----------
    frames
        All frames that count, in order of arrival; no two with the same key.
    axes
        The axes that made the keys.
    modulo
        Axes that do not tell images apart, and the one of Z, C and T that each of them is kept inside of.

    Returns
    -------
    list of ImageLayout
        In order of first arrival.
    """
    inside = (*PLANE_AXES.values(), *modulo)
    splitters = _splitters(axes, inside)
    groups: dict[Hashable, _Group] = {}
    kinds: dict[Hashable, set[Hashable]] = {}
    for number, key, kind in frames:
        names, label_places, plane_places = splitters[int(key[0])]
        labels = tuple(key[place] for place in label_places)
        group = groups.get((names, labels, kind))
        if group is None:
            seen = kinds.setdefault((names, labels), set())
            group = _Group(tuple(zip(names, labels, strict=True)), kind, bool(seen), modulo)
            seen.add(kind)
            groups[names, labels, kind] = group
        group.add(number, [None if place is None else key[place] for place in plane_places])
    return [layout for group in groups.values() for layout in group.layouts()]


def _splitters(
    axes: Axes, inside: tuple[str, ...]
) -> list[tuple[tuple[str, ...], tuple[int, ...], tuple[int | None, ...]]]:
    """Tell for each set of axes where in its keys the labels are, and where the axes inside of images."""
    splitters = []
    for names in axes.names:
        labels = sorted((name, place) for place, name in enumerate(names, 1) if name not in inside)
        planes = tuple(names.index(name) + 1 if name in names else None for name in inside)
        splitters.append((tuple(name for name, _ in labels), tuple(place for _, place in labels), planes))
    return splitters


class _Group:
    """The frames of one image while they are collected."""

    def __init__(
        self,
        labels: tuple[tuple[str, int | str], ...],
        kind: Hashable,
        is_variant: bool,
        modulo: Mapping[str, str],
    ) -> None:
        self.labels = labels
        self.kind = kind
        self.is_variant = is_variant
        self._modulo = modulo
        self._numbers: list[int] = []
        self._seen: dict[str, dict[AxisValue, int]] = {name: {} for name in (*PLANE_AXES.values(), *modulo)}
        self._codes: dict[str, list[int]] = {name: [] for name in self._seen}

    def add(self, number: int, values: Iterable[AxisValue]) -> None:
        self._numbers.append(number)
        for (name, seen), value in zip(self._seen.items(), values, strict=True):
            self._codes[name].append(seen.setdefault(value, len(seen)))

    def layouts(self) -> list[ImageLayout]:
        """Return the image, or several where it would be nearly empty."""
        planes = math.prod(len(seen) for seen in self._seen.values())
        if planes <= max(_MANY_PLANES, _MOST_PLANES_A_FRAME * len(self._numbers)):
            return [self._layout()]
        long_axes = [name for name, seen in self._seen.items() if len(seen) > 1]
        split = min(long_axes, key=lambda name: len(self._seen[name]))
        values = {name: list(seen) for name, seen in self._seen.items()}
        parts: dict[AxisValue, _Group] = {}
        for index, number in enumerate(self._numbers):
            place = {name: values[name][codes[index]] for name, codes in self._codes.items()}
            value = place[split]
            if value not in parts:
                label = () if value is None else ((split, value),)
                parts[value] = _Group(self.labels + label, self.kind, self.is_variant, self._modulo)
            if split in self._modulo:
                place[split] = None
            parts[value].add(number, place.values())
        return [layout for part in parts.values() for layout in part.layouts()]

    def _layout(self) -> ImageLayout:
        ranked = {name: tuple(sorted(seen, key=_rank)) for name, seen in self._seen.items()}
        modulo = {
            parent: (name, ranked[name]) for name, parent in self._modulo.items() if ranked[name] != (None,)
        }
        values = {axis: ranked[name] for axis, name in PLANE_AXES.items()}
        indices = {axis: self._ranks(name, ranked[name]) for axis, name in PLANE_AXES.items()}
        for axis, (name, along) in modulo.items():
            indices[axis] = indices[axis] * len(along) + self._ranks(name, along)
        order = _order_of_arrival(indices)
        sizes = _sizes(values, modulo)
        flat = np.zeros(len(self._numbers), np.int64)
        for axis in reversed(order):
            flat = flat * sizes[axis] + indices[axis]
        frames = np.full(math.prod(sizes.values()), -1, np.int64)
        frames[flat] = self._numbers
        return ImageLayout(self.labels, self.kind, self.is_variant, values, modulo, order, frames)

    def _ranks(self, name: str, ranked: tuple[AxisValue, ...]) -> npt.NDArray[np.int64]:
        """Return the index of each frame along an axis."""
        rank = {value: index for index, value in enumerate(ranked)}
        rank_of_code = np.array([rank[value] for value in self._seen[name]], np.int64)
        return rank_of_code[np.array(self._codes[name], np.int64)]


def shown(value: AxisValue) -> str:
    """Show a value, a string of digits in quotes, as it is not the number."""
    if value is None:
        return "(none)"
    return f'"{value}"' if isinstance(value, str) and value.lstrip("-").isdigit() else str(value)


def _sizes(
    values: Mapping[str, tuple[AxisValue, ...]], modulo: Mapping[str, tuple[str, tuple[AxisValue, ...]]]
) -> dict[str, int]:
    """Count the planes along each of Z, C and T."""
    inner = {axis: len(along) for axis, (_, along) in modulo.items()}
    return {axis: len(along) * inner.get(axis, 1) for axis, along in values.items()}


def _rank(value: AxisValue) -> tuple[int, int]:
    """Sort key: no value, ints by value, strings alike, so that a stable sort keeps their arrival."""
    if value is None:
        return (0, 0)
    return (1, value) if isinstance(value, int) else (2, 0)


def _order_of_arrival(indices: dict[str, npt.NDArray[np.int64]]) -> str:
    """Sort Z, C, T by how often each changed from a frame to the next; ties keep Z, C, T."""
    changes = {axis: int(np.count_nonzero(np.diff(index))) for axis, index in indices.items()}
    return "".join(sorted(changes, key=lambda axis: -changes[axis]))
