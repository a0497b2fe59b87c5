"""Readers, and what they see in the dataset that all of them read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from demos import Demo

Color = tuple[int, int, int]
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Seen:
    """Values from the reader's own interface; None for those it lacks.

    Attributes
    ----------
    images
        Names of the images, or how many there are where it has no names for them.
    sizes
        Of an image, in the order in which the reader has its axes, as in "T4 C2 Z3 Y48 X64".
    exact
        Whether all pixels of these images are those that were put, in their places.
    channels
        Their names.
    colors
        Red, green and blue of each channel.
    voxel_um
        Distances in x, y and z.
    interval_s
        From one time point to the next.
    exposure_s
        Of every plane.
    stage_x_um
        Of the planes of each image.
    version
        Of the reader, which may change without a difference in what it sees.
    """

    images: tuple[str, ...] | int
    sizes: str
    exact: bool | None = None
    channels: tuple[str, ...] | None = None
    colors: tuple[Color, ...] | None = None
    voxel_um: tuple[float, float, float] | None = None
    interval_s: float | None = None
    exposure_s: float | None = None
    stage_x_um: tuple[float, ...] | None = None
    version: str = field(default="", compare=False)


@dataclass(frozen=True)
class Reader:
    """A reader, its requirements, and what it should see.

    Attributes
    ----------
    name
        Unique.
    read
        Reads the dataset.
    missing
        Tells why the reader cannot be used here, None if it can.
    expected
        What it sees of the dataset.
    note
        What the reader's user should know.
    folder
        Whether the dataset is the folder with one file for each position, not the single file.
    """

    name: str
    read: Callable[[Demo], Seen]
    missing: Callable[[], str | None]
    expected: Seen
    note: str = ""
    folder: bool = False


def sizes_text(axes: str, shape: tuple[int, ...]) -> str:
    """Write axes and their lengths as in "T4 C2 Z3 Y48 X64"."""
    return " ".join(f"{axis}{length}" for axis, length in zip(axes, shape, strict=True))


def only(values: Iterable[_Value]) -> _Value:
    """Return the value that all images or planes share."""
    (value,) = set(values)
    return value
