"""With fsync, data is written back to the disk during the run, so that `finish` waits less."""

import errno
import sys
import time

import numpy as np
import pytest

from exengine_ome_tiff import TiffStorage, validate
from exengine_ome_tiff.tiff import system_calls
from exengine_ome_tiff.writing import write_back

FRAME = np.full((64, 512), 7, np.uint16)
STEP_BYTES = 4 * FRAME.nbytes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has the call")


@pytest.fixture
def spans(monkeypatch):
    """Write back in small steps; return the start and end of each step by file."""
    told = {}
    call = system_calls.write_back

    def write(descriptor, start, nbytes):
        call(descriptor, start, nbytes)
        told.setdefault(system_calls.os.fstat(descriptor).st_ino, []).append((start, start + nbytes))

    monkeypatch.setattr(system_calls, "write_back", write)
    monkeypatch.setattr(write_back, "STEP_BYTES", STEP_BYTES)
    monkeypatch.setattr(write_back, "_LOOK_S", 0.005)
    return told


def until(is_true):
    until_s = time.monotonic() + 10
    while not is_true():
        assert time.monotonic() < until_s
        time.sleep(0.002)


def test_each_file_is_written_back_in_steps(tmp_path, spans):
    with TiffStorage(tmp_path / "run") as storage:
        for time_point in range(12):
            for position in ("A", "B"):
                storage.put({"time": time_point, "position": position}, FRAME)
        files = {path.stat().st_ino: path for path in (tmp_path / "run").glob("*.tiff")}
        until(lambda: spans.keys() == files.keys())
        until(lambda: all(each[-1][1] > 12 * FRAME.nbytes - STEP_BYTES for each in spans.values()))
        for steps in spans.values():
            assert all(end - start >= STEP_BYTES for start, end in steps)
            assert [start for start, _ in steps[1:]] == [end for _, end in steps[:-1]]
        count = sum(map(len, spans.values()))
        time.sleep(0.05)
        assert count == sum(map(len, spans.values()))  # nothing is new
    assert validate(tmp_path / "run") == []


def test_no_write_back_without_fsync(tmp_path, spans):
    with TiffStorage(tmp_path / "run.ome.tiff", fsync=False) as storage:
        for time_point in range(20):
            storage.put({"time": time_point}, FRAME)
        time.sleep(0.05)
    assert spans == {}


def test_file_system_without_write_back_is_supported(tmp_path, spans, monkeypatch, caplog):
    calls = []

    def refuse(*span):
        calls.append(span)
        raise OSError(errno.ESPIPE, "no such call here")

    monkeypatch.setattr(system_calls, "_sync_file_range", lambda *_: -1)
    with pytest.raises(OSError, match=r"\[Errno"):
        system_calls.write_back(0, 0, 1)
    monkeypatch.setattr(system_calls, "write_back", refuse)
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        for time_point in range(20):
            storage.put({"time": time_point}, FRAME)
        until(lambda: calls)
        storage.flush(fsync=True)
    assert validate(tmp_path / "run.ome.tiff") == []
    assert (spans, caplog.messages) == ({}, [])
