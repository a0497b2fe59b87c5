"""What is in the files before `finish`, what is left after a kill, and what stays in memory: next to nothing."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import textwrap
import time
import tracemalloc
import weakref

import numpy as np
import pytest
import tifffile

from exengine_ome_tiff import NotFinishedError, TiffStorage
from exengine_ome_tiff.storage.session import BUFFER_BYTES, IDLE_S, SLOW_S
from exengine_ome_tiff.tiff import chain
from exengine_ome_tiff.tiff.records import decode_block

FORMS = ["run.ome.tiff", "run"]
DEADLINE_S = 20
"""How long a test polls before it gives up."""
METADATA = {f"key-{number}": f"value {number}" for number in range(40)}


@pytest.fixture(params=FORMS, ids=["file", "folder"])
def target(request, tmp_path):
    return tmp_path / request.param


def first_file(path):
    """Return the file of a dataset whose frames have no position."""
    return path if path.suffix else path / f"{path.name}.ome.tiff"


def frame(number, shape=(8, 16)):
    """Pixels that tell the number of their frame."""
    return (np.arange(np.prod(shape)).reshape(shape) % 100 + 100 * number).astype(np.uint16)


def pages_of(path):
    """Return shape and corner pixel of all pages that another process, which knows only tifffile, sees."""
    script = """
        import json, sys, tifffile
        with tifffile.TiffFile(sys.argv[1]) as tif:
            print(json.dumps([[page.shape, int(page.asarray()[0, 0])] for page in tif.pages]))
    """
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(script), path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return [(tuple(shape), value) for shape, value in json.loads(done.stdout)]


def journal_of(path):
    """Return number and pixels of all frames in a file, finished or not, by their records alone."""
    found = []
    with tifffile.TiffFile(path) as tif:
        for page in tif.pages:
            tag = page.tags.get(chain.RECORDS)
            if tag is None:
                continue
            pixels, _, notes = decode_block(bytes(tag.value))
            for slot, note in enumerate(notes):
                tif.filehandle.seek(page.dataoffsets[0] + slot * pixels.nbytes)
                data = np.frombuffer(tif.filehandle.read(pixels.nbytes), pixels.stored_dtype)
                found.append((json.loads(note), data.reshape(pixels.shape)))
    return found


def assert_journal(path, count):
    """Check that a file holds the frames 0 to `count` with their records, in this order."""
    journal = journal_of(path)
    assert [record["coordinates"]["time"] for record, _ in journal] == list(range(count))
    for number, (record, pixels) in enumerate(journal):
        assert record["metadata"] == {"number": number}
        np.testing.assert_array_equal(pixels, frame(number, pixels.shape))


def put(storage, number, shape=(8, 16)):
    storage.put({"time": number}, frame(number, shape), {"number": number})


# on disk before the end ------------------------------------------------------------------------------------


def test_flush_writes_all_frames_and_their_records(target):
    with TiffStorage(target) as storage:
        for number in range(100):
            put(storage, number)
        storage.flush()
        assert_journal(first_file(target), 100)
        put(storage, 100)
        storage.flush()
        assert_journal(first_file(target), 101)


def test_flush_lets_another_program_see_all_frames(target):
    with TiffStorage(target) as storage:
        for number in range(100):
            put(storage, number)
        storage.flush()
        assert pages_of(first_file(target)) == [((8, 16), 100 * number) for number in range(100)]


def test_frames_that_come_slowly_are_seen_by_another_program_at_once(target):
    with TiffStorage(target) as storage:
        for number in range(4):
            time.sleep(1.5 * SLOW_S)
            put(storage, number)
        assert pages_of(first_file(target)) == [((8, 16), 100 * number) for number in range(4)]


def test_large_frames_are_seen_by_another_program_at_once(target):
    shape = (1024, 1024)
    with TiffStorage(target) as storage:
        for number in range(4):
            put(storage, number, shape)
        assert pages_of(first_file(target)) == [(shape, 100 * number) for number in range(4)]


def test_frames_are_written_after_the_idle_time(target):
    with TiffStorage(target) as storage:
        for number in range(20):
            put(storage, number)
        deadline_s = time.monotonic() + DEADLINE_S
        while len(journal_of(first_file(target))) < 20:
            assert time.monotonic() < deadline_s
            time.sleep(IDLE_S / 5)
        assert_journal(first_file(target), 20)


def test_frames_are_written_after_the_idle_time_again_and_again(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path) as storage:
        for count in (3, 6, 9):
            for number in range(count - 3, count):
                put(storage, number)
            deadline_s = time.monotonic() + DEADLINE_S
            while len(journal_of(path)) < count:
                assert time.monotonic() < deadline_s
                time.sleep(IDLE_S / 5)
        assert_journal(path, 9)


def test_a_steady_stream_is_written_although_it_is_never_idle(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path) as storage:
        start_s = time.monotonic()
        number = 0
        while number < 2 or len(journal_of(path)) < 2:
            assert time.monotonic() < start_s + DEADLINE_S
            put(storage, number)
            number += 1
            time.sleep(SLOW_S / 4)
    assert number > 2


WRITER = """
    import sys, time
    import numpy as np
    from exengine_ome_tiff import TiffStorage

    storage = TiffStorage(sys.argv[1])
    number = 0
    while True:
        for shape in [(8, 16)] * 90 + [(700, 800)] + [(8, 16)] * 9:
            pixels = (np.arange(np.prod(shape)).reshape(shape) % 100 + 100 * (number % 600)).astype(np.uint16)
            storage.put({"time": number}, pixels, {"number": number})
            number += 1
        if number % 200 == 0:
            storage.flush()
            print(number, flush=True)
        if number % 500 == 0:
            time.sleep(0.03)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signal")
@pytest.mark.parametrize("instant", range(5))
def test_after_a_kill_the_file_holds_what_was_written(tmp_path, instant):
    path = tmp_path / "run.ome.tiff"
    command = [sys.executable, "-c", textwrap.dedent(WRITER), path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        time.sleep(random.Random(instant).uniform(0, 0.25))
        process.send_signal(signal.SIGKILL)
        written = 200
        for line in process.stdout:
            written = int(line)

    def assert_right(record, pixels):
        number = record["frame"]
        assert record["coordinates"] == {"time": number}
        assert record["metadata"] == {"number": number}
        np.testing.assert_array_equal(pixels, frame(number % 600, pixels.shape))

    waiting = []
    with tifffile.TiffFile(path) as tif:
        pages = list(tif.pages)
        if not pages[-1].tags:
            del pages[-1]  # what was being written: linked already, and still empty
        assert len(pages) > written - 100
        for page in pages:
            if chain.RECORDS in page.tags:
                assert waiting == []
                waiting = decode_block(bytes(page.tags[chain.RECORDS].value))[2]
            assert_right(json.loads(waiting.pop(0)), page.asarray())

    journal = journal_of(path)
    for record, pixels in journal:
        assert_right(record, pixels)
    numbers = [record["frame"] for record, _ in journal]
    assert len(set(numbers)) == len(numbers)
    assert set(range(written)) <= set(numbers)
    with pytest.raises(NotFinishedError):
        TiffStorage.open(path)


# memory ----------------------------------------------------------------------------------------------------


class Metadata(dict):
    """Metadata that can be watched."""


@pytest.mark.parametrize("shape", [(8, 16), (1024, 1024)], ids=["small", "large"])
@pytest.mark.parametrize("dtype", [np.uint16, ">u2", np.float16])
def test_put_keeps_neither_array_nor_metadata(target, shape, dtype):
    with TiffStorage(target) as storage:
        put(storage, 0)
        for number in range(1, 4):
            pixels, metadata = frame(number, shape).astype(dtype), Metadata(METADATA)
            watched = weakref.ref(pixels), weakref.ref(metadata)
            storage.put({"time": number}, pixels, metadata)
            del pixels, metadata
            assert [reference() for reference in watched] == [None, None]


@pytest.mark.parametrize("on_error", ["raise", "defer"])
def test_a_refused_frame_is_not_kept(target, on_error):
    with pytest.raises((TypeError, ExceptionGroup)), TiffStorage(target, on_error=on_error) as storage:
        put(storage, 0)
        pixels, metadata = frame(1), Metadata(METADATA)
        watched = weakref.ref(pixels), weakref.ref(metadata)
        try:
            storage.put({"time": None}, pixels, metadata)
        except TypeError:
            pass
        del pixels, metadata
        assert [reference() for reference in watched] == [None, None]


def test_memory_per_frame_is_bounded(target):
    def run(numbers):
        for number in numbers:
            coordinates = {"time": number, "channel": f"channel {number % 3}", "position": number % 2}
            storage.put(coordinates, frame(number % 600), {**METADATA, "ElapsedTime-ms": str(number)})
        storage.flush()
        return tracemalloc.get_traced_memory()[0]

    count = 3000
    with TiffStorage(target) as storage:
        tracemalloc.start()
        try:
            before = run(range(500))
            after = run(range(500, 500 + count))
        finally:
            tracemalloc.stop()
    assert (after - before) / count < 400


def test_waiting_frames_are_bounded_however_many_positions(tmp_path):
    with TiffStorage(tmp_path / "run") as storage:
        storage.put({"position": -1}, frame(0))
        tracemalloc.start()
        try:
            for number in range(800):
                storage.put({"position": number % 40, "time": number}, frame(number % 600, (64, 64)))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 20 * BUFFER_BYTES


# guards of speed, without a clock --------------------------------------------------------------------------


@pytest.fixture
def writes(monkeypatch):
    """List the arrays that are given to tifffile."""
    given = []
    write = tifffile.TiffWriter.write

    def spy(self, data, *args, **options):
        given.append(data)
        return write(self, data, *args, **options)

    monkeypatch.setattr(tifffile.TiffWriter, "write", spy)
    return given


def test_fast_small_frames_share_a_write(target, writes):
    count = 1600
    with TiffStorage(target) as storage:
        for number in range(count):
            put(storage, number % 600)
        storage.flush()
        assert len(writes) <= count / 16
        assert sum(len(data) if data.ndim == 3 else 1 for data in writes) == count


def test_fast_small_frames_of_several_positions_share_a_write(tmp_path, writes):
    count = 1600
    with TiffStorage(tmp_path / "run") as storage:
        for number in range(count):
            storage.put({"position": number % 4, "time": number}, frame(number % 600), METADATA)
        storage.flush()
        assert len(writes) <= count / 16


def test_reading_does_not_split_writes(tmp_path, writes):
    count = 640
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        for number in range(count):
            put(storage, number)
            np.testing.assert_array_equal(storage[{"time": number}], frame(number))
            assert storage.get_metadata({"time": number // 2}) == {"number": number // 2}
        assert len(writes) <= count / 16


def test_a_large_contiguous_frame_is_written_without_a_copy(target, writes):
    large = frame(1, (1024, 1024))
    with TiffStorage(target) as storage:
        storage.put({"time": 0}, large)
        storage.put({"time": 1}, large)
        assert len(writes) == 2
        assert all(np.shares_memory(data, large) for data in writes)


def test_finish_moves_no_pixel(target, writes):
    with TiffStorage(target) as storage:
        for number in range(100):
            put(storage, number)
        storage.flush()
        count, size = len(writes), first_file(target).stat().st_size
    assert len(writes) == count
    assert first_file(target).stat().st_size - size < 100 * 700 + 30_000
