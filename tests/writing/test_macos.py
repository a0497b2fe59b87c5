"""Calls to macOS, simulated."""

from __future__ import annotations

import errno
import os
import struct
import unicodedata
from types import SimpleNamespace

import numpy as np
import pytest

from exengine_ome_tiff import TiffStorage
from exengine_ome_tiff.tiff import disk

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no fcntl, with which macOS is simulated")

FULL_SYNC, PREALLOCATE = 51, 42


class Calls:
    """A replacement for the module `fcntl`."""

    def __init__(self, error: int = 0) -> None:
        self.error = error
        self.seen: list[tuple[int, bytes | int]] = []

    def fcntl(self, _descriptor: int, command: int, argument: bytes | int = 0) -> None:
        self.seen.append((command, argument))
        if self.error:
            raise OSError(self.error, os.strerror(self.error))


class WithoutFallocate:
    """A replacement for the module `os`."""

    def __getattr__(self, name):
        if name == "posix_fallocate":
            raise AttributeError(name)
        return getattr(os, name)


@pytest.fixture
def calls(monkeypatch):
    calls = Calls()
    monkeypatch.setattr(disk.system_calls, "fcntl", calls)
    monkeypatch.setattr(disk, "os", WithoutFallocate())
    monkeypatch.setattr(disk, "sys", SimpleNamespace(platform="darwin"))
    return calls


def test_space_is_reserved_after_the_end(tmp_path, calls):
    with (tmp_path / "file").open("w+b", buffering=0) as file:
        assert disk.reserve(file, 0, 5000)
        assert os.fstat(file.fileno()).st_size == 5000
    assert calls.seen == [(PREALLOCATE, struct.pack("=Iiqqq", 4, 3, 0, 5000, 0))]


def test_full_disk_is_noticed_when_space_is_reserved(tmp_path, calls):
    calls.error = errno.ENOSPC
    with (tmp_path / "file").open("w+b", buffering=0) as file:
        with pytest.raises(OSError, match="No space"):
            disk.reserve(file, 0, 5000)
        assert os.fstat(file.fileno()).st_size == 0


def test_file_system_without_either_call(tmp_path, calls):
    calls.error = errno.ENOTSUP
    with (tmp_path / "file").open("w+b", buffering=0) as file:
        assert not disk.reserve(file, 0, 5000)
        disk.sync_file(file)  # with `fsync`
    calls.error = errno.EIO
    with (tmp_path / "file").open("r+b", buffering=0) as file, pytest.raises(OSError, match="error"):
        disk.sync_file(file)


def test_dataset_is_synced_to_the_disk_itself(tmp_path, calls):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        storage.put({"time": 0}, np.zeros((64, 64), np.uint16))
    assert FULL_SYNC in [command for command, _ in calls.seen]


def test_decomposed_name_is_the_same_dataset(tmp_path):
    name, label = "Größe", "Präparat é"
    with TiffStorage(tmp_path / name) as storage:
        storage.put({"position": label}, np.ones((8, 8), np.uint8))
    for path in [*(tmp_path / name).iterdir(), tmp_path / name]:
        path.rename(path.with_name(unicodedata.normalize("NFD", path.name)))
    with TiffStorage.open(tmp_path / unicodedata.normalize("NFD", name)) as storage:
        assert storage.get_image_coordinates_list() == [{"position": label}]


def test_labels_that_differ_in_case_or_form_have_separate_files(tmp_path):
    labels = ["a", "A", "é", unicodedata.normalize("NFD", "é")]
    with TiffStorage(tmp_path / "run") as storage:
        for number, label in enumerate(labels):
            storage.put({"position": label}, np.full((8, 8), number, np.uint8))
    names = {unicodedata.normalize("NFD", path.name).casefold() for path in (tmp_path / "run").glob("*.tiff")}
    assert len(names) == len(labels)
