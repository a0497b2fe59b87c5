"""How long Bio-Formats takes to open our files, beside files that tifffile wrote as one contiguous block.

Both have the same OME-XML, with the same Plane elements, and one TiffData per image; in the block all pages
lie in order behind one list of directories. A third file is ours with all values in each Plane element, which
differs from the first one beyond 100,000 planes. They are opened in turn in one process; the median counts.

Bio-Formats 6 takes a time that grows with the square of the planes, for both files alike: use version 7,
whose jar BIOFORMATS_JAR can name.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
import tifffile
from table import Table

from exengine_ome_tiff import TiffStorage
from exengine_ome_tiff.ome import planes as plane_text

FORMS = ((100_000, 64, 1), (100_000, 64, 100), (2_000, 1024, 1), (1_000_000, 4, 1))
"""Planes, pixels a side, positions."""
QUICK = ((2_000, 64, 1), (2_000, 64, 100))


def write_ours(path: Path, planes: int, frame: np.ndarray, positions: int) -> None:
    """Write positions inside of time, with tags that make Plane elements of five attributes."""
    with TiffStorage(path, fsync=False, checkpoint=False) as storage:
        for number in range(planes):
            rest, position = divmod(number, positions)
            rest, channel = divmod(rest, 2)
            time, z = divmod(rest, 5)
            tags = {
                "ElapsedTime-ms": number * 10.5,
                "Exposure-ms": 10.0,
                "XPositionUm": position * 100.0,
                "YPositionUm": 20.5,
                "ZPositionUm": z * 0.5,
            }
            place = {"position": f"Pos{position}", "time": time, "channel": ("DAPI", "GFP")[channel], "z": z}
            storage.put(place, frame, tags)


def write_block(path: Path, xml: str, planes: int, frame: np.ndarray) -> None:
    """Write all planes with one call of tifffile."""
    with tifffile.TiffWriter(path, bigtiff=True, ome=False, shaped=False) as writer:
        writer.write(
            (frame for _ in range(planes)),
            shape=(planes, *frame.shape),
            dtype=frame.dtype,
            photometric="minisblack",
            description=xml.encode(),
            metadata=None,
        )


def timed(planes: int, size: int, positions: int, rounds: int, folder: Path) -> list[float]:
    """Return the seconds of Bio-Formats: our file, the block, our file with all values in each plane."""
    from readers.bioformats import open_time

    frame = np.arange(size**2, dtype="u2").reshape(size, size)
    ours, block, complete = (folder / f"{name}.ome.tiff" for name in ("ours", "block", "complete"))
    write_ours(ours, planes, frame, positions)
    most = plane_text.MOST_COMPLETE_PLANES
    try:
        plane_text.MOST_COMPLETE_PLANES = sys.maxsize
        write_ours(complete, planes, frame, positions)
    finally:
        plane_text.MOST_COMPLETE_PLANES = most
    write_block(block, tifffile.tiffcomment(ours), planes, frame)
    times: dict[Path, list[float]] = {ours: [], block: [], complete: []}
    for number in range(rounds + 1):
        for path in times if number % 2 else reversed(times):
            times[path].append(open_time(path))
    return [statistics.median(of_path[1:]) for of_path in times.values()]  # the first round loads classes


def measure(rounds: int, folder: Path | None, *, quick: bool) -> list[Table]:
    os.environ.setdefault("BIOFORMATS_MEMORY", "4g")
    sys.path.append(str(Path(__file__).parents[1]))
    from readers.bioformats import unavailable_reason, version

    reason = unavailable_reason()
    if reason is None and not quick and version() < (7,):
        reason = "version 6 would take hours; BIOFORMATS_JAR can name the jar of version 7"
    if reason:
        print(f"Bio-Formats is not measured: {reason}")
        return []
    rows = []
    for planes, size, positions in QUICK if quick else FORMS:
        with tempfile.TemporaryDirectory(dir=folder) as own:
            ours_s, block_s, complete_s = timed(planes, size, positions, rounds, Path(own))
        name = f"{planes:,} of {size} x {size}" + (f" in {positions} positions" if positions > 1 else "")
        times = [f"{seconds:.2f}" for seconds in (ours_s, block_s, ours_s / block_s)]
        rows.append([name, *times, f"{complete_s:.2f}", f"{ours_s / complete_s:.2f}"])
    columns = [
        f"planes, Bio-Formats {'.'.join(map(str, version()))}",
        "TiffStorage, s",
        "one block, s",
        "ratio",
        "all values in each plane, s",
        "ratio to that",
    ]
    return [Table("opening in Bio-Formats", columns, rows)]
