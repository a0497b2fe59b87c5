"""The lifecycle of a storage: claim a path, write, finish, close, open again."""

from __future__ import annotations

import gc
import hashlib
import logging
import shutil
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile

import warm
from exengine_ome_tiff import NotFinishedError, OmeTiffError, TiffStorage
from exengine_ome_tiff.conversion.conversion import convert
from exengine_ome_tiff.writing.put_errors import PutErrors

FORMS = ["run.ome.tiff", "run"]
"""A single file, and a folder with one file per position."""
COUNT = 5
SUMMARY = {"experiment": "cells", "nested": {"values": [1, 2.5, None, True]}, "µ": "ü"}
WAIT_S = 20
"""Maximum time that a test waits for another thread; successful tests never wait that long."""


@pytest.fixture(params=FORMS, ids=["file", "folder"])
def target(request, tmp_path):
    return tmp_path / request.param


def frame(number):
    """Return pixels that encode the number of their frame."""
    return np.arange(24, dtype=np.uint16).reshape(4, 6) + 100 * number


def coordinates(number):
    return {"position": ("left", "right")[number % 2], "time": number}


def fill(storage, count=COUNT):
    for number in range(count):
        storage.put(coordinates(number), frame(number), {"number": number})


def assert_holds(storage, numbers=range(COUNT)):
    """Check that a storage has exactly these frames, in this order."""
    assert storage.get_image_coordinates_list() == [coordinates(number) for number in numbers]
    for number in numbers:
        np.testing.assert_array_equal(storage[coordinates(number)], frame(number))
        assert storage.get_metadata(coordinates(number)) == {"number": number}


def assert_finished(path, numbers=range(COUNT)):
    with TiffStorage.open(path) as storage:
        assert_holds(storage, numbers)


def hashes(path):
    """Return the SHA-256 of a file, or of all files in a folder."""
    files = [path] if path.is_file() else [file for file in sorted(path.rglob("*")) if file.is_file()]
    return {file: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def make(path, summary_metadata=None, count=COUNT):
    """Write a finished dataset."""
    with TiffStorage(path, summary_metadata) as storage:
        fill(storage, count)
    return path


def tiffs(path):
    return [path] if path.is_file() else sorted(path.glob("*.ome.tiff"))


# states ----------------------------------------------------------------------------------------------------


def test_states_from_writing_to_closed(target):
    storage = TiffStorage(target)
    assert not storage.is_finished()
    assert "writing" in repr(storage)
    fill(storage)
    assert_holds(storage)

    storage.finish()
    assert storage.is_finished()
    assert "finished" in repr(storage)
    assert_holds(storage)

    storage.close()
    assert storage.is_finished()
    assert "closed" in repr(storage)
    assert_finished(target)


def test_repr_has_path_and_number_of_frames(target):
    with TiffStorage(target) as storage:
        assert repr(str(target)) in repr(storage)
        assert "0 frames" in repr(storage)
        fill(storage)
        storage.put(coordinates(0), frame(0), {"number": 0})
        assert f"{COUNT} frames" in repr(storage)
        assert storage.path == target


@pytest.mark.parametrize("calls", [["finish", "finish"], ["close", "close"], ["finish", "close", "finish"]])
def test_finish_and_close_may_be_called_again(target, calls):
    storage = TiffStorage(target)
    fill(storage)
    getattr(storage, calls[0])()
    before = hashes(target)
    for call in calls[1:]:
        getattr(storage, call)()
    storage.flush()
    assert hashes(target) == before
    storage.close()
    assert_finished(target)


@pytest.mark.parametrize("call", ["finish", "close"])
@pytest.mark.parametrize("on_error", ["raise", "collect"])
def test_put_after_finish_raises_and_changes_no_byte(target, call, on_error):
    storage = TiffStorage(target, on_error=on_error)
    fill(storage)
    getattr(storage, call)()
    before = hashes(target)
    for number in (0, COUNT):
        with pytest.raises(RuntimeError, match=f"time={number}"):
            storage.put(coordinates(number), frame(9), {})
    with pytest.raises(RuntimeError):
        storage.put({"position": "a new one"}, frame(9))
    assert hashes(target) == before
    storage.close()
    assert hashes(target) == before
    assert_finished(target)


def test_put_into_an_opened_dataset_raises_and_changes_no_byte(target):
    before = hashes(make(target))
    with TiffStorage.open(target) as storage:
        assert storage.is_finished()
        with pytest.raises(RuntimeError, match="time=0"):
            storage.put(coordinates(0), frame(9))
        storage.flush()
        storage.finish()
    assert hashes(target) == before


@pytest.mark.parametrize("is_opened", [False, True])
def test_a_closed_storage_reads_nothing(target, is_opened):
    make(target)
    if is_opened:
        storage = TiffStorage.open(target)
    else:
        storage = TiffStorage(target, overwrite=True)
        fill(storage)
    storage.close()
    for read in (storage.get_data, storage.get_metadata, storage.__getitem__, storage.__contains__):
        with pytest.raises(RuntimeError, match="closed"):
            read(coordinates(0))
    with pytest.raises(RuntimeError, match="closed"):
        storage.get_image_coordinates_list()


def test_context_manager_finishes_and_closes(target):
    with TiffStorage(target) as storage:
        fill(storage)
    assert "closed" in repr(storage)
    assert_finished(target)


def test_context_manager_lets_an_exception_through_and_finishes(target):
    boom = ValueError("boom")

    def stop():
        with TiffStorage(target) as storage:
            fill(storage)
            raise boom

    with pytest.raises(ValueError, match="boom") as caught:
        stop()
    assert caught.value is boom
    assert_finished(target)


def test_context_manager_does_not_raise_an_error_of_put_again(target):
    def put_a_bad_frame():
        with TiffStorage(target) as storage:
            fill(storage)
            storage.put({"time": 2.5}, frame(9))

    with pytest.raises(TypeError, match=r"2\.5") as caught:
        put_a_bad_frame()
    assert caught.value.__context__ is None
    assert_finished(target)


@pytest.mark.parametrize("on_error", ["raise", "collect"])
def test_context_manager_lets_an_exception_through_after_a_failed_put(target, on_error):
    class StoppedError(Exception):
        pass

    def stop():
        with TiffStorage(target, on_error=on_error) as storage:
            fill(storage)
            try:
                storage.put({"time": 2.5}, frame(9))
            except TypeError as error:
                raise StoppedError from error
            raise StoppedError

    with pytest.raises(StoppedError):
        stop()
    assert_finished(target)


# garbage collection and the end of Python ------------------------------------------------------------------


def test_collection_finishes(target):
    storage = TiffStorage(target)
    fill(storage)
    del storage
    gc.collect()
    assert_finished(target)


def test_collection_of_a_reference_cycle_finishes(target):
    class Owner:
        pass

    owner = Owner()
    owner.storage, owner.myself = TiffStorage(target), owner
    fill(owner.storage)
    owner.storage.owner = owner
    del owner
    gc.collect()
    assert_finished(target)


def test_collection_after_an_error_finishes(target):
    storage = TiffStorage(target)
    fill(storage)
    with pytest.raises(TypeError):
        storage.put({"time": None}, frame(9))
    del storage
    gc.collect()
    assert_finished(target)


def test_collection_after_close_or_of_an_opened_storage_is_harmless(target):
    storage = TiffStorage(target)
    fill(storage)
    storage.close()
    before = hashes(target)
    del storage
    storage = TiffStorage.open(target)
    del storage
    gc.collect()
    assert hashes(target) == before


SCRIPT = """
    import sys, threading
    import numpy as np
    from exengine_ome_tiff import TiffStorage

    class Cycle:
        pass

    cycle = Cycle()
    cycle.storage, cycle.myself = TiffStorage(sys.argv[1]), cycle
    storage = cycle.storage
    for number in range({count}):
        pixels = np.arange(24, dtype=np.uint16).reshape(4, 6) + 100 * number
        storage.put(
            {{"position": ("left", "right")[number % 2], "time": number}}, pixels, {{"number": number}}
        )
    {ending}
"""


def run_script(path, ending, count=COUNT):
    script = textwrap.dedent(SCRIPT).format(count=count, ending=ending)
    return warm.run([sys.executable, "-W", "error", "-c", script, path], cwd=path.parent, timeout_s=60)


@pytest.mark.parametrize(
    ("ending", "status", "message"),
    [
        ("pass", 0, ""),
        ("sys.exit(3)", 3, ""),
        ("raise ValueError('boom')", 1, "boom"),
        ("threading.Thread(target=storage.await_new_image, daemon=True).start()", 0, ""),
    ],
    ids=["the end", "sys.exit", "exception", "a thread waits"],
)
def test_exit_of_python_finishes(target, ending, status, message):
    done = run_script(target, ending)
    assert done.returncode == status, done.stderr
    assert message in done.stderr
    assert done.stderr == "" or message
    assert "ignored" not in done.stderr
    assert_finished(target)


def test_exit_of_python_without_a_frame_leaves_nothing(target):
    done = run_script(target, "pass", count=0)
    assert done.returncode == 0, done.stderr
    assert "no frame" in done.stderr
    assert not target.exists()


# no frame at all -------------------------------------------------------------------------------------------


def end_by_finish(storage):
    storage.finish()
    assert storage.is_finished()
    assert storage.get_image_coordinates_list() == []
    assert {"time": 0} not in storage
    with pytest.raises(KeyError):
        storage.get_data({"time": 0})
    storage.close()


def end_by_close(storage):
    storage.close()


def end_by_with(storage):
    with storage:
        pass


@pytest.mark.parametrize("end", [end_by_finish, end_by_close, end_by_with])
def test_no_frame_leaves_no_file_and_a_line_in_the_log(target, end, caplog):
    storage = TiffStorage(target)
    with caplog.at_level(logging.WARNING, "exengine_ome_tiff"):
        end(storage)
    assert list(target.parent.iterdir()) == []
    assert [str(target) in record.getMessage() for record in caplog.records] == [True]
    with pytest.raises(RuntimeError):
        storage.put({"time": 0}, frame(0))
    assert list(target.parent.iterdir()) == []


def test_no_frame_and_collection_leaves_no_file(target):
    storage = TiffStorage(target)
    del storage
    gc.collect()
    assert list(target.parent.iterdir()) == []


def test_only_refused_frames_leave_no_file(target):
    storage = TiffStorage(target, on_error="collect")
    storage.put({"time": 0}, np.zeros((2, 3), np.int64))
    with pytest.raises(ExceptionGroup):
        storage.close()
    assert list(target.parent.iterdir()) == []


def test_no_frame_keeps_foreign_files(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    TiffStorage(folder, overwrite=True).close()
    assert [file.name for file in folder.iterdir()] == ["notes.txt"]


# claiming a path -------------------------------------------------------------------------------------------


def a_file(path):
    path.write_text("precious")


def a_folder(path):
    path.mkdir()
    (path / "precious.txt").write_text("precious")


def an_empty_folder(path):
    path.mkdir()


@pytest.mark.parametrize("there", [a_file, a_folder, an_empty_folder, make])
def test_existing_path_is_refused_at_construction(target, there):
    there(target)
    before = hashes(target)
    with pytest.raises(FileExistsError, match="run"):
        TiffStorage(target)
    assert hashes(target) == before
    assert target.exists()


@pytest.mark.parametrize("there", [a_folder, an_empty_folder])
def test_overwrite_does_not_replace_a_folder_with_a_file(tmp_path, there):
    target = tmp_path / "run.ome.tiff"
    there(target)
    before = hashes(target)
    with pytest.raises(FileExistsError):
        TiffStorage(target, overwrite=True)
    assert target.is_dir()
    assert hashes(target) == before


def test_overwrite_does_not_replace_a_file_with_a_folder(tmp_path):
    target = tmp_path / "run"
    a_file(target)
    with pytest.raises(FileExistsError):
        TiffStorage(target, overwrite=True)
    assert target.read_text() == "precious"


def test_overwrite_replaces_a_dataset(target):
    with TiffStorage(target, {"which": "old"}) as storage:
        for position in ("left", "old"):
            storage.put({"position": position, "time": 99}, frame(9), {})
    with TiffStorage(target, {"which": "new"}, overwrite=True) as storage:
        fill(storage)
    assert_finished(target)
    with TiffStorage.open(target) as storage:
        assert storage.summary_metadata == {"which": "new"}
    assert len(tiffs(target)) == (1 if target.is_file() else 2)


def test_overwrite_without_a_dataset_is_accepted(target):
    with TiffStorage(target, overwrite=True) as storage:
        fill(storage)
    assert_finished(target)


def test_overwrite_keeps_foreign_files_of_a_folder(tmp_path):
    folder = make(tmp_path / "run")
    (folder / "analysis").mkdir()
    foreign = [
        folder / name
        for name in ("notes.txt", "running.ome.tiff", "snapshot.tif", "analysis/run_left.ome.tiff")
    ]
    for number, file in enumerate(foreign):
        file.write_text(f"precious {number}")
    with TiffStorage(folder, overwrite=True) as storage:
        fill(storage)
    assert [file.read_text() for file in foreign] == [f"precious {n}" for n in range(len(foreign))]


def test_overwrite_replaces_a_dataset_whose_folder_was_renamed(tmp_path):
    folder = make(tmp_path / "before").rename(tmp_path / "after")
    with TiffStorage(folder, overwrite=True) as storage:
        fill(storage, 3)
    assert_finished(folder, range(3))


@pytest.mark.parametrize(
    "name", ["a.ome.tiff", "a.ome.tif", "a.tif", "a.tiff", "a.TIFF", "a.OME.TIF", "a.btf", "a.tf8", ".x.tif"]
)
def test_a_tiff_suffix_makes_a_file(tmp_path, name):
    make(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).is_file()
    assert_finished(tmp_path / name)


@pytest.mark.parametrize("name", ["a", "sample.A1", "2026.11.22", "a.tiff.old", "tiff", "a b."])
def test_any_other_path_makes_a_folder(tmp_path, name):
    if sys.platform == "win32" and name.endswith("."):
        pytest.skip("Windows drops a dot at the end; tests/windows shows that such a name is refused")
    make(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    names = sorted(path.name for path in (tmp_path / name).iterdir())
    assert names == [f"{name}.companion.ome", f"{name}_left.ome.tiff", f"{name}_right.ome.tiff"]
    assert_finished(tmp_path / name)


def test_an_empty_path_is_not_the_current_folder():
    with pytest.raises(ValueError, match=r"got an empty path, expected one such as run\.ome\.tiff"):
        TiffStorage("", overwrite=True)


@pytest.mark.parametrize("name", ["a.zarr", "a.PNG", "a.txt", "a.ome", "a.ome.tff", "a.tifff", "a.OME.x"])
def test_a_suffix_of_another_format_is_refused_for_a_new_dataset(tmp_path, name):
    for options in ({}, {"numbered": True}, {"overwrite": True}):
        with pytest.raises(
            ValueError, match=r"ends in .*expected a file name ending in \.ome\.tiff, such as a\."
        ):
            TiffStorage(tmp_path / name, **options)
    with pytest.raises(ValueError, match="ends in"):
        convert(make(tmp_path / "run"), tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    storage = TiffStorage(tmp_path / "unfinished")
    fill(storage)
    storage.suspend()
    (tmp_path / "unfinished").rename(tmp_path / name)  # an earlier version made such folders
    with TiffStorage.resume(tmp_path / name) as storage:
        storage.put(coordinates(COUNT), frame(COUNT), {"number": COUNT})
    assert_finished(tmp_path / name, range(COUNT + 1))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "parents",
    ["a/b c/d", "with space", "проба/細胞 µm", "quo'te \"#% &"],
    ids=["deep", "space", "unicode", "odd"],
)
def test_missing_parents_with_any_name_are_created(tmp_path, form, parents):
    if sys.platform == "win32" and '"' in parents:
        pytest.skip("Windows has no such file names")
    target = tmp_path / parents / f"ünï cödé {form}"
    make(target)
    assert_finished(target)


@pytest.mark.parametrize("kind", [str, Path])
def test_path_may_be_text_or_path(target, kind):
    with TiffStorage(kind(target)) as storage:
        fill(storage)
    assert_finished(kind(target))


def test_a_trailing_separator_makes_no_difference(tmp_path):
    with TiffStorage(f"{tmp_path / 'run'}/") as storage:
        fill(storage)
    assert_finished(f"{tmp_path / 'run'}/")
    assert (tmp_path / "run" / "run.companion.ome").is_file()


@pytest.mark.parametrize("form", FORMS)
def test_relative_path_survives_a_change_of_working_directory(tmp_path, monkeypatch, form):
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    here.mkdir()
    elsewhere.mkdir()
    monkeypatch.chdir(here)
    storage = TiffStorage(form)
    storage.put(coordinates(0), frame(0), {"number": 0})
    monkeypatch.chdir(elsewhere)
    for number in range(1, COUNT):
        storage.put(coordinates(number), frame(number), {"number": number})
    storage.close()
    assert storage.path == here / form
    assert list(elsewhere.iterdir()) == []
    assert_finished(here / form)
    monkeypatch.chdir(here)
    opened = TiffStorage.open(form)
    monkeypatch.chdir(elsewhere)
    assert_holds(opened)
    opened.close()


# opening ---------------------------------------------------------------------------------------------------


def itself(path):
    return path


def moved(path):
    elsewhere = path.parent / "elsewhere"
    elsewhere.mkdir()
    return Path(shutil.move(path, elsewhere))


def renamed(path):
    return path.rename(path.with_name(path.name.replace("run", "renamed 細胞")))


def copied(path):
    elsewhere = path.parent / "elsewhere"
    if path.is_dir():
        return Path(shutil.copytree(path, elsewhere))
    elsewhere.mkdir()
    return Path(shutil.copy(path, elsewhere))


@pytest.mark.parametrize("place", [itself, moved, renamed, copied])
def test_open_finds_all_frames(target, place):
    path = place(make(target, SUMMARY))
    with TiffStorage.open(path) as storage:
        assert_holds(storage)
        assert storage.summary_metadata == SUMMARY
        assert storage.path == path
        assert storage.is_finished()
        assert "finished" in repr(storage)
        assert coordinates(0) in storage
        assert coordinates(COUNT) not in storage


@pytest.mark.parametrize("place", [itself, moved, renamed, copied])
@pytest.mark.parametrize("name", ["run_left.ome.tiff", "run_right.ome.tiff", "run.companion.ome"])
def test_open_takes_any_file_of_a_folder(tmp_path, place, name):
    folder = place(make(tmp_path / "run", SUMMARY))
    with TiffStorage.open(folder / name) as storage:
        assert_holds(storage)
        assert storage.summary_metadata == SUMMARY


def test_open_takes_files_of_a_folder_that_were_renamed(tmp_path):
    folder = make(tmp_path / "run", SUMMARY)
    (folder / "run_left.ome.tiff").rename(folder / "z.tif")
    (folder / "run_right.ome.tiff").rename(folder / "a.TIFF")
    for path in (folder, folder / "z.tif", folder / "a.TIFF", folder / "run.companion.ome"):
        assert_finished(path)


@pytest.mark.parametrize(("name", "first"), [("run_left.ome.tiff", 0), ("run_right.ome.tiff", 1)])
def test_file_from_a_folder_opens_alone(tmp_path, name, first):
    folder = make(tmp_path / "run", SUMMARY)
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(folder / name, alone)
    for path in (alone, alone / name):
        with TiffStorage.open(path) as storage:
            assert_holds(storage, range(first, COUNT, 2))
            assert storage.summary_metadata == SUMMARY


@pytest.mark.parametrize("name", ["run", "run/run_left.ome.tiff", "run/run.companion.ome"])
def test_a_folder_opens_with_foreign_files_in_it(tmp_path, name):
    folder = make(tmp_path / "run")
    (folder / "notes.txt").write_text("precious")
    (folder / "text.tif").write_text("no TIFF at all")
    tifffile.imwrite(folder / "snapshot.tif", frame(0))
    tifffile.imwrite(folder / "big.tif", frame(0), bigtiff=True)
    assert_finished(tmp_path / name)


def test_a_file_of_a_folder_opens_next_to_another_dataset(tmp_path):
    folder = make(tmp_path / "run")
    make(folder / "single.ome.tiff", count=1)
    assert_finished(folder / "run_left.ome.tiff")
    assert_finished(folder / "single.ome.tiff", range(1))
    assert_finished(folder / "run.companion.ome")


@pytest.mark.parametrize(
    "name", ["missing.ome.tiff", "missing", "missing/run.ome.tiff", "missing.companion.ome"]
)
def test_open_of_a_missing_path(tmp_path, name):
    with pytest.raises(FileNotFoundError, match="missing"):
        TiffStorage.open(tmp_path / name)


def text_file(folder):
    path = folder / "notes.txt"
    path.write_text("notes")
    return path


def text_named_tiff(folder):
    path = folder / "notes.tif"
    path.write_text("much longer notes, long enough for a header of a TIFF file")
    return path


def empty_tiff(folder):
    path = folder / "empty.ome.tiff"
    path.touch()
    return path


def classic_tiff(folder):
    path = folder / "classic.tif"
    tifffile.imwrite(path, frame(0))
    return path


def big_tiff(folder):
    path = folder / "big.tif"
    tifffile.imwrite(path, frame(0), bigtiff=True)
    return path


def big_endian_tiff(folder):
    path = folder / "motorola.tif"
    tifffile.imwrite(path, frame(0), bigtiff=True, byteorder=">")
    return path


def ome_tiff(folder):
    path = folder / "foreign.ome.tiff"
    tifffile.imwrite(path, np.stack([frame(0), frame(1)]), bigtiff=True, ome=True)
    return path


def empty_folder(folder):
    return folder


def folder_of_foreign_tiffs(folder):
    big_tiff(folder)
    return folder


def folder_of_two_datasets(folder):
    make(folder / "one.ome.tiff")
    make(folder / "two.ome.tiff")
    return folder


@pytest.mark.parametrize(
    "foreign",
    [
        text_file,
        text_named_tiff,
        empty_tiff,
        classic_tiff,
        big_tiff,
        big_endian_tiff,
        ome_tiff,
        empty_folder,
        folder_of_foreign_tiffs,
        folder_of_two_datasets,
    ],
)
def test_open_of_other_files(tmp_path, foreign):
    path = foreign(tmp_path)
    with pytest.raises(OmeTiffError, match=path.name) as caught:
        TiffStorage.open(path)
    assert not isinstance(caught.value, NotFinishedError)


def test_open_of_a_foreign_file_does_not_open_the_dataset_beside_it(tmp_path):
    make(tmp_path / "run.ome.tiff")
    with pytest.raises(OmeTiffError, match="notes"):
        TiffStorage.open(text_file(tmp_path))


def test_open_of_an_unfinished_dataset(target):
    with TiffStorage(target) as storage:
        fill(storage)
        storage.flush()
        copy = copied(target)
        for path in (copy, *tiffs(copy)):
            with pytest.raises(NotFinishedError, match=r"finish"):
                TiffStorage.open(path)
        assert_holds(storage)


# summary metadata ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, {}),
        ({}, {}),
        (SUMMARY, SUMMARY),
        ([1, "two"], [1, "two"]),
        ("text", "text"),
        ({"tuple": (1, 2)}, {"tuple": [1, 2]}),
        ({1: "int key"}, {"1": "int key"}),
        ({"numpy": np.float32(0.5), "array": np.arange(3)}, {"numpy": 0.5, "array": [0, 1, 2]}),
        ({"path": Path("a"), "\n": "line\nend"}, {"path": "a", "\n": "line\nend"}),
        ({"long": "x" * 100_000}, {"long": "x" * 100_000}),
    ],
    ids=lambda value: "" if isinstance(value, dict) and "long" in value else None,
)
def test_summary_metadata_is_the_same_at_all_times(target, given, expected):
    with TiffStorage(target, given) as storage:
        assert storage.summary_metadata == expected
        fill(storage)
        storage.finish()
        assert storage.summary_metadata == expected
    assert storage.summary_metadata == expected
    for path in (target, *tiffs(target)):
        with TiffStorage.open(path) as storage:
            assert storage.summary_metadata == expected


def test_summary_metadata_is_copied_at_construction(target):
    given = {"list": [1]}
    with TiffStorage(target, given) as storage:
        given["list"].append(2)
        given["more"] = True
        assert storage.summary_metadata == {"list": [1]}
        fill(storage)


# waiting ---------------------------------------------------------------------------------------------------


class Call(threading.Thread):
    """A call in a separate thread, and its outcome."""

    def __init__(self, function, *args):
        super().__init__(daemon=True)
        self.function, self.args = function, args
        self.result = self.error = None
        self.start()

    def run(self):
        try:
            self.result = self.function(*self.args)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            self.error = error

    def done(self):
        """Wait for the call to end, and return its result."""
        self.join(WAIT_S)
        assert not self.is_alive()
        assert self.error is None
        return self.result


def test_await_new_image_returns_true_for_an_earlier_frame(target):
    with TiffStorage(target) as storage:
        fill(storage, 2)
        assert storage.await_new_image(0) is True
        assert storage.await_new_image(0) is False
        storage.put(coordinates(2), frame(2))
        assert storage.await_new_image() is True


def test_await_new_image_returns_when_a_frame_arrives(target):
    with TiffStorage(target) as storage:
        waiting = Call(storage.await_new_image, WAIT_S)
        storage.put(coordinates(0), frame(0))
        assert waiting.done() is True


def test_await_new_image_counts_an_overwritten_frame(target):
    with TiffStorage(target) as storage:
        storage.put(coordinates(0), frame(0))
        assert storage.await_new_image(0)
        storage.put(coordinates(0), frame(1))
        assert storage.await_new_image(0)


@pytest.mark.parametrize("count", [0, 2])
def test_await_new_image_returns_at_the_end(target, count):
    storage = TiffStorage(target)
    fill(storage, count)
    storage.await_new_image(0)
    waiting = Call(lambda: [storage.await_new_image(0), storage.await_new_image()][-1])
    storage.finish()
    assert waiting.done() is False
    assert storage.await_new_image() is False
    storage.close()
    assert storage.await_new_image() is False


def test_await_new_image_returns_false_after_the_timeout(target):
    with TiffStorage(target) as storage:
        start_s = time.monotonic()
        assert storage.await_new_image(timeout=0.05) is False
        assert 0.04 < time.monotonic() - start_s < WAIT_S


def test_block_until_finished_returns_at_finish(target):
    storage = TiffStorage(target)
    fill(storage)
    assert storage.block_until_finished(timeout=0.02) is False
    waiting = Call(storage.block_until_finished)
    assert not storage.is_finished()
    storage.finish()
    assert waiting.done() is True
    assert storage.block_until_finished() is True
    storage.close()
    assert storage.block_until_finished(0) is True


def test_an_opened_dataset_does_not_wait(target):
    with TiffStorage.open(make(target)) as storage:
        assert storage.is_finished()
        assert storage.await_new_image() is False
        assert storage.block_until_finished() is True


# unseen errors ---------------------------------------------------------------------------------------------


def put_until_it_fails(storage):
    """Put as ExEngine's handler does: in a thread that the first error ends silently."""
    fill(storage, 3)
    storage.put({"time": 3}, np.zeros((2, 2), np.int64))
    storage.put({"time": 4}, frame(4))


def test_close_raises_the_error_that_ended_a_thread(target):
    storage = TiffStorage(target)
    handler = Call(put_until_it_fails, storage)
    handler.join(WAIT_S)
    assert isinstance(handler.error, TypeError)
    storage.finish()
    with pytest.raises(TypeError, match="int64") as caught:
        storage.close()
    assert type(caught.value) is type(handler.error)
    assert caught.value.args == handler.error.args
    assert "closed" in repr(storage)
    storage.close()
    assert_finished(target, range(3))


def test_close_raises_although_another_thread_put_again(target):
    storage = TiffStorage(target)
    handler = Call(put_until_it_fails, storage)
    handler.join(WAIT_S)
    storage.put(coordinates(3), frame(3), {"number": 3})
    with pytest.raises(TypeError):
        storage.close()
    assert_finished(target, range(4))


def test_context_manager_raises_the_error_that_ended_a_thread(target):
    with pytest.raises(TypeError, match="int64"), TiffStorage(target) as storage:
        Call(put_until_it_fails, storage).join(WAIT_S)
    assert_finished(target, range(3))


def test_close_does_not_raise_errors_its_thread_survived(target):
    storage = TiffStorage(target)
    fill(storage, 3)
    for bad in ({"time": None}, {"time": 1.5}):
        with pytest.raises(TypeError):
            storage.put(bad, frame(9))
    storage.put(coordinates(3), frame(3), {"number": 3})
    storage.close()
    assert_finished(target, range(4))


def put_what_is_refused(storage):
    with pytest.raises(TypeError):
        storage.put({"time": "first", "z": None}, frame(9))
    with pytest.raises(ValueError, match="second"):
        storage.put({"time": "second"}, np.zeros((2, 2, 2), np.uint8))


def test_close_raises_the_first_error_of_a_thread(target):
    storage = TiffStorage(target)
    fill(storage)
    Call(put_what_is_refused, storage).join(WAIT_S)
    with pytest.raises(TypeError, match="first"):
        storage.close()


def test_close_does_not_raise_errors_its_caller_caught(target):
    storage = TiffStorage(target)
    fill(storage)
    put_what_is_refused(storage)
    storage.close()
    assert_finished(target)


def test_close_does_not_raise_errors_a_live_thread_caught(target):
    storage = TiffStorage(target)
    fill(storage)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(put_what_is_refused, storage).result()
        storage.close()
    assert_finished(target)


def test_close_does_not_raise_the_error_of_a_put_after_finish(target):
    storage = TiffStorage(target)
    fill(storage)
    storage.finish()
    with pytest.raises(RuntimeError):
        storage.put(coordinates(0), frame(0))
    storage.close()


def test_collect_keeps_the_thread_alive_and_raises_all_at_close(target, caplog, monkeypatch):
    storage = TiffStorage(target, on_error="collect")
    storage.put(coordinates(0), frame(0), {"number": 0})
    storage.flush()
    with caplog.at_level(logging.ERROR, "exengine_ome_tiff"):
        storage.put({"time": 1.5}, frame(9))
        storage.put({"time": 1}, np.zeros((2, 2, 2), np.uint8))

        def fail(*_args, **_options):
            raise OSError(5, "Input/output error")

        large = np.zeros((1200, 1200), np.uint16)
        with monkeypatch.context() as patched:
            patched.setattr(tifffile.TiffWriter, "write", fail)
            storage.put({"position": "left", "time": 77}, large)
    for number in range(1, COUNT):
        storage.put(coordinates(number), frame(number), {"number": number})
    assert [f"(error {count} so far)" in r.getMessage() for count, r in enumerate(caplog.records, 1)] == [
        True
    ] * 3
    assert {"position": "left", "time": 77} not in storage
    storage.finish()
    with pytest.raises(ExceptionGroup, match="3 frames") as caught:
        storage.close()
    assert [type(error) for error in caught.value.exceptions] == [TypeError, ValueError, OSError]
    assert "closed" in repr(storage)
    storage.close()
    assert_finished(target)


def test_collect_without_an_error_raises_nothing(target):
    with TiffStorage(target, on_error="collect") as storage:
        fill(storage)
    assert_finished(target)


@pytest.mark.parametrize("on_error", ["ignore", None, "", "RAISE", 1])
def test_invalid_on_error_is_refused_before_anything_is_created(target, on_error):
    with pytest.raises(ValueError, match="on_error"):
        TiffStorage(target / "deeper" / target.name, on_error=on_error)
    assert not target.exists()
    make(target)
    before = hashes(target)
    with pytest.raises(ValueError, match="on_error"):
        TiffStorage(target, overwrite=True, on_error=on_error)
    assert hashes(target) == before


def test_remembered_errors_keep_nothing_alive():
    class CopiedError(OSError):
        def __copy__(self):
            other = CopiedError(*self.args)
            other.__cause__ = self.__cause__
            return other

    error = CopiedError("disk")
    error.__cause__ = ValueError("which holds a frame")
    errors = PutErrors("raise")
    thread = threading.Thread(target=errors.remember, args=(error, "time=0"))
    thread.start()
    thread.join()
    with pytest.raises(CopiedError, match="disk") as caught:
        errors.raise_remembered()
    assert caught.value.__cause__ is None
