"""Files before `finish` and after a kill contain all frames but a few, which are in memory."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import subprocess
import sys
import textwrap
import time
import tracemalloc
import weakref

import numpy as np
import pytest
import tifffile

import warm
from exengine_ome_tiff import NotFinishedError, TiffStorage
from exengine_ome_tiff.tiff import chain, file_tail, final_chain
from exengine_ome_tiff.tiff.block_records import decode_block
from exengine_ome_tiff.writing import recorder
from exengine_ome_tiff.writing.files import BUFFER_BYTES
from exengine_ome_tiff.writing.flusher import IDLE_S
from exengine_ome_tiff.writing.recorder import SLOW_S

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
    """Return pixels that encode the number of their frame."""
    return (np.arange(np.prod(shape)).reshape(shape) % 100 + 100 * number).astype(np.uint16)


def pages_of(path):
    """Return shape and corner pixel of all pages that tifffile sees in another process."""
    script = """
        import json, sys, tifffile
        with tifffile.TiffFile(sys.argv[1]) as tif:
            print(json.dumps([[page.shape, int(page.asarray()[0, 0])] for page in tif.pages]))
    """
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(script), path]
    done = warm.run(command, cwd=path.parent, timeout_s=60)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return [(tuple(shape), value) for shape, value in json.loads(done.stdout)]


def journal_of(path):
    """Return number and pixels of all frames in a file, finished or not, from their records only."""
    found = []
    with tifffile.TiffFile(path) as tif:
        pages = iter(tif.pages)
        for page in pages:
            pixels, notes, *_ = decode_block(bytes(page.tags[chain.RECORDS].value))
            of_block = [page, *itertools.islice(pages, len(notes) - 1)]
            for each, note in zip(of_block, notes, strict=True):
                tif.filehandle.seek(each.dataoffsets[0])
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


def test_flush_makes_all_frames_visible_to_other_programs(target):
    with TiffStorage(target) as storage:
        for number in range(100):
            put(storage, number)
        storage.flush()
        assert pages_of(first_file(target)) == [((8, 16), 100 * number) for number in range(100)]


def test_slow_frames_are_visible_to_other_programs_at_once(target):
    with TiffStorage(target) as storage:
        for number in range(4):
            time.sleep(1.5 * SLOW_S)
            put(storage, number)
        assert pages_of(first_file(target)) == [((8, 16), 100 * number) for number in range(4)]


def test_slow_frames_after_fast_ones_are_written_at_once(target):
    with TiffStorage(target) as storage:
        put(storage, 0)
        put(storage, 1)
        for number in range(2, 6):
            time.sleep(1.5 * SLOW_S)
            put(storage, number)
            assert len(journal_of(first_file(target))) == number + 1


def test_large_frames_are_visible_to_other_programs_at_once(target):
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


def test_frames_are_written_after_each_idle_time(tmp_path):
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


def test_steady_stream_is_written_without_idle_times(tmp_path):
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


@pytest.mark.parametrize("instant", [0, 0.7, 1.3, 2.9, 4.1])
def test_after_a_kill_the_file_contains_the_written_frames(tmp_path, instant):
    path = tmp_path / "run.ome.tiff"
    command = [sys.executable, "-c", textwrap.dedent(WRITER), path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        time.sleep(instant * 0.05)
        process.kill()
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
        assert len(pages) > written - 100
        for page in pages:
            if chain.RECORDS in page.tags:
                assert waiting == []
                waiting = decode_block(bytes(page.tags[chain.RECORDS].value)).notes
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
    """Metadata that can be weakly referenced."""


@pytest.mark.parametrize("shape", [(8, 16), (1024, 1024)], ids=["small", "large"])
@pytest.mark.parametrize("dtype", [np.uint16, ">u2", np.float16])
def test_put_keeps_no_reference_to_array_or_metadata(target, shape, dtype):
    with TiffStorage(target) as storage:
        put(storage, 0)
        for number in range(1, 4):
            pixels, metadata = frame(number, shape).astype(dtype), Metadata(METADATA)
            watched = weakref.ref(pixels), weakref.ref(metadata)
            storage.put({"time": number}, pixels, metadata)
            del pixels, metadata
            assert [reference() is None for reference in watched] == [True, True]


@pytest.mark.parametrize("on_error", ["raise", "collect"])
def test_a_refused_frame_is_not_kept(target, on_error):
    storage = TiffStorage(target, on_error=on_error)
    put(storage, 0)
    pixels, metadata = frame(1), Metadata(METADATA)
    watched = weakref.ref(pixels), weakref.ref(metadata)
    with contextlib.suppress(TypeError):
        storage.put({"time": None}, pixels, metadata)
    del pixels, metadata
    kept = [reference() is not None for reference in watched]
    with pytest.raises(ExceptionGroup) if on_error == "collect" else contextlib.nullcontext():
        storage.close()
    assert kept == [False, False]


def test_waiting_frames_are_bounded_for_any_number_of_positions(tmp_path):
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


# a full disk -----------------------------------------------------------------------------------------------


class FullDisk:
    """A function whose chosen calls fail as if the disk were full."""

    def __init__(self, function):
        self.function = function
        self.calls = 0
        self.failing = set()

    def __call__(self, *args, **options):
        self.calls += 1
        if self.calls in self.failing:
            raise OSError(28, "No space left on device")
        return self.function(*args, **options)


@pytest.fixture
def full_disk(monkeypatch):
    """Return a function ``function(owner, name, *calls)`` that makes chosen calls of a method fail."""

    def make(owner, name, *calls):
        fake = FullDisk(getattr(owner, name))
        fake.failing = {*calls}
        monkeypatch.setattr(owner, name, functools.partialmethod(fake) if isinstance(owner, type) else fake)
        return fake

    return make


def put_with_gaps(storage):
    """Put frames of two positions, each with missing planes; return the frames."""
    stored = {}
    for position in range(2):
        for time_point, channel in ((0, "a"), (2, "b"), (1, "a")):
            number = len(stored)
            coordinates = {"position": position, "time": time_point, "channel": channel}
            storage.put(coordinates, frame(number), {"number": number})
            stored[number] = coordinates
    return stored


def assert_stored(storage, stored):
    assert storage.get_image_coordinates_list() == list(stored.values())
    for number, coordinates in stored.items():
        np.testing.assert_array_equal(storage[coordinates], frame(number))
        assert storage.get_metadata(coordinates) == {"number": number}


@pytest.mark.parametrize(
    ("name", "times", "failing"),  # each one also without the index
    [
        ("run.ome.tiff", 1, [1, 2]),
        ("run.ome.tiff", 2, [1, 2, 3, 4]),
        ("run", 1, [1, 2]),
        ("run", 1, [2, 3]),
        ("run", 2, [1, 2, 4, 5]),
    ],
)
def test_finish_can_be_repeated_when_a_final_chain_could_not_be_written(
    tmp_path, full_disk, name, times, failing
):
    target = tmp_path / name
    storage = TiffStorage(target)
    stored = put_with_gaps(storage)
    full_disk(final_chain, "write_final_chain", *failing)
    for _ in range(times):
        with pytest.raises(OSError, match="space"):
            storage.finish()
        assert not storage.is_finished()
        assert_stored(storage, stored)
    storage.close()
    assert_finished_file_is_right(target, stored)


def assert_finished_file_is_right(target, stored):
    with TiffStorage.open(target) as storage:
        assert_stored(storage, stored)
    pages = 0
    for path in [target] if target.is_file() else target.glob("*.ome.tiff"):
        with tifffile.TiffFile(path) as tif:
            assert tif.is_ome
            pages += len(tif.pages)
    assert pages == 12  # 2 positions, 3 time points, 2 channels


def test_finish_can_be_repeated_when_the_companion_could_not_be_written(tmp_path):
    target = tmp_path / "run"
    storage = TiffStorage(target)
    stored = put_with_gaps(storage)
    (target / "run.companion.ome").mkdir()
    with pytest.raises(OSError, match="companion"):
        storage.finish()
    assert not storage.is_finished()
    assert_stored(storage, stored)
    (target / "run.companion.ome").rmdir()
    storage.close()
    assert_finished_file_is_right(target, stored)
    assert (target / "run.companion.ome").is_file()


def test_position_without_written_frames_is_omitted(target, full_disk):
    storage = TiffStorage(target)
    stored = put_with_gaps(storage)
    storage.flush()
    fake = full_disk(tifffile.TiffWriter, "write")
    fake.failing = {1}
    with pytest.raises(OSError, match="space"):
        storage.put({"position": "lost"}, frame(9, (1024, 1024)))
    assert {"position": "lost"} not in storage
    assert_stored(storage, stored)
    storage.put(stored[0], frame(0), {"number": 0})
    storage.close()
    assert_finished_file_is_right(target, stored)
    assert target.is_file() or len(list(target.glob("*.tiff"))) == 2


def test_first_frame_may_fail(target, full_disk):
    storage = TiffStorage(target)
    full_disk(tifffile.TiffWriter, "write", 1)
    with pytest.raises(OSError, match="space"):
        storage.put({"time": 0}, frame(0))
    stored = put_with_gaps(storage)
    storage.close()
    assert_finished_file_is_right(target, stored)


def test_no_file_is_left_after_the_only_frame_failed(target, full_disk):
    storage = TiffStorage(target, on_error="collect")
    full_disk(tifffile.TiffWriter, "write", 1, 2)  # it is retried once at the end
    storage.put({"time": 0}, frame(0))
    with pytest.raises(ExceptionGroup):
        storage.close()
    assert not target.exists()


@pytest.fixture
def none_is_slow(monkeypatch):
    """Make all frames wait, however slow the machine is."""
    monkeypatch.setattr(recorder, "SLOW_S", 600)


@pytest.mark.usefixtures("none_is_slow")
def test_frames_that_could_not_be_written_when_idle_are_written_later(tmp_path, full_disk, caplog):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path) as storage:
        put(storage, 0)
        fake = full_disk(file_tail.FileTail, "link", 1, 2)
        for number in range(1, 5):
            put(storage, number)
        deadline_s = time.monotonic() + DEADLINE_S
        while len(journal_of(path)) < 5:
            assert time.monotonic() < deadline_s
            time.sleep(IDLE_S / 5)
        assert fake.calls >= 3
        assert_journal(path, 5)
    assert "could not write" in caplog.text


@pytest.mark.usefixtures("none_is_slow")
def test_the_flusher_waits_before_it_tries_again(tmp_path, full_disk):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        put(storage, 0)
        fake = full_disk(file_tail.FileTail, "link", *range(1, 1000))
        put(storage, 1)
        time.sleep(4 * IDLE_S)
        tries, fake.failing = fake.calls, set()
        assert 1 <= tries <= 5


def test_a_file_whose_frames_could_not_be_written_is_not_finished(tmp_path, full_disk):
    storage = TiffStorage(tmp_path / "run")
    put = [{"position": position, "time": time_point} for time_point in range(3) for position in "AB"]
    for number, place in enumerate(put):
        storage.put(place, frame(number))
        if number == 1:
            storage.flush()
    full_disk(file_tail.FileTail, "link", 1)
    with pytest.raises(OSError, match="space"):
        storage.finish()
    with tifffile.TiffFile(tmp_path / "run" / "run_A.ome.tiff") as tif:
        assert not tif.is_ome
    with tifffile.TiffFile(tmp_path / "run" / "run_B.ome.tiff") as tif:
        assert tif.is_ome
        assert [int(page.asarray()[0, 0]) for page in tif.pages] == [100, 300, 500]
    assert not list((tmp_path / "run").glob("*.companion.ome"))
    storage.close()
    with tifffile.TiffFile(tmp_path / "run" / "run_A.ome.tiff") as tif:
        assert tif.is_ome
        assert [int(page.asarray()[0, 0]) for page in tif.pages] == [0, 200, 400]
    assert list((tmp_path / "run").glob("*.companion.ome"))


def test_times_in_the_documentation():
    assert IDLE_S == 0.25  # docs/explanation/promises.md, docs/how_to/recover.md
    assert SLOW_S < IDLE_S
