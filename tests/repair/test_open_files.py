"""No file stays open after a dataset could not be recovered, or was opened without a damaged file."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from exengine_ome_tiff import OmeTiffError, TiffStorage, recover
from frames import frame

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the open files are those in /proc")


@pytest.fixture
def folder(tmp_path):
    """Return an unfinished dataset of two files, with four blocks each."""
    storage = TiffStorage(tmp_path / "run")
    for number in range(8):
        place = {"position": "AB"[number % 2], "time": number}
        storage.put(place, frame(place))
        storage.flush()
    storage.suspend()
    return storage.path


def open_files(folder):
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return [path for path in (str(link.readlink()) for link in links) if path.startswith(str(folder))]


def damage(path, find):
    data = path.read_bytes()
    at = find(data, b'{"pages"')
    path.write_bytes(data[:at] + bytes(10) + data[at + 10 :])


def test_after_two_files_have_the_same_position(folder):
    shutil.copy(folder / "run_A.ome.tiff", folder / "copy.ome.tiff")
    with pytest.raises(OmeTiffError, match="also has"):
        recover(folder)
    assert open_files(folder) == []


def test_after_a_finished_file_is_damaged(folder):
    recover(folder)
    (folder / "run.companion.ome").unlink()  # so that it is recovered again
    damage(folder / "run_B.ome.tiff", bytes.rindex)
    with pytest.raises(OmeTiffError, match="run_B"):
        recover(folder)
    assert open_files(folder) == []


def test_after_a_damaged_file_is_left_out(folder):
    path = folder / "run_B.ome.tiff"
    damage(path, bytes.index)
    with TiffStorage.open(folder, allow_unfinished=True) as storage:
        assert len(storage.get_image_coordinates_list()) == 4
        assert str(path) not in open_files(folder)
    assert open_files(folder) == []
