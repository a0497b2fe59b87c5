"""Checkpoints in time: one for each growth, and none in the way of another."""

from __future__ import annotations

import threading
import time

import numpy as np
import tifffile

from exengine_ome_tiff import TiffStorage, validate
from exengine_ome_tiff.writing.checkpointer import Checkpointer, CheckpointRule

PATIENCE_S = 20


def wait_until(is_true):
    end_s = time.monotonic() + PATIENCE_S
    while not is_true():
        assert time.monotonic() < end_s
        time.sleep(0.005)


def test_there_is_no_checkpoint_without_new_frames():
    count, made = 1, []
    checkpointer = Checkpointer(
        "run", CheckpointRule(0.01), lambda: count, lambda: made.append(count) is None
    )
    checkpointer.start()
    for count in (1, 2):  # noqa: B007 - the checkpointer reads it
        wait_until(lambda: made)
        time.sleep(0.1)
    checkpointer.stop()
    checkpointer.join()
    assert made == [1, 2]


def test_a_checkpoint_can_follow_one_of_the_thread(tmp_path):
    path = tmp_path / "run.ome.tiff"

    def has_checkpoint():
        try:
            with tifffile.TiffFile(path) as tif:
                return tif.is_ome
        except tifffile.TiffFileError:
            return False

    with TiffStorage(path, checkpoint=0.02) as storage:
        storage.put({"time": 0}, np.zeros((4, 4), np.uint8))
        wait_until(has_checkpoint)
        thread = threading.Thread(target=storage.checkpoint, daemon=True)
        thread.start()
        thread.join(PATIENCE_S / 4)
        assert not thread.is_alive()


def test_close_inside_a_put_for_which_a_checkpoint_waits(tmp_path):
    """As in a signal handler: the thread of checkpoints cannot get the lock before `close` returns."""
    path = tmp_path / "run.ome.tiff"
    storage = TiffStorage(path, checkpoint=0.01)
    storage.put({"time": 0}, np.zeros((8, 8), np.uint8))
    with storage._recorder._lock:
        storage.put({"time": 1}, np.zeros((8, 8), np.uint8))
        time.sleep(0.1)
        storage.close()
    assert validate(path) == []
