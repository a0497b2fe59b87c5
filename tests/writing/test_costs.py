"""Costs of a frame, counted rather than timed: writes, copies, bytes of records and XML, live objects.

Speed itself is measured by `tests/benchmarks`.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import tracemalloc

import numpy as np
import pytest

from exengine_ome_tiff import TiffStorage
from exengine_ome_tiff.tiff import as_bytes, disk, read_description
from exengine_ome_tiff.writing import flusher, recorder

METADATA = {f"key-{number}": f"value {number}" for number in range(40)}
FORMS = ["run.ome.tiff", "run"]


class Counted:
    """The module `os`, which counts writes to files."""

    def __init__(self):
        self.writes = self.nbytes = 0

    def __getattr__(self, name):
        return getattr(os, name)

    def write(self, descriptor, data):
        self.writes += 1
        self.nbytes += len(data)
        return os.write(descriptor, data)

    @property
    def pwrite(self):
        if not hasattr(os, "pwrite"):  # Windows, which writes at the position of the file
            raise AttributeError("pwrite")
        return self._pwrite

    def _pwrite(self, descriptor, data, offset):
        self.writes += 1
        self.nbytes += len(data)
        return os.pwrite(descriptor, data, offset)


@pytest.fixture
def counted(monkeypatch):
    """Count writes, and treat all frames as fast ones, however slow the machine is."""
    monkeypatch.setattr(flusher, "IDLE_S", 600)
    monkeypatch.setattr(recorder, "SLOW_S", 600)
    fake = Counted()
    monkeypatch.setattr(disk, "os", fake)
    return fake


def metadata_of(number):
    return METADATA | {"ElapsedTime-ms": f"{number * 10.5}", "ImageNumber": f"{number}"}


def fill(storage, numbers, shape=(8, 16), positions=1):
    frame = np.ones(shape, np.uint16)
    for number in numbers:
        place = {"time": number // positions, "channel": "DAPI", "position": number % positions}
        storage.put(place, frame, metadata_of(number))
    storage.flush()


@pytest.mark.parametrize(
    ("form", "positions"), [("run.ome.tiff", 1), ("run.ome.tiff", 4), ("run", 1), ("run", 4)]
)
def test_fast_small_frames_share_their_writes(tmp_path, counted, form, positions):
    with TiffStorage(tmp_path / form) as storage:
        fill(storage, range(2048), positions=positions)
        # a block of 256: pixels, IFDs with records, link; and the creation of the file
        assert counted.writes <= 3 * 2048 / 256 + 30 * positions


def test_larger_frames_take_one_write_for_pixels(tmp_path, counted):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        fill(storage, range(300), (200, 200))
        assert 300 <= counted.writes <= 330
        assert counted.nbytes < 300 * (80_000 + 2000)


def test_large_frames_take_three_writes_each(tmp_path, counted):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        fill(storage, range(10), (1024, 512))
        assert counted.writes <= 3 * 10 + 10


def test_reading_does_not_split_writes(tmp_path, counted):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        for number in range(640):
            storage.put({"time": number}, np.full((8, 16), number, np.uint16), {"number": number})
            assert (storage[{"time": number}] == number).all()
            assert storage.get_metadata({"time": number // 2}) == {"number": number // 2}
        assert counted.writes <= 20


@pytest.mark.parametrize("shape", [(200, 200), (1024, 1024)])
def test_a_contiguous_frame_is_written_without_a_copy(tmp_path, monkeypatch, shape):
    frame = np.ones(shape, np.uint16)
    given = []
    write_at = disk.write_at

    def spy(file, offset, data, lock):
        given.append(np.shares_memory(np.frombuffer(data, "u1"), frame))
        write_at(file, offset, data, lock)

    monkeypatch.setattr(disk, "write_at", spy)
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        storage.put({"time": 0}, frame)
        storage.put({"time": 1}, frame)
        assert sum(given) == 2


def test_reading_makes_one_array(tmp_path):
    frame = np.ones((512, 512), np.uint16)
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        storage.put({"time": 0}, frame)
        storage.get_data({"time": 0})
        tracemalloc.start()
        try:
            read = storage.get_data({"time": 0})
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert as_bytes(read) == as_bytes(frame)
    assert peak < 1.05 * frame.nbytes


def test_finish_moves_no_pixels_and_adds_one_directory_per_plane(tmp_path, counted):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path) as storage:
        fill(storage, range(1000), (64, 64))
        before = counted.nbytes
    assert counted.nbytes - before < 1000 * 600 + 60_000


def test_record_is_little_larger_than_its_metadata(tmp_path, counted):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        fill(storage, range(1000))
        metadata = sum(len(json.dumps(metadata_of(number), separators=(",", ":"))) for number in range(1000))
        # 256 bytes of pixels, a directory, and a record with coordinates
        assert counted.nbytes < metadata + 1000 * (256 + 320 + 110) + 10_000


def test_plane_takes_few_bytes_of_xml(tmp_path):
    sizes = []
    for count in (1000, 3000):
        path = tmp_path / f"{count}.ome.tiff"
        with TiffStorage(path) as storage:
            fill(storage, range(count))
        sizes.append(len(read_description(path)))
    assert (sizes[1] - sizes[0]) / 2000 < 130


@pytest.mark.parametrize("form", FORMS)
def test_memory_and_objects_per_frame_are_bounded(tmp_path, form):
    with TiffStorage(tmp_path / form) as storage:
        fill(storage, range(500), positions=2)
        tracemalloc.start()
        try:
            before, blocks = tracemalloc.get_traced_memory()[0], sys.getallocatedblocks()
            fill(storage, range(500, 3500), positions=2)
            gc.collect()
            after, more_blocks = tracemalloc.get_traced_memory()[0], sys.getallocatedblocks()
        finally:
            tracemalloc.stop()
    assert (after - before) / 3000 < 350
    assert (more_blocks - blocks) / 3000 < 4  # the key, its time, its number


def test_cost_of_new_shapes_is_constant(tmp_path):
    storage, counts = TiffStorage(tmp_path / "run.ome.tiff", fsync=False), []
    for number in range(300):
        n_calls = 0

        def count(_frame, event, _argument):
            nonlocal n_calls
            n_calls += event == "call"

        pixels = np.zeros((8 + number, 9), np.uint8)
        sys.setprofile(count)
        storage.put({"time": number}, pixels)
        sys.setprofile(None)
        counts.append(n_calls)
    storage.suspend()
    assert min(counts[250:]) < min(counts[50:100]) + 20
