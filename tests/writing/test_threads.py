"""One storage and several threads: all frames are correct during the run, after it and after reopening."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from effort import effort
from exengine_ome_tiff import TiffStorage

THREADS = 8
PUTS = effort(200, 500)
SHAPES = [(8, 9), (8, 9), (16, 5), (5, 7, 3)]
LARGE = (600, 1000)
WAIT_S = 60


@pytest.fixture(params=["run.ome.tiff", "run"], ids=["file", "folder"])
def target(request, tmp_path):
    return tmp_path / request.param


def coordinates(thread, number):
    return {"time": number, "position": thread % 3, "thread": thread}


def frame(thread, number):
    """Return pixels that encode thread and number, in a shape that depends on both."""
    shape = LARGE if number % 97 == 50 else SHAPES[(thread + number // 50) % len(SHAPES)]
    return np.full(shape, PUTS * thread + number, np.uint16)


def metadata(thread, number):
    return {"thread": thread, "number": number, "text": "x" * ((7 * thread + number) % 50)}


def put(storage, thread, number):
    storage.put(coordinates(thread, number), frame(thread, number), metadata(thread, number))


def assert_right(storage, thread, number):
    np.testing.assert_array_equal(storage.get_data(coordinates(thread, number)), frame(thread, number))
    assert storage.get_metadata(coordinates(thread, number)) == metadata(thread, number)


def in_threads(*functions):
    """Start functions at the same moment and return what they return."""
    barrier = threading.Barrier(len(functions))

    def run(function):
        barrier.wait(WAIT_S)
        return function()

    with ThreadPoolExecutor(len(functions)) as pool:
        return [future.result(WAIT_S) for future in [pool.submit(run, function) for function in functions]]


def assert_all_right(storage, stored):
    listed = storage.get_image_coordinates_list()
    assert len(listed) == len(stored)
    assert {(entry["thread"], entry["time"]) for entry in listed} == set(stored)
    for thread, number in stored:
        assert_right(storage, thread, number)


def test_puts_from_many_threads_with_reads_between(target):
    storage = TiffStorage(target)

    def work(thread):
        for number in range(PUTS):
            put(storage, thread, number)
            assert coordinates(thread, number) in storage
            assert_right(storage, thread, number)
            assert_right(storage, thread, number // 2)
            if number % 60 == 59:
                storage.flush()

    in_threads(*(lambda thread=thread: work(thread) for thread in range(THREADS)))
    everything = [(thread, number) for thread in range(THREADS) for number in range(PUTS)]
    assert_all_right(storage, everything)
    storage.finish()
    assert_all_right(storage, everything)
    storage.close()
    with TiffStorage.open(target) as opened:
        assert_all_right(opened, everything)
        in_threads(*(lambda: assert_all_right(opened, everything) for _ in range(2)))


def test_reading_while_another_thread_writes_and_finishes(target):
    storage = TiffStorage(target)
    writing = threading.Event()

    def write():
        try:
            for number in range(PUTS):
                put(storage, 1, number)
                writing.set()
            storage.finish()
        finally:
            writing.set()

    def read():
        writing.wait(WAIT_S)
        rounds = 0
        while rounds < 2:
            rounds += storage.is_finished()
            listed = storage.get_image_coordinates_list()
            assert [entry["time"] for entry in listed] == list(range(len(listed)))
            for number in {0, len(listed) // 2, len(listed) - 1}:
                assert_right(storage, 1, number)
            assert coordinates(1, PUTS) not in storage
        return len(listed)

    def follow():
        count = 0
        while storage.await_new_image(WAIT_S):
            count += 1
        assert storage.block_until_finished(WAIT_S)
        return count

    _, *seen, awakenings = in_threads(write, read, read, read, follow)
    assert seen == [PUTS] * 3
    assert 1 <= awakenings <= PUTS
    storage.close()


@pytest.mark.parametrize("end", ["finish", "close"])
def test_finish_while_others_put_keeps_or_refuses_each_frame(target, end):
    storage = TiffStorage(target)
    put(storage, 0, 0)
    half = threading.Semaphore(0)

    def work(thread):
        stored = []
        for number in range(1, 2000):
            try:
                put(storage, thread, number)
            except RuntimeError:
                break
            stored.append((thread, number))
            if number == 30:
                half.release()
        return stored

    def end_it():
        for _ in range(3):
            half.acquire(timeout=WAIT_S)
        getattr(storage, end)()

    results = in_threads(*(lambda thread=thread: work(thread) for thread in (1, 2, 3)), end_it)
    stored = [(0, 0)] + [frame for of_thread in results[:3] for frame in of_thread]
    assert len(stored) > 90
    assert storage.is_finished()
    if end == "finish":
        assert_all_right(storage, stored)
    storage.close()
    with TiffStorage.open(target) as opened:
        assert_all_right(opened, stored)


def test_put_during_finish_of_another_thread_is_refused_with_collect_too(tmp_path):
    """A collected error would report the refused frames only at `close`."""
    storage = TiffStorage(tmp_path / "run.ome.tiff", on_error="collect")
    stop = threading.Event()
    stored = []

    def work():
        number = 0
        while not stop.is_set():
            try:
                put(storage, 0, number)
            except RuntimeError:
                return
            stored.append((0, number))
            number += 1

    def end_it():
        while len(stored) < 300:
            assert not stop.wait(0.001)
        storage.finish()
        stop.wait(0.05)
        stop.set()

    in_threads(work, end_it)
    assert_all_right(storage, stored)
    storage.close()


@pytest.mark.parametrize(
    "calls", [["finish"] * 4, ["close"] * 4, ["finish", "close", "finish", "close", "flush"]]
)
def test_simultaneous_finish_and_close(target, calls):
    for _ in range(5):
        storage = TiffStorage(target, overwrite=True)
        stored = [(thread, number) for thread in range(3) for number in range(40)]
        for thread, number in stored:
            put(storage, thread, number)
        in_threads(*(getattr(storage, call) for call in calls))
        assert storage.is_finished()
        storage.close()
        with TiffStorage.open(target) as opened:
            assert_all_right(opened, stored)


def test_simultaneous_finish_and_close_without_a_frame(target):
    for _ in range(5):
        storage = TiffStorage(target)
        in_threads(*[storage.finish] * 3, storage.close)
        assert not target.exists()


def test_reading_while_another_thread_closes_is_correct_or_refused(target):
    storage = TiffStorage(target)
    for number in range(40):
        put(storage, 0, number)
    storage.finish()

    def read():
        for round_number in range(5000):
            try:
                assert_right(storage, 0, round_number % 40)
            except RuntimeError:
                return True
        return False

    def close_it():
        for number in range(20):
            assert_right(storage, 0, number)
        storage.close()

    *refused, _ = in_threads(read, read, read, close_it)
    assert refused == [True] * 3


def test_storages_do_not_disturb_each_other(tmp_path):
    def work(thread):
        path = tmp_path / f"run {thread}.ome.tiff"
        with TiffStorage(path, {"thread": thread}) as storage:
            for number in range(PUTS):
                put(storage, thread, number)
        with TiffStorage.open(path) as opened:
            assert opened.summary_metadata == {"thread": thread}
            assert_all_right(opened, [(thread, number) for number in range(PUTS)])

    in_threads(*(lambda thread=thread: work(thread) for thread in range(4)))


def test_wait_times_out_during_a_long_call(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        storage.put({"time": 0}, np.zeros((4, 4), np.uint16))
        assert storage.await_new_image(0)
        got = []
        with storage._recorder._lock:  # held as by `finish`
            waiting = threading.Thread(
                target=lambda: got.extend([storage.block_until_finished(0.01), storage.await_new_image(0.01)])
            )
            waiting.start()
            waiting.join(30)
            assert not waiting.is_alive()
        assert got == [False, True]
