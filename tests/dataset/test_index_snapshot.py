"""A snapshot of the index has exactly the frames up to its moment, and takes no memory per frame."""

import random
import tracemalloc

import numpy as np
import pytest

from exengine_ome_tiff import pieces
from exengine_ome_tiff.dataset import frame_numbers
from exengine_ome_tiff.dataset.frame_index import FrameIndex
from exengine_ome_tiff.tiff import PageHandle

SMALL = 4096
"""Bytes of a few objects."""


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Move numbers into blocks after few frames, and look them up in small parts."""
    monkeypatch.setattr(frame_numbers, "_FIRST_CHECK", 30)
    monkeypatch.setattr(frame_numbers, "_SAMPLE", 30)
    monkeypatch.setattr(frame_numbers, "_PART", 2)
    monkeypatch.setattr(pieces, "MANY", 7)


def add(index, frames):
    for number, (coordinates, file) in enumerate(frames, len(index)):
        index.add(index.axes.key(coordinates), file, PageHandle(number), 2 * number)


def shown(index):
    """Everything that an index says about its frames."""
    numbers = np.arange(len(index))
    files, handles = index.places(numbers)
    return {
        "latest": index.numbered(),
        "last ones": index.numbered(index.n_distinct // 2),
        "found": [index.find({"time": time, "site": "A"}) for time in range(90)],
        "every": index.table().coordinates(),
        "files": files.tolist(),
        "handles": handles.tolist(),
        "arrivals": index.arrivals(numbers).tolist(),
        "with frames": index.files_with_frames(),
        "in the first file": index.count_in(0),
        "distinct": index.n_distinct,
    }


def test_a_snapshot_shows_the_frames_up_to_its_moment():
    chance = random.Random(1)  # noqa: S311
    for _ in range(10):
        frames = [({"time": chance.randrange(90), "site": "A"}, number // 100) for number in range(120)]
        index, snapshots = FrameIndex(), []
        for start in range(0, 120, 10):
            snapshots.append((start, index.snapshot()))
            add(index, frames[start : start + 10])
        for count, snapshot in snapshots:
            expected = FrameIndex()
            add(expected, frames[:count])
            assert shown(snapshot) == shown(expected)


def test_a_snapshot_takes_no_memory_per_frame():
    index = FrameIndex()
    add(index, [({"time": number, "site": "A"}, 0) for number in range(2000)])
    tracemalloc.start()
    try:
        snapshot = index.snapshot()
        assert tracemalloc.get_traced_memory()[1] < SMALL
    finally:
        tracemalloc.stop()
    assert len(snapshot) == 2000
