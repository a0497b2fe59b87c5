"""Checkpoints together with forks, replaced datasets, deleted files and `close` during `put`."""

from __future__ import annotations

import os
import random
import shutil
import threading
import traceback
import xml.etree.ElementTree as ET
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from effort import effort
from exengine_ome_tiff import TiffStorage, recover, validate
from exengine_ome_tiff.tiff import disk
from exengine_ome_tiff.writing import checkpoint
from frames import frame
from interrupting import called_inside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NAMES = ["run.ome.tiff", "run"]
OPTIONS = {"checkpoint": False, "fsync": False}
SHAPE = (8, 8)


def place_of(number: int) -> dict[str, int | str]:
    return {"time": number // 2, "position": "AB"[number % 2]}


def put(storage: TiffStorage, *numbers: int) -> None:
    for number in numbers:
        storage.put(place_of(number), frame(place_of(number), SHAPE), {"number": number})


def assert_finished(path: Path, *numbers: int) -> None:
    """Assert that a dataset is finished and begins with the given frames."""
    assert validate(path) == []
    with TiffStorage.open(path) as storage:
        assert storage.get_image_coordinates_list()[: len(numbers)] == [*map(place_of, numbers)]
        for place in storage:
            np.testing.assert_array_equal(storage[place], frame(place, SHAPE))


@contextmanager
def writing_its_chain(storage: TiffStorage) -> Iterator[None]:
    """Make a checkpoint in another thread, and write its chain at the end of the block."""
    there, go_on = threading.Event(), threading.Event()
    real = checkpoint.write_chain

    def write_chain(*arguments):
        there.set()
        go_on.wait(20)
        return real(*arguments)

    def work() -> None:
        with suppress(RuntimeError, OSError):  # the storage was finished, or the file was deleted
            storage.checkpoint()

    thread = threading.Thread(target=work)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "write_chain", write_chain)
        thread.start()
        assert there.wait(20)
        try:
            yield
        finally:
            go_on.set()
            thread.join(20)
            assert not thread.is_alive()


def planes_of(path: Path) -> list[int]:
    """Return the number of planes that tifffile shows for each image."""
    with tifffile.TiffFile(path) as tif:
        assert tif.is_ome
        return [int(np.prod(series.shape[:-2])) for series in tif.series]


@pytest.mark.parametrize("can_reserve", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_close_during_put_while_a_chain_is_written(memory_path, monkeypatch, name, can_reserve):
    if not can_reserve:  # Windows, and many network shares
        monkeypatch.setattr(disk, "reserve", lambda *_: False)

    def finish_inside(path: Path, at: int) -> int:
        storage, n_instructions = TiffStorage(path, **OPTIONS), 0
        put(storage, *range(5))
        with writing_its_chain(storage), suppress(RuntimeError):  # because `put` was cut short
            n_instructions = called_inside(partial(put, storage, 5), storage.finish, at)
        storage.close()
        assert_finished(path, *range(5))
        return n_instructions

    total = finish_inside(memory_path / "whole" / name, -1)
    assert total > 1000
    mixed = random.Random(name)  # noqa: S311
    for at in mixed.sample(range(total), effort(4, 300)):
        finish_inside(memory_path / str(at) / name, at)
        shutil.rmtree(memory_path / str(at))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("name", NAMES)
def test_forked_process_reads_and_closes_while_a_chain_is_written(tmp_path, name):
    path = tmp_path / name

    def read_and_close(storage: TiffStorage) -> int:
        for number in range(4):
            assert (storage[place_of(number)] == frame(place_of(number), SHAPE)).all()
        with TiffStorage.open(path, allow_unfinished=True) as reader:
            assert len([*reader]) == 4
        for call in (storage.close, storage.checkpoint):
            with pytest.raises(RuntimeError, match="from which this one was forked"):
                call()
        storage._finalizer()  # as at the end of the process
        return 0

    with TiffStorage(path, **OPTIONS) as storage:
        put(storage, *range(4))
        with writing_its_chain(storage):
            child = os.fork()
            if child == 0:
                status = 1
                try:
                    status = read_and_close(storage)
                finally:
                    os._exit(status)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        files = [path] if path.is_file() else sorted(path.glob("*.tiff"))
        assert sum(sum(planes_of(file)) for file in files) == 4
        put(storage, 4)
    assert_finished(path, *range(5))


def killed(work: Callable[[], object]) -> None:
    """Call a function in a process that exits without cleaning up."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001 - this is the end of the process
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("is_old_finished", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_replacing_dataset_has_checkpoints(tmp_path, name, is_old_finished):
    path, first = tmp_path / name, tmp_path / name
    old = TiffStorage(path, {"is": "old"}, **OPTIONS)
    put(old, *range(6))
    old.checkpoint()
    old.close() if is_old_finished else old.suspend()

    kept = []  # otherwise, garbage collection would finish the storage

    def replace(n_frames: int) -> None:
        storage = TiffStorage(path, {"is": "new"}, overwrite=True, **OPTIONS)
        kept.append(storage)
        put(storage, *range(n_frames))
        storage.checkpoint()
        shown = [path] if path.is_file() else sorted(path.glob("*.tiff"))
        assert sum(sum(planes_of(file)) for file in shown if n_frames) == n_frames

    killed(partial(replace, 0))
    assert recover(path).n_frames == (None if is_old_finished else 6)  # the old one is restored
    killed(partial(replace, 2))
    if path.is_dir():
        first = next(path.glob("*_A.ome.tiff"))
    assert planes_of(first)[0] == 1
    with TiffStorage.open(path, allow_unfinished=True) as storage:
        assert (storage.summary_metadata, len([*storage])) == ({"is": "new"}, 2)
    assert recover(path).n_frames == 2
    assert validate(path) == []
    assert [each.name for each in tmp_path.iterdir()] == [name]


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps others from taking open files away")
@pytest.mark.parametrize("when", ["before", "meanwhile"])
@pytest.mark.parametrize("name", NAMES)
def test_checkpoint_of_a_deleted_file(tmp_path, name, when):
    path = tmp_path / name
    storage = TiffStorage(path, **OPTIONS)
    put(storage, *range(4))
    storage.checkpoint()
    put(storage, 4, 5)
    storage.flush()
    gone = path if path.is_file() else path / "run_A.ome.tiff"
    if when == "before":
        gone.unlink()
        with pytest.raises(OSError, match=r"[36] frames saved to .*rescued"):
            storage.checkpoint()  # in a folder, the other file gets its checkpoint
    else:
        with writing_its_chain(storage), suppress(OSError):
            gone.unlink()
    for call in (partial(put, storage, 6), storage.flush, storage.close):
        with pytest.raises(OSError, match=r"[36] frames saved to .*rescued"):
            call()
    if path.is_dir():
        other = path / "run_B.ome.tiff"
        assert planes_of(other) == [3]
        assert not list(path.glob("*.companion.ome"))
        rescued = tmp_path / "run.rescued"
        shutil.copy(other, rescued)
        assert recover(rescued).n_frames == 6
        assert_finished(rescued, *range(6))


def companion_of(folder: Path) -> tuple[int, set[str]]:
    """Return the number of planes and the names of the files in a companion."""
    (path,) = folder.glob("*.companion.ome")
    root = ET.fromstring(path.read_bytes())  # noqa: S314 - we wrote it
    places = {"o": "http://www.openmicroscopy.org/Schemas/OME/2016-06"}
    data = root.findall(".//o:TiffData", places)
    names = {uuid.get("FileName", "") for each in data for uuid in each.findall("o:UUID", places)}
    return sum(int(each.get("PlaneCount", "1")) for each in data), names


def test_companion_of_a_checkpoint_lists_its_files_and_is_restored(tmp_path, bioformats):
    folder = tmp_path / "run"
    with TiffStorage(folder, **OPTIONS) as storage:
        put(storage, 0, 2, 4)
        storage.checkpoint()
        assert companion_of(folder) == (3, {"run_A.ome.tiff"})
        put(storage, 1, 3, 5)
        storage.flush()
        assert companion_of(folder) == (3, {"run_A.ome.tiff"})
        next(folder.glob("*.companion.ome")).unlink()
        storage.checkpoint()
        assert companion_of(folder) == (6, {"run_A.ome.tiff", "run_B.ome.tiff"})
        put(storage, 6, 7)  # which the files have after the checkpoint
        storage.flush()
        with bioformats(next(folder.glob("*.companion.ome"))) as reader:
            assert reader.warnings == []
            assert [(image.size_t, image.size_c, image.size_z) for image in reader.series] == [(3, 1, 1)] * 2
            for number, position in enumerate("AB"):
                for time in range(3):
                    place = {"time": time, "position": position}
                    np.testing.assert_array_equal(reader.plane(number, 0, 0, time), frame(place, SHAPE))
    assert companion_of(folder) == (8, {"run_A.ome.tiff", "run_B.ome.tiff"})
    assert validate(folder) == []
