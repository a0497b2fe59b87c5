"""Files that are shared by threads: how many are open, who keeps one open, and whether it is the same one."""

from __future__ import annotations

import errno
import os
import sys
import threading
from itertools import count
from pathlib import Path

import pytest

from exengine_ome_tiff import TiffStorage
from exengine_ome_tiff.tiff import shared_file
from exengine_ome_tiff.tiff.shared_file import SharedFile
from frames import frame

resource = pytest.importorskip("resource", reason="POSIX limit of open files")


@pytest.fixture
def files(tmp_path):
    """Many files, each of which has its number."""
    shared = []
    for number in range(40):
        path = tmp_path / f"{number}"
        path.write_bytes(b"%4d" % number)
        shared.append(SharedFile(path))
    yield shared
    for file in shared:
        file.close()


@pytest.fixture
def few(monkeypatch):
    """Let five files be open."""
    monkeypatch.setattr(shared_file, "_share_of_process", lambda: 5)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_the_limit_depends_on_the_process(tmp_path, monkeypatch):
    used = shared_file._share_of_process
    monkeypatch.setattr(shared_file, "_share_of_process", lambda: 5)
    storages = [TiffStorage(tmp_path / f"{number}.ome.tiff", fsync=False) for number in range(20)]
    for time in range(3):
        for storage in storages:
            storage.put({"time": time}, frame({"time": time}, (600, 600)))
            storage[{"time": 0}]
            data = [path for path in tmp_path.iterdir() if path.suffix == ".tiff"]
            fds = [*Path("/proc/self/fd").iterdir()]
            assert sum(fd.is_symlink() and fd.resolve() in data for fd in fds) <= 5
    for storage in storages:
        storage.close()
    assert used() >= 4


@pytest.mark.parametrize(
    ("limit", "share"),
    [(64, 8), (8, 4), (1024, 128), (1 << 20, 4096), (resource.RLIM_INFINITY, 4096)],
)
def test_the_limit_is_a_share_of_what_the_process_may_open(monkeypatch, limit, share):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    assert shared_file._share_of_process() == share


@pytest.mark.usefixtures("few")
def test_no_thread_loses_a_file_that_it_reads(files):
    """With fewer files open than there are threads, each read has another thread close the file soon."""
    wrong = []

    def read(first):
        for number in range(first, first + 2000):
            found = files[number % 40].read(0, 4)
            if found != b"%4d" % (number % 40):
                wrong.append((number % 40, found))

    threads = [threading.Thread(target=read, args=(7 * number,)) for number in range(8)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.setswitchinterval(interval)
    assert wrong == []


@pytest.mark.usefixtures("few")
def test_a_file_in_use_stays_open_whoever_closes_it(files):
    held = files[0]._opened()
    for file in files[1:]:
        file.read(0, 1)
    files[0].close()
    assert os.pread(held.fileno(), 4, 0) == b"   0"
    with pytest.raises(RuntimeError, match="closed"):
        files[0].read(0, 1)


# whether it is the same file --------------------------------------------------------------------------------


def test_a_file_system_with_changing_inodes(tmp_path, monkeypatch):
    inodes, fstat = count(), os.fstat

    class Other:
        def __getattr__(self, name):
            return getattr(os, name)

        def fstat(self, descriptor):
            status = list(fstat(descriptor))
            status[1] = next(inodes)
            return os.stat_result(status)

    monkeypatch.setattr(shared_file, "os", Other())
    monkeypatch.setattr(shared_file, "_share_of_process", lambda: 1)
    with TiffStorage(tmp_path / "run", fsync=False) as storage:
        for time in range(3):
            for position in range(3):
                storage.put({"time": time, "position": position}, frame({"time": time}, (600, 600)))
                storage[{"time": 0, "position": 0}]
    with TiffStorage.open(tmp_path / "run") as storage:
        assert len(storage.get_image_coordinates_list()) == 9


@pytest.mark.parametrize("is_copy", [False, True])
def test_another_file_is_noticed_if_inodes_are_reused(tmp_path, is_copy):
    """Also a copy of before, where the inode has changed, too."""
    path = tmp_path / "run.ome.tiff"
    storage = TiffStorage(path, fsync=False)
    storage.put({"time": 0}, frame({}, (600, 600)))
    before = path.read_bytes()[:60_000]
    storage.put({"time": 1}, frame({}, (1600, 600)))
    whole = path.read_bytes()
    if is_copy:
        path.rename(tmp_path / "moved")
        path.write_bytes(before)
    else:
        path.write_bytes(bytes(len(whole)))
    storage._recording.index.files[0].file.release()
    with pytest.raises(OSError, match="another file has taken its place") as caught:
        storage[{"time": 0}]
    assert caught.value.errno == errno.ESTALE
    path.unlink()
    path.write_bytes(whole)
    storage.close()
