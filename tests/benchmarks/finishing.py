"""What the first `finish` in a process takes beside the second: it needs ome-types, which a run imports."""

from __future__ import annotations

import statistics
from pathlib import Path

from table import Table, in_process

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
    rows = []
    for title, run_s in (
        ("100 frames in one go", 0),
        (f"{5 if quick else 10} s at 50 frames/s", 5 if quick else 10),
    ):
        results = [in_process(SCRIPT, run_s, folder) for _ in range(max(3, rounds))]
        first, second = map(statistics.median, zip(*results, strict=True))
        rows.append([title, f"{first:.0f}", f"{second:.0f}"])
    columns = ["first run in a process", "its finish, ms", "finish of 100 frames after it, ms"]
    return [Table("the first finish in a process", columns, rows)]
