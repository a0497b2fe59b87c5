"""One writer at a time, also across processes; remains of dead processes do not block others."""

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import warm
from exengine_ome_tiff import BeingWrittenError, TiffStorage, recover
from exengine_ome_tiff.writing import lock as locking
from frames import assert_same, frame

FORMS = ["run.ome.tiff", "run"]
HEADER = b"II+\0\x08\0\0\0" + bytes(8)
WRITER = """
    import sys, time
    import numpy as np
    from exengine_ome_tiff import TiffStorage

    storage = TiffStorage(sys.argv[1])
    for time_point in range(int(sys.argv[2])):
        storage.put({"time": time_point}, np.full((4, 6), time_point, np.uint16))
    storage.flush()
    print("ready", flush=True)
    sys.stdin.readline()
    storage.close()
    print("closed", flush=True)
"""
FORKING_WRITER = """
    import os, sys, time
    import numpy as np
    from exengine_ome_tiff import TiffStorage

    storage = TiffStorage(sys.argv[1])
    storage.put({"time": 0}, np.zeros((4, 6), np.uint16))
    storage.flush()
    if os.fork() == 0:
        print(os.getpid(), flush=True)
        time.sleep(float(sys.argv[3]))
        sys.exit()  # with Python's full cleanup
    for time_point in range(1, int(sys.argv[2])):
        storage.put({"time": time_point}, np.full((4, 6), time_point, np.uint16))
    storage.flush()
    os.wait()
    storage.close()
"""


@pytest.fixture(params=FORMS, ids=["file", "folder"])
def path(request, tmp_path):
    return tmp_path / request.param


@pytest.fixture
def start():
    """Start another process that writes to a path, and wait until it has begun."""
    processes = []

    def run(path, frames=3):
        command = [sys.executable, "-c", textwrap.dedent(WRITER), path, str(frames)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    yield run
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("frames", [0, 3])
def test_other_processes_cannot_disturb_the_writer(path, start, frames):
    process = start(path, frames)
    for overwrite in (False, True):
        with pytest.raises(FileExistsError, match=r"exists|still being written"):
            TiffStorage(path, overwrite=overwrite)
    if frames:
        with pytest.raises(BeingWrittenError, match="writing"):
            recover(path)
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.stdout.readline() == "closed\n"
    if frames:
        with TiffStorage.open(path) as storage:
            assert [int(storage[{"time": number}][0, 0]) for number in range(frames)] == [0, 1, 2]
    with TiffStorage(path, overwrite=True) as storage:
        storage.put({"time": 0}, frame({}))


def test_remains_of_a_dead_process_do_not_block(path, start):
    process = start(path)
    process.kill()
    process.wait()
    assert recover(path).n_frames == 3
    with TiffStorage(path, overwrite=True) as storage:
        storage.put({"time": 0}, frame({}))
    assert not list(path.parent.rglob("*.lock"))


def test_remains_of_a_dead_process_can_be_replaced(path, start):
    process = start(path)
    process.kill()
    process.wait()
    with TiffStorage(path, overwrite=True) as storage:
        storage.put({"time": 0}, frame({}))
    with TiffStorage.open(path) as storage:
        assert_same(storage[{"time": 0}], frame({}))
    assert not list(path.parent.rglob("*.lock"))


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_aliases_of_a_path_are_the_same_path(path, start):
    process = start(path)
    alias = path.with_name(f"alias {path.name}")
    alias.symlink_to(path, target_is_directory=path.is_dir())
    with pytest.raises(FileExistsError, match="still being written"):
        TiffStorage(alias, overwrite=True)
    with pytest.raises(BeingWrittenError, match="writing"):
        recover(alias)
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.stdout.readline() == "closed\n"
    with TiffStorage.open(path) as storage:
        assert len(storage.get_image_coordinates_list()) == 3


@pytest.mark.parametrize(
    "left", [b"", bytes(5000), b"II+\0\x08\0\0\0" + bytes(8), b"II+\0\x08\0\0\0" + bytes(5000)]
)
def test_files_without_a_page_stay_and_do_not_block(tmp_path, left):
    with TiffStorage(tmp_path / "run") as storage:
        storage.put({"position": "A"}, frame({}))
    (tmp_path / "run" / "run_B.ome.tiff").write_bytes(left)
    (tmp_path / "run" / "other.ome.tiff").write_bytes(left)
    with TiffStorage(tmp_path / "run", overwrite=True) as storage:
        storage.put({"position": "B"}, frame({}))
    assert (tmp_path / "run" / "other.ome.tiff").read_bytes() == left
    assert (tmp_path / "run" / "run_B.ome.tiff").read_bytes() == left
    with TiffStorage.open(tmp_path / "run") as storage:
        assert storage.get_image_coordinates_list() == [{"position": "B"}]


def test_file_system_with_changing_inodes(path, monkeypatch):
    monkeypatch.setattr(os.path, "samestat", lambda *_: False)
    with TiffStorage(path) as storage:
        storage.put({"time": 0}, frame({}))
        with pytest.raises(FileExistsError, match="still being written"):
            TiffStorage(path, overwrite=True)
    assert not list(path.parent.rglob("*.lock"))


@pytest.mark.skipif(os.name == "nt", reason="Windows deletes no file that is open")
def test_lock_that_is_deleted_repeatedly_is_not_awaited(tmp_path, monkeypatch):
    path, lock = tmp_path / "lock", locking._lock

    def delete_first(file):
        path.unlink()
        path.touch()
        lock(file)

    monkeypatch.setattr(locking, "_lock", delete_first)
    monkeypatch.setattr(locking, "_PAUSE_S", 0)
    with pytest.raises(BlockingIOError, match="other TiffStorage instances keep taking it"):
        locking.Lock(path)


def test_data_files_are_never_locked(path, monkeypatch):
    # like a share that refuses writes to a file that is locked by another descriptor
    names, lock = set(), locking._lock

    def note(file):
        names.add(Path(file.name).name)
        lock(file)

    monkeypatch.setattr(locking, "_lock", note)
    with TiffStorage(path) as storage:
        storage.put({"time": 0}, frame({}))
        assert {name for name in names if not name.endswith(".lock")} == set()
        assert list(path.parent.rglob("*.lock"))
    assert not list(path.parent.rglob("*.lock"))
    assert len(names) == 1


def test_name_too_long_for_a_lock_file(tmp_path):
    path = tmp_path / f"{'n' * 244}.ome.tiff"
    with TiffStorage(path) as storage:
        storage.put({"time": 0}, frame({}))
        with pytest.raises(FileExistsError, match="still being written"):
            TiffStorage(path, overwrite=True)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="Windows deletes no file that is open")
def test_lock_deleted_before_it_was_held_is_retaken(tmp_path, monkeypatch):
    path = tmp_path / "lock"
    path.touch()
    lock, deleted = locking._lock, []

    def delete_first(file):
        if not deleted:
            deleted.append(path.unlink())
            path.touch()
        lock(file)

    monkeypatch.setattr(locking, "_lock", delete_first)
    held = locking.Lock(path)
    with pytest.raises(BlockingIOError):
        locking.Lock(path)
    held.release()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_forked_process_may_close_a_finished_storage(path):
    storage = TiffStorage(path)
    storage.put({"time": 0}, frame({}))
    storage.finish()
    child = os.fork()
    if child == 0:
        try:
            assert_same(storage[{"time": 0}], frame({}))
            storage.close()
        except BaseException:  # noqa: BLE001 - the parent is told by the exit status
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    storage.close()


def test_finished_storage_holds_no_lock(path):
    storage = TiffStorage(path)
    storage.put({"time": 0}, frame({}))
    storage.finish()
    assert not list(path.parent.rglob("*.lock"))
    with pytest.raises(FileExistsError, match="exists"):
        TiffStorage(path)
    storage.close()


def test_a_storage_without_a_frame_leaves_no_lock(path):
    TiffStorage(path).close()
    assert list(path.parent.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_forked_process_does_not_hold_the_lock(path):
    command = [sys.executable, "-c", textwrap.dedent(FORKING_WRITER), path, "1", "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        child = int(process.stdout.readline())
        process.kill()
        process.wait()
        try:
            os.kill(child, 0)
            assert recover(path).n_frames == 1
        finally:
            os.kill(child, signal.SIGKILL)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_process_that_ends_changes_nothing(path):
    command = [sys.executable, "-c", textwrap.dedent(FORKING_WRITER), path, "200", "0.5"]
    done = warm.run(command, cwd=path.parent)
    assert (done.returncode, done.stderr) == (0, "")
    with TiffStorage.open(path) as storage:
        assert [int(storage[{"time": number}][0, 0]) for number in range(200)] == list(range(200))


def test_file_system_without_locks_is_logged_and_used(path, monkeypatch, caplog):
    def refuse(_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locking, "_lock", refuse)
    with TiffStorage(path) as storage:
        storage.put({"time": 0}, frame({}))
    assert "cannot be locked" in caplog.text
    with TiffStorage.open(path) as storage:
        assert len(storage.get_image_coordinates_list()) == 1


@pytest.mark.parametrize("denies_deleted", [False, True], ids=["POSIX", "Windows"])
@pytest.mark.parametrize("left", [None, "readable", "unreadable"])
def test_a_read_only_folder_is_not_a_taken_lock(tmp_path, monkeypatch, caplog, left, denies_deleted):
    path, opened = tmp_path / "lock", Path.open
    if left is not None:
        path.touch()

    def deny(self, mode="r", *args, **options):
        if mode != "rb" or left == "unreadable":
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return opened(self, mode, *args, **options)

    monkeypatch.setattr(locking, "_DENIES_DELETED", denies_deleted)
    monkeypatch.setattr(locking, "_PAUSE_S", 0)
    monkeypatch.setattr(Path, "open", deny)
    if left == "unreadable" and denies_deleted:  # like a file that another process has just deleted
        with pytest.raises(BlockingIOError, match="keep taking it"):
            locking.Lock(path)
        return
    lock = locking.Lock(path)
    if left == "readable":
        with pytest.raises(BlockingIOError, match="held by another"):
            locking.Lock(path)
    lock.release()
    assert caplog.text.count("cannot be locked") == (left != "readable")


def test_a_file_that_windows_just_deleted_is_awaited(tmp_path, monkeypatch, caplog):
    path, opened, denied = tmp_path / "lock", Path.open, []

    def deny(self, mode="r", *args, **options):
        if mode != "rb" and len(denied) < 3:
            denied.append(mode)
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return opened(self, mode, *args, **options)

    monkeypatch.setattr(locking, "_DENIES_DELETED", True)
    monkeypatch.setattr(locking, "_PAUSE_S", 0)
    monkeypatch.setattr(Path, "open", deny)
    lock = locking.Lock(path)
    with pytest.raises(BlockingIOError, match="held by another"):
        locking.Lock(path)
    lock.release()
    assert caplog.text == ""


def test_second_process_sees_complete_pages_only(path):
    script = """
        import json, pathlib, sys, tifffile
        path = pathlib.Path(sys.argv[1])
        file = path if path.is_file() else path / f"{path.name}.ome.tiff"
        with tifffile.TiffFile(file) as tif:
            print(json.dumps([[page.shape, int(page.asarray()[0, 0])] for page in tif.pages]))
    """
    storage = TiffStorage(path)
    for number in range(400):
        storage.put({"time": number}, frame({}, (40, 60)) * 0 + number)
        if number % 97 == 50:
            command = [sys.executable, "-W", "error", "-c", textwrap.dedent(script), path]
            done = warm.run(command, cwd=path.parent, timeout_s=60)
            assert (done.returncode, done.stderr) == (0, "")
            pages = json.loads(done.stdout)
            assert [value for _, value in pages] == list(range(len(pages)))
            assert all(shape == [40, 60] for shape, _ in pages)
    storage.close()


def test_a_lock_that_fails_leaves_no_file(path, monkeypatch, caplog):
    def fail(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(locking, "_is_at", fail)
    storage = TiffStorage(path)
    storage.put({"time": 0}, frame({}))
    assert "cannot be locked" in caplog.text
    assert list(path.parent.rglob("*.lock")) == []
    storage.close()
    assert list(path.parent.rglob("*.lock")) == []
