"""What comes before what: changes only under the lock, and nothing on the disk before what it refers to."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager

import pytest

from disks import NAME_CALLS, failing_disk
from exengine_ome_tiff import TiffStorage, recover, validate
from exengine_ome_tiff.tiff import write_whole
from frames import frame

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX locks, and folders that can be synced")

FORMS = ["run.ome.tiff", "run"]


def put(storage, *numbers):
    for number in numbers:
        place = {"position": "AB"[number % 2], "time": number}
        storage.put(place, frame(place), {"number": number})


def is_locked(lock):
    import fcntl  # not on Windows

    try:
        with lock.open("rb") as file:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@contextmanager
def changes_under(lock, folder):
    """Assert that a lock is held at each change of a file or a name in a folder; yield the changes."""
    changes = []

    def check(what):
        assert is_locked(lock), f"{what} after {changes}"
        changes.append(what)
        return 0

    def watched(name, call):
        def change(path, *args, **options):
            if str(path).startswith(str(folder)):
                check(f"{name} {path}")
            return call(path, *args, **options)

        return change

    with failing_disk() as disk, pytest.MonkeyPatch.context() as patch:
        disk.failing = lambda _: check("write")
        for name in NAME_CALLS:
            patch.setattr(os, name, watched(name, getattr(os, name)))
        yield changes


@pytest.mark.parametrize("name", FORMS)
def test_all_changes_are_made_under_the_lock(tmp_path, name):
    path = tmp_path / name
    for _ in range(2):  # the second one replaces the first one
        storage = TiffStorage(path, overwrite=True)
        lock = storage._recorder._recording.location.lock
        put(storage, 0, 1)
        with changes_under(lock, tmp_path) as changes:
            storage.checkpoint()
            put(storage, 2, 3)
            storage.flush(fsync=True)
            storage.close()
        assert len(changes) > 6
        assert not lock.exists()
    assert any(each.startswith("rename") for each in changes)
    storage = TiffStorage(path, overwrite=True)
    put(storage, 0, 1)
    storage.suspend()
    with changes_under(lock, tmp_path) as changes:
        recover(path)
    assert any(each.startswith("rename") for each in changes)
    assert validate(path) == []


def test_no_companion_lists_pages_of_an_earlier_checkpoint(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    folder = tmp_path / "run"
    with TiffStorage(folder, checkpoint=False) as storage:
        put(storage, 0, 1)
        storage.checkpoint()
        names = sorted(path.name for path in folder.iterdir())
        put(storage, 2, 3)
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", refuse)
            with pytest.raises(OSError, match="Input/output error"):
                storage.checkpoint()
        assert {*names}.difference(path.name for path in folder.iterdir()) == {"run.companion.ome"}
        storage.checkpoint()
        assert sorted(path.name for path in folder.iterdir()) == names


def test_a_companion_is_deleted_on_the_disk_before_the_pages_that_it_lists(tmp_path, monkeypatch):
    storage = TiffStorage(tmp_path / "run", checkpoint=False)
    put(storage, 0, 1)
    storage.checkpoint()
    put(storage, 2, 3)
    storage.flush()
    with failing_disk() as disk:
        for name in ("unlink", "replace"):
            call = getattr(os, name)
            monkeypatch.setattr(
                os,
                name,
                lambda path, *args, name=name, call=call: (
                    disk.events.append(name) if os.path.lexists(path) else None,
                    call(path, *args),
                ),
            )
        storage.checkpoint()
        of_checkpoint = disk.events[:]
        put(storage, 4, 5)
        storage.flush()
        disk.events.clear()
        storage.close()
    assert of_checkpoint == ["sync"] * 3 + ["unlink", "sync", "link", "link", "replace"]
    at_end = ["unlink", "sync"] + ["sync", "link", "sync"] * 2 + ["sync", "replace", "sync", "sync", "unlink"]
    assert disk.events == at_end


def test_a_folder_that_is_not_on_the_disk_is_an_error(tmp_path):
    number = errno.EIO

    def fsync(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))

    with TiffStorage(tmp_path / "run.ome.tiff") as storage, failing_disk() as disk:
        put(storage, 0)
        disk.fsync = fsync
        for call in (lambda: storage.flush(fsync=True), storage.finish):
            with pytest.raises(OSError, match="Input/output error"):
                call()
        number = errno.EINVAL  # of a network share that has no such call for folders
        storage.finish()


def test_a_small_file_is_synced_with_all_its_bytes_under_its_temporary_name(tmp_path):
    path, synced = tmp_path / "a", []
    path.write_bytes(b"old")
    with failing_disk() as disk:
        disk.fsync = lambda descriptor: synced.append((os.fstat(descriptor).st_size, path.read_bytes()))
        write_whole(path, b"12345", fsync=True)
    assert synced == [(5, b"old")]
    assert path.read_bytes() == b"12345"
