"""Concurrent storages: on one path, in forked processes and in waiting threads."""

import errno
import gc
import multiprocessing
import os
import sys
import threading

import numpy as np
import pytest

from exengine_ome_tiff import TiffStorage
from frames import assert_same, frame

LARGE = (1024, 1100)
PLACES = [{"time": time} for time in range(6)]


def fill(storage, places, shape=LARGE):
    for place in places:
        storage.put(place, frame(place, shape))


@pytest.mark.parametrize("name", ["run.ome.tiff", "run"])
def test_overwrite_refuses_a_path_that_is_being_written(tmp_path, name):
    with TiffStorage(tmp_path / name) as first:
        fill(first, PLACES[:3])
        with pytest.raises(FileExistsError, match="still being written"):
            TiffStorage(tmp_path / name, overwrite=True)
        fill(first, PLACES[3:])
    with TiffStorage.open(tmp_path / name) as storage:
        for place in PLACES:
            assert_same(storage[place], frame(place, LARGE))
    with TiffStorage(tmp_path / name, overwrite=True) as second:
        fill(second, PLACES[:1])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps an open file where it is")
@pytest.mark.parametrize("shape", [(8, 8), LARGE])
def test_foreign_file_at_the_path_is_left_alone(tmp_path, shape):
    path = tmp_path / "run.ome.tiff"
    storage = TiffStorage(path)
    fill(storage, PLACES, shape)
    storage.flush()
    path.rename(tmp_path / "moved.ome.tiff")
    path.write_bytes(precious := os.urandom(1 << 20))
    with pytest.raises(OSError, match="another file has taken its place") as caught:
        storage.close()
    assert caught.value.errno == errno.ESTALE
    assert path.read_bytes() == precious
    path.unlink()
    (tmp_path / "moved.ome.tiff").rename(path)
    storage.close()
    with TiffStorage.open(path) as storage:
        for place in PLACES:
            assert_same(storage[place], frame(place, shape))


def read_all(storage):
    for _ in range(30):
        for place in PLACES:
            assert_same(storage[place], frame(place, (64, 64)))
            assert storage.get_metadata(place) == {}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_forked_processes_read_independently(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path) as storage:
        fill(storage, PLACES, (64, 64))
    with TiffStorage.open(path) as storage:
        children = []
        for _ in range(3):
            child = os.fork()
            if child == 0:
                try:
                    read_all(storage)
                except BaseException:  # noqa: BLE001 - the parent is told by the exit status
                    os._exit(1)
                os._exit(0)
            children.append(child)
        read_all(storage)
        assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_cannot_write_into_the_file_of_its_parent(tmp_path):
    path = tmp_path / "run.ome.tiff"
    storage = TiffStorage(path)
    fill(storage, PLACES[:3])
    child = os.fork()
    if child == 0:
        refused = 0
        for call in (lambda: fill(storage, [{"time": 9}]), storage.flush, storage.finish, storage.close):
            try:
                call()
            except RuntimeError:
                refused += 1
        del storage
        gc.collect()
        os._exit(refused)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 4
    fill(storage, PLACES[3:])
    storage.close()
    with TiffStorage.open(path) as storage:
        assert storage.get_image_coordinates_list() == PLACES


def open_and_read(path):
    with TiffStorage.open(path) as storage:
        return int(storage[{"time": 2}].sum())


def test_spawned_processes_open_the_path(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        fill(storage, PLACES, (64, 64))
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        sums = pool.map(open_and_read, [tmp_path / "run.ome.tiff"] * 2)
    assert sums == [int(frame({"time": 2}, (64, 64)).sum())] * 2


def test_every_waiting_thread_sees_a_new_frame(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        seen = []
        threads = [
            threading.Thread(target=lambda: seen.append(storage.await_new_image(10))) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        storage.put({"time": 0}, np.ones((4, 4), np.uint8))
        for thread in threads:
            thread.join()
        assert seen == [True] * 4
        assert storage.await_new_image(0)
        assert not storage.await_new_image(0)


def test_datasets_in_one_folder_do_not_interfere(tmp_path):
    with TiffStorage(tmp_path / "run") as storage:
        for position in "ab":
            storage.put({"position": position}, np.ones((4, 4), np.uint8))
    (tmp_path / "run" / "folder.tiff").mkdir()
    (tmp_path / "run" / "notes.tif").write_text("no TIFF")
    if sys.platform != "win32":
        (tmp_path / "run" / "link.tiff").symlink_to(tmp_path / "nowhere")
    with TiffStorage.open(tmp_path / "run") as storage:
        assert len(storage.get_image_coordinates_list()) == 2


def test_storage_without_frames_leaves_nothing(tmp_path, caplog):
    TiffStorage(tmp_path / "new" / "deep" / "run.ome.tiff").close()
    TiffStorage(tmp_path / "other" / "run").close()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "mine").mkdir()
    TiffStorage(tmp_path / "mine", overwrite=True).close()
    assert (tmp_path / "mine").is_dir()
    assert "no frames were written" in caplog.text


def test_complex_pixels_are_logged(tmp_path, caplog):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        for time in range(3):
            storage.put({"time": time}, np.ones((4, 4), np.complex64))
    assert caplog.text.count("Bio-Formats cannot open files with complex pixels") == 1
