"""Damaged datasets, 20,000 with ``--thorough``: each is read in part or refused with an error.

Half of them are new ones each time where HUNT is set.

A failure names two numbers. ``python tests/hostile/exercise.py FOLDER START NUMBER NUMBER+1 1`` repeats it.
"""

import os
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from exercise import MOST_SECONDS

from effort import effort

COUNT = int(os.environ.get("FUZZ_COUNT", effort("200", "20000")))
FIXED_STARTS = 20261122, 1625506487
DEADLINE_SECONDS = 900
HERE = Path(__file__).parent


@pytest.mark.timeout(DEADLINE_SECONDS + 60)
def test_damaged_datasets_are_read_in_part_or_refused(tmp_path):
    workers = os.cpu_count() or 1
    fixed, other = FIXED_STARTS
    if os.environ.get("HUNT"):
        other = secrets.randbelow(1 << 32)
    print(f"second half: start {other}")
    memory = Path("/dev/shm")  # noqa: S108 - the files are tiny and many
    folder = (memory if os.access(memory, os.W_OK) else tmp_path) / f"fuzz-{os.getpid()}"
    running = []
    began = time.monotonic()
    for worker in range(workers):
        start = fixed if worker % 2 else other
        jobs = [(start, worker // 2, (workers + 1 - worker % 2) // 2)]
        if workers == 1:
            jobs = [(fixed, 0, 1), (other, 0, 1)]
        for first, offset, step in jobs:
            work = folder / f"{worker} {first}"
            work.mkdir(parents=True)
            output = (tmp_path / f"{worker} {first}.txt").open("w+")
            command = [
                sys.executable,
                HERE / "exercise.py",
                work,
                *map(str, (first, offset, COUNT // 2, step)),
            ]
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
            running.append((process, work, output))
    troubles = []
    try:
        for process, work, output in running:
            status = process.wait(max(1, began + DEADLINE_SECONDS - time.monotonic()))
            output.seek(0)
            if status:
                now = (work / "now").read_text() if (work / "now").exists() else "the seeds"
                troubles.append(f"status {status}, at last at {now}\n{output.read()[-20_000:]}")
    finally:
        for process, _, output in running:
            process.kill()
            process.wait()
            output.close()
        shutil.rmtree(folder, ignore_errors=True)
    seconds = time.monotonic() - began
    print(f"{COUNT} datasets in {seconds:.0f} s: {COUNT / seconds:.0f}/s; none may take {MOST_SECONDS} s")
    assert not troubles, "\n\n".join(troubles)
