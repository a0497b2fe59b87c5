"""The order in which frames were taken, as their coordinates tell it."""

from collections.abc import Hashable

import numpy as np

from exengine_ome_tiff.coordinates import PLANE_AXES, standard_names
from exengine_ome_tiff.dataset.frame_index import FrameIndex
from exengine_ome_tiff.translate import FrameOrder


def frame_order(dataset: FrameIndex) -> FrameOrder:
    """Return the time points and places of all frames; both are -1 for frames without a numbered time."""
    keys, numbers = dataset.latest()
    coordinates = [dataset.axes.coordinates(key) for key in keys]
    standard = standard_names(axis for each in coordinates for axis in each)
    plane_axes = {*PLANE_AXES.values()}
    places: dict[Hashable, int] = {}
    order = FrameOrder(np.full(len(dataset), -1), np.full(len(dataset), -1))
    for number, each in zip(numbers.tolist(), coordinates, strict=True):
        time = next((value for axis, value in each.items() if standard.get(axis) == "time"), None)
        if isinstance(time, int):
            rest = frozenset(item for item in each.items() if standard.get(item[0]) not in plane_axes)
            order.time[number], order.place[number] = time, places.setdefault(rest, len(places))
    return order
