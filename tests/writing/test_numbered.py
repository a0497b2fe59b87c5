"""Numbered names: each run has its own dataset, and none is ever replaced."""

import threading

import numpy as np
import pytest

from exengine_ome_tiff import TiffStorage

FRAME = np.ones((4, 5), np.uint16)


@pytest.mark.parametrize(
    ("name", "names"),
    [("run.ome.tiff", ["run_001.ome.tiff", "run_002.ome.tiff"]), ("a.b", ["a.b_001", "a.b_002"])],
)
def test_each_run_gets_the_next_number(tmp_path, name, names):
    for value, expected in enumerate(names):
        with TiffStorage(tmp_path / "new" / name, numbered=True) as storage:
            storage.put({"time": 0}, FRAME * value)
        assert storage.path == tmp_path / "new" / expected
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == names
    for value, expected in enumerate(names):
        with TiffStorage.open(tmp_path / "new" / expected) as storage:
            assert storage[{"time": 0}][0, 0] == value


def test_number_is_higher_than_any_existing_one(tmp_path):
    for name in ("run_007.ome.tiff", "run_x.ome.tiff", "run_900.tif", "other_950.ome.tiff"):
        (tmp_path / name).write_text("precious")
    with TiffStorage(tmp_path / "run.ome.tiff", numbered=True) as storage:
        storage.put({"time": 0}, FRAME)
    assert storage.path.name == "run_008.ome.tiff"
    assert (tmp_path / "run_007.ome.tiff").read_text() == "precious"


def test_runs_at_the_same_time_get_different_numbers(tmp_path):
    storages = []
    threads = [
        threading.Thread(target=lambda: storages.append(TiffStorage(tmp_path / "run.tif", numbered=True)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for storage in storages:
        storage.put({"time": 0}, FRAME)
        storage.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"run_{n:03d}.tif" for n in range(1, 9)]


def test_invalid_uses_of_numbered(tmp_path):
    with pytest.raises(ValueError, match="expected one of numbered=True and overwrite=True, got both"):
        TiffStorage(tmp_path / "run.tif", numbered=True, overwrite=True)
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        TiffStorage(tmp_path / "file" / "run.tif", numbered=True)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
