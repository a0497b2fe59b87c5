"""Shapes of acquisitions: which frames are put, in which order. Pixels encode the coordinates."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING, Any

from frames import SHAPE, frame

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np

    from exengine_ome_tiff import TiffStorage

Coordinates = dict[str, "int | str"]
Put = list[tuple[Coordinates, "np.ndarray"]]


def nested(**axes: Iterable[int | str]) -> list[Coordinates]:
    """Return all combinations of values; the last axis varies fastest."""
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def shuffled(coordinates: list[Coordinates]) -> list[Coordinates]:
    """Return coordinates in a fixed irregular order."""
    mixed = list(coordinates)
    random.Random(7).shuffle(mixed)  # noqa: S311
    return mixed


AXES: dict[str, tuple[int | str, ...]] = {
    "position": ("left", "right"),
    "time": (0, 1, 2),
    "channel": ("DAPI", "GFP"),
    "z": (-5, 0, 5),
}
_ALL = nested(**AXES)

ORDERS: dict[str, list[Coordinates]] = {
    "positions one by one": _ALL,
    "positions inside time": nested(**{axis: AXES[axis] for axis in ("time", "position", "z", "channel")}),
    "positions fastest": nested(**{axis: AXES[axis] for axis in ("z", "channel", "time", "position")}),
    "without a rule": shuffled(_ALL),
    "stopped in an inner loop": _ALL[:-8],
    "every fourth skipped": [place for number, place in enumerate(_ALL) if number % 4 != 1],
    "a channel at some times": [place for place in _ALL if place["channel"] == "DAPI" or place["time"] != 1],
    "other z ranges": [
        place for place in _ALL if place["z"] != {"left": -5, "right": 5}[str(place["position"])]
    ],
    "other lengths": [place for place in _ALL if place["position"] == "left" or place["time"] == 0],
}
"""Orders of arrival; those from the fifth on leave gaps."""


def frames_at(coordinates: Iterable[Coordinates], shape: tuple[int, ...] = SHAPE, dtype: Any = "u2") -> Put:
    """Return coordinates with a frame for each."""
    return [(place, frame(place, shape, dtype)) for place in coordinates]


def put_all(storage: TiffStorage, put: Put) -> None:
    """Put frames and finish."""
    for coordinates, array in put:
        storage.put(coordinates, array)
    storage.finish()
