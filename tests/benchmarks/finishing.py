"""What `finish` takes: the first one in a process, and one that waits for the disk after a fast camera."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from table import Table, in_process, in_turn
from writers import frame_of, metadata_of, place_of

from exengine_ome_tiff import TiffStorage
from exengine_ome_tiff.writing import write_back

SCRIPT = """
import shutil, sys, tempfile, time
from pathlib import Path
import numpy as np
from writers import metadata_of, ours, place_of

def finish_ms(folder, pause_s, run_s):
    folder.mkdir()
    storage, until_s, number = ours(folder), time.perf_counter() + run_s, 0
    while number < 100 or time.perf_counter() < until_s:
        storage.put(place_of(number), np.zeros((64, 64), np.uint16), metadata_of(number))
        time.sleep(pause_s)
        number += 1
    start_s = time.perf_counter()
    storage.finish()
    return (time.perf_counter() - start_s) * 1e3

folder = Path(tempfile.mkdtemp(dir=sys.argv[2] if sys.argv[2] != "None" else None))
pause_s, run_s = (0.02, float(sys.argv[1])) if float(sys.argv[1]) else (0, 0)
print(finish_ms(folder / "1", pause_s, run_s), finish_ms(folder / "2", 0, 0))
shutil.rmtree(folder)
"""


def measure(rounds: int, folder: Path | None, *, quick: bool) -> list[Table]:
    return [_first_finish(rounds, folder, 5 if quick else 10), _closing(rounds, folder, 2 if quick else 15)]


def _first_finish(rounds: int, folder: Path | None, seconds: int) -> Table:
    rows = []
    for title, run_s in (("100 frames in one go", 0), (f"{seconds} s at 50 frames/s", seconds)):
        results = [in_process(SCRIPT, run_s, folder) for _ in range(max(3, rounds))]
        first, second = map(statistics.median, zip(*results, strict=True))
        rows.append([title, f"{first:.0f}", f"{second:.0f}"])
    columns = ["first run in a process", "its finish, ms", "finish of 100 frames after it, ms"]
    return Table("the first finish in a process", columns, rows)


def _closing(rounds: int, folder: Path | None, seconds: int) -> Table:
    fsync = {"write-back during the run": True, "none, as before": True, "fsync=False": False}
    work = {
        name: partial(_camera, seconds, fsync=waits, writes_back="during" in name)
        for name, waits in fsync.items()
    }
    rows = [
        [name, f"{seconds}", f"{close_s:.2f}", f"{median_s * 1e3:.1f}", f"{slow_s * 1e3:.1f}", f"{rate:.0f}"]
        for name, (close_s, median_s, slow_s, rate) in in_turn(work, rounds, folder).items()
    ]
    columns = ["", "run, s", "close, s", "put ms, median", "put ms, p99.9", "frames/s"]
    return Table("close after 2048 x 2048 uint16 at 60 frames/s", columns, rows)


def _camera(seconds: int, folder: Path, *, fsync: bool, writes_back: bool) -> Sequence[float]:
    step_bytes = write_back.STEP_BYTES
    frame, count, puts = frame_of(2048), 60 * seconds, []
    try:
        if not writes_back:
            write_back.STEP_BYTES = 1 << 60
        storage = TiffStorage(folder / "run.ome.tiff", fsync=fsync)
        begin_s = time.perf_counter()
        for number in range(count):
            time.sleep(max(0, begin_s + number / 60 - time.perf_counter()))
            start_s = time.perf_counter()
            storage.put(place_of(number), frame, metadata_of(number))
            puts.append(time.perf_counter() - start_s)
        end_s = time.perf_counter()
        storage.close()
    finally:
        write_back.STEP_BYTES = step_bytes
    rate = count / (end_s - begin_s)
    return time.perf_counter() - end_s, float(np.median(puts)), float(np.quantile(puts, 0.999)), rate
