"""zlib on all cores, beside tifffile on one."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import numpy as np
import tifffile
from table import Table, in_turn
from writers import frame_of, metadata_of, ours, place_of

LEVEL = 6
TILE = (256, 256)


def of_ours(frames: int, frame: np.ndarray, tile: tuple[int, int] | None, folder: Path) -> tuple[float, ...]:
    start_s = time.perf_counter()
    with ours(folder, compression="zlib", compression_level=LEVEL, tile=tile) as storage:
        for number in range(frames):
            storage.put(place_of(number), frame, metadata_of(number))
    return ((time.perf_counter() - start_s) / frames, (folder / "run.ome.tiff").stat().st_size / frames)


def of_tifffile(
    frames: int, frame: np.ndarray, tile: tuple[int, int] | None, folder: Path
) -> tuple[float, ...]:
    path = folder / "run.tif"
    start_s = time.perf_counter()
    with tifffile.TiffWriter(path, bigtiff=True) as writer:
        for _ in range(frames):
            writer.write(
                frame,
                compression="zlib",
                compressionargs={"level": LEVEL},
                tile=tile,
                maxworkers=1,
                photometric="minisblack",
                metadata=None,
            )
    return ((time.perf_counter() - start_s) / frames, path.stat().st_size / frames)


def measure(rounds: int, folder: Path | None, *, quick: bool) -> list[Table]:
    frame, frames = frame_of(2048), 4 if quick else 10
    work = {
        "TiffStorage": partial(of_ours, frames, frame, None),
        "tifffile, one thread": partial(of_tifffile, frames, frame, None),
        "TiffStorage, tiles": partial(of_ours, frames, frame, TILE),
        "tifffile, one thread, tiles": partial(of_tifffile, frames, frame, TILE),
    }
    found = in_turn(work, rounds, folder)
    rows = [
        [name, f"{1 / total:.1f}", f"{total / found['TiffStorage'][0]:.2f} x", f"{nbytes / frame.nbytes:.2f}"]
        for name, (total, nbytes) in found.items()
    ]
    columns = ["", "frames/s", "TiffStorage is", "bytes of the pixels'"]
    return [Table(f"zlib level {LEVEL}, 2048 x 2048 uint16 with camera noise", columns, rows)]
