"""Full, failing and slow disks: acknowledged frames are kept, and recording continues once the disk works."""

import errno
import gc
import logging
import os
import random
import shutil
import subprocess
import sys
import textwrap
import time
import tracemalloc
import weakref
from pathlib import Path

import numpy as np
import pytest

import warm
from disks import failing_disk, fill_up, small_disk
from effort import effort
from exengine_ome_tiff import TiffStorage, recover, validate
from exengine_ome_tiff.tiff.disk import described
from exengine_ome_tiff.writing import flusher
from frames import assert_same, frame

FORMS = ["run.ome.tiff", "run"]
MEGABYTE = 1 << 20
LARGE = (1100, 1000)
"""Shape of frames that are written at once."""
FOLDER_SYNCS = os.name != "nt"
"""Number of syncs of a folder; Windows has no such call."""


def place_of(number):
    return {"time": number // 3, "position": "ABC"[number % 3]}


def put(storage, number, shape=(64, 64)):
    storage.put(place_of(number), frame({"n": number}, shape), {"number": number})


def fill(storage, shape=(64, 64), start=0):
    """Put until the disk is full; return the number of accepted frames and the error."""
    for number in range(start, 100_000):
        try:
            put(storage, number, shape)
        except OSError as error:
            return number, error
    raise AssertionError("the disk is never full")


def assert_stored(storage, numbers, shape=(64, 64)):
    assert storage.get_image_coordinates_list() == [place_of(number) for number in numbers]
    for number in numbers:
        assert_same(storage[place_of(number)], frame({"n": number}, shape))
        assert storage.get_metadata(place_of(number)) == {"number": number}


def assert_whole(path, numbers, shape=(64, 64)):
    with TiffStorage.open(path) as storage:
        assert_stored(storage, numbers, shape)
    assert validate(path) == []


def assert_names_path(error, path):
    assert error.errno in (errno.ENOSPC, errno.EFBIG)
    assert "bytes are free" in str(error)
    assert str(path) in error.filename


# a full disk -----------------------------------------------------------------------------------------------

OPTIONS = {"plain": {}, "zlib": {"compression": "zlib"}}


@pytest.fixture
def ballast(tmp_path):
    """Give a disk of 20 MB, and a file of 4 MB on it that can be deleted."""
    with small_disk(tmp_path / "disk", 20) as folder:
        path = folder / "ballast"
        path.write_bytes(bytes(14 * MEGABYTE))
        yield path


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("shape", effort([(64, 64), (700, 800)], [(16, 16), (64, 64), (700, 800)]), ids=str)
@pytest.mark.parametrize("name", FORMS)
def test_a_full_disk(ballast, name, shape, options):
    path = ballast.parent / name
    storage = TiffStorage(path, **options)
    count, error = fill(storage, shape)
    assert count > 3
    assert_names_path(error, path)
    assert_stored(storage, range(count), shape)
    storage.flush()
    with TiffStorage.open(path, allow_unfinished=True) as reader:
        assert len(reader.get_image_coordinates_list()) == count
    with pytest.raises(OSError, match="bytes are free"):
        storage.put({"time": -1}, np.zeros((4000, 4000), "u2"))
    ballast.unlink()
    for number in range(count, count + 2):
        put(storage, number, shape)
    storage.close()
    assert_whole(path, range(count + 2), shape)


@pytest.mark.parametrize("shape", [(16, 16), (64, 64), (700, 800)], ids=str)
@pytest.mark.parametrize("name", FORMS)
def test_a_disk_that_stays_full_until_the_process_has_ended(ballast, name, shape):
    path = ballast.parent / name
    storage = TiffStorage(path)
    count = fill(storage, shape)[0]  # without the error, which would keep the storage alive
    fill_up(ballast.parent)
    try:
        storage.close()
    except OSError:
        abandoned = weakref.ref(storage)
        assert shape != (700, 800)
    else:  # finishing fits into the space reserved for large frames, and may fit into that for small ones
        assert shape != (16, 16)
        assert_whole(path, range(count), shape)
        return
    del storage
    gc.collect()
    assert abandoned() is None
    ballast.unlink()
    recover(path)  # because there was no room for the frame that the collected storage retried
    assert_whole(path, range(count), shape)


def test_disk_that_is_full_from_the_start(ballast):
    fill_up(ballast.parent)
    path = ballast.parent / "run.ome.tiff"
    for _ in range(2):
        with pytest.raises(OSError, match="bytes are free"):
            TiffStorage(path)
        assert not path.exists()
    storage = TiffStorage(ballast.parent / "run")
    for _ in range(2):
        with pytest.raises(OSError, match="bytes are free"):
            put(storage, 0)
    ballast.unlink()
    put(storage, 0)
    storage.close()
    assert_whole(ballast.parent / "run", [0])


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limit of file sizes")
@pytest.mark.parametrize("name", FORMS)
def test_file_size_limit(tmp_path, name):
    script = """
        import resource, sys
        sys.path[:0] = PATH
        from test_failing_disks import *
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
        storage = TiffStorage(sys.argv[1])
        count, error = fill(storage)
        assert count > 50
        assert_names_path(error, storage.path)
        assert_stored(storage, range(count))
        storage.flush()
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        put(storage, count)
        storage.close()
        assert_whole(storage.path, range(count + 1))
    """.replace("PATH", repr([*sys.path, os.path.dirname(__file__)]))  # noqa: PTH120
    command = [sys.executable, "-c", textwrap.dedent(script), tmp_path / name]
    done = warm.run(command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", FORMS)
def test_disk_fills_up_during_finish(tmp_path, name):
    rooms = [*range(0, 3000, effort(701, 311)), *range(3000, 30_000, effort(4001, 2003))]
    failed = 0
    for room in rooms:
        path = tmp_path / str(room) / name
        storage = TiffStorage(path, {"long": "x" * 3000})
        for number in (0, 1, 2, 4, 6, 9, 10):
            put(storage, number)
        storage.flush()
        with failing_disk() as disk:
            disk.room = room
            try:
                storage.finish()
            except OSError as error:
                assert_names_path(error, path)
                failed += 1
                assert not storage.is_finished()
                assert_stored(storage, (0, 1, 2, 4, 6, 9, 10))
                left = path.with_name(f"left {name}")
                (shutil.copytree if path.is_dir() else shutil.copy)(path, left)
                disk.room = None
                recover(left)
                assert_whole(left, (0, 1, 2, 4, 6, 9, 10))
        storage.close()
        assert_whole(path, (0, 1, 2, 4, 6, 9, 10))
    assert effort(2, 5) < failed < len(rooms)


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("failing", range(1, 9))
def test_finish_can_be_repeated_after_a_failed_fsync(tmp_path, name, failing):
    storage = TiffStorage(tmp_path / name)
    for number in range(8):
        put(storage, number)
    storage.flush()
    calls = []
    with failing_disk() as disk:

        def fsync(_):
            calls.append(1)
            if len(calls) == failing:
                raise OSError(errno.EIO, os.strerror(errno.EIO))

        disk.fsync = fsync
        try:
            storage.finish()
        except OSError:
            assert not storage.is_finished()
    storage.close()
    assert_whole(tmp_path / name, range(8))


@pytest.mark.parametrize("is_flushed", [True, False])
def test_other_positions_are_finished_when_one_fails(tmp_path, is_flushed):
    storage = TiffStorage(tmp_path / "run")
    for number in range(9):
        put(storage, number)
    if is_flushed:
        storage.flush()
    inode = (tmp_path / "run" / "run_B.ome.tiff").stat().st_ino
    with failing_disk() as disk:
        disk.failing = lambda file: errno.EIO if os.fstat(file).st_ino == inode else 0
        if not is_flushed:
            with pytest.raises(OSError, match="run_B"):
                storage.flush()
            with TiffStorage.open(tmp_path / "run" / "run_C.ome.tiff", allow_unfinished=True) as reader:
                assert place_of(8) in reader
        with pytest.raises(OSError, match="run_B"):
            storage.finish()
    assert_stored(storage, range(9))
    for position, is_finished in (("A", True), ("B", False), ("C", True)):
        assert (b"<OME" in (tmp_path / "run" / f"run_{position}.ome.tiff").read_bytes()) == is_finished
    storage.close()
    assert_whole(tmp_path / "run", range(9))


def test_other_positions_continue_when_one_fails(tmp_path, monkeypatch):
    monkeypatch.setattr(flusher, "IDLE_S", 60)  # the first frames wait, however slow the machine is
    storage = TiffStorage(tmp_path / "run")
    for number in range(6):
        put(storage, number)
    inode = (tmp_path / "run" / "run_B.ome.tiff").stat().st_ino
    stored = []
    with failing_disk() as disk:
        disk.failing = lambda file: errno.EIO if os.fstat(file).st_ino == inode else 0
        for number in range(6, 30):
            shape = LARGE if number % 2 else (64, 64)
            if number % 3 == 1:
                with pytest.raises(OSError, match="free") as caught:
                    storage.put(place_of(number), frame({"n": number}, LARGE))
                assert "run_B" in caught.value.filename
            else:
                put(storage, number, shape)
                stored.append((number, shape))
        with pytest.raises(OSError, match="run_B"):
            storage.flush()
        with pytest.raises(OSError, match="run_B"):
            storage.finish()
    storage.close()
    assert validate(tmp_path / "run") == []
    with TiffStorage.open(tmp_path / "run") as reader:
        assert len(reader.get_image_coordinates_list()) == 6 + len(stored)
        for number, shape in stored:
            assert_same(reader[place_of(number)], frame({"n": number}, shape))


# a failing disk --------------------------------------------------------------------------------------------

SHAPES = [(8, 16), (64, 64), (8, 16), (520, 500)]


@pytest.mark.parametrize("seed", range(effort(3, 18)))
def test_errors_and_short_writes_at_random(tmp_path, seed):
    mixed = random.Random(seed)  # noqa: S311
    path = tmp_path / FORMS[seed % 2]
    options = [{}, {"compression": "zlib", "checksums": True}, {"checksums": "sha256"}][seed % 3]
    storage = TiffStorage(path, **options)
    stored = []
    numbers = (errno.EIO, errno.ENOSPC, errno.EACCES, errno.EPERM)

    def put_some(start, count):
        for number in range(start, start + count):
            shape = SHAPES[number % len(SHAPES)]
            try:
                put(storage, number, shape)
            except OSError as error:
                assert error.errno in numbers  # noqa: PT017
            else:
                stored.append((number, shape))
            if number % 17 == 16:
                try:
                    storage.flush()
                except OSError as error:
                    assert error.errno in numbers  # noqa: PT017

    def assert_right(reader):
        assert reader.get_image_coordinates_list() == [place_of(number) for number, _ in stored]
        for number, shape in stored:
            assert_same(reader[place_of(number)], frame({"n": number}, shape))
            assert reader.get_metadata(place_of(number)) == {"number": number}

    with failing_disk() as disk:
        disk.short = True
        put_some(0, 10)
        disk.failing = lambda _: mixed.choice(numbers) if mixed.random() < 0.04 else 0
        put_some(10, 60)
        assert_right(storage)
        disk.failing = lambda _: 0
        put_some(70, 10)
        assert len(stored) > 20
        storage.flush()
        left = tmp_path / "left" / path.name
        left.parent.mkdir()
        (shutil.copytree if path.is_dir() else shutil.copy)(path, left)
        disk.failing = lambda _: mixed.choice(numbers) if mixed.random() < 0.2 else 0
        for attempt in range(20):
            try:
                storage.finish()
                break
            except OSError:
                if attempt == 0:
                    assert_right(storage)
    storage.finish()
    assert_right(storage)
    storage._errors._raised.clear()  # the caller saw the error of the last failed put
    storage.close()
    recover(left)
    for each in (path, left):
        with TiffStorage.open(each) as reader:
            assert_right(reader)
        assert validate(each) == []


def test_a_slow_disk_bounds_memory_and_finish_waits_for_all(tmp_path):
    path = tmp_path / "run.ome.tiff"
    shape, count = (512, 512), 30
    with TiffStorage(tmp_path / "first.ome.tiff") as first:  # which imports what finishing needs
        put(first, 0, shape)
    for number in range(count):
        frame({"n": number}, shape)  # whose pixels are made once
    with failing_disk() as disk:
        disk.delay_s = 0.05
        tracemalloc.start()
        try:
            storage = TiffStorage(path)
            for number in range(count):
                put(storage, number, shape)
            storage.close()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert disk.writes > 10
    assert peak < 12 * MEGABYTE  # a block of 2 MB, and the memory of finish; the frames are 15 MB
    assert_whole(path, range(count), shape)


# on_error="collect" ----------------------------------------------------------------------------------------


def test_frame_without_room_is_retried_before_the_next_one(tmp_path, caplog):
    storage = TiffStorage(tmp_path / "run.ome.tiff", on_error="collect")
    put(storage, 0, LARGE)
    with failing_disk() as disk:
        disk.room = 0
        pixels = frame({"n": 1}, LARGE)
        metadata = {"number": 1}
        storage.put(place_of(1), pixels, metadata)
        pixels[:] = 0
        metadata.clear()
        assert place_of(1) not in storage
        assert "it will be retried once" in caplog.text
    put(storage, 2, LARGE)
    assert_stored(storage, [0, 1, 2], LARGE)
    storage.close()
    assert_whole(tmp_path / "run.ome.tiff", [0, 1, 2], LARGE)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("end", ["flush", "finish", "close", "collect"])
def test_frame_without_room_is_retried_at_the_end(tmp_path, end):
    storage = TiffStorage(tmp_path / "run.ome.tiff", on_error="collect")
    put(storage, 0, LARGE)
    with failing_disk() as disk:
        disk.room = 0
        put(storage, 1, LARGE)
    if end == "collect":
        del storage
    else:
        getattr(storage, end)()
        if end != "close":
            assert_stored(storage, [0, 1], LARGE)
            storage.close()
    assert_whole(tmp_path / "run.ome.tiff", [0, 1], LARGE)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)])
def test_frame_is_retried_after_any_error_of_a_full_disk(tmp_path, number):
    with TiffStorage(tmp_path / "run.ome.tiff", on_error="collect") as storage:
        put(storage, 0, LARGE)
        with failing_disk() as disk:
            disk.failing = lambda _: number
            put(storage, 1, LARGE)
        put(storage, 2, LARGE)
    assert_whole(tmp_path / "run.ome.tiff", [0, 1, 2], LARGE)


def test_frame_is_given_up_after_the_second_failure(tmp_path, caplog):
    storage = TiffStorage(tmp_path / "run.ome.tiff", on_error="collect")
    put(storage, 0, LARGE)
    with failing_disk() as disk:
        disk.room = 0
        for number in (1, 2, 3):
            put(storage, number, LARGE)
    put(storage, 4, LARGE)
    with pytest.raises(ExceptionGroup, match="2 frames") as caught:
        storage.close()
    assert [error.errno for error in caught.value.exceptions] == [errno.ENOSPC] * 2
    lost = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    places = [",".join(f"{axis}={value}" for axis, value in place_of(number).items()) for number in (1, 2)]
    assert [f" at {place}: " in text for place, text in zip(places, lost, strict=True)] == [True] * 2
    assert_whole(tmp_path / "run.ome.tiff", [0, 3, 4], LARGE)


def test_frame_kept_too_late_is_counted(tmp_path):
    storage = TiffStorage(tmp_path / "run.ome.tiff", on_error="collect")
    put(storage, 0, LARGE)
    storage.finish()
    storage._errors.keep(place_of(1), frame({}), {})  # as another thread with a full disk does
    with pytest.raises(ExceptionGroup, match="1 frame"):
        storage.close()


def test_other_errors_are_not_retried(tmp_path):
    storage = TiffStorage(tmp_path / "run.ome.tiff", on_error="collect")
    put(storage, 0, LARGE)
    with failing_disk() as disk:
        disk.failing = lambda _: errno.EIO
        put(storage, 1, LARGE)
    storage.put({"time": None}, frame({}))
    put(storage, 2, LARGE)
    with pytest.raises(ExceptionGroup, match="2 frames"):
        storage.close()
    assert_whole(tmp_path / "run.ome.tiff", [0, 2], LARGE)


# loss of power ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMS)
def test_finish_syncs_before_it_updates_the_header(tmp_path, name):
    storage = TiffStorage(tmp_path / "new" / name)
    for number in range(6):
        put(storage, number)
    storage.flush()
    with failing_disk() as disk:
        storage.close()
    files = 1 if name.endswith("tiff") else 3
    folders = FOLDER_SYNCS * (2 if name.endswith("tiff") else 3)  # those with a new name
    companion = files > 1
    assert disk.events == ["sync", "link", "sync"] * files + ["sync"] * (companion + folders)


@pytest.mark.parametrize("name", FORMS)
def test_flush_syncs_on_request(tmp_path, name):
    with TiffStorage(tmp_path / name) as storage:
        for number in range(6):
            put(storage, number)
        with failing_disk() as disk:
            storage.flush()
            assert "sync" not in disk.events
            put(storage, 6)
            disk.events.clear()
            storage.flush(fsync=True)
            assert disk.events.count("sync") == ((1, 3)[name == "run"] + FOLDER_SYNCS * (1, 2)[name == "run"])


def test_no_fsync_without_the_option(tmp_path):
    with failing_disk() as disk:
        with TiffStorage(tmp_path / "run", fsync=False) as storage:
            put(storage, 0)
        storage = TiffStorage(tmp_path / "resumed", fsync=False)
        put(storage, 0)
        storage.suspend()
        with TiffStorage.resume(tmp_path / "resumed", fsync=False) as storage:
            put(storage, 1)
        assert "sync" not in disk.events


def test_a_read_only_disk_is_not_called_full(tmp_path):
    error = described(OSError(errno.EROFS, "read-only"), tmp_path / "run.ome.tiff")
    assert f"{os.strerror(errno.EROFS)}; copy the dataset to another disk: " in str(error)


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("function", [recover, TiffStorage.resume])
def test_a_read_only_disk_is_reported_once(tmp_path, caplog, function, name):
    with small_disk(tmp_path / "disk", 8) as folder:
        storage = TiffStorage(folder / name)
        put(storage, 0)
        storage.suspend()
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)  # noqa: S607
        with pytest.raises(OSError, match="copy the dataset to another disk"):
            function(folder / name)
        assert caplog.text == ""


def test_a_small_disk_of_a_killed_test_is_unmounted(tmp_path):
    with small_disk(tmp_path / "disk", 1):
        pass  # skips the test without permission
    script = "import pathlib, sys, disks; disk = disks.small_disk(pathlib.Path(sys.argv[1]), 1)"
    script += "; disk.__enter__(); print(flush=True); sys.stdin.read()"
    folder, tests = tmp_path / "other", Path(__file__).parents[1]
    command = [sys.executable, "-c", script, folder]
    with subprocess.Popen(command, cwd=tests, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"\n"
        assert folder.is_mount()
        process.kill()
    until_s = time.monotonic() + 20
    while folder.is_mount() and time.monotonic() < until_s:
        time.sleep(0.02)
    assert not folder.is_mount()
