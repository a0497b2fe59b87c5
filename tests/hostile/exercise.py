"""Exercises damaged datasets and checks the outcome; as a program, many of them."""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import gc
import io
import json
import logging
import os
import re
import shutil
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from exengine_ome_tiff import OmeTiffError, TiffStorage, recover, threads, validate
from exengine_ome_tiff.cli import commands, main
from exengine_ome_tiff.dataset import recording
from exengine_ome_tiff.dataset.location import UNREADABLE_SUFFIX
from exengine_ome_tiff.dataset.stored_images import ImageInfo
from exengine_ome_tiff.repair.validation import Problem
from exengine_ome_tiff.tiff import page_coding

if TYPE_CHECKING:
    from collections.abc import Mapping

try:
    import resource
except ImportError:  # on Windows
    resource = None  # type: ignore[assignment]

MEMORY_BYTES = 3 << 30
RESIDENT_BYTES = 700 << 20
"""Maximum resident memory; imports take 150 MB."""
MOST_SECONDS = 20
_CHANGED_BYTES = 16
"""What `recover` may change in a file: its header, and a link without target."""


def write(folder: Path, files: Mapping[str, bytes], *, is_folder: bool) -> Path:
    """Write a dataset into a new folder; return the path to open."""
    folder = folder / "run"
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder if is_folder else folder / next(iter(files))


def read_all(path: Path, *, allow_unfinished: bool) -> dict[str, bytes] | None:
    """Read everything readable; return frames by coordinates, None for unreadable ones."""
    frames: dict[str, bytes] | None = {}
    try:
        storage = TiffStorage.open(path, allow_unfinished=allow_unfinished)
    except OmeTiffError:
        return None
    try:
        json.dumps(storage.summary_metadata)
        images = storage.images
        assert all(isinstance(image, ImageInfo) for image in images)
        places = storage.get_image_coordinates_list()
        assert sum(image.n_frames for image in images) == len(places)
        for place in places:
            assert place in storage
            try:
                pixels = storage.get_data(place)
                assert isinstance(pixels, np.ndarray)
                assert pixels.ndim in (2, 3)
                assert pixels.size > 0
                if frames is not None:
                    frames[json.dumps(place, sort_keys=True)] = pixels.tobytes()
            except OmeTiffError:
                frames = None
            with contextlib.suppress(OmeTiffError):
                json.dumps(storage.get_metadata(place))
    finally:
        storage.close()
    return frames


def read_by_records(path: Path, *, allow_unfinished: bool) -> dict[str, bytes] | None:
    """Read everything as `read_all` does, but without the index, which may contradict damaged records."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recording, "load_by_index", lambda _: None)
        return read_all(path, allow_unfinished=allow_unfinished)


def check_validate(path: Path) -> bool:
    """Validate; return whether there is no problem."""
    problems = validate(path)
    for problem in problems:
        assert isinstance(problem, Problem)
        assert problem.what
        assert problem.advice
    return not problems


def check_recover(path: Path) -> None:
    """Recover, and compare the files with their former contents."""
    folder = path if path.is_dir() else path.parent
    before = {each.name: each.read_bytes() for each in folder.iterdir()}
    frames = read_by_records(path, allow_unfinished=True)
    try:
        found = recover(path)
    except OmeTiffError:
        found = None
    after = {each.name: each.read_bytes() for each in folder.iterdir()}
    aside = [name for name in after if name.endswith(UNREADABLE_SUFFIX) and name not in before]
    for name in aside:  # a file without a readable frame, renamed
        assert path.is_dir()
        assert after[name] == before[name.removesuffix(UNREADABLE_SUFFIX)]
        after[name.removesuffix(UNREADABLE_SUFFIX)] = after.pop(name)
    assert before.keys() <= after.keys()
    assert all(name.endswith(".companion.ome") for name in after.keys() - before.keys())
    for name, content in before.items():
        if name.endswith(".ome") and found is not None and found.n_frames is not None:
            continue  # a companion is rewritten
        kept = np.frombuffer(after[name][: len(content)], np.uint8)
        assert len(kept) == len(content), name
        assert np.count_nonzero(kept != np.frombuffer(content, np.uint8)) <= _CHANGED_BYTES, name
    assert [each.name for each in folder.parent.iterdir()] == [folder.name]
    if found is not None and frames is not None:
        if after != before:  # else they have been read
            read_all(path, allow_unfinished=False)
        recovered = read_by_records(path, allow_unfinished=False)
        if recovered is None:  # a damaged file of a finished folder stays unchanged
            assert path.is_dir()
            assert found.n_frames is None
            return
        assert recovered.keys() == frames.keys()
        for place, pixels in frames.items():  # whose offsets may point to a link
            changed = sum(one != other for one, other in zip(pixels, recovered[place], strict=True))
            assert changed <= _CHANGED_BYTES, place


def check_cli(path: Path, arguments: list[str]) -> None:
    """Run the command; its output must be plain text without control characters."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        assert main([*arguments, str(path)]) in (0, 1)
    assert b"\x1b" not in out.buffer.getvalue()


def exercise(work: Path, files: Mapping[str, bytes], *, is_folder: bool, steps: str = "orvc") -> None:
    """Open, recover and validate a damaged dataset.

    Parameters
    ----------
    work
        Folder for it, which is emptied.
    files, is_folder
        The dataset.
    steps
        Which of "o", open; "r", recover; "v", validate; "c", the command.
    """
    shutil.rmtree(work, ignore_errors=True)
    path = write(work / "one", files, is_folder=is_folder)
    if "o" in steps and read_all(path, allow_unfinished=False) is None:
        read_all(path, allow_unfinished=True)
    if "v" in steps:
        check_validate(path)
        if "c" in steps:
            check_cli(path, ["validate"])
            check_cli(path, ["validate", "--json"])
    for name, content in files.items():
        assert ((path if is_folder else path.parent) / name).read_bytes() == content, "reading has changed it"
    if "r" in steps:
        if "c" in steps:
            check_cli(write(work / "two", files, is_folder=is_folder), ["recover"])
        check_recover(path)


def quieten() -> None:
    """Be as strict as the tests, and skip what takes time without being tested."""
    warnings.simplefilter("error")
    logging.disable(logging.CRITICAL)
    os.fsync = lambda _file: None
    threads.workers = page_coding.workers = lambda: 1  # starting threads takes longer than their work
    commands.command_parser = functools.cache(commands.command_parser)  # making it takes longer than its work


def limit_memory() -> None:
    """Limit memory, so that excessive allocations fail."""
    if resource is not None:
        with contextlib.suppress(ValueError, OSError):  # macOS has the limit, but refuses to set it
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def resident_bytes() -> int:
    """Return the peak memory so far."""
    if resource is None:
        return 0
    with contextlib.suppress(FileNotFoundError):  # on Linux; getrusage() includes the parent
        status = Path("/proc/self/status").read_text("ascii")
        return int(re.search(r"VmHWM:\s*([0-9]+)", status)[1]) << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def run_many(work: Path, start: int, numbers: range) -> None:
    """Exercise many mutations; print failures and exit with status 1."""
    from mutations import make_seeds, mutate

    sys.path.append(str(Path(__file__).parents[1]))
    from remembering import keep_what_is_there, remember_models

    seeds = make_seeds(work / "seeds")
    quieten()
    remember_models()
    keep_what_is_there()
    limit_memory()
    troubles: list[str] = []
    sys.unraisablehook = lambda args: troubles.append(f"{args.err_msg} {args.object!r}: {args.exc_value!r}")
    failures, armed_s = 0, 0.0
    exercised: set[int] = set()
    for number in numbers:
        mutation = mutate(seeds, start, number)
        steps = "orvc" if number % 16 == 0 else "orv"
        what = hash((mutation.seed.is_folder, steps, *mutation.files.items()))
        if what in exercised:  # a tenth of them equals another one
            continue
        exercised.add(what)
        (work / "now").write_text(
            f"mutation {start} {number} of seed {mutation.seed.name!r}: {mutation.what}"
        )
        if time.monotonic() > armed_s + 1:  # each time a thread starts
            armed_s = time.monotonic()
            faulthandler.dump_traceback_later(MOST_SECONDS, exit=True)
        try:
            exercise(work / "files", mutation.files, is_folder=mutation.seed.is_folder, steps=steps)
            if number % 64 == 0:
                gc.collect()
            if resident_bytes() > RESIDENT_BYTES:
                troubles.append(f"{resident_bytes() >> 20} MB of memory were used")
            assert not troubles, troubles
        except Exception:  # noqa: BLE001 - all of them are reported
            import traceback

            failures += 1
            print(f"FAILED mutation {start} {number} of seed {mutation.seed.name!r}: {mutation.what}")
            print(traceback.format_exc(limit=-6), flush=True)
            troubles.clear()
            if failures == 10 or resident_bytes() > RESIDENT_BYTES:
                break
    faulthandler.cancel_dump_traceback_later()
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    run_many(Path(sys.argv[1]), int(sys.argv[2]), range(*map(int, sys.argv[3:6])))
