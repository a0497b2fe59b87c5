"""Replacement of a dataset, killed before each change: the old or new one remains, and the next run works."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from disks import faulty_names
from effort import effort
from exengine_ome_tiff import OmeTiffError, TiffStorage, convert, recover, validate
from exengine_ome_tiff.dataset import recording
from exengine_ome_tiff.dataset.loader import find_dataset

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows replaces no folder that is open")

SCRIPT = Path(__file__).parents[1] / "replacing.py"


def write(path, tag, n_frames=4):
    with TiffStorage(path, {"tag": tag}, fsync=False) as storage:
        for number in range(n_frames):
            storage.put({"time": number, "position": number % 2}, np.full((8, 8), len(tag), "u2"))


@pytest.mark.parametrize("kind", ["storage", "convert"])
@pytest.mark.parametrize("name", ["run", "run.ome.tiff"])
def test_killed_before_each_change(kind, name):
    changes, least = effort(("folders", 10), ("calls", 40))
    command = [sys.executable, SCRIPT, kind, name, changes]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) >= least


@pytest.mark.parametrize("happens", [False, True], ids=["not done", "done all the same"])
@pytest.mark.parametrize("name", ["run", "run with a file of another", "run.ome.tiff"])
def test_an_error_at_any_call_that_changes_names(tmp_path, name, happens):
    """Either the old or the new dataset is complete and in place."""
    number, calls = 0, None
    while calls is None or number < len(calls):
        path = tmp_path / str(number) / name
        path.parent.mkdir()
        write(path, "old!")
        if name.endswith("another"):
            (path / "notes.txt").write_text("kept")
        try:
            with faulty_names(path.parent, number, happens=happens) as calls:
                write_over(path)
        except OSError:
            tag = "old!"
        else:
            tag = "new"
        assert (tag_of(path), validate(path)) == (tag, []), f"call {number} of {calls}"
        with TiffStorage.open(path) as storage:
            assert len(storage.get_image_coordinates_list()) == (4 if tag == "old!" else 3)
        assert not name.endswith("another") or (path / "notes.txt").read_text() == "kept"
        number += 1
    assert number > 6


def write_over(path):
    """Replace a dataset; repeat `close` if it fails."""
    storage = TiffStorage(path, {"tag": "new"}, fsync=False, overwrite=True)
    for number in range(3):
        storage.put({"time": number, "position": number % 2}, np.full((8, 8), 3, "u2"))
    for _ in range(3):
        with suppress(OSError):
            storage.close()
            return
    storage.close()


def tag_of(path):
    with TiffStorage.open(path) as storage:
        return storage.summary_metadata["tag"]


@pytest.mark.parametrize("name", ["run", "run.ome.tiff"])
def test_a_new_dataset_without_a_frame_replaces_nothing(name, tmp_path):
    write(tmp_path / name, "old!")
    TiffStorage(tmp_path / name, overwrite=True).close()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert tag_of(tmp_path / name) == "old!"


@pytest.mark.parametrize("name", ["run", "run.ome.tiff"])
def test_recovery_of_the_new_dataset_deletes_the_old_one(name, tmp_path):
    write(tmp_path / name, "old!")
    storage = TiffStorage(tmp_path / name, {"tag": "new"}, overwrite=True)
    storage.put({"time": 0}, np.zeros((8, 8), "u2"))
    storage.suspend()
    (moved,) = tmp_path.glob(f".{name}.replaced/*/{name}")
    assert tag_of(moved) == "old!"
    recover(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_foreign_files_stay_in_place_and_are_logged(tmp_path, caplog):
    write(tmp_path / "run", "old!")
    (tmp_path / "run" / "notes.txt").write_text("mine")
    with TiffStorage(tmp_path / "run", {"tag": "new"}, overwrite=True) as storage:
        assert (tmp_path / "run" / "notes.txt").read_text() == "mine"
        storage.put({"time": 0, "position": "a"}, np.zeros((8, 8), "u2"))
    assert (tmp_path / "run" / "notes.txt").read_text() == "mine"
    assert f"{tmp_path / 'run'}: files of other programs are kept: notes.txt" in caplog.text
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "notes.txt",
        "run.companion.ome",
        "run_a.ome.tiff",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_conversion_restores_the_old_dataset_if_its_result_cannot_be_moved(tmp_path, monkeypatch):
    write(tmp_path / "source.ome.tiff", "new")
    write(tmp_path / "run", "old!")
    replace = type(tmp_path).replace

    def fail(self, target):
        if target == tmp_path / "run":
            raise PermissionError(13, "a file is open", str(target))
        return replace(self, target)

    monkeypatch.setattr(type(tmp_path), "replace", fail)
    with pytest.raises(PermissionError):
        convert(tmp_path / "source.ome.tiff", tmp_path / "run", overwrite=True)
    assert tag_of(tmp_path / "run") == "old!"
    monkeypatch.undo()
    assert convert(tmp_path / "source.ome.tiff", tmp_path / "run", overwrite=True).n_frames == 4


@pytest.mark.parametrize("name", ["run", "run.ome.tiff"])
def test_unfinished_new_dataset_keeps_its_frames(name, tmp_path):
    write(tmp_path / name, "old!")
    storage = TiffStorage(tmp_path / name, {"tag": "new"}, overwrite=True)
    storage.put({"time": 0}, np.zeros((8, 8), "u2"))
    storage.suspend()
    with pytest.raises(FileExistsError, match="exists"):
        TiffStorage(tmp_path / name)
    recover(tmp_path / name)
    assert tag_of(tmp_path / name) == "new"


@pytest.mark.parametrize("name", ["run", "run.ome.tiff"])
def test_last_of_several_moved_datasets_is_restored(name, tmp_path):
    for number, tag in enumerate(("first", "second"), 1):
        slot = tmp_path / f".{name}.replaced" / f"{number:06}"
        slot.mkdir(parents=True)
        write(slot / name, tag)
    with pytest.raises(FileExistsError, match="exists"):
        TiffStorage(tmp_path / name)
    assert tag_of(tmp_path / name) == "second"


@pytest.mark.parametrize("name", ["run", "run.ome.tiff"])
def test_open_during_a_replacement_returns_the_old_or_the_new_dataset(name, tmp_path, monkeypatch):
    path, storages = tmp_path / name, []
    write(path, "old!")

    def find_and_replace(path):
        found = find_dataset(path)
        if not storages:
            storages.append(TiffStorage(path, {"tag": "newer!"}, overwrite=True))
            for number in range(2):
                storages[0].put({"time": 0, "position": number}, np.full((8, 8), 6, "u2"))
            storages[0].flush()
        return found

    monkeypatch.setattr(recording, "find_dataset", find_and_replace)
    with TiffStorage.open(path, allow_unfinished=True) as opened:
        assert opened.summary_metadata["tag"] == "newer!"
        assert [opened[place][0, 0] for place in opened.get_image_coordinates_list()] == [6, 6]
    storages[0].close()
    monkeypatch.setattr(recording, "_MOST_TRIES", 0)
    with pytest.raises(OmeTiffError, match="is being replaced repeatedly"):
        TiffStorage.open(path)
