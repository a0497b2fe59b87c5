"""A checkpoint and `finish` of many frames need little memory; a checkpoint gives it back."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import tifffile

from exengine_ome_tiff import TiffStorage, pieces
from exengine_ome_tiff.dataset import frame_numbers
from exengine_ome_tiff.ome import document, planes
from exengine_ome_tiff.tiff import final_chain
from exengine_ome_tiff.writing import checkpoint

FRAME = np.zeros((4, 4), np.uint16)
CONSTANT = {f"key-{number}": f"value {number}" for number in range(10)}
MOST_BYTES_A_FRAME = {"checkpoint": 50, "finish": 100}
"""In addition to what the run holds. They take 39 and 85; if `forget` keeps the coordinates, 60 and 85."""


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    """Make pieces small enough for few frames to fill many."""
    monkeypatch.setattr(document, "_PIECE_BYTES", 1 << 16)
    monkeypatch.setattr(planes, "_PART", 256)
    monkeypatch.setattr(planes, "_MANY_PLANES", 1024)
    monkeypatch.setattr(final_chain, "_WRITE_BYTES", 1 << 16)
    monkeypatch.setattr(final_chain, "_RUN_PAGES", 256)
    monkeypatch.setattr(pieces, "MANY", 256)
    monkeypatch.setattr(frame_numbers, "_PART", 16)


def put_frames(storage, count, positions=1):
    for number in range(count):
        tags = {"ElapsedTime-ms": f"{number * 10.5}", "XPositionUm": number / 8, "Number": f"{number}"}
        coordinates = {"time": number // positions, "channel": "DAPI", "position": number % positions}
        storage.put(coordinates, FRAME, CONSTANT | tags)


def peak_bytes(path, count, positions, call):
    """Return the most memory that a call takes in addition to what the run holds."""
    with TiffStorage(path, checkpoint=False) as storage:
        put_frames(storage, count, positions)
        storage.flush()
        storage.checkpoint()  # imports modules
        tracemalloc.start()
        try:
            getattr(storage, call)()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("call", MOST_BYTES_A_FRAME)
@pytest.mark.parametrize("positions", [1, 4])
def test_many_frames_take_few_bytes_each(tmp_path, call, positions):
    few, many = (
        peak_bytes(tmp_path / f"{count}.ome.tiff", count, positions, call) for count in (8000, 16_000)
    )
    assert (many - few) / 8000 < MOST_BYTES_A_FRAME[call]


def test_only_a_checkpoint_of_many_frames_gives_memory_back(tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(checkpoint, "give_back_memory", lambda: given.append(1))
    monkeypatch.setattr(checkpoint, "_MANY_FRAMES", 100)
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, checkpoint=False) as storage:
        put_frames(storage, 99)
        storage.checkpoint()
        assert not given
        storage.put({"time": 99, "channel": "DAPI", "position": 0}, FRAME)
        storage.checkpoint()
        assert given == [1]
        with tifffile.TiffFile(path) as tif:
            assert tif.is_ome
            assert tif.series[0].shape == (100, 4, 4)
