"""A forked process reads and closes files that threads of its parent are using."""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pytest

from effort import effort
from exengine_ome_tiff import TiffStorage
from exengine_ome_tiff.tiff.shared_file import OPEN_FILES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork"),
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]

CODINGS = {"plain": {}, "zlib": {"compression": "zlib", "predictor": True}, "tiles": {"tile": (32, 48)}}
CHILDREN = effort(8, 20)
DEADLINE_S = 5


def frame(time, side=64):
    return np.full((side, side), time, np.uint16)


@contextmanager
def running(*works: Callable[[int], object]) -> Iterator[None]:
    """Call each function repeatedly in its own thread, with a counter."""
    stop = threading.Event()

    def run(work):
        number = 0
        while not stop.is_set():
            work(number)
            number += 1

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)


def status_of_child(work: Callable[[], object]) -> int | None:
    """Fork a child that does some work; return its exit status, None if it hung and was killed."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001 - the parent is told by the exit status
            os._exit(1)
        os._exit(0)
    end_s = time.monotonic() + DEADLINE_S
    while time.monotonic() < end_s:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return None


@pytest.mark.parametrize("coding", CODINGS.values(), ids=CODINGS)
def test_a_child_reads_while_the_parent_puts_and_reads(tmp_path, coding):
    with TiffStorage(tmp_path / "run.ome.tiff", fsync=False, **coding) as storage:
        for number in range(5):
            storage.put({"time": number}, frame(number), {"number": number})

        def read():
            for number in range(5):
                assert (storage[{"time": number}] == number).all()
                assert storage.get_metadata({"time": number}) == {"number": number}

        def put(number):
            storage.put({"time": number + 5}, frame(1, 128))

        with running(put, lambda _: read(), lambda _: read()):
            time.sleep(0.1)
            assert [status_of_child(read) for _ in range(CHILDREN)] == [0] * CHILDREN


@pytest.mark.parametrize("coding", CODINGS.values(), ids=CODINGS)
def test_a_child_closes_what_threads_of_the_parent_read(tmp_path, coding):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, fsync=False, **coding) as storage:
        for number in range(5):
            storage.put({"time": number}, frame(number, 512))
    with TiffStorage.open(path) as storage:

        def read(number):
            assert (storage[{"time": number % 5}] == number % 5).all()

        with running(read, read, read):
            time.sleep(0.1)
            assert [status_of_child(storage.close) for _ in range(CHILDREN)] == [0] * CHILDREN
        read(0)


def test_a_child_reads_buffered_frames_as_of_the_fork(tmp_path):
    storage = TiffStorage(tmp_path / "run.ome.tiff", fsync=False)
    for number in range(50):
        storage.put({"time": number}, frame(number))

    def read():
        for number in range(50):
            assert (storage[{"time": number}] == number).all()

    assert status_of_child(read) == 0
    storage.close()


def test_a_child_opens_files_while_the_limit_on_open_files_is_enforced(tmp_path):
    """A thread that the child does not have holds the lock."""
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, fsync=False) as storage:
        storage.put({"time": 0}, frame(0))
    taken, done = threading.Event(), threading.Event()

    def hold():
        with OPEN_FILES._lock:
            taken.set()
            done.wait()

    def read():
        with TiffStorage.open(path) as storage:
            assert not storage[{"time": 0}].any()

    thread = threading.Thread(target=hold)
    thread.start()
    taken.wait()
    try:
        assert status_of_child(read) == 0
    finally:
        done.set()
        thread.join()


def test_interrupts_of_the_limit_on_open_files_may_use_files(tmp_path):
    """As a signal handler does, or the finalizer of a garbage-collected storage."""
    path = tmp_path / "run.ome.tiff"
    with OPEN_FILES._lock:
        with TiffStorage(path, fsync=False) as storage:
            storage.put({"time": 0}, frame(0))
        with TiffStorage.open(path) as storage:
            assert not storage[{"time": 0}].any()
