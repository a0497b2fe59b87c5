"""Frames with smaller copies, beside tifffile: time from `put` to the end, and memory of `finish`."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import numpy as np
import tifffile
from table import Table, in_turn
from writers import ours

TILE = (512, 512)
LEVELS = 4
_STATUS = Path("/proc/self/status")


def frame(shape: tuple[int, int]) -> np.ndarray:
    """Light with camera noise, the same again each 512 rows."""
    return np.resize(np.random.default_rng(0).poisson(100, (512, shape[1])).astype(np.uint16), shape)


def memory_kb(key: str) -> float:
    """Return a figure of this process; not a number where the system has none."""
    if not _STATUS.exists():
        return float("nan")
    return next(float(line.split()[1]) for line in _STATUS.read_text().splitlines() if line.startswith(key))


def of_ours(pixels: np.ndarray, compression: str | None, folder: Path) -> tuple[float, ...]:
    """Return seconds in all, those of `finish`, and the most memory that it takes, in frames."""
    start_s = time.perf_counter()
    storage = ours(folder, tile=TILE, pyramid_levels=LEVELS, compression=compression)
    storage.put({"time": 0}, pixels)
    put_s = time.perf_counter()
    if _STATUS.exists():
        Path("/proc/self/clear_refs").write_text("5")  # the highest mark of memory begins anew
    before_kb = memory_kb("VmRSS")
    storage.close()
    end_s = time.perf_counter()
    memory = (memory_kb("VmHWM") - before_kb) * 1024 / pixels.nbytes
    return end_s - start_s, end_s - put_s, memory


def of_tifffile(pixels: np.ndarray, compression: str | None, folder: Path) -> tuple[float, ...]:
    """Return the seconds that tifffile takes for the same pages, with means of four pixels by NumPy."""
    start_s = time.perf_counter()
    options = {"tile": TILE, "photometric": "minisblack", "metadata": None, "compression": compression}
    if compression is not None:
        options["compressionargs"] = {"level": 1}
    with tifffile.TiffWriter(folder / "run.tif", bigtiff=True) as writer:
        writer.write(pixels, subifds=LEVELS, **options)
        level = pixels
        for _ in range(LEVELS):
            height, width = (side // 2 * 2 for side in level.shape)
            corners = [level[row:height:2, column:width:2] for row in (0, 1) for column in (0, 1)]
            total = corners[0].astype(np.uint32)
            for corner in corners[1:]:
                total += corner
            level = ((total + 2) >> 2).astype(np.uint16)
            writer.write(level, subfiletype=1, **options)
    return (time.perf_counter() - start_s,)


def measure(rounds: int, folder: Path | None, *, quick: bool) -> list[Table]:
    rows = []
    for shape in [(4096, 6000)] if quick else [(8192, 6000), (16384, 12000)]:
        pixels = frame(shape)
        for compression in (None, "zlib", "zstd"):
            work = {
                "ours": partial(of_ours, pixels, compression),
                "theirs": partial(of_tifffile, pixels, compression),
            }
            found = in_turn(work, rounds, folder)
            (total_s, finish_s, memory), (other_s,) = found["ours"], found["theirs"]
            name = f"{compression or 'none'}, {pixels.nbytes / 1e6:.0f} MB"
            numbers = total_s, finish_s, other_s, total_s / other_s, memory
            rows.append([name, *(f"{number:.2f}" for number in numbers)])
    columns = [
        "compression",
        "in all, s",
        "finish, s",
        "tifffile, s",
        "beside it",
        "memory of finish, frames",
    ]
    return [Table(f"a frame with {LEVELS} smaller copies, tiles of {TILE[0]} x {TILE[1]}", columns, rows)]
