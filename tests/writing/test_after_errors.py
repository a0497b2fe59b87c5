"""What follows an error: nothing is written twice or over a page that may be linked; other files continue."""

from __future__ import annotations

import errno
import json
import os
import shutil
import threading
import time

import numpy as np
import pytest
import tifffile

from disks import failing_disk
from exengine_ome_tiff import TiffStorage, validate
from exengine_ome_tiff.tiff import JournalFile, WriteSettings, disk, open_journal, pixel_format
from exengine_ome_tiff.writing.flusher import IDLE_S, Flusher
from exengine_ome_tiff.writing.put_errors import PutErrors
from frames import frame

SMALL, LARGE = (64, 64), (1100, 1000)
NEEDS_PWRITE = pytest.mark.skipif(not hasattr(os, "pwrite"), reason="files are written to at their position")


def put(storage, position, time, shape=SMALL):
    place = {"position": position, "time": time}
    storage.put(place, frame(place, shape))


class LyingLinks:
    """A module `os` whose next write of eight bytes fails although it is done; `written` follows others."""

    def __init__(self, written=lambda: None):
        self.lies = 0
        self._written = written

    def __getattr__(self, name):
        return getattr(os, name)

    def pwrite(self, descriptor, data, offset):
        count = os.pwrite(descriptor, data, offset)
        if len(data) == 8 and self.lies:
            self.lies -= 1
            raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        self._written()
        return count


@NEEDS_PWRITE
def test_nothing_is_written_over_a_page_that_may_be_linked(tmp_path, monkeypatch):
    path, format_, seen = tmp_path / "pages.tif", pixel_format((4, 6), "<u2"), []

    def check():
        with tifffile.TiffFile(path) as tif:
            seen.append([page.asarray().tolist() for page in tif.pages])

    def append(number, *, at_once=True):
        pixels = np.full(format_.shape, number, "<u2")
        writer.append(pixels, format_, b"%d" % number, at_once=at_once)
        return pixels.tolist()

    writer = JournalFile.create(path, b"dataset", WriteSettings(), None)
    first = [append(0), append(1)]
    calls = LyingLinks(check)
    monkeypatch.setattr(disk, "os", calls)
    calls.lies = 1
    with pytest.raises(OSError, match="timed out"):
        append(2)
    last = [append(3, at_once=False), append(4, at_once=False)]
    writer.commit()
    writer.close()
    assert seen[-1] == first + last
    assert all(each in (first, [*first, np.full((4, 6), 2).tolist()], first + last) for each in seen)


@NEEDS_PWRITE
def test_no_two_frames_get_the_number_of_a_frame_that_may_be_linked(tmp_path, monkeypatch):
    storage = TiffStorage(tmp_path / "run")
    for position in "AB":
        put(storage, position, 0, LARGE)
    calls = LyingLinks()
    with monkeypatch.context() as patch:
        patch.setattr(disk, "os", calls)
        calls.lies = 1
        with pytest.raises(OSError, match="timed out"):
            put(storage, "A", 1, LARGE)
    put(storage, "B", 1, LARGE)
    numbers = []
    for path in sorted((tmp_path / "run").glob("*.tiff")):
        reader, pages = open_journal(path, allow_unfinished=True)
        numbers += [json.loads(page.note)["frame"] for page in pages]
        reader.close()
    storage.close()
    assert sorted(numbers) == [0, 1, 2, 3]


def test_other_files_are_finished_after_a_put_that_failed(tmp_path):
    storage = TiffStorage(tmp_path / "run")
    for position in "AB":
        put(storage, position, 0)
    storage.flush()
    put(storage, "B", 1)
    inode = (tmp_path / "run" / "run_B.ome.tiff").stat().st_ino
    with failing_disk() as fake:
        fake.failing = lambda file: errno.EIO if os.fstat(file).st_ino == inode else 0
        with pytest.raises(OSError, match="run_B"):
            put(storage, "B", 2, LARGE)
        with pytest.raises(OSError, match="run_B"):
            storage.finish()
    assert [(tmp_path / "run" / f"run_{each}.ome.tiff").read_bytes().count(b"<OME ") for each in "AB"] == [
        1,
        0,
    ]
    storage.close()
    assert validate(tmp_path / "run") == []


def test_a_checkpoint_of_files_that_cannot_be_written_fails(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff", checkpoint=False) as storage:
        put(storage, "A", 0)
        put(storage, "A", 1)
        with failing_disk() as fake:
            fake.failing = lambda _: errno.EIO
            with pytest.raises(OSError, match="bytes are free"):
                storage.checkpoint()


def test_a_checkpoint_in_time_of_files_that_cannot_be_written_is_reported(tmp_path, caplog):
    with TiffStorage(tmp_path / "run.ome.tiff", checkpoint=0.02) as storage:
        put(storage, "A", 0)
        with failing_disk() as fake:
            fake.failing = lambda _: errno.EIO
            put(storage, "A", 1)
            end_s = time.monotonic() + 20
            while "the checkpoint failed" not in caplog.text:
                assert time.monotonic() < end_s
                time.sleep(0.005)


@NEEDS_PWRITE
@pytest.mark.parametrize("failing", ["link", "sync"])
def test_the_final_chain_is_written_once(tmp_path, monkeypatch, failing):
    path = tmp_path / "run.ome.tiff"
    storage, syncs = TiffStorage(path), []
    for number in range(3):
        put(storage, "A", number)
    storage.flush()
    calls = LyingLinks()
    calls.lies = int(failing == "link")
    if failing == "sync":

        def fsync(descriptor):
            syncs.append(descriptor)
            if len(syncs) == 2:
                raise OSError(errno.EIO, os.strerror(errno.EIO))

        calls.fsync = fsync
    monkeypatch.setattr(disk, "os", calls)
    with pytest.raises(OSError, match="bytes are free"):
        storage.finish()
    left = shutil.copy(path, tmp_path / "left.ome.tiff")
    storage.close()
    assert path.read_bytes() == left.read_bytes()
    assert validate(path) == []


def test_close_does_not_raise_an_error_that_an_ended_thread_survived(tmp_path):
    def put_twice():
        with pytest.raises(TypeError):
            storage.put({"time": None}, frame({}))
        put(storage, "A", 0)

    storage = TiffStorage(tmp_path / "run.ome.tiff")
    thread = threading.Thread(target=put_twice)
    thread.start()
    thread.join()
    storage.close()
    assert validate(storage.path) == []


def test_a_flusher_that_was_stopped_while_it_waited_for_the_lock_writes_nothing():
    lock, flushed = threading.RLock(), []
    flusher = Flusher("run", lock, lambda: flushed.append(True))
    flusher._since_s = time.monotonic() - IDLE_S  # so that it is time to flush
    with lock:
        flusher.start()
        time.sleep(IDLE_S / 5)
        flusher.stop()
    flusher.join()
    assert flushed == []


def test_frames_without_room_are_put_again_in_their_order():
    errors, put_again = PutErrors("collect"), []
    for number in range(3):
        errors.keep({"time": number}, np.zeros((2, 2)), {})
    errors.try_again(lambda coordinates, *_: put_again.append(coordinates["time"]))
    assert put_again == [0, 1, 2]
