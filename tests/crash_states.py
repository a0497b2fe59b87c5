"""Disk states that a power failure may leave while a dataset is written, and the recovery of each.

Started by hand: ``python tests/crash_states.py 3000``. What it prints is one line of JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
import tifffile

from disks import memory_folder
from exengine_ome_tiff import OmeTiffError, TiffStorage, recover, threads, validate
from exengine_ome_tiff.dataset.loader import find_dataset
from exengine_ome_tiff.tiff import disk

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL, LARGE = (24, 40), (560, 1000)
"""A shape that is buffered, and one that is written immediately."""
BLOCKS = (512, 4096)
"""Size of an atomic disk write."""
_OF_PIXELS = ("checksum", "cannot be decoded", "when decompressed")
"""Words in problems that concern the pixels of a frame."""
PLANS: list[tuple[str, dict[str, Any]]] = [
    ("run.ome.tiff", {}),
    ("run.ome.tiff", {"compression": "zlib", "checksums": True, "pyramid_levels": 1}),
    ("run.ome.tiff", {"tile": (256, 512), "pyramid_levels": 1}),
    ("run", {"compression": "zlib"}),
    ("run", {"checksums": True}),
]


def place_of(number: int) -> dict[str, int | str]:
    return {"position": "AB"[number % 2], "time": number // 2}


@cache
def pixels_of(number: int) -> np.ndarray:
    shape = LARGE if number % 7 == 5 else SMALL
    return (np.arange(np.prod(shape)).reshape(shape) * (number + 1) % 4001).astype(np.uint16)


class Change(NamedTuple):
    """A call that changed or synced a file; without data if it changed only the length."""

    file: int
    """The inode."""
    offset: int
    data: bytes
    length: int
    """Length of the file afterwards."""
    is_sync: bool


@dataclass
class Recorder:
    """Stands in for the module `os` in `exengine_ome_tiff.tiff.disk`, and records changes to files."""

    changes: list[Change] = field(default_factory=list)

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)

    def write(self, descriptor: int, data: memoryview) -> int:
        at = os.lseek(descriptor, 0, os.SEEK_CUR)
        return self._note(descriptor, at, data, os.write(descriptor, data))

    def pwrite(self, descriptor: int, data: memoryview, offset: int) -> int:
        return self._note(descriptor, offset, data, os.pwrite(descriptor, data, offset))

    def posix_fallocate(self, descriptor: int, start: int, nbytes: int) -> None:
        os.posix_fallocate(descriptor, start, nbytes)
        self._note(descriptor, 0, b"", 0)

    def fsync(self, descriptor: int) -> None:
        os.fsync(descriptor)
        self._note(descriptor, 0, b"", 0, is_sync=True)

    def _note(
        self, descriptor: int, offset: int, data: bytes | memoryview, count: int, *, is_sync: bool = False
    ) -> int:
        status = os.fstat(descriptor)
        change = Change(status.st_ino, offset, bytes(data[:count]), status.st_size, is_sync)
        self.changes.append(change)
        return count


class Run(NamedTuple):
    """A dataset and the history of its files."""

    path: Path
    options: dict[str, Any]
    changes: list[Change]
    promised: list[tuple[int, int]]
    """Number of changes by the time a number of frames was promised."""
    inodes: dict[str, int]
    """By file name."""


def record(path: Path, options: dict[str, Any], count: int = 24) -> Run:
    """Write a dataset and record its changes to the disk."""
    recorder, promised = Recorder(), [(0, 0)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disk, "os", recorder)
        storage = TiffStorage(path, {"note": "x" * 700}, **options)
        for number in range(count):
            note = "y" * (number % 3 * 900)
            storage.put(place_of(number), pixels_of(number), {"number": number, "note": note})
            if number % 6 == 4:
                storage.flush(fsync=True)
                promised.append((len(recorder.changes), number + 1))
            if number % 8 == 6:
                storage.checkpoint()
        storage.close()
    promised.append((len(recorder.changes), count))
    files = [path] if path.is_file() else path.iterdir()
    inodes = {each.name: each.stat().st_ino for each in files}
    return Run(path, options, recorder.changes, promised, inodes)


def state_of(changes: list[Change], block_nbytes: int, chance: random.Random) -> bytes:
    """Return the possible contents of a file when the power fails after some changes.

    What came before its last sync is there. Of each block of what came later the disk may have any version;
    where the file was longer than at the last sync, a block may also hold zeros or what was there before.
    """
    last_sync = max((number for number, each in enumerate(changes) if each.is_sync), default=-1)
    sure = bytearray()
    for change in changes[: last_sync + 1]:
        apply_change(sure, change)
    known_nbytes = len(sure)
    versions: dict[int, list[bytes]] = {}
    now, lengths = bytearray(sure), [known_nbytes]
    for change in changes[last_sync + 1 :]:
        apply_change(now, change)
        lengths.append(change.length)
        first, stop = change.offset, change.offset + len(change.data)
        for at in range(first // block_nbytes * block_nbytes, stop, block_nbytes):
            versions.setdefault(at, []).append(bytes(now[at : at + block_nbytes]))
    length = chance.choice(lengths)
    found = bytearray(sure[:length].ljust(length, b"\0"))
    lost_share = chance.choice((0.05, 0.5, 0.95))
    for at, of_block in versions.items():
        block = chance.choice(of_block)
        if chance.random() < lost_share:
            if at < known_nbytes:
                continue
            block = chance.choice((b"", chance.randbytes(block_nbytes)))
        part = block[: max(0, length - at)]
        found[at : at + len(part)] = part
    return bytes(found)


def apply_change(content: bytearray, change: Change) -> None:
    if change.data:
        end = change.offset + len(change.data)
        content.extend(bytes(max(0, end - len(content))))
        content[change.offset : end] = change.data
    content.extend(bytes(max(0, change.length - len(content))))
    del content[change.length :]


def leave(run: Run, folder: Path, chance: random.Random) -> tuple[Path, int]:
    """Make a state; return the dataset's path and the number of frames promised before the failure."""
    stop = chance.randint(1, len(run.changes))
    block_nbytes = chance.choice(BLOCKS)
    path = folder / run.path.name
    if run.path.is_dir():
        path.mkdir()
    for name, inode in run.inodes.items():
        changes = [each for each in run.changes[:stop] if each.file == inode]
        if not name.endswith(".tiff"):  # a companion has the inode that one of a checkpoint may have had
            begins = [number for number, each in enumerate(changes) if each.length == len(each.data) > 0]
            of_file = [each for each in run.changes if each.file == inode]
            n_begins = sum(each.length == len(each.data) > 0 for each in of_file)
            changes = changes[begins[-1] :] if len(begins) == n_begins else []
        if changes and (name.endswith(".tiff") or changes[-1].is_sync):
            target = path / name if run.path.is_dir() else path
            target.write_bytes(state_of(changes, block_nbytes, chance))
    return path, max(count for at, count in run.promised if at <= stop)


def judge(path: Path, promised: int, *, with_libtiff: bool) -> Iterator[str]:
    """Recover a dataset; yield its problems and the number of frames."""
    try:
        recover(path)
    except (OmeTiffError, OSError) as error:
        if promised:
            yield f"refused: {error}"
        return
    problems = [str(each) for each in validate(path)]
    # pixels that nobody promised may not have reached the disk; those of promised frames are compared below
    yield from (each for each in problems if not any(word in each for word in _OF_PIXELS))
    with TiffStorage.open(path) as storage:
        for number in range(promised):
            place = place_of(number)
            try:
                if not np.array_equal(storage[place], pixels_of(number)):
                    yield f"frame {number} has other pixels"
            except (KeyError, OmeTiffError) as error:
                yield f"frame {number} of {promised}: {error}"
        for place in storage.get_image_coordinates_list():
            if storage.get_metadata(place)["number"] != place["time"] * 2 + "AB".index(place["position"]):
                yield f"{place} has the metadata of another frame"
    for file in find_dataset(path)[0]:  # a file whose beginning is lost is left out, with a line in the log
        with tifffile.TiffFile(file) as tif:
            if not (tif.is_ome and len(tif.pages)):
                yield f"{file.name} is no OME-TIFF for tifffile"
        if with_libtiff:
            done = subprocess.run(["tiffinfo", file], capture_output=True, text=True, check=False)  # noqa: S607
            if done.returncode or "rror" in done.stderr:
                yield f"libtiff: {done.stderr}"


def digest(path: Path) -> bytes:
    """Return a digest of the names and contents of a dataset's files."""
    files = sorted(path.iterdir()) if path.is_dir() else [path] if path.exists() else []
    contents = (hashlib.sha256(each.read_bytes()).digest() + each.name.encode() for each in files)
    return b"/".join(contents)


def hunt(count: int, seed: int, *, with_libtiff: bool = False) -> tuple[Counter[str], list[str]]:
    """Check a number of states; return the count of each kind, and the problems."""
    chance, told, troubles = random.Random(seed), Counter[str](), list[str]()  # noqa: S311
    folder, judged = Path(tempfile.mkdtemp(dir=memory_folder())), set[tuple[Path, int, bool, bytes]]()
    try:
        runs = []
        for number, (name, options) in enumerate(PLANS):
            (folder / f"run{number}").mkdir()
            runs.append(record(folder / f"run{number}" / name, options))
        for number in range(count):
            run = runs[number % len(runs)]
            state = folder / "state"
            state.mkdir()
            path, promised = leave(run, state, chance)
            told.update(states=1, promised_frames=promised)
            uses_libtiff = with_libtiff and number % 10 == 0
            what = (run.path.parent, promised, uses_libtiff, digest(path))
            if what not in judged:  # a third of the states equals another one
                judged.add(what)
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(threads, "workers", lambda: 1)  # starting them takes longer than the work
                    wrong = [*judge(path, promised, with_libtiff=uses_libtiff)]
                troubles += [
                    f"state {number} of seed {seed}, {run.path.name} {run.options}: {each}" for each in wrong
                ]
            shutil.rmtree(state)
    finally:
        shutil.rmtree(folder)
    return told, troubles


if __name__ == "__main__":
    counted, found = hunt(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1, with_libtiff=True)
    print(json.dumps({**counted, "troubles": found[:20], "n_troubles": len(found)}))  # noqa: T201
    sys.exit(bool(found))
