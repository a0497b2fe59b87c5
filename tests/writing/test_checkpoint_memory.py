"""A checkpoint of many frames needs little memory, and gives it back."""

from __future__ import annotations

import threading
import tracemalloc

import numpy as np
import pytest
import tifffile

from exengine_ome_tiff import TiffStorage
from exengine_ome_tiff.dataset import frame_index, frame_numbers
from exengine_ome_tiff.ome import document, planes
from exengine_ome_tiff.tiff import final_chain
from exengine_ome_tiff.translate import tag_columns
from exengine_ome_tiff.writing import checkpoint

FRAME = np.zeros((4, 4), np.uint16)
CONSTANT = {f"key-{number}": f"value {number}" for number in range(10)}
MOST_BYTES_A_FRAME = 60
"""A checkpoint takes 48. If it keeps the table of coordinates, it takes 67."""


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    """Make pieces small enough for few frames to fill many."""
    monkeypatch.setattr(document, "_PIECE_BYTES", 1 << 16)
    monkeypatch.setattr(planes, "_PART", 256)
    monkeypatch.setattr(final_chain, "_WRITE_BYTES", 1 << 16)
    monkeypatch.setattr(final_chain, "_RUN_PAGES", 256)
    monkeypatch.setattr(final_chain, "_PART_PAGES", 256)
    monkeypatch.setattr(frame_index, "_PART", 256)
    monkeypatch.setattr(frame_numbers, "_PART", 16)
    monkeypatch.setattr(tag_columns, "MANY_ROWS", 1024)


def put_frames(storage, count):
    for number in range(count):
        tags = {"ElapsedTime-ms": f"{number * 10.5}", "XPositionUm": number / 8}
        storage.put({"time": number, "channel": "DAPI"}, FRAME, CONSTANT | tags)


def peak_bytes(path, count):
    """Return the most memory that a checkpoint takes in addition to what the run holds."""
    with TiffStorage(path, checkpoint=False) as storage:
        put_frames(storage, count)
        storage.flush()
        storage.checkpoint()  # imports modules
        tracemalloc.start()
        try:
            storage.checkpoint()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


def test_a_checkpoint_takes_few_bytes_a_frame(tmp_path):
    few, many = (peak_bytes(tmp_path / f"{count}.ome.tiff", count) for count in (8000, 16_000))
    assert (many - few) / 8000 < MOST_BYTES_A_FRAME


def test_only_a_checkpoint_of_many_frames_gives_memory_back(tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(checkpoint, "give_back_memory", lambda: given.append(1))
    monkeypatch.setattr(checkpoint, "_MANY_FRAMES", 100)
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, checkpoint=False) as storage:
        put_frames(storage, 99)
        storage.checkpoint()
        assert not given
        storage.put({"time": 99, "channel": "DAPI"}, FRAME)
        storage.checkpoint()
        assert given == [1]
        with tifffile.TiffFile(path) as tif:
            assert tif.is_ome
            assert tif.series[0].shape == (100, 4, 4)


def test_put_waits_neither_for_texts_nor_for_the_chain(tmp_path, monkeypatch):
    storage = TiffStorage(tmp_path / "run.ome.tiff", checkpoint=False)
    called = []

    def while_another_thread_puts(name):
        call = getattr(checkpoint, name)

        def wrapped(*arguments, **options):
            number = 5 + len(called)
            thread = threading.Thread(target=storage.put, args=({"time": number, "channel": "DAPI"}, FRAME))
            thread.start()
            thread.join(20)
            assert not thread.is_alive()
            called.append(name)
            return call(*arguments, **options)

        monkeypatch.setattr(checkpoint, name, wrapped)

    names = ["Contents", "final_pages", "chain_nbytes", "write_chain"]
    with storage:
        put_frames(storage, 5)
        for name in names:
            while_another_thread_puts(name)
        storage.checkpoint()
    assert called == names
