"""zlib on all cores, beside tifffile on one; and what each level of each codec takes and gains."""

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
LEVELS = {"zlib": (1, 3, 6, 9), "zstd": (1, 3, 9, 15), "lzw": (None,)}


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


def at_level(frames: int, frame: np.ndarray, options: dict[str, object], folder: Path) -> tuple[float, ...]:
    """Return seconds of CPU time a frame, and bytes of the file."""
    start_s = time.process_time()
    with ours(folder, **options) as storage:
        for number in range(frames):
            storage.put(place_of(number), frame, {})
    return (time.process_time() - start_s) / frames, (folder / "run.ome.tiff").stat().st_size / frames


def levels(rounds: int, folder: Path | None, frames: int) -> Table:
    """Return the table that docs/how_to/compression.md has."""
    frame = frame_of(2048)
    kinds = {"12 of 16 bits": frame, "8 bits": (frame // 10).clip(0, 255).astype(np.uint8)}
    rows = []
    for compression, numbers in LEVELS.items():
        for number, predictor in [*((each, False) for each in numbers), (numbers[0], True)]:
            options = {"compression": compression, "compression_level": number, "predictor": predictor}
            work = {kind: partial(at_level, frames, pixels, options) for kind, pixels in kinds.items()}
            found = in_turn(work, rounds, folder)
            cells = [compression, "" if number is None else str(number), "yes" if predictor else ""]
            for kind, (total_s, nbytes) in found.items():
                cells += [f"{1 / total_s:.1f}", f"{nbytes / kinds[kind].nbytes:.3f}"]
            rows.append(cells)
    columns = [
        "codec",
        "level",
        "predictor",
        *(f"{what}, {kind}" for kind in kinds for what in ("frames/s", "size")),
    ]
    return Table("2048 x 2048 with camera noise, frames for each second of one core", columns, rows)


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
    beside = Table(f"zlib level {LEVEL}, 2048 x 2048 uint16 with camera noise", columns, rows)
    return [beside, levels(rounds, folder, 1 if quick else 4)]
