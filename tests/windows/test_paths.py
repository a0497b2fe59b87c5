"""Windows' paths, files that others hold, consoles and waits; all systems show what can be simulated."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path, PureWindowsPath
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile

from disks import failing_disk
from exengine_ome_tiff import TiffStorage, convert, export_imagej, waiting
from exengine_ome_tiff.cli.output import is_closed_pipe
from exengine_ome_tiff.coordinates.file_names import MAX_LABEL_BYTES, file_label
from exengine_ome_tiff.dataset.windows_paths import (
    MAX_PATH,
    check_windows_path,
    label_room,
    with_long_form,
)
from exengine_ome_tiff.demo import acquisition
from exengine_ome_tiff.demo.microscope import SimulatedMicroscope
from exengine_ome_tiff.tiff import disk, system_calls
from exengine_ome_tiff.waiting import News
from exengine_ome_tiff.writing import recorder

FRAME = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)
on_windows = pytest.mark.skipif(os.name != "nt", reason="only Windows keeps files that are open")


@pytest.mark.parametrize(
    "path",
    ["nul.ome.tiff", "aux", "COM1.tif", "run.", "run ", "a/con .x/run", "lpt¹", "run:b.ome.tiff", "run?"],
)
def test_names_that_windows_misinterprets(path):
    with pytest.raises(ValueError, match="choose another name"):
        check_windows_path(PureWindowsPath("C:/data", *path.split("/")))


@pytest.mark.parametrize(
    "path", ["null.ome.tiff", "auxiliary", "com10", ".run", "2026.11.27", "Zellen µm 細胞", "../run"]
)
@pytest.mark.parametrize("folder", ["C:/", "//server/share", "\\\\?\\C:\\"])
def test_names_that_windows_keeps(folder, path):
    assert check_windows_path(PureWindowsPath(folder, path)) is None  # and raises nothing
    with pytest.raises(ValueError, match="choose another name"):
        check_windows_path(PureWindowsPath(folder, path + "."))


@on_windows
@pytest.mark.parametrize("name", ["nul.ome.tiff", "aux", "run.", "run "])
def test_such_a_name_is_refused_before_the_run(tmp_path, name):
    with pytest.raises(ValueError, match="choose another name"):
        TiffStorage(f"{tmp_path}\\{name}")
    assert not list(tmp_path.iterdir())


class FakePath(PureWindowsPath):
    """A path of Windows on any system."""


@pytest.mark.parametrize(
    ("start", "expected"), [("C:\\", "\\\\?\\C:\\"), ("\\\\server\\share\\", "\\\\?\\UNC\\server\\share\\")]
)
def test_long_paths_get_the_form_without_a_limit(start, expected):
    long = FakePath(start + "a" * 250)
    assert str(with_long_form(long, is_folder=False)) == expected + "a" * 250
    assert with_long_form(with_long_form(long, is_folder=False), is_folder=False) == with_long_form(
        long, is_folder=False
    )
    assert str(with_long_form(FakePath(start + "a" * 100), is_folder=True)) == start + "a" * 100
    middle = start + "a" * 180  # a folder needs room for the names of its files
    assert str(with_long_form(FakePath(middle), is_folder=False)) == middle
    assert str(with_long_form(FakePath(middle), is_folder=True)) == expected + "a" * 180
    detour = FakePath(start + "b\\..\\" + "a" * 250)
    assert str(with_long_form(detour, is_folder=True)) == expected + "a" * 250


@pytest.mark.parametrize("length", [20, 60, 120])
def test_our_own_part_of_a_name_is_shortened(length):
    folder = PureWindowsPath("C:\\" + "f" * (length - 3))
    room = label_room(folder, "f" * 20, MAX_LABEL_BYTES)
    label = file_label("x" * 300, (), room)
    assert len(str(folder / f"{'f' * 20}_{label}.ome.tiff.part")) <= MAX_PATH
    assert label != file_label("x" * 299, (), room)


def test_a_dataset_with_a_long_path(tmp_path):
    folder = tmp_path.joinpath(*["directory name " + "n" * 30] * 7)
    for name in ("run.ome.tiff", "run"):
        with TiffStorage(folder / name) as storage:
            storage.put({"time": 0, "position": "p" * 120}, FRAME)
        with TiffStorage.open(folder / name) as storage:
            np.testing.assert_array_equal(storage[{"time": 0, "position": "p" * 120}], FRAME)
        with TiffStorage(folder / name, overwrite=True) as storage:
            storage.put({"time": 0}, FRAME)


@pytest.mark.parametrize("name", ["run.ome.tiff", "run"])
def test_conversion_to_a_long_path_and_export_from_it(tmp_path, name):
    with TiffStorage(tmp_path / "source.ome.tiff") as storage:
        storage.put({"time": 0}, FRAME)
    for count in (1, 3, 7):
        folder = tmp_path.joinpath(*["directory name " + "n" * 30] * count)
        for _ in range(2):
            convert(tmp_path / "source.ome.tiff", folder / name, overwrite=True)
        export_imagej(folder / name, folder / "stack.tif")
        export_imagej(folder / name, folder / "stack.tif", overwrite=True)
        assert sorted(path.name for path in long_form(folder).iterdir()) == [name, "stack.tif"]
        with long_form(folder / "stack.tif").open("rb") as file:
            np.testing.assert_array_equal(tifffile.imread(file), FRAME)


def long_form(path):
    return with_long_form(path, is_folder=True) if os.name == "nt" else path


@on_windows
@pytest.mark.parametrize("name", ["nul.tif", "aux.tif", "run .tif.", "a|b.tif"])
def test_reserved_names_are_refused_as_a_destination(tmp_path, name):
    with TiffStorage(tmp_path / "source.ome.tiff") as storage:
        storage.put({"time": 0}, FRAME)
    for command in (convert, export_imagej):
        with pytest.raises(ValueError, match="choose another name"):
            command(tmp_path / "source.ome.tiff", f"{tmp_path}\\{name}")
    assert [path.name for path in tmp_path.iterdir()] == ["source.ome.tiff"]


@pytest.mark.parametrize("dest", ["run", "run/new", "other/../run", "other/../run/new.ome.tiff"])
def test_a_dataset_is_not_converted_into_itself(tmp_path, dest):
    (tmp_path / "other").mkdir()
    with TiffStorage(tmp_path / "run") as storage:
        storage.put({"time": 0}, FRAME)
    with pytest.raises(ValueError, match="must not be the source or inside it"):
        convert(tmp_path / "run", tmp_path / dest, overwrite=True)


@pytest.mark.parametrize("name", ["run.ome.tiff", "run"])
def test_a_notebook_cell_that_is_run_twice(tmp_path, name):
    first = TiffStorage(tmp_path / name)
    first.put({"position": "A"}, FRAME)
    first.put({"position": "B"}, FRAME)
    first.finish()
    np.testing.assert_array_equal(first[{"position": "A"}], FRAME)
    with TiffStorage(tmp_path / name, overwrite=True) as second:
        second.put({"position": "A"}, FRAME + 1)
    first.close()
    with TiffStorage.open(tmp_path / name) as storage:
        assert storage.get_image_coordinates_list() == [{"position": "A"}]
        np.testing.assert_array_equal(storage[{"position": "A"}], FRAME + 1)


@on_windows
@pytest.mark.parametrize("name", ["run.ome.tiff", "run"])
def test_nothing_is_deleted_if_another_program_has_a_file_open(tmp_path, name):
    with TiffStorage(tmp_path / name) as storage:
        storage.put({"position": "A"}, FRAME)
        storage.put({"position": "B"}, FRAME)
    files = sorted(tmp_path.rglob("*.ome*"))
    held = next(file for file in reversed(files) if file.is_file())
    with held.open("rb"), pytest.raises(FileExistsError, match="is open in another program"):
        TiffStorage(tmp_path / name, overwrite=True)
    assert sorted(tmp_path.rglob("*.ome*")) == files
    with TiffStorage.open(tmp_path / name) as storage:
        assert len(storage.get_image_coordinates_list()) == 2
    TiffStorage(tmp_path / name, overwrite=True).close()


@on_windows
def test_a_file_that_a_virus_scanner_holds_for_a_moment(tmp_path):
    path = tmp_path / "run.companion.ome"
    path.write_bytes(b"old")
    scanner = path.open("rb")
    threading.Timer(0.4, scanner.close).start()
    disk.write_whole(path, b"new", fsync=False)
    assert path.read_bytes() == b"new"


class Refusing:
    """What `disk` takes for the module `os` of a Windows on which a file is held for ever."""

    name = "nt"

    def __getattr__(self, name):
        return getattr(os, name)


def test_patience_has_an_end(monkeypatch):
    monkeypatch.setattr(disk, "os", Refusing())
    calls = []

    def refuse():
        calls.append(time.monotonic())
        raise PermissionError(errno.EACCES, "held")

    with pytest.raises(PermissionError, match="held"):
        disk.patiently(refuse)
    assert len(calls) > 3
    assert 1 < calls[-1] - calls[0] < 5


@on_windows
def test_room_is_taken_without_writing_zeros(tmp_path):
    with (tmp_path / "file").open("w+b", buffering=0) as file:
        before_s = time.perf_counter()
        assert disk.reserve(file, 0, 1 << 30)
        assert time.perf_counter() - before_s < 1
        assert os.fstat(file.fileno()).st_size == 1 << 30
        file.truncate(0)


@on_windows
def test_full_disk_is_noticed_when_space_is_reserved(tmp_path, monkeypatch):
    class Full:
        def SetFileInformationByHandle(self, *_):  # noqa: N802 - its name in Windows
            ctypes.set_last_error(112)  # ERROR_DISK_FULL
            return 0

    storage = TiffStorage(tmp_path / "run.ome.tiff")
    storage.put({"time": 0}, FRAME)
    with monkeypatch.context() as patch:
        patch.setattr(system_calls, "_kernel", Full())
        with pytest.raises(OSError, match="bytes are free") as caught:
            storage.put({"time": 1}, np.zeros((2000, 2000), "u2"))
    assert caught.value.errno == errno.ENOSPC
    storage.put({"time": 2}, FRAME)
    storage.close()
    with TiffStorage.open(tmp_path / "run.ome.tiff") as reader:
        assert reader.get_image_coordinates_list() == [{"time": 0}, {"time": 2}]


def fill(storage, frame):
    """Put until the disk is full; return how many frames were taken, and what the error tells."""
    for count in range(100):
        try:
            storage.put({"time": count}, frame + count)
        except OSError as error:
            return count, error.errno, str(error)
    raise AssertionError("the disk is never full")


@pytest.mark.skipif("SMALL_DISK" not in os.environ, reason="tests/windows/run mounts a small disk")
@pytest.mark.parametrize("name", ["run.ome.tiff", "run"])
def test_a_disk_that_is_full(name):
    """Frames that wait have no room under Wine, which reserves none, so these are too large to wait."""
    disk_path = Path(os.environ["SMALL_DISK"])
    ballast = disk_path / "ballast"
    ballast.write_bytes(bytes(8 << 20))
    frame = np.arange(1100 * 1000, dtype=np.uint16).reshape(1100, 1000)
    storage = TiffStorage(disk_path / name)
    count, number, text = fill(storage, frame)
    assert count > 2
    assert number == errno.ENOSPC
    assert "bytes are free" in text
    ballast.unlink()
    storage.put({"time": count}, frame + count)
    storage.close()
    with TiffStorage.open(disk_path / name) as reader:
        for number in range(count + 1):
            np.testing.assert_array_equal(reader[{"time": number}], frame + number)
    for path in [*disk_path.glob("*/*"), *disk_path.glob("*.tiff")]:
        path.unlink()


MAIN = "import sys; from exengine_ome_tiff.cli import main; sys.exit(main())"


def test_reader_that_closes_the_pipe_causes_no_error(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        for number in range(200):
            storage.put({"time": number}, FRAME[:8, :8], {"text": "x" * 1000})
    with subprocess.Popen(
        [sys.executable, "-c", MAIN, "metadata", tmp_path / "run.ome.tiff"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def interrupt_soon():
    threading.Timer(0.5, signal.raise_signal, [signal.SIGINT]).start()


@pytest.mark.timeout(60)
def test_ctrl_c_ends_a_wait_for_an_image(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        for wait in (storage.await_new_image, storage.block_until_finished):
            interrupt_soon()
            with pytest.raises(KeyboardInterrupt):
                wait()


class Stuck(SimulatedMicroscope):
    """Has a stage that arrives only when it is switched off."""

    def __init__(self, shape):
        super().__init__(shape)
        self.is_off = threading.Event()

    def settle(self):
        interrupt_soon()
        self.is_off.wait()

    def close(self):
        self.is_off.set()


@pytest.mark.timeout(60)
def test_ctrl_c_ends_the_wait_for_a_device(tmp_path):
    plan = acquisition.DemoPlan(time_points=1, positions=1, z_slices=1, size=32)
    with TiffStorage(tmp_path / "run.ome.tiff") as storage, pytest.raises(KeyboardInterrupt):
        acquisition.run(plan, storage, Stuck)


@pytest.mark.timeout(60)
def test_ctrl_c_ends_the_waits_for_the_threads_of_exengine(tmp_path):
    is_released = threading.Event()

    class StuckStorage(TiffStorage):
        def put(self, *_):
            interrupt_soon()
            is_released.wait(20)

    plan = acquisition.DemoPlan(time_points=1, positions=1, z_slices=1, channels=("DAPI",), size=32)
    with StuckStorage(tmp_path / "run.ome.tiff") as storage:
        begin_s = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            acquisition.run(plan, storage)
        assert time.monotonic() - begin_s < 15
    is_released.set()


def test_closed_pipe_without_its_own_error_number_on_windows(monkeypatch):
    assert is_closed_pipe(BrokenPipeError(errno.EPIPE, "Broken pipe"))
    monkeypatch.setattr(os, "name", "nt")
    assert is_closed_pipe(OSError(errno.EINVAL, "Invalid argument"))
    assert not is_closed_pipe(OSError(errno.EINVAL, "Invalid argument", "run.ome.tiff"))
    assert not is_closed_pipe(OSError(errno.ENOSPC, "No space left on device"))


@pytest.mark.parametrize("encoding", ["cp1252", "cp932", "ascii"])
def test_the_demo_prints_any_name_in_any_code_page(tmp_path, encoding):
    sizes = ["--time-points", "1", "--positions", "1", "--z-slices", "1", "--size", "32"]
    done = subprocess.run(
        [sys.executable, "-c", MAIN, "demo", "細胞 µm.ome.tiff", *sizes, "--channels", "DAPI", "Größe Ω"],
        cwd=tmp_path,
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": encoding},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(encoding)
    assert b"  image " in done.stdout
    assert (tmp_path / "細胞 µm.ome.tiff").is_file()


def test_a_wait_is_made_of_slices(monkeypatch):
    waits = []

    class Bell:
        def __init__(self):
            self.lock = threading.Lock()

        def acquire(self, timeout=None):
            if timeout is None:
                return self.lock.acquire()
            waits.append(timeout)
            return self.lock.acquire(timeout=timeout)

    monkeypatch.setattr(waiting, "Lock", Bell)
    news = News()
    assert not news.wait_for(lambda: False, 0.35)
    assert len(waits) > 3
    assert news.wait_for(lambda: len(waits) > 8)
    assert all(0 < each <= 0.1 for each in waits)


def test_a_clock_with_steps_of_15_ms(tmp_path, monkeypatch):
    """Frames that come fast share writes, and frames that come slowly do not wait."""
    step_s = 1 / 64
    now_s = time.monotonic()
    monkeypatch.setattr(recorder, "time", SimpleNamespace(monotonic=lambda: now_s // step_s * step_s))
    with failing_disk() as fake, TiffStorage(tmp_path / "run.ome.tiff") as storage:
        storage.put({"time": 0}, FRAME[:8, :8])
        before = fake.writes
        for number in range(1, 61):
            now_s += 0.008
            storage.put({"time": number}, FRAME[:8, :8])
        assert fake.writes - before < 10
        storage.flush()
        before = fake.writes
        for number in range(61, 71):
            now_s += 0.05
            storage.put({"time": number}, FRAME[:8, :8])
        assert fake.writes - before >= 10


def test_line_ends_are_kept(tmp_path):
    metadata = {"note": "one\ntwo\r\nthree\rfour\x1afive"}
    with TiffStorage(tmp_path / "run", metadata) as storage:
        storage.put({"time": 0}, FRAME, metadata)
    with TiffStorage.open(tmp_path / "run") as storage:
        assert storage.get_metadata({"time": 0}) == metadata
        assert storage.summary_metadata == metadata
    assert b"\r\n" not in next(tmp_path.rglob("*.companion.ome")).read_bytes()


def test_a_network_drive_without_locks(tmp_path, monkeypatch, caplog):
    def refuse(_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("exengine_ome_tiff.writing.lock._lock", refuse)
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        storage.put({"time": 0}, FRAME)
    assert caplog.text.count("cannot be locked") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["run.ome.tiff"]
