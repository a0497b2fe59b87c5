"""What a frame costs in a long run: time at its beginning and end, time of `finish`, memory."""

from __future__ import annotations

from pathlib import Path

from table import Table, in_process

COUNTS = (10_000, 100_000, 1_000_000)
QUICK = (10_000, 50_000)
SAID = {"none": ", checkpoint=False", "last": ", one checkpoint at the end"}
SCRIPT = """
import gc, shutil, sys, tempfile, time
from pathlib import Path
import numpy as np
from memory import memory_bytes
from writers import metadata_of, ours, place_of

def run(folder, count):
    frame = np.zeros((16, 16), np.uint16)
    part = max(1000, count // 100)
    seconds = []
    storage = ours(folder, checkpoint=sys.argv[3] == "auto" and "auto")
    for start in range(0, count, part):
        start_s = time.perf_counter()
        for number in range(start, start + part):
            storage.put(place_of(number), frame, metadata_of(number))
        seconds.append((time.perf_counter() - start_s) / part)
    storage.flush()
    if sys.argv[3] == "last":
        storage.checkpoint()
    before_finish = memory_bytes("VmHWM")
    start_s = time.perf_counter()
    storage.close()
    return np.median(seconds[:5]), np.median(seconds[-5:]), time.perf_counter() - start_s, before_finish

folder = Path(tempfile.mkdtemp(dir=sys.argv[2] if sys.argv[2] != "None" else None))
(folder / "warm").mkdir()
run(folder / "warm", 2000)
gc.collect()
base, count = memory_bytes("VmHWM"), int(sys.argv[1])
first, last, finish, before_finish = run(folder, count)
most = memory_bytes("VmHWM") - base
print(first * 1e6, last * 1e6, finish / count * 1e6, (before_finish - base) / count, most)
shutil.rmtree(folder)
"""


def measure(rounds: int, folder: Path | None, *, quick: bool) -> list[Table]:
    del rounds
    rows = []
    counts = QUICK if quick else COUNTS
    for count, checkpoint in (*((count, "auto") for count in counts), *((counts[-1], how) for how in SAID)):
        first, last, finish, a_frame, peak = in_process(SCRIPT, count, folder, checkpoint)
        rows.append(
            [
                f"{count:,}" + SAID.get(checkpoint, ""),
                f"{first:.1f}",
                f"{last:.1f}",
                f"{finish:.2f}",
                f"{a_frame:.0f}",
                f"{peak / 1e6:.0f}",
            ]
        )
    columns = [
        "frames",
        "put us, first",
        "put us, last",
        "finish us/plane",
        "memory, bytes/frame",
        "most memory with finish, MB",
    ]
    return [Table("16 x 16 uint16, 40 metadata keys, as a run grows", columns, rows)]
