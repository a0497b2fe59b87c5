"""Frames with smaller copies, beside tifffile: time and memory of `put` and `finish`.

In a slow run, each frame arrives when the previous `put` is long over, so `put` makes its copies. In a quick
run, the frames follow each other, and `finish` makes the copies.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import numpy as np
import tifffile
from memory import STATUS, memory_bytes
from table import Table, in_turn
from writers import ours

TILE = (512, 512)
LEVELS = 4
FRAMES = 2
PAUSE_S_PER_BYTE = 6e-9
"""Long enough for `put` to make the copies."""


def frame(shape: tuple[int, int]) -> np.ndarray:
    """Light with camera noise, the same again each 512 rows."""
    return np.resize(np.random.default_rng(0).poisson(100, (512, shape[1])).astype(np.uint16), shape)


def reset_peak_bytes() -> float:
    """Let the highest mark of memory begin anew, and return the memory of this process."""
    if STATUS.exists():
        Path("/proc/self/clear_refs").write_text("5")
    return memory_bytes("VmRSS")


def of_ours(pixels: np.ndarray, compression: str | None, pause_s: float, folder: Path) -> tuple[float, ...]:
    """Return seconds of `put` and `finish` for a frame, and the most memory that each takes, in frames."""
    storage = ours(folder, tile=TILE, pyramid_levels=LEVELS, compression=compression)
    storage.put({"camera": "small"}, pixels[:8, :8])  # after which a frame may follow quickly
    put_s, before = 0.0, reset_peak_bytes()
    for number in range(FRAMES):
        time.sleep(pause_s)
        start_s = time.perf_counter()
        storage.put({"time": number, "camera": "large"}, pixels)
        put_s += time.perf_counter() - start_s
    put_bytes = max(0, memory_bytes("VmHWM") - before)
    before = reset_peak_bytes()
    start_s = time.perf_counter()
    storage.close()
    finish_s = time.perf_counter() - start_s
    finish_bytes = max(0, memory_bytes("VmHWM") - before)
    return put_s / FRAMES, finish_s / FRAMES, put_bytes / pixels.nbytes, finish_bytes / pixels.nbytes


def of_tifffile(pixels: np.ndarray, compression: str | None, folder: Path) -> tuple[float, ...]:
    """Return the seconds that tifffile takes for the same pages of a frame, with means by NumPy."""
    start_s = time.perf_counter()
    options = {"tile": TILE, "photometric": "minisblack", "metadata": None, "compression": compression}
    if compression is not None:
        options["compressionargs"] = {"level": 1}
    with tifffile.TiffWriter(folder / "run.tif", bigtiff=True) as writer:
        for _ in range(FRAMES):
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
    return ((time.perf_counter() - start_s) / FRAMES,)


def measure(rounds: int, folder: Path | None, *, quick: bool) -> list[Table]:
    rows = []
    for shape in [(4096, 6000)] if quick else [(8192, 6000), (16384, 12000)]:
        pixels = frame(shape)
        for compression in (None, "zlib", "zstd"):
            work = {
                "slow": partial(of_ours, pixels, compression, PAUSE_S_PER_BYTE * pixels.nbytes + 0.1),
                "quick": partial(of_ours, pixels, compression, 0),
                "theirs": partial(of_tifffile, pixels, compression),
            }
            found = in_turn(work, rounds, folder)
            (other_s,) = found["theirs"]
            for kind in ("slow", "quick"):
                put_s, finish_s, *memory = found[kind]
                name = f"{compression or 'none'}, {pixels.nbytes / 1e6:.0f} MB, {kind}"
                numbers = put_s, finish_s, other_s, (put_s + finish_s) / other_s, *memory
                rows.append([name, *(f"{number:.2f}" for number in numbers)])
    columns = [
        "compression, frame, run",
        "`put`, s/frame",
        "`finish`, s/frame",
        "tifffile, s/frame",
        "ratio",
        "memory of `put`, frames",
        "memory of `finish`, frames",
    ]
    title = f"frames with {LEVELS} smaller copies, tiles of {TILE[0]} x {TILE[1]}, uint16"
    return [Table(title, columns, rows)]
