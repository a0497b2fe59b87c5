"""Replaces datasets in processes killed before each change on the disk; prints how many were killed.

Old or new must be there each time, and the next run must go on. A change is one of a folder, or, as "calls",
each call that writes, too.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np

from disks import memory_folder
from exengine_ome_tiff import OmeTiffError, TiffStorage, convert

CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate"}
CALLS = {
    *(
        "write",
        "writev",
        "pwrite",
        "pwritev",
        "fsync",
        "fdatasync",
        "truncate",
        "ftruncate",
        "posix_fallocate",
    ),
    *("open", "mkdir", "rename", "replace", "link", "symlink", "unlink", "remove", "rmdir", "utime"),
}
"""Functions of `os` and methods of files that change the disk."""


def write(path: Path, tag: str, **options: Any) -> None:
    with TiffStorage(path, {"tag": tag}, fsync=False, **options) as storage:
        for number in range(4):
            storage.put({"time": number, "position": number % 2}, np.full((8, 8), len(tag), "u2"))
            storage.flush()


def complete(folder: Path, but: Path) -> set[str]:
    """Return the tags of complete finished datasets, including those in hidden folders."""
    found = set()
    for path in folder.rglob("*"):
        if path.suffix == ".lock" or path == but:
            continue
        try:
            with TiffStorage.open(path) as storage:
                if len(storage.get_image_coordinates_list()) == 4:
                    found.add(storage.summary_metadata["tag"])
        except (OmeTiffError, OSError):
            continue
    return found


def replace(folder: Path, dest: Path, kind: str) -> None:
    if kind == "convert":
        convert(folder / "source.ome.tiff", dest, overwrite=True, fsync=False)
    else:
        write(dest, "new", overwrite=True)


def is_change(event: str, arguments: tuple[Any, ...], folder: Path) -> bool:
    """Whether a Python audit event is a change on the disk in a folder."""
    creates = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_CREAT | os.O_TRUNC)
    return bool(event in CHANGES or creates) and str(folder) in str(arguments[0])


def kill_before(number: int, folder: Path, changes: str) -> None:
    """Kill this process before a change, counted from here on."""
    left = [number]

    def count() -> None:
        if not left[0]:
            os.kill(os.getpid(), 9)
        left[0] -= 1

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if is_change(event, arguments, folder):
            count()

    def profile(_frame: object, event: str, argument: Any) -> None:
        if event == "c_call" and argument.__name__ in CALLS:
            owner = argument.__self__
            if isinstance(owner, io.IOBase) or getattr(owner, "__name__", "") in (os.name, "_io"):
                count()

    if changes == "calls":
        threading.setprofile(profile)
        sys.setprofile(profile)
    else:
        sys.addaudithook(audit)


def killed_before(number: int, folder: Path, dest: Path, kind: str, changes: str) -> bool:
    """Replace in a process that is killed before a change; return whether it made that many."""
    process = os.fork()
    if process == 0:
        kill_before(number, folder, changes)
        try:
            replace(folder, dest, kind)
            os._exit(0)
        except BaseException as error:  # noqa: BLE001 - this is the end of the process
            sys.stderr.write(f"{error!r}\n")
            sys.stderr.flush()
            os._exit(1)
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    assert status in (0, -9), status
    return status == -9


def main() -> None:
    kind, name, changes = sys.argv[1:]
    number, is_killed = 0, True
    while is_killed:
        with tempfile.TemporaryDirectory(dir=memory_folder()) as temporary:
            folder = Path(temporary)
            dest, source = folder / name, folder / "source.ome.tiff"
            write(source, "new")
            write(dest, "old!")
            is_killed = killed_before(number, folder, dest, kind, changes)
            assert complete(folder, source), f"nothing is left after {number} changes"
            if is_killed:
                replace(folder, dest, kind)
                number += 1
            with TiffStorage.open(dest) as storage:
                assert storage.summary_metadata == {"tag": "new"}, number
            left = {path.name for path in folder.iterdir()} - {name, source.name}
            assert not left, f"{left} after {number} changes"
    sys.stdout.write(f"{number}\n")


if __name__ == "__main__":
    main()
