"""Failing disks: stand-ins for the operating system, and real small ones."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exengine_ome_tiff.tiff import disk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


_SECTOR_SHARE = 8
"""Size of an atomic disk write."""


class FailingDisk:
    """Stands in for the module `os` in `exengine_ome_tiff.tiff.disk`.

    Attributes
    ----------
    room
        Bytes that are free; None for no bound.
    failing
        Is asked before each write and each reservation, with the file's descriptor, whether it fails;
        returns an `errno` or 0.
    short
        Whether a write takes a part of what it is given, at random. One that fails may do so, too.
    delay_s
        How long a write takes.
    writes
        How many writes there were.
    events
        "sync" and "link" for each `fsync` and each write of eight bytes, in order.
    """

    def __init__(self) -> None:
        self.room: int | None = None
        self.failing: Callable[[int], int] = lambda _: 0
        self.short = False
        self.delay_s = 0.0
        self.writes = 0
        self.events: list[str] = []
        self._reserved = 0
        self._random = random.Random(1)  # noqa: S311

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)

    def write(self, descriptor: int, data: memoryview) -> int:
        return self._write(descriptor, data, os.write)

    @property
    def pwrite(self) -> Callable[[int, memoryview, int], int]:
        if not hasattr(os, "pwrite"):  # Windows, where a file is written to at its position
            raise AttributeError("pwrite")
        return self._pwrite

    def _pwrite(self, descriptor: int, data: memoryview, offset: int) -> int:
        return self._write(descriptor, data, lambda file, part: os.pwrite(file, part, offset))

    def _write(self, descriptor: int, data: memoryview, write: Callable[[int, memoryview], int]) -> int:
        self.writes += 1
        if len(data) == _SECTOR_SHARE:
            self.events.append("link")
        time.sleep(self.delay_s)
        part = data
        if self.short and len(data) > _SECTOR_SHARE:
            part = data[: self._random.randrange(1, len(data))]
        if number := self.failing(descriptor):
            if len(part) > _SECTOR_SHARE:
                write(descriptor, part[: self._random.randrange(len(part))])
            raise OSError(number, os.strerror(number))
        if self.room is not None:
            from_reserved = min(self._reserved, len(part))
            part = part[: from_reserved + self.room]
            if not part:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._reserved -= from_reserved
            self.room -= len(part) - from_reserved
        return write(descriptor, part)

    def fsync(self, descriptor: int) -> None:
        self.events.append("sync")
        os.fsync(descriptor)

    def posix_fallocate(self, descriptor: int, start: int, nbytes: int) -> None:
        if number := self.failing(descriptor):
            raise OSError(number, os.strerror(number))
        if self.room is not None:
            if nbytes > self.room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.room -= nbytes
            self._reserved += nbytes
        os.ftruncate(descriptor, start + nbytes)


def memory_folder() -> Path | None:
    """Return a folder in memory, where `fsync` takes no time; None for the usual one, where there is none."""
    folder = Path("/dev/shm")  # noqa: S108 - folders in it have random names
    return folder if os.access(folder, os.W_OK) else None


@contextmanager
def failing_disk() -> Iterator[FailingDisk]:
    """Put all files of the tiff layer on a disk that fails on request."""
    with pytest.MonkeyPatch.context() as patch:
        fake = FailingDisk()
        patch.setattr(disk, "os", fake)
        yield fake


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a file system in memory; skip the test without permission."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder]
    if os.name == "nt" or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a file system can only be mounted by root, on Linux")
    # unmounts it if this process is killed: pytest cannot delete a folder with a mounted disk
    guard = subprocess.Popen(
        ["sh", "-c", 'read -r _; umount --lazy "$0"', folder],  # noqa: S607
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)  # noqa: S607
        guard.kill()
        guard.communicate()


def fill_up(folder: Path) -> None:
    """Fill the disk of a folder."""
    with (folder / "filling").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(1000))


NAME_CALLS = ("mkdir", "rmdir", "unlink", "rename", "replace", "link")
"""Calls that change directory entries."""


@contextmanager
def faulty_names(folder: Path, failing: int | None, *, happens: bool) -> Iterator[list[str]]:
    """Make one call that changes a directory entry fail; return the names of the calls so far.

    Parameters
    ----------
    folder
        All that is in it counts.
    failing
        Number of the call that fails, from 0; None for none.
    happens
        Whether it does its work all the same.
    """
    calls: list[str] = []

    def faulty(name: str, call: Callable[..., object]) -> Callable[..., object]:
        def fail(path: object, *args: object, **options: object) -> object:
            if not str(path).startswith(str(folder)):
                return call(path, *args, **options)
            calls.append(name)
            if len(calls) - 1 != failing:
                return call(path, *args, **options)
            if happens:
                call(path, *args, **options)
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

        return fail

    with pytest.MonkeyPatch.context() as patch:
        for name in NAME_CALLS:
            patch.setattr(os, name, faulty(name, getattr(os, name)))
        yield calls
