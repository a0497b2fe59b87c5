"""A reader, in another process or in the writing one, gets new frames without reopening."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from exengine_ome_tiff import ChannelInfo, TiffStorage, recover
from exengine_ome_tiff.dataset import growth
from exengine_ome_tiff.dataset.frame_index import FrameIndex
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.reading import reader as reading
from exengine_ome_tiff.tiff import PageHandle

NAMES = ["run.ome.tiff", "run"]
OPTIONS = {"pixel_size_um": 0.5, "checkpoint": False}
IO_COUNTERS = Path("/proc/self/io")


def place_of(number: int) -> dict[str, int | str]:
    return {"time": number // 3, "position": "ABC"[number % 3]}


def put(storage: TiffStorage, *numbers: int) -> None:
    for number in numbers:
        pixels = np.full((12, 16), number, np.uint16)
        storage.put(place_of(number), pixels, {"number": number, "Exposure-ms": 10.0})


def opened(path: Path) -> TiffStorage:
    return TiffStorage.open(path, allow_unfinished=True)


def assert_same(refreshed: TiffStorage, path: Path) -> None:
    """Assert that a storage equals one that is opened now, order included."""
    with opened(path) as anew:
        places = anew.get_image_coordinates_list()
        assert refreshed.get_image_coordinates_list() == places
        assert [repr(image) for image in refreshed.images] == [repr(image) for image in anew.images]
        for image, other in zip(refreshed.images, anew.images, strict=True):
            np.testing.assert_array_equal(image.asarray(), other.asarray())
        for place in places:
            np.testing.assert_array_equal(refreshed[place], anew[place])
            assert refreshed.get_metadata(place) == anew.get_metadata(place)
        assert refreshed.is_finished() == anew.is_finished()


@pytest.mark.parametrize("name", NAMES)
def test_a_refresh_equals_opening_again(tmp_path, name):
    path = tmp_path / name
    with TiffStorage(path, **OPTIONS) as storage:
        put(storage, 0)
        storage.flush()
        with opened(path) as reader:
            assert reader.refresh() == 0
            first = reader.images[0]
            put(storage, *range(1, 9))  # a folder gets new files
            storage.flush()
            assert (reader.refresh(), reader.refresh()) == (8, 0)
            assert_same(reader, path)
            assert first.asarray().shape == (1, 12, 16)  # as it was made
            storage.checkpoint()
            assert reader.refresh() == 0
            put(storage, 9, 10, 4)
            storage.flush()
            assert reader.refresh() == 3  # one of which replaces another
            assert_same(reader, path)
            storage.checkpoint()
            put(storage, 11)
            storage.finish()
            assert not reader.is_finished()
            assert (reader.refresh(), reader.refresh()) == (1, 0)
            assert reader.is_finished()
            assert_same(reader, path)
            assert repr(reader).startswith(f"<TiffStorage {str(path)!r}, finished, 12 frames")
            assert storage.refresh() == 0
        with pytest.raises(RuntimeError, match="closed"):
            reader.refresh()


def test_a_finished_file_adds_names_calibration_and_pyramids(tmp_path):
    path = tmp_path / "run.ome.tiff"
    channels = {0: ChannelInfo(name="DAPI")}
    with TiffStorage(path, **OPTIONS, pyramid_levels=1, tile=(16, 16), channels=channels) as storage:
        storage.put({"channel": 0}, np.ones((64, 64), np.uint16))
        storage.flush()
        with opened(path) as reader:
            with pytest.raises(ValueError, match="no pyramid level 1"):
                reader.as_array(level=1)
            storage.finish()
            assert reader.refresh() == 0
            assert reader.as_array(level=1).compute().shape == (1, 32, 32)
            assert reader.images[0].channels == ("DAPI",)
            xml = path.read_bytes()
            at = xml.index(b'PhysicalSizeX="0.5"')
            with path.open("r+b") as file:
                file.seek(at)
                file.write(b'PhysicalSizeX="2.5"')
            assert reader.images[0].asxarray().coords["x"].values[1] == 2.5


@pytest.fixture
def _all_wait(monkeypatch):
    """Keep frames in memory until an explicit flush."""
    monkeypatch.setattr("exengine_ome_tiff.writing.recorder.SLOW_S", float("inf"))
    monkeypatch.setattr("exengine_ome_tiff.writing.flusher.Flusher.begin", lambda *_: None)


def bytes_read() -> int:
    return int(IO_COUNTERS.read_text().splitlines()[0].partition(": ")[2])


def cost_of(reader: TiffStorage) -> tuple[int, int]:
    """Return how many frames a refresh finds, and how many bytes it reads."""
    before = bytes_read()
    of_counting = bytes_read() - before
    before = bytes_read()
    count = reader.refresh()
    return count, bytes_read() - before - of_counting


@pytest.mark.skipif(
    os.name == "nt" or not IO_COUNTERS.exists(), reason="the system does not count what is read"
)
@pytest.mark.usefixtures("_all_wait")
@pytest.mark.parametrize("name", NAMES)
def test_a_refresh_reads_only_new_bytes(tmp_path, name):
    path = tmp_path / name
    costs = []
    with TiffStorage(path, **OPTIONS) as storage:
        for begin in (0, 2400):
            put(storage, *range(begin, begin + 300))
            storage.checkpoint()
            with opened(path) as reader:
                put(storage, *range(begin + 300, begin + 330))
                storage.flush()
                costs.append(cost_of(reader))
                costs.append(cost_of(reader))
                put(storage, *range(begin + 330, begin + 360))
                storage.checkpoint()
                costs.append(cost_of(reader))
            put(storage, *range(begin + 360, begin + 2400))
            storage.flush()
        with opened(path) as reader:
            put(storage, *range(4800, 4830))
            storage.finish()
            costs.append(cost_of(reader))
            assert reader.is_finished()
    counts, nbytes = zip(*costs, strict=True)
    assert counts == (30, 0, 30) * 2 + (30,)
    files = 1 if path.is_file() else 3
    assert max(nbytes[1], nbytes[4]) < 4000 * files  # where nothing is new: some tags
    for few, many in zip(nbytes[:3], nbytes[3:6], strict=True):
        assert many < few + 1000 * files  # as many for 30 frames after 300 as after 2700
    assert max(nbytes) < 30 * 1000 + 40_000 * files  # 4800 frames have more than 2 MB


WRITER = """
import sys, time
import numpy as np
from exengine_ome_tiff import TiffStorage

storage = TiffStorage(sys.argv[1], pixel_size_um=0.5, checkpoint=0.05)
for number in range(90):
    place = {"time": number // 3, "position": "ABC"[number % 3]}
    storage.put(place, np.full((12, 16), number, np.uint16), {"number": number, "Exposure-ms": 10.0})
    if number == 0:
        storage.flush()
        print("begun", flush=True)
    time.sleep(0.002 if number % 30 else 0.1)
storage.close()
"""


@pytest.mark.parametrize("name", NAMES)
def test_follow_in_another_process(tmp_path, name):
    path = tmp_path / name
    writer = subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    assert writer.stdout.readline().strip() == b"begun"
    with opened(path) as reader:
        seen = []
        for place in reader.follow(timeout=20):
            number = reader.get_metadata(place)["number"]
            assert place == place_of(number)
            assert (reader[place] == number).all()
            seen.append(number)
        assert writer.wait(20) == 0
        writer.stdout.close()
        assert reader.is_finished()
        assert sorted(seen) == list(range(90))
        for position in range(3):
            of_file = [number for number in seen if number % 3 == position]
            assert of_file == sorted(of_file)
        assert_same(reader, path)


def test_follow_in_the_writing_process(tmp_path):
    path = tmp_path / "run.ome.tiff"
    storage = TiffStorage(path, **OPTIONS)
    seen = []

    def watch() -> None:
        seen.extend(int(storage[place][0, 0]) for place in storage.follow(timeout=20))

    watcher = threading.Thread(target=watch)
    watcher.start()
    put(storage, *range(100))
    storage.finish()
    watcher.join(20)
    assert seen == list(range(100))
    assert len(list(storage.follow())) == 100
    storage.close()
    with pytest.raises(RuntimeError, match="closed"):
        next(storage.follow())
    with TiffStorage.open(path) as finished:
        assert [*finished.follow()] == [place_of(number) for number in range(100)]


def test_follow_logs_once_that_the_writer_may_have_ended(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(reading, "_LONG_SILENCE_S", 0.2)
    with TiffStorage(tmp_path / "run.ome.tiff", **OPTIONS) as storage:
        put(storage, 0)
        storage.flush()
        with opened(storage.path) as reader:
            frames = reader.follow()
            assert next(frames) == place_of(0)
            for number in (1, 2):
                late = threading.Timer(0.6, lambda number=number: (put(storage, number), storage.flush()))
                late.start()
                assert next(frames) == place_of(number)
                late.join()
                assert (
                    caplog.text.count("run.ome.tiff: no new frame for 0.2 s: if the writer has ended")
                    == number
                )


def test_follow_times_out_without_new_frames(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, **OPTIONS) as storage:
        put(storage, 0)
        storage.flush()
        with opened(path) as reader:
            for each in (reader, storage):
                frames = each.follow(timeout=0.2)
                assert next(frames) == place_of(0)
                begin_s = time.monotonic()
                with pytest.raises(TimeoutError, match=r"run\.ome\.tiff: no new frame within 0\.2 s"):
                    next(frames)
                assert 0.15 < time.monotonic() - begin_s < 5
            frames = reader.follow(timeout=20)
            assert next(frames) == place_of(0)
            put(storage, 1, 0)  # one that replaces another comes, too
            storage.flush()
            assert [next(frames), next(frames)] == [place_of(1), place_of(0)]


def test_two_followers_and_refresh_each_get_all_frames(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, **OPTIONS) as storage:
        put(storage, 0, 1)
        storage.flush()
        with opened(path) as reader:
            first, second = reader.follow(), reader.follow()
            assert [next(first), next(first)] == [place_of(0), place_of(1)]
            put(storage, 2)
            storage.flush()
            assert reader.refresh() == 1
            assert next(first) == place_of(2)
            storage.finish()
            assert list(second) == [place_of(0), place_of(1), place_of(2)]
            assert list(first) == []


@pytest.mark.usefixtures("_all_wait")
def test_frames_of_several_files_are_in_the_order_of_puts(tmp_path):
    chance = random.Random(1)  # noqa: S311
    folder = tmp_path / "run"
    with TiffStorage(folder, **OPTIONS) as storage:
        put(storage, 0)
        storage.flush()
        with opened(folder) as reader:
            frames, seen = reader.follow(), [place_of(0)]
            next(frames)
            number = 1
            for _ in range(40):
                put(storage, *range(number, number := number + chance.randrange(9)))
                if chance.random() < 0.3:
                    put(storage, chance.randrange(number))
                if chance.random() < 0.2:  # another shape, which has blocks of its own
                    storage.put(place_of(chance.randrange(number)), np.full((8, 8), number, np.uint16))
                for file in chance.sample(storage._recording.index.files, 1):
                    file.commit()
                image = reader.images[-1]
                pixels = image.asarray()
                seen += [next(frames) for _ in range(reader.refresh())]
                np.testing.assert_array_equal(image.asarray(), pixels)
                assert_same(reader, folder)
            storage.finish()
            assert [*seen, *frames][-1] in storage
            assert_same(reader, folder)


@pytest.mark.usefixtures("_all_wait")
def test_frames_found_late_are_sorted_in(tmp_path, monkeypatch):
    monkeypatch.setattr(growth, "_MOST_RECENT", 4)
    folder = tmp_path / "run"
    with TiffStorage(folder, **OPTIONS) as storage:
        put(storage, 0, 1, 2)
        first, second, _ = storage._recording.index.files
        storage.flush()
        put(storage, 3, 6)
        first.commit()
        with opened(folder) as reader:
            put(storage, 4, *range(9, 60, 3), 5)
            first.commit()
            assert reader.refresh() == 17
            second.commit()
            assert reader.refresh() == 1
            storage.flush()
            assert reader.refresh() == 1
            assert_same(reader, folder)


def index_of(frames: list[tuple[dict[str, int | str], int]]) -> FrameIndex:
    """Make an index from coordinates and frame numbers."""
    index = FrameIndex()
    for handle, (coordinates, number) in enumerate(frames):
        index.add(index.axes.key(coordinates), 0, PageHandle(handle), number)
    return index


def test_an_index_copied_without_its_last_frames_has_no_trace_of_them():
    chance = random.Random(1)  # noqa: S311
    for _ in range(100):
        frames = [({"time": chance.randrange(9)}, 2 * number + chance.randrange(2)) for number in range(20)]
        stop = chance.randrange(1, 20)
        whole, expected = index_of(frames), index_of(frames[:stop])
        found = whole.without_last(20 - stop)
        numbers = np.arange(stop)
        assert found.numbered() == expected.numbered()
        assert found.table().coordinates() == expected.table().coordinates()
        np.testing.assert_array_equal(found.arrivals(numbers), expected.arrivals(numbers))
        assert (len(found), found.place(stop - 1)) == (stop, (0, stop - 1))
        assert whole.snapshot().table().coordinates() == [coordinates for coordinates, _ in frames]


@pytest.mark.parametrize("name", NAMES)
def test_a_dataset_recovered_or_resumed_meanwhile(tmp_path, name):
    path = tmp_path / name
    storage = TiffStorage(path, **OPTIONS)
    put(storage, *range(6))
    storage.suspend()
    with opened(path) as reader:
        with TiffStorage.resume(path, checkpoint=False) as storage:
            put(storage, 6, 7, 8)
            storage.flush()
            assert reader.refresh() == 3
            put(storage, 9)
            storage.suspend()
        files = [path] if path.is_file() else sorted(path.glob("*.tiff"))
        for file in files:  # what a power failure may leave behind the last page
            with file.open("r+b") as raw:
                pages = [each for each in reader._recording.index.files if each.path == file]
                raw.seek(pages[0].link_at)
                link = int.from_bytes(raw.read(8), "little")
                if not link:
                    raw.seek(pages[0].link_at)
                    raw.write((1 << 40).to_bytes(8, "little"))
        assert reader.refresh() == 1
        recover(path)
        assert reader.refresh() == 0
        assert reader.is_finished()
        assert_same(reader, path)


def test_a_partial_block_is_read_when_it_is_complete(tmp_path):
    path, copy = tmp_path / "run.ome.tiff", tmp_path / "copy.ome.tiff"
    with TiffStorage(path, **OPTIONS) as storage:
        put(storage, *range(5))
        storage.flush()
        known = path.read_bytes()
        put(storage, *range(5, 9))
        storage.flush()
        whole = path.read_bytes()
    copy.write_bytes(known)
    with opened(copy) as reader, copy.open("r+b") as file:
        first = next(at for at in range(16, len(known)) if known[at] != whole[at])
        file.write(whole[: first + 8])
        file.flush()
        assert reader.refresh() == 0
        file.seek(0)
        file.write(whole)
        file.flush()
        assert reader.refresh() == 4
        assert_same(reader, copy)


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps others from taking open files away")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("what", ["deleted", "moved", "replaced", "overwritten"])
def test_a_deleted_or_moved_dataset(tmp_path, name, what):
    path = tmp_path / name
    storage = TiffStorage(path, **OPTIONS)
    put(storage, *range(6))
    storage.suspend()
    other = tmp_path / "other" / name
    with opened(path) as reader:
        if what == "deleted":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        elif what == "moved":
            other.parent.mkdir()
            path.rename(other)
        elif what == "replaced":
            with TiffStorage(other) as storage:
                put(storage, *range(9))
            shutil.rmtree(path) if path.is_dir() else path.unlink()
            other.rename(path)
        else:
            storage = TiffStorage(path, overwrite=True, **OPTIONS)
            put(storage, *range(9))
            storage.flush()
        for _ in range(2):
            with pytest.raises(OSError, match="deleted, moved or replaced since it was opened"):
                reader.refresh()
        assert len(list(reader)) == 6
        assert not reader.is_finished()
        storage.close()


def test_a_file_truncated_or_damaged_by_its_end(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, **OPTIONS) as storage:
        put(storage, *range(6))
        storage.flush()
        with opened(path) as reader:
            put(storage, *range(6, 9))
            storage.finish()
            whole = bytearray(path.read_bytes())
            path.write_bytes(whole.replace(b'{"coordinates":', b'!"coordinates":'))
            for _ in range(2):
                with pytest.raises(OmeTiffError, match="not the record of a frame"):
                    reader.refresh()
            assert not reader.is_finished()
            assert len(list(reader)) == 6
        path.write_bytes(whole)
    storage = TiffStorage(tmp_path / "cut.ome.tiff", **OPTIONS)
    put(storage, *range(6))
    storage.suspend()
    with opened(storage.path) as reader:
        os.truncate(storage.path, reader._recording.index.files[0].link_at)
        with pytest.raises(OmeTiffError, match="cut off"):
            reader.refresh()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_must_open_the_dataset_itself(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff", **OPTIONS) as storage:
        put(storage, 0)
        storage.flush()
        with opened(storage.path) as reader:
            child = os.fork()
            if child == 0:
                try:
                    reader.refresh()
                except RuntimeError as error:
                    os._exit("opened by another process" in str(error))
                os._exit(2)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


def test_other_files_in_the_folder_are_left_alone(tmp_path, caplog):
    folder = tmp_path / "run"
    with TiffStorage(folder, **OPTIONS) as storage:
        put(storage, 0)
        storage.flush()
        with opened(folder) as reader:
            (folder / "photo.tif").write_bytes(b"II*\0 no TIFF of ours")
            (folder / "empty.ome.tiff").write_bytes(b"")
            with TiffStorage(tmp_path / "other", **OPTIONS) as other:
                put(other, 0)
            shutil.copy(next((tmp_path / "other").glob("*.tiff")), folder / "theirs.ome.tiff")
            (folder / "link.ome.tiff").symlink_to(folder / "run_A.ome.tiff")
            put(storage, 1)
            storage.flush()
            assert reader.refresh() == 1
            storage.finish()
            assert reader.refresh() == 0
            assert reader.is_finished()
    assert caplog.records == []
