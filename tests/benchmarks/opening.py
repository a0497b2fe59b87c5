"""What it takes to open a finished dataset: by the index that `finish` adds, and by the records alone."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from table import Table, in_process

COUNTS = (100, 10_000, 1_000_000)
QUICK = (100, 10_000, 100_000)
WRITE = """
import sys
import numpy as np
from exengine_ome_tiff import TiffStorage

frame = np.zeros((4, 4), np.uint16)
with TiffStorage(sys.argv[1], fsync=False, checkpoint=False) as storage:
    for number in range(int(sys.argv[2])):
        place = {"time": number // 4, "channel": ("DAPI", "GFP")[number // 2 % 2], "z": number % 2}
        storage.put(place, frame, {"ElapsedTime-ms": number * 10.0, "Exposure-ms": 10})
print(0)
"""
OPEN = """
import gc, sys, time
from memory import memory_bytes
from exengine_ome_tiff import TiffStorage
from exengine_ome_tiff.dataset import recording

path, warm, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
if sys.argv[4] == "records":
    recording.load_by_index = lambda paths: None
with TiffStorage.open(warm) as storage:
    storage.images
gc.collect()
base = memory_bytes("VmRSS")
times = [time.perf_counter()]
storage = TiffStorage.open(path)
times.append(time.perf_counter())
storage.get_data(time=count // 8, channel="GFP", z=1)
{"time": count // 8, "channel": "GFP", "z": 0} in storage
times.append(time.perf_counter())
gc.collect()
held = memory_bytes("VmRSS") - base
start_s = time.perf_counter()
storage.images
images_s = time.perf_counter() - start_s
peak = memory_bytes("VmHWM") - base
print(times[1] - times[0], times[2] - times[1], images_s, held / count, peak / count)
"""


def measure(rounds: int, folder: Path | None, *, quick: bool) -> list[Table]:
    rows = []
    inside = Path(tempfile.mkdtemp(dir=folder))
    try:
        warm = inside / "warm.ome.tiff"
        in_process(WRITE, warm, 100)
        for count in QUICK if quick else COUNTS:
            path = inside / "run.ome.tiff"
            in_process(WRITE, path, count)
            for how in ("index", "records"):
                measured = [in_process(OPEN, path, warm, count, how) for _ in range(rounds)]
                opened_s, first_s, images_s, held, peak = min(measured, key=lambda each: sum(each[:3]))
                rows.append(
                    [
                        f"{count:,}, by {how}",
                        *(f"{seconds * 1e3:.2f}" for seconds in (opened_s, first_s, images_s)),
                        f"{(opened_s + first_s + images_s) * 1e3:.2f}",
                        *(f"{nbytes:.0f}" for nbytes in (held, peak)),
                    ]
                )
            path.unlink()
    finally:
        shutil.rmtree(inside, ignore_errors=True)
    columns = [
        "frames",
        "open, ms",
        "first frame, ms",
        "images, ms",
        "together, ms",
        "memory once open, bytes/frame",
        "most memory, bytes/frame",
    ]
    return [Table("opening, 4 x 4 uint16, the best of all rounds", columns, rows)]
