"""Frames with metadata, put one after the other by one thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from table import Table, in_turn
from writers import (
    Contiguous,
    OmeWriters,
    PagePerWrite,
    RawBytes,
    end,
    frame_of,
    metadata_of,
    ndtiff,
    ours,
    place_of,
)

SIZES = {64: 20_000, 256: 5_000, 512: 3_000, 2048: 200}
"""Height and width in pixels, and frames."""
QUICK = {64: 5_000, 512: 500, 2048: 50}
OURS = "TiffStorage"
SLOW = 20
"""How many times fewer frames ome-writers gets, so that a round has an end."""


def timed(make: Callable[[Path], Any], frame: np.ndarray, frames: int, folder: Path) -> tuple[float, ...]:
    """Return seconds a frame for all, and microseconds of a put: median, 99th percentile, maximum."""
    writer = make(folder)
    latencies = np.empty(frames)
    start_s = time.perf_counter()
    for number in range(frames):
        place, metadata = place_of(number), metadata_of(number)
        before_s = time.perf_counter()
        writer.put(place, frame, metadata)
        latencies[number] = time.perf_counter() - before_s
    put_s = time.perf_counter()
    end(writer)
    end_s = time.perf_counter()
    median, high, most = np.percentile(latencies, (50, 99, 100)) * 1e6
    return (end_s - start_s) / frames, median, high, most, (end_s - put_s) / frames * 1e6


def measure(rounds: int, folder: Path | None, *, quick: bool) -> list[Table]:
    tables = []
    for size, frames in (QUICK if quick else SIZES).items():
        frame = frame_of(size)
        makers: dict[str, Callable[[Path], Any]] = {
            OURS: ours,
            "TiffStorage, fsync": partial(ours, fsync=True),
            "TiffStorage, checksums crc32": partial(ours, checksums="crc32"),
            "TiffStorage, checksums sha256": partial(ours, checksums="sha256"),
            "NDTiffStorage": ndtiff,
            "tifffile, contiguous, no metadata": Contiguous,
            "tifffile, page per write": PagePerWrite,
            "raw bytes": RawBytes,
        }
        work = {name: partial(timed, make, frame, frames) for name, make in makers.items()}
        few = frames // SLOW
        work["ome-writers, tifffile"] = partial(timed, partial(OmeWriters, size=size, frames=few), frame, few)
        found = in_turn(work, rounds, folder)
        rows = [
            [
                name,
                f"{1 / total:,.0f}",
                f"{total / found[OURS][0]:.2f} x",
                *(f"{us:,.0f}" for us in latencies),
                f"{finish:.1f}",
            ]
            for name, (total, *latencies, finish) in found.items()
        ]
        columns = ["", "frames/s", "TiffStorage is", "put us", "put us, 99%", "put us, most", "end us/frame"]
        tables.append(Table(f"{size} x {size} uint16, {frames:,} frames", columns, rows))
    return tables
