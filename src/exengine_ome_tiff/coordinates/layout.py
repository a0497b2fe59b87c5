"""The layout of an OME image: which frame is which plane."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates.keys import FrameNumber, value_text

AxisValue: TypeAlias = int | str | None
AxisValues: TypeAlias = Sequence[AxisValue]
"""Values along an axis: a tuple, or a range, which takes no memory for many consecutive integers."""
ValueNames: TypeAlias = Mapping[str, Mapping[int | str, str]]
"""Names of values, by axis."""

PLANE_AXES = {"Z": "z", "C": "channel", "T": "time"}
"""Axes inside an image, by OME name; all other axes separate images."""

_NAMES = ("position", "well")
"""Axes whose labels are names and appear without the axis."""


@dataclass(frozen=True, slots=True)
class ImageLayout:
    """One OME image: planes of the same kind along Z, C and T.

    Parameters
    ----------
    labels
        Axes and values that separate this image from others, in the order of the axes.
    kind
        Kind of the frames, an item of the `kinds` of `lay_out`.
    is_variant
        Whether an earlier image has the same labels and another kind.
    values
        Coordinate values along each of Z, C and T, by rank; (None,) if no frame has the axis.
    modulo
        Axes folded into Z, C or T, with their values by rank. These vary faster than the values of the axis
        they are folded into.
    order
        Plane axes from the fastest varying to the slowest, a permutation of "ZCT".
    frames
        Frame numbers, -1 for missing planes; shape (Z * C * T,), in `order`.
    lacking
        Axes that these frames lack, but other frames with the same labels and kind have.
    names
        Names of values along the axes ``channel`` and ``position``.
    """

    labels: tuple[tuple[str, int | str], ...]
    kind: Hashable
    is_variant: bool
    values: dict[str, AxisValues]
    modulo: dict[str, tuple[str, AxisValues]]
    order: str
    frames: npt.NDArray[np.int64]
    lacking: tuple[str, ...] = ()
    names: ValueNames = field(default_factory=dict)

    @property
    def named_labels(self) -> dict[str, int | str]:
        """Labels by axis, as names instead of numbers."""
        return {axis: self.names.get(axis, {}).get(value, value) for axis, value in self.labels}

    @property
    def channel_names(self) -> tuple[str | None, ...]:
        """Name of each value along C, or the value as text; None if frames have no channel."""
        return tuple(map(self._channel_name, self.values["C"]))

    def _channel_name(self, value: AxisValue) -> str | None:
        return None if value is None else self.names.get(PLANE_AXES["C"], {}).get(value, str(value))

    @property
    def sizes(self) -> dict[str, int]:
        """Number of planes along each of Z, C and T."""
        return plane_counts(self.values, self.modulo)

    @property
    def axes(self) -> dict[str, AxisValues]:
        """Values by rank along each axis of the frames: time, channel, z, each before the axis inside it."""
        axes: dict[str, AxisValues] = {}
        for axis in "TCZ":
            if self.values[axis] != (None,):
                axes[PLANE_AXES[axis]] = self.values[axis]
            if axis in self.modulo:
                name, values = self.modulo[axis]
                axes[name] = values
        return axes

    @property
    def acquired(self) -> npt.NDArray[np.int64]:
        """Frame numbers in dimension order, without missing planes."""
        is_acquired = self.frames >= 0
        return self.frames if is_acquired.all() else self.frames[is_acquired]

    @property
    def first_frame(self) -> FrameNumber:
        """Number of the first frame."""
        return FrameNumber(int(self.acquired.min()))

    def name(self, dataset: str, kind: str = "", prefix: str | None = None) -> str:
        """Return a name made of the labels, such as "A1, field 0", and the axes that its frames lack.

        Parameters
        ----------
        dataset
            Name of the dataset, used for an image without labels.
        kind
            Addition to the name of a variant, such as its shape.
        prefix
            Prefix that replaces the name of the dataset.
        """
        parts = [
            value if axis in _NAMES and isinstance(value, str) and value else f"{axis} {value_text(value)}"
            for axis, value in self.named_labels.items()
        ]
        name = ", ".join([*([prefix] if prefix else []), *parts]) or dataset
        without = " and ".join(self.lacking)
        return name + (f" without {without}" if without else "") + (f" ({kind})" if self.is_variant else "")

    def label(self, axis: str, index: int) -> str:
        """Return the label of an index along Z, C or T, such as "z=3", "GFP" and "t=0 angle 90"."""
        name, inside = self.modulo.get(axis, ("", (None,)))
        value, inner = self.values[axis][index // len(inside)], inside[index % len(inside)]
        value = self._channel_name(value) if axis == "C" else value
        letter = "" if axis == "C" else f"{axis.lower()}="
        parts = ("" if value is None else f"{letter}{value}", "" if inner is None else f"{name} {inner}")
        return " ".join(filter(None, parts))

    def frames_of_channel(self, index: int) -> npt.NDArray[np.int64]:
        """Return the numbers of the frames with a channel, by its index along C."""
        inside = len(self.modulo["C"][1]) if "C" in self.modulo else 1
        frames = self.cube()[:, index * inside : (index + 1) * inside]
        return frames[frames >= 0]

    def channel_of_frames(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the frame numbers in ascending order, and the index of each frame's channel."""
        inside = len(self.modulo["C"][1]) if "C" in self.modulo else 1
        cube = self.cube()
        channels = np.broadcast_to(np.arange(cube.shape[1])[:, None] // inside, cube.shape)[cube >= 0]
        numbers = cube[cube >= 0]
        order = np.argsort(numbers)
        return numbers[order], channels[order]

    def cube(self) -> npt.NDArray[np.int64]:
        """Return the frame numbers, shape (T, C, Z), -1 for missing planes."""
        slow_first = self.order[::-1]
        cube = self.frames.reshape([self.sizes[axis] for axis in slow_first])
        return cube.transpose([slow_first.index(axis) for axis in "TCZ"])

    def zct(self, planes: npt.NDArray[np.int64] | None = None) -> npt.NDArray[np.int64]:
        """Return the indices Z, C, T of planes, shape (planes, 3).

        Parameters
        ----------
        planes
            Their positions in `frames`; None for all.
        """
        chosen = np.arange(len(self.frames)) if planes is None else planes
        return np.stack([self.index_along(axis, chosen) for axis in "ZCT"], axis=1)

    def index_along(self, axis: str, planes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the indices of planes along Z, C or T; see `zct`."""
        sizes = self.sizes
        faster = math.prod(sizes[each] for each in self.order[: self.order.index(axis)])
        return planes // faster % sizes[axis]


def plane_counts(
    values: Mapping[str, AxisValues], modulo: Mapping[str, tuple[str, AxisValues]]
) -> dict[str, int]:
    """Count the planes along each of Z, C and T."""
    inner = {axis: len(along) for axis, (_, along) in modulo.items()}
    return {axis: len(along) * inner.get(axis, 1) for axis, along in values.items()}
