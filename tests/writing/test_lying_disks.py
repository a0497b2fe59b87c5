"""Errors at any call, including writes that failed after they reached the disk: the disk's state counts."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from effort import effort
from exengine_ome_tiff import TiffStorage, recover, validate
from exengine_ome_tiff.tiff import disk
from frames import assert_complete, frame

CALLS = ("write", "pwrite", "posix_fallocate", "fsync", "ftruncate")
ERRORS = (errno.EINTR, errno.EIO, errno.ENOSPC, errno.ESTALE, errno.ETIMEDOUT)
OPTIONS = [
    {},
    {"compression": "zlib", "checksums": True},
    {"pyramid_levels": 1, "tile": (16, 512)},
]


class FaultyCalls:
    """A module `os` for `exengine_ome_tiff.tiff.disk` with a call that fails before or after it is done.

    Parameters
    ----------
    failing
        Number of the call that fails, from 0; None for none.
    error
        Its `errno`.
    happens
        What the failing call does: nothing ("not"), a write of some bytes ("partly") or everything ("fully").
    lasting
        How many of the calls after it fail, too.
    """

    def __init__(self, failing: int | None, error: int = errno.EIO, happens: str = "not", lasting: int = 0):
        self.n_calls = 0
        self._failing = range(0) if failing is None else range(failing, failing + lasting + 1)
        self._error = error
        self._happens = happens

    def __getattr__(self, name: str) -> object:
        function = getattr(os, name)
        if name not in CALLS:
            return function

        def call(descriptor: int, *args: object) -> object:
            number, self.n_calls = self.n_calls, self.n_calls + 1
            if number not in self._failing:
                return function(descriptor, *args)
            if self._happens == "partly" and name in ("write", "pwrite"):
                data, *rest = args
                function(descriptor, data[: len(data) // 2], *rest)
            elif self._happens != "not":
                function(descriptor, *args)
            raise OSError(self._error, os.strerror(self._error))

        return call


def place_of(number):
    return {"time": number, "position": number % 2}


@cache
def pixels_of(number):
    shape = (106, 5000) if number % 5 == 4 else (32, 48)
    return frame({"n": number}, shape)


def record_some(path, **options):
    """Put frames and finish, and repeat `finish` if it fails; return the acknowledged frames."""
    storage, acknowledged = TiffStorage(path, fsync=True, **options), []
    for number in range(9):
        for _ in range(6):
            try:
                storage.put(place_of(number), pixels_of(number), {"number": number})
            except OSError:
                continue
            acknowledged.append(number)
            break
        if number % 3 == 2:
            try:
                storage.flush(fsync=number == 5)
            except OSError:
                continue
    for _ in range(9):
        try:
            storage.close()
        except OSError:
            continue
        return acknowledged
    raise AssertionError("cannot be closed")


def assert_right(path, acknowledged, pixels=pixels_of):
    """Call `assert_complete` on a finished dataset with the numbers of its frames."""
    assert_complete(path, acknowledged, lambda place: pixels(place["time"]))


@pytest.mark.skipif(not hasattr(os, "pwrite"), reason="files are written to at their position")
@pytest.mark.parametrize("happens", ["not", "partly", "fully"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", ["run.ome.tiff", "run"])
def test_an_error_at_any_call(memory_path, monkeypatch, name, options, happens):
    with monkeypatch.context() as patch:
        patch.setattr(disk, "os", calls := FaultyCalls(None))
        assert_right(memory_path / name, record_some(memory_path / name, **options))
    mixed = random.Random(f"{name} {options} {happens}")  # noqa: S311
    numbers = range(1, calls.n_calls)
    numbers = effort(sorted(mixed.sample(numbers, 3)), numbers)
    for number in numbers:
        path = memory_path / str(number) / name
        path.parent.mkdir()
        fault = FaultyCalls(number, mixed.choice(ERRORS), happens, mixed.choice((0, 0, 1, 3)))
        with monkeypatch.context() as patch:
            patch.setattr(disk, "os", fault)
            acknowledged = record_some(path, **options)
        assert len(acknowledged) == 9
        assert_right(path, acknowledged)
        shutil.rmtree(path.parent)


@pytest.mark.skipif(not hasattr(os, "pwrite"), reason="files are written to at their position")
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("is_killed", [False, True], ids=["finished", "killed"])
def test_link_that_was_written_despite_an_error(tmp_path, monkeypatch, options, is_killed):
    path = tmp_path / "run.ome.tiff"
    storage = TiffStorage(path, **options)
    for number in range(3):
        storage.put({"time": number}, np.full((1100, 1000), number, np.uint16), {"number": number})
    pwrite, lies = os.pwrite, [True]

    def lying(descriptor, data, offset):
        written = pwrite(descriptor, data, offset)
        if len(data) == 8 and lies:
            lies.pop()
            raise OSError(errno.ETIMEDOUT, "Connection timed out")
        return written

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", lying)
        with pytest.raises(OSError, match="timed out"):
            storage.put({"time": 3}, np.full((1100, 1000), 3, np.uint16), {"number": 3})
    assert not lies
    assert {"time": 3} not in storage
    if is_killed:
        left = tmp_path / "left.ome.tiff"
        left.write_bytes(path.read_bytes())
        recover(left)
        assert_right(left, range(3), lambda number: np.full((1100, 1000), number, np.uint16))
    storage.close()
    assert_right(path, range(3), lambda number: np.full((1100, 1000), number, np.uint16))
    with TiffStorage.open(path) as reader:
        assert len(reader.get_image_coordinates_list()) == 3


@pytest.mark.parametrize("name", ["run.ome.tiff", "run"])
def test_fsync_is_not_trusted_after_a_failure(tmp_path, monkeypatch, caplog, name):
    path = tmp_path / name
    storage, sync, fails = TiffStorage(path), os.fsync, [True]
    storage.put({"time": 0}, pixels_of(0), {"number": 0})

    def failing(descriptor):
        if fails:
            fails.pop()
            raise OSError(errno.EIO, "Input/output error")
        sync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing)
        with pytest.raises(OSError, match="Input/output error"):
            storage.flush(fsync=True)
    for _ in range(2):
        with pytest.raises(OSError, match="copy the dataset"):
            storage.flush(fsync=True)
        storage.put({"time": 1}, pixels_of(1), {"number": 1})
        storage.flush()
    caplog.clear()
    storage.close()
    assert "copy the dataset" in caplog.text
    assert_right(path, [0, 1])


SCRIPT = """
    import json, random, signal, sys
    sys.path[:0] = PATH
    from test_lying_disks import record_interrupted
    print(json.dumps([record_interrupted(*each) for each in json.load(sys.stdin)]))
"""


def record_interrupted(path, seed):
    """Put frames while a timer raises `TimeoutError` at any instruction of `put` and `flush`."""
    mixed = random.Random(seed)  # noqa: S311
    is_open, acknowledged, interrupts = False, [], 0

    def interrupt(*_):
        nonlocal is_open, interrupts
        if is_open:
            is_open, interrupts = False, interrupts + 1
            raise TimeoutError("the camera timed out")

    signal.signal(signal.SIGALRM, interrupt)
    options = mixed.choice(({}, {"checksums": True}, {"compression": "zlib"}))
    storage = TiffStorage(path, fsync=False, **options)
    for number in range(240):
        try:
            is_open = True
            signal.setitimer(signal.ITIMER_REAL, mixed.uniform(1e-6, 1e-3))
            pixels = np.full(mixed.choice(((8, 8), (16, 4))), number, np.uint16)
            storage.put(place_of(number), pixels, {"number": number})
            acknowledged.append(number)
            if mixed.random() < 0.1:
                storage.flush()
            is_open = False
        except Exception:  # noqa: BLE001 - tifffile and `threading` may raise another error instead
            is_open = False
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert all((storage[place_of(number)] == number).all() for number in acknowledged)
    storage.close()
    return interrupts, acknowledged


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timer")
@pytest.mark.timeout(900)
def test_a_timeout_error_at_any_instruction(memory_path):
    """`TimeoutError` is an `OSError`, like the errors of writes."""
    paths = [
        memory_path / f"{seed}" / ("run" if seed % 3 else "run.ome.tiff") for seed in range(effort(8, 480))
    ]
    for path in paths:
        path.parent.mkdir()
    script = textwrap.dedent(SCRIPT).replace("PATH", repr([*sys.path, str(Path(__file__).parent)]))
    runs = json.dumps([(str(path), seed) for seed, path in enumerate(paths)])
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, input=runs, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert sum(interrupts for interrupts, _ in results) > 6 * len(paths)
    assert sum(len(acknowledged) for _, acknowledged in results) > 60 * len(paths)
    for path, (_, acknowledged) in zip(paths, results, strict=True):
        if not acknowledged:
            continue
        assert validate(path) == []
        with TiffStorage.open(path) as reader:
            there = reader.get_image_coordinates_list()
            assert {place["time"] for place in there} >= set(acknowledged)
            for place in there:
                assert (reader[place] == place["time"]).all()
                assert reader.get_metadata(place) == {"number": place["time"]}
