"""Datasets of unusual forms, twice and four times as large: what a frame costs stays the same."""

from __future__ import annotations

from pathlib import Path

from table import Table, in_process

FORMS = {
    "a new shape in every frame": 1000,
    "positions in one file": 1250,
    "positions in a folder": 1250,
    "labels along time": 25_000,
    "labels along channel": 2500,
    "images": 2500,
    "axes of 200 frames": 12,
}
"""Smallest count of each form; the largest is four times that."""
SCRIPT = """
import shutil, sys, tempfile, time
from pathlib import Path
import numpy as np
from exengine_ome_tiff import TiffStorage

FRAME = np.zeros((8, 8), np.uint16)

def frames(form, count):
    for number in range(200 if form.startswith("axes") else count):
        frame = FRAME
        if form == "a new shape in every frame":
            place, frame = {"time": number}, np.zeros((8 + number // 100, 8 + number % 100), np.uint16)
        elif form.startswith("positions"):
            place = {"position": number, "time": 0}
        elif form.startswith("labels"):
            place = {form.split()[-1]: f"label {number}"}
        elif form == "images":
            place = {"site": f"site {number}"}
        else:
            place = {f"axis{axis}": number >> axis % 7 & 1 for axis in range(count)} | {"time": number}
        yield place, frame, {"Exposure-ms": 10, "XPositionUm": number * 1.0, "ElapsedTime-ms": number}

def run(folder, form, count):
    path = folder / ("run" if form == "positions in a folder" else "run.ome.tiff")
    start_s = time.process_time()
    storage = TiffStorage(path, checkpoint=False)
    for frame in frames(form, count):
        storage.put(*frame)
    storage.flush()
    put_s = time.process_time()
    storage.close()
    finish_s = time.process_time()
    with TiffStorage.open(path) as opened:
        opened.images
        end_s = time.process_time()
    return put_s - start_s, finish_s - put_s, end_s - finish_s

folder = Path(tempfile.mkdtemp(dir=sys.argv[3] if sys.argv[3] != "None" else None))
(folder / "warm").mkdir()
form, count = sys.argv[1], int(sys.argv[2])
run(folder / "warm", form, 10)
print(*(seconds / count * 1e6 for seconds in run(folder, form, count)))
shutil.rmtree(folder)
"""


def measure(rounds: int, folder: Path | None, *, quick: bool) -> list[Table]:
    del rounds
    rows = []
    for form, least in FORMS.items():
        counts = [least * factor for factor in ((1, 2) if quick else (1, 2, 4))]
        costs = [in_process(SCRIPT, form, count, folder) for count in counts]
        cells = [", ".join(f"{count:,}" for count in counts)]
        cells += [", ".join(f"{us:,.0f}" for us in of_step) for of_step in zip(*costs, strict=True)]
        rows.append([form, *cells])
    columns = ["item", "number of items", "put", "finish", "open and images"]
    return [Table("CPU us for each item, as their number doubles", columns, rows)]
