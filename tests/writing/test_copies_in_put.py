"""Smaller copies: `put` makes those of frames that come after a pause, and leaves the others to `finish`."""

from __future__ import annotations

import errno
import random
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from acquisitions import frames_at, nested
from disks import failing_disk
from effort import effort
from exengine_ome_tiff import TiffStorage, recover, validate
from exengine_ome_tiff.tiff import (
    BufferPool,
    FileGoneError,
    JournalFile,
    PageCoding,
    WriteSettings,
    add_in_pause,
    halved,
    packing_of,
    pixel_format,
    pyramid,
    smaller_copies,
)
from exengine_ome_tiff.writing import recorder
from frames import assert_complete, frame
from interrupting import called_inside, is_interrupted

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = (101, 70)
CODINGS = {
    "plain": {},
    "zlib": {"compression": "zlib"},
    "tiles": {"tile": (16, 32)},
    "zlib tiles predictor": {"compression": "zlib", "tile": (16, 32), "predictor": True},
}
LEVELS = 3


@pytest.fixture
def all_slow(monkeypatch):
    make_all_slow(monkeypatch)


def make_all_slow(monkeypatch):
    """Treat each frame as one that came after a long pause."""
    monkeypatch.setattr(recorder, "SLOW_S", -1)
    monkeypatch.setattr(smaller_copies, "_PAUSE_S_PER_BYTE", 0)


def place_of(number):
    return {"time": number}


def put(storage, number, shape=SHAPE):
    storage.put(place_of(number), frame(place_of(number), shape), {"number": number})


def number_of_copies(storage):
    files = storage._recorder._recording.index.files
    return [len(copies) for file in files for copies in file.smaller.values()]


def assert_levels(path, images, n_levels=LEVELS):
    """Assert that tifffile finds all smaller copies of all images, given as stored, in order."""
    with tifffile.TiffFile(path) as tif:
        levels = [level.asarray(squeeze=False) for level in tif.series[0].levels]
    assert len(levels) == 1 + n_levels
    for level in levels:
        np.testing.assert_array_equal(level.reshape(len(images), *images[0].shape), images)
        images = [halved(image) for image in images]


def assert_finished(path, numbers, n_levels=LEVELS):
    """Assert that a finished file has frames and their copies, and that nothing is wrong with it."""
    assert_complete(path, numbers, lambda place: frame(place, SHAPE))
    assert_levels(path, [frame(place_of(number), SHAPE) for number in numbers], n_levels)


@pytest.mark.parametrize("coding", CODINGS.values(), ids=CODINGS)
@pytest.mark.parametrize("bands", [500, 4 << 20])
@pytest.mark.usefixtures("all_slow")
def test_finish_reads_no_frame_that_came_after_a_pause(tmp_path, monkeypatch, coding, bands):
    monkeypatch.setattr(smaller_copies, "_BAND_BYTES", bands)
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, pyramid_levels=LEVELS, **coding) as storage:
        for number in range(3):
            put(storage, number)
        assert number_of_copies(storage) == [LEVELS] * 3
        with monkeypatch.context() as patch:
            patch.delattr(smaller_copies, "read_page")
            storage.finish()
    assert_finished(path, range(3))


def packed():
    return frame({"n": 1}, SHAPE, "u4") >> 8


@pytest.mark.parametrize(
    ("image", "metadata"),
    [
        (frame({}, (*SHAPE, 3), "u1"), {}),
        (frame({}, SHAPE, ">u2"), {}),
        (frame({}, SHAPE, "?"), {}),
        (frame({}, SHAPE, "f2"), {}),
        (frame({}, SHAPE, "f8")[:, ::-1], {}),
        (frame({}, SHAPE, "i4").T, {}),
        (packed(), {"PixelType": "RGB32"}),
    ],
    ids=["RGB", "big-endian", "bool", "float16", "reversed", "transposed", "packed"],
)
@pytest.mark.usefixtures("all_slow")
def test_copies_are_made_of_the_pixels_as_stored(tmp_path, monkeypatch, image, metadata):
    monkeypatch.setattr(smaller_copies, "_BAND_BYTES", 500)
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, pyramid_levels=2) as storage:
        storage.put({}, image, metadata)
        assert number_of_copies(storage) == [2]
    stored = pixel_format(image.shape, image.dtype.str, packing_of(image, metadata.get("PixelType")))
    assert_levels(path, [np.ascontiguousarray(stored.as_stored(image), stored.stored_dtype)], 2)


@pytest.mark.parametrize(("pause_s", "n_copies"), [(0.0049, 0), (0.0051, 2)])
def test_a_frame_needs_a_pause_for_its_size(tmp_path, pause_s, n_copies):
    image = np.zeros((1000, 1000), np.uint8)
    pixels = pixel_format(image.shape, image.dtype.str)
    coding = PageCoding(pyramid_levels=2)
    file = JournalFile.create(tmp_path / "a.tif", b"dataset", WriteSettings(coding), BufferPool(0, 0))
    handle = file.append(image, pixels, b"note")
    add_in_pause(file, handle, image, pause_s)
    assert len(file.smaller.get(handle, ())) == n_copies
    file.close()


def test_frames_in_quick_succession_are_left_to_finish(tmp_path, monkeypatch):
    monkeypatch.setattr(recorder, "SLOW_S", 600)
    monkeypatch.setattr(smaller_copies, "_BAND_BYTES", 500)
    with TiffStorage(tmp_path / "run.ome.tiff", pyramid_levels=LEVELS) as storage:
        for number in range(3):
            put(storage, number)
        assert number_of_copies(storage) == [LEVELS]  # of the first one, before which there is no other
    assert_finished(tmp_path / "run.ome.tiff", range(3))


@pytest.mark.parametrize("coding", [CODINGS["plain"], CODINGS["zlib tiles predictor"]], ids=str)
@pytest.mark.usefixtures("all_slow")
def test_any_write_may_fail(memory_path, coding):
    """A frame that is in the file is taken, whether there is room for its copies or not."""
    failing, n_writes = 0, 1
    while failing < n_writes:
        path = memory_path / str(failing) / "run.ome.tiff"
        storage, taken = TiffStorage(path, pyramid_levels=LEVELS, **coding), [0]
        put(storage, 0)
        with failing_disk() as disk:
            disk.failing = lambda _, disk=disk, at=failing: errno.ENOSPC * (disk.writes > at)
            with suppress(OSError):
                put(storage, 1)
                taken.append(1)
            is_full = disk.writes > failing
            disk.failing = lambda _: 0
        n_copies = number_of_copies(storage)
        put(storage, 2)
        storage.finish()
        storage._errors._raised.clear()  # the caller saw the error
        storage.close()
        assert_finished(path, [*taken, 2])
        if not is_full:
            break
        assert n_copies != [LEVELS] * 2
        failing, n_writes = failing + 1, failing + 2
    assert failing > 4
    assert taken == [0, 1]


@pytest.mark.usefixtures("all_slow")
def test_a_disk_without_room_for_copies(tmp_path):
    path = tmp_path / "run.ome.tiff"
    storage = TiffStorage(path, pyramid_levels=LEVELS)
    image = frame({}, (1024, 1024))
    storage.put(place_of(0), image)
    with failing_disk() as disk:
        disk.room = image.nbytes + (64 << 10)
        storage.put(place_of(1), image)
        assert number_of_copies(storage) == [LEVELS, 0]
        with pytest.raises(OSError, match="bytes are free"):
            storage.finish()
    storage.close()
    assert_levels(path, [image, image])
    assert validate(path) == []


@pytest.mark.parametrize("coding", [CODINGS["plain"], CODINGS["zlib tiles predictor"]], ids=str)
@pytest.mark.usefixtures("all_slow")
def test_killed_before_any_write(memory_path, coding):
    left: list[Path] = []
    storage = TiffStorage(memory_path / "run.ome.tiff", pyramid_levels=LEVELS, **coding)
    put(storage, 0)
    with failing_disk() as disk:

        def leave_a_copy(_):
            left.append(memory_path / f"{len(left)}.ome.tiff")
            shutil.copy(storage.path, left[-1])
            return 0

        disk.failing = leave_a_copy
        put(storage, 1)
    storage.close()
    n_frames = [recover(path).n_frames for path in left]
    for path, count in zip(left, n_frames, strict=True):
        assert_finished(path, range(count))
    assert n_frames == sorted(n_frames)
    assert n_frames.count(1) > 1
    assert n_frames.count(2) > LEVELS


@pytest.mark.usefixtures("all_slow")
def test_copies_without_memory_are_left_to_finish(tmp_path, monkeypatch):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, pyramid_levels=LEVELS) as storage:
        with monkeypatch.context() as patch:
            patch.setattr(pyramid, "halved", raise_memory_error)
            put(storage, 0)
        assert number_of_copies(storage) == [0]
    assert_finished(path, [0])


def raise_memory_error(_):
    raise MemoryError


@pytest.mark.parametrize("coding", [CODINGS["plain"], CODINGS["tiles"]], ids=str)
@pytest.mark.usefixtures("all_slow")
def test_interrupted_copies(memory_path, coding):
    """Not compressed ones, because an interrupt at some places of Python's thread pools blocks them."""
    total = inside(memory_path / "whole", coding, lambda call: called_inside(call, lambda: None, -1))
    mixed = random.Random(str(coding))  # noqa: S311
    ats = sorted(mixed.sample(range(total), effort(12, 200)))
    interrupted = [
        inside(memory_path / str(at), coding, lambda call, at=at: interrupted_in_thread(call, at))
        for at in ats
    ]
    assert sum(interrupted) > 0.9 * len(ats)  # Python ignores the others, which are in finalizers


def interrupted_in_thread(call, at):
    """Do the same as `is_interrupted`, in a thread of its own.

    An interrupt inside an `except` block of tifffile leaves its exception as the current one of the thread.
    """
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(is_interrupted, call, at).result()


def inside(folder, coding, call):
    """Put frames, the second one by `call`; return the result, after checking the file."""
    path = folder / "run.ome.tiff"
    storage = TiffStorage(path, fsync=False, pyramid_levels=LEVELS, **coding)
    put(storage, 0)
    result = call(lambda: put(storage, 1))
    put(storage, 2)
    storage.close()
    with TiffStorage.open(path) as reader:
        times = [place["time"] for place in reader.get_image_coordinates_list()]
    assert {0, 2} <= {*times}
    assert_finished(path, times)
    return result


@pytest.mark.usefixtures("all_slow")
def test_finish_while_copies_are_made(memory_path):
    def whole(at, path):
        storage = TiffStorage(path, fsync=False, pyramid_levels=LEVELS, tile=(16, 32))
        put(storage, 0)
        count = 0
        with suppress(RuntimeError):
            count = called_inside(lambda: put(storage, 1), storage.finish, at)
        storage.close()
        with TiffStorage.open(path) as reader:
            times = [place["time"] for place in reader.get_image_coordinates_list()]
        assert times[:1] == [0]
        assert_finished(path, times)
        return count

    total = whole(-1, memory_path / "whole" / "run.ome.tiff")
    mixed = random.Random(1)  # noqa: S311
    for at in sorted(mixed.sample(range(total), effort(12, 200))):
        whole(at, memory_path / str(at) / "run.ome.tiff")


@pytest.mark.usefixtures("all_slow")
def test_file_that_is_deleted_while_copies_are_made(tmp_path, monkeypatch):
    path = tmp_path / "run.ome.tiff"
    storage = TiffStorage(path, pyramid_levels=LEVELS)
    put(storage, 0)
    append_loose = JournalFile.append_loose

    def append_to_nothing(self, *arguments):
        path.unlink()
        return append_loose(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(JournalFile, "append_loose", append_to_nothing)
        put(storage, 1)
    with pytest.raises(FileGoneError, match="2 frames saved"):
        put(storage, 2)
    with pytest.raises(FileGoneError):
        storage.close()


@pytest.mark.parametrize("is_slow", [True, False])
def test_a_checkpoint_shows_frames_without_copies(tmp_path, monkeypatch, bioformats, is_slow):
    """Copies of some frames only, or of planes that were never put, would confuse readers."""
    if is_slow:
        make_all_slow(monkeypatch)
    path = tmp_path / "run.ome.tiff"
    put_all = frames_at(nested(time=(0, 1), z=(0, 1)), SHAPE)
    with TiffStorage(path, pyramid_levels=LEVELS, tile=(16, 32), checkpoint=False) as storage:
        for place, image in put_all[:3]:
            storage.put(place, image)
        storage.checkpoint()
        storage.put(*put_all[3])
        with tifffile.TiffFile(path) as tif:
            (series,) = tif.series
            assert len(series.levels) == 1
            shown = series.asarray()
        if is_slow:
            with bioformats(path) as reader:
                assert reader.warnings == []
                (image,) = reader.series
                assert image.resolution_count == 1
    np.testing.assert_array_equal(shown[0], [image for _, image in put_all[:2]])
    np.testing.assert_array_equal(shown[1], [put_all[2][1], np.zeros(SHAPE)])
    assert_levels(path, [image for _, image in put_all])


@pytest.mark.usefixtures("all_slow")
def test_overwritten_and_resumed_frames(tmp_path):
    path = tmp_path / "run.ome.tiff"
    storage = TiffStorage(path, pyramid_levels=LEVELS)
    storage.put(place_of(0), frame({"n": 9}, SHAPE))
    put(storage, 0)
    put(storage, 1)
    storage.suspend()
    with TiffStorage.resume(path) as storage:
        put(storage, 2)
    assert_levels(path, [frame(place_of(number), SHAPE) for number in range(3)])
    assert validate(path) == []
