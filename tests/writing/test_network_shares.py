"""A dataset on an SMB share mounted by Linux, where locks affect other descriptors and inodes change.

SHARE=/mnt/share runs the tests on the share that is mounted there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

from frames import assert_same, frame, stored_planes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="LD_PRELOAD, and locks of open files")

TESTS = Path(__file__).parents[1]
LOCKING = """
    import fcntl, os, sys
    from pathlib import Path

    folder = Path(sys.argv[1]).parent
    with open(sys.argv[1], "wb", buffering=0) as holder, open(sys.argv[1], "r+b", buffering=0) as other:
        fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        holder.write(b"by the holder")
        for call in (
            lambda: other.write(b"x"),
            lambda: os.pwrite(other.fileno(), b"x", 0),
            lambda: other.read(1),
            lambda: folder.rename(folder.with_name("moved")),
        ):
            try:
                print(call())
            except OSError as error:
                print(type(error).__name__)
    print(len({os.stat(sys.argv[1]).st_ino for _ in range(9)}))
"""
USING = """
    import sys
    from pathlib import Path

    import pytest
    from exengine_ome_tiff import BeingWrittenError, TiffStorage, recover, validate
    from frames import assert_same, frame

    action, path = sys.argv[1], Path(sys.argv[2])
    start, stop = map(int, sys.argv[3:])


    def place_of(number):
        return {"time": number, "position": f"P{number % 2}"}


    def check(storage, count):
        assert len(storage.get_image_coordinates_list()) == count
        for number in range(count):
            assert_same(storage[place_of(number)], frame(place_of(number)))
            assert storage.get_metadata(place_of(number)) == {"number": number}


    def put(storage):
        for number in range(start, stop):
            storage.put(place_of(number), frame(place_of(number)), {"number": number})
            check(storage, number + 1)
        storage.flush(fsync=True)


    if action == "write":
        storage = TiffStorage(path)
        put(storage)
        print("ready", flush=True)
        end = sys.stdin.readline().strip()
        getattr(storage, end)()
    elif action == "look":
        for overwrite in (False, True):
            with pytest.raises(FileExistsError, match=r"exists|still being written"):
                TiffStorage(path, overwrite=overwrite)
        with pytest.raises(FileExistsError, match="being written"):
            TiffStorage.resume(path)
        with pytest.raises(BeingWrittenError, match="writing"):
            recover(path)
        with TiffStorage.open(path, allow_unfinished=True) as storage:
            check(storage, stop)
    elif action == "recover":
        assert recover(path).n_frames == stop
    elif action == "resume":
        with TiffStorage.resume(path) as storage:
            check(storage, start)
            put(storage)
    elif action == "replace":
        with TiffStorage(path, overwrite=True) as storage:
            put(storage)
    if action in ("recover", "resume", "replace"):
        assert validate(path) == []
"""


class Share:
    """A folder, and processes that see it as an SMB share."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self._environment = os.environ | environment
        self._environment["PYTHONPATH"] = os.pathsep.join([str(TESTS), *sys.path])

    def start(self, script: str, *arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)],
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, script: str, *arguments: object) -> list[str]:
        with self.start(script, *arguments) as process:
            lines = process.communicate()[0].splitlines()
        assert process.returncode == 0
        return lines


@pytest.fixture(scope="session")
def shim(tmp_path_factory):
    """Build the library that makes any folder look like a share."""
    if shutil.which("gcc") is None:
        pytest.skip("no gcc")
    library = tmp_path_factory.mktemp("shim") / "network_share.so"
    command = ["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library]
    subprocess.run([*command, TESTS / "network_share.c"], check=True)
    return library


@pytest.fixture(params=["shim", "SHARE"])
def share(request, tmp_path):
    if request.param == "shim":
        yield Share(tmp_path, {"LD_PRELOAD": str(request.getfixturevalue("shim"))})
    elif "SHARE" not in os.environ:
        pytest.skip("no share is named by SHARE")
    else:
        with tempfile.TemporaryDirectory(dir=os.environ["SHARE"]) as folder:
            yield Share(Path(folder), {})


@pytest.fixture(params=["run.ome.tiff", "run"], ids=["file", "folder"])
def path(request, share):
    return share.folder / request.param


@pytest.fixture
def writer(share, path):
    """Start a process that has put twenty frames."""
    with share.start(USING, "write", path, 0, 20) as process:
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def assert_has(path: Path, count: int) -> None:
    """Assert that the frames are where the OME-XML says, and that no lock is left."""
    files = [path] if path.is_file() else sorted(path.glob("*.ome.tiff"))
    planes = [plane for file in files for plane in stored_planes(file)]
    assert len(planes) == count
    for plane in planes:
        number = plane.coordinates["time"]
        assert_same(plane.pixels, frame({"time": number, "position": f"P{number % 2}"}))
    assert not list(path.parent.rglob("*.lock"))


def test_simulated_locks_and_inodes_behave_like_a_share(share):
    (share.folder / "folder").mkdir()
    *results, inodes = share.run(LOCKING, share.folder / "folder" / "file")
    assert results == ["PermissionError"] * 4
    assert inodes == "9" or "SHARE" in os.environ


def test_a_dataset_is_written_and_read_while_it_runs(share, path, writer):
    share.run(USING, "look", path, 0, 20)
    writer.communicate("finish\n")
    assert writer.returncode == 0
    assert_has(path, 20)


def test_dataset_of_a_killed_process_is_recovered(share, path, writer):
    writer.kill()
    writer.wait()
    share.run(USING, "recover", path, 0, 20)
    assert_has(path, 20)


def test_a_dataset_is_resumed(share, path, writer):
    writer.communicate("suspend\n")
    assert writer.returncode == 0
    share.run(USING, "resume", path, 20, 30)
    assert_has(path, 30)


def test_a_dataset_is_replaced(share, path, writer):
    writer.communicate("finish\n")
    share.run(USING, "replace", path, 0, 10)
    assert_has(path, 10)
