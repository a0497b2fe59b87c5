"""Kills a writing process at random instants, and compares the recovered frames with the written ones.

Started by hand: ``python tests/killing.py 2000``. What it prints is one line of JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import select
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from disks import memory_folder
from exengine_ome_tiff import OmeTiffError, TiffStorage, recover, validate
from exengine_ome_tiff.tiff import chain
from remembering import keep_what_is_there

if TYPE_CHECKING:
    from collections.abc import Callable

TINY, SMALL, LARGE = (8, 16), (64, 64), (560, 1000)
"""Two shapes that are buffered together, and one that is written immediately."""


@dataclass(frozen=True)
class Plan:
    """The frames that a process writes before it is killed."""

    name: str
    positions: int
    shapes: tuple[tuple[int, int], ...]
    frames: int
    options: dict[str, Any]

    @property
    def checkpoints(self) -> list[int]:
        """Numbers of the frames after which there is a checkpoint."""
        return [5, *range(49, self.frames, 50)]

    def shape(self, number: int) -> tuple[int, int]:
        return self.shapes[number % len(self.shapes)]

    def place(self, number: int) -> dict[str, int | str]:
        return {"time": number // self.positions, "position": f"P{number % self.positions}"}

    def pixels(self, number: int) -> np.ndarray:
        return _pattern(self.shape(number)) + np.uint16(100 * (number % 600))


@cache
def _pattern(shape: tuple[int, int]) -> np.ndarray:
    return (np.arange(np.prod(shape)).reshape(shape) % 100).astype(np.uint16)


PLANS = [  # few frames of two sizes in a file, as Bio-Formats opens that anew for each plane
    Plan("run.ome.tiff", 1, (TINY,), 900, {}),
    Plan("run.ome.tiff", 3, (TINY, SMALL), 120, {"checksums": True}),
    Plan("run.ome.tiff", 1, (LARGE,), 12, {}),
    Plan("run.ome.tiff", 2, (TINY, TINY, TINY, LARGE), 60, {}),
    Plan("run.ome.tiff", 1, (SMALL,), 150, {"compression": "zlib", "checksums": True}),
    Plan("run.ome.tiff", 1, (LARGE,), 6, {"compression": "zlib", "tile": (256, 256), "pyramid_levels": 1}),
    Plan("run", 4, (TINY, SMALL), 600, {}),
    Plan("run", 2, (LARGE, TINY), 24, {}),
    Plan("run", 3, (SMALL,), 120, {"compression": "zlib"}),
]


def write(plan: Plan, path: Path, tell: Callable[[str], None]) -> None:
    """Write a dataset, and print which frames are promised to survive."""
    storage = TiffStorage(path, {"plan": plan.name}, **plan.options)
    for number in range(plan.frames):
        storage.put(plan.place(number), plan.pixels(number), {"number": number})
        if plan.shape(number) == LARGE or "compression" in plan.options:
            tell(f"put {number}")
        if number % 37 == 36:
            storage.flush()
            tell(f"flushed {number}")
        if number in plan.checkpoints:
            tell(f"checkpointing {number}")
            storage.checkpoint()
            tell(f"flushed {number}")
    tell("finishing")
    storage.finish()
    tell("finished")
    storage.close()


def killed(work: Callable[[Callable[[str], None]], None], wait_for: str, delay_s: float) -> list[str]:
    """Run in a child process, which is killed a while after it has printed something.

    Returns
    -------
    list of str
        What it told.
    """
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reading)
        try:
            work(lambda text: os.write(writing, f"{text}\n".encode()) and None)
            os._exit(0)
        except BaseException as error:  # noqa: BLE001 - this is the end of the process
            os.write(writing, f"failed {error!r}\n".encode())
            os._exit(1)
    os.close(writing)
    told, until_s = b"", None if wait_for else time.monotonic() + delay_s
    while True:
        left_s = None if until_s is None else max(0.0, until_s - time.monotonic())
        if not select.select([reading], [], [], left_s)[0]:
            break
        part = os.read(reading, 1 << 16)
        if not part:
            break  # it has ended by itself
        told += part
        if until_s is None and wait_for.encode() in told:
            until_s = time.monotonic() + delay_s
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    while part := os.read(reading, 1 << 16):
        told += part
    os.close(reading)
    lines = told.decode().splitlines()
    failures = [line for line in lines if line.startswith("failed")]
    assert not failures, failures
    return lines


def acknowledged(plan: Plan, told: list[str]) -> set[int]:
    """Return the numbers of the frames that must exist."""
    numbers: set[int] = set()
    for line in told:
        word, _, number = line.partition(" ")
        if word == "put":
            numbers.add(int(number))
        elif word == "flushed":
            numbers.update(range(int(number) + 1))
        elif word == "finished":
            numbers.update(range(plan.frames))
    return numbers


def files_of(path: Path) -> list[Path]:
    return sorted(path.glob("*.tiff")) if path.is_dir() else [path] if path.exists() else []


def has_pages(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            return chain.first_offset(file) > 0
        except OmeTiffError:
            return False


def assert_stack(path: Path) -> int:
    """Assert that tifffile reads all linked pages; return their number."""
    if not has_pages(path):
        return 0
    with tifffile.TiffFile(path) as tif:
        for page in tif.pages:
            value = int(page.asarray()[0, 0])
            assert value % 100 == 0, f"{path}: a page begins with {value}"
        return len(tif.pages)


def assert_recovered(plan: Plan, path: Path, expected: set[int]) -> int:
    """Assert that a recovered dataset has the expected frames, and no wrong ones."""
    with TiffStorage.open(path) as storage:
        places = {json.dumps(plan.place(number), sort_keys=True): number for number in range(plan.frames)}
        found = set()
        for place in storage.get_image_coordinates_list():
            number = places[json.dumps(place, sort_keys=True)]
            found.add(number)
            np.testing.assert_array_equal(storage[place], plan.pixels(number))
            assert storage.get_metadata(place) == {"number": number}
        assert storage.summary_metadata == {"plan": plan.name}
    assert expected <= found, f"lost: {sorted(expected - found)[:10]} of {len(expected)}"
    problems = validate(path)
    assert problems == []
    return len(found)


def kill_once(seed: int, folder: Path, keep: Path | None = None, *, at_checkpoint: bool = False) -> str:
    """Write, kill, recover and compare; return the state of the killed dataset.

    Parameters
    ----------
    seed
        Chooses what is written, and when it is killed.
    folder
        An empty one.
    keep
        Where copies of the files go, as they were found.
    at_checkpoint
        Kill in the middle of a checkpoint, or soon after it.
    """
    mixed = random.Random(seed)  # noqa: S311
    plan = mixed.choice(PLANS)
    path = folder / plan.name
    started_s = time.monotonic()
    is_late, ends_recovery = seed % 5 < 2, seed % 2 == 0  # so that few kills have all states among them
    delay_s = mixed.random() * (0.03 if is_late else 0.2)
    wait_for = "finishing" if is_late else ""
    if at_checkpoint:
        delay_s = mixed.random() ** 2 * 0.15
        wait_for = f"checkpointing {mixed.choice(plan.checkpoints)}\n"
    told = killed(lambda tell: write(plan, path, tell), wait_for, delay_s)
    state = "finished" if "finished" in told else "in finish" if "finishing" in told else "writing"
    if told[-1:] == [wait_for.strip()] and at_checkpoint:
        state = "in checkpoint"
    expected = acknowledged(plan, told)
    pages = sum(map(assert_stack, files_of(path)))
    if keep is not None and pages:
        for file in files_of(path):
            if has_pages(file):
                shutil.copy(file, keep / f"{seed}_{pages}_{file.name}")
    if ends_recovery and pages and state != "finished":
        killed(lambda tell: tell(str(recover(path))), "", mixed.random() ** 2 * 0.1)
        state += ", recovery killed"
    before = {file: file.read_bytes() for file in files_of(path)}
    try:
        recovered = recover(path)
    except (OmeTiffError, FileNotFoundError):
        assert not expected, f"{path}: {len(expected)} frames were acknowledged"
        return "nothing was there"
    if recovered.n_frames is not None:
        for file, whole in before.items():
            assert file.read_bytes()[16 : len(whole)] == whole[16:]  # all but the header
    assert recover(path).n_frames is None
    assert_recovered(plan, path, expected)
    assert sorted(each.suffix for each in path.parent.rglob("*.lock")) == []
    print(f"{seed}: {state}, {time.monotonic() - started_s:.2f} s", file=sys.stderr)
    return state


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kills", type=int)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    parser.add_argument("--at-checkpoints", action="store_true", help="kill in their middle and soon after")
    parser.add_argument("--keep", type=Path, help="folder for copies of files as they were found")
    options = parser.parse_args()
    keep_what_is_there()
    states: Counter[str] = Counter()
    for seed in range(options.seed, options.seed + options.kills):
        folder = Path(tempfile.mkdtemp(dir=memory_folder()))
        try:
            state = kill_once(seed, folder, options.keep, at_checkpoint=options.at_checkpoints)
            states[state] += 1
        except BaseException:
            print(f"seed {seed}, files in {folder}", file=sys.stderr)
            raise
        shutil.rmtree(folder)
    print(json.dumps({"kills": options.kills, "seed": options.seed, **states}))


if __name__ == "__main__":
    main()
