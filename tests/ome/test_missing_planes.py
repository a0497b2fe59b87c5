"""Planes without a frame neither count as planes of the last frame nor hide where they begin."""

from __future__ import annotations

import json

import numpy as np

from exengine_ome_tiff.coordinates.columns import CoordinateTable
from exengine_ome_tiff.coordinates.grouping import lay_out
from exengine_ome_tiff.coordinates.keys import Axes
from exengine_ome_tiff.findings import Findings
from exengine_ome_tiff.ome.planes import not_acquired
from exengine_ome_tiff.ome.steps import time_interval


def layout_of(places):
    axes, count = Axes(), len(places)
    table = CoordinateTable.of([axes.key({"time": time, "channel": name}) for time, name in places], axes)
    (layout,) = lay_out(np.arange(count), table, np.zeros(count, np.int64), ["kind"])
    return layout


def test_a_time_point_without_a_channel_keeps_the_interval():
    places = [(1, "A"), (1, "B"), (2, "A"), (3, "A"), (3, "B"), (0, "A"), (0, "B")]
    times_s = np.array([10.0 * time for time, _ in places])
    assert time_interval(layout_of(places), "image", times_s, 10, None, Findings()) == 10


def test_runs_of_missing_planes_with_the_first_and_the_last_plane():
    layout = layout_of([(0, 1), (1, 0), (1, 1), (2, 0), (4, 0)])
    planes = layout.zct()[layout.frames < 0].tolist()
    assert (layout.frames[0], layout.frames[-1]) == (-1, -1)
    runs = json.loads(not_acquired(layout))
    assert sum(count for *_, count in runs) == len(planes)
    assert runs[0][:3] == planes[0]
    assert [run[:3] for run in runs if run[:3] not in planes] == []
