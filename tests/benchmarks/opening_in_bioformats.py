"""How long Bio-Formats takes to open our files, beside files that tifffile wrote as one contiguous block.

Both have the same OME-XML, with the same Plane elements, and one TiffData per image; in the block all pages
lie in order behind one list of directories. A third file is ours with all values in each Plane element, which
differs from the first one beyond 100,000 planes. They are opened in turn in one process; the median counts.

    python tests/benchmarks/opening_in_bioformats.py --planes 100000 --size 64 --positions 1 --rounds 5

Bio-Formats 6 takes a time that grows with the square of the planes, for both files alike: use version 7,
whose jar BIOFORMATS_JAR can name.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
import tifffile

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("BIOFORMATS_MEMORY", "2g")

from exengine_ome_tiff import TiffStorage
from exengine_ome_tiff.ome import planes as plane_text
from readers.bioformats import describe, open_time


def write_ours(path: Path, planes: int, frame: np.ndarray, positions: int) -> None:
    """Write positions inside of time, with tags that make Plane elements of five attributes."""
    with TiffStorage(path) as storage:
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


def main() -> None:
    """Write both files and time them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--planes", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=64, help="pixels a side (64)")
    parser.add_argument("--positions", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    frame = np.arange(arguments.size**2, dtype="u2").reshape(arguments.size, arguments.size)
    with tempfile.TemporaryDirectory() as folder:
        ours, block, complete = (Path(folder) / f"{name}.ome.tiff" for name in ("ours", "block", "complete"))
        write_ours(ours, arguments.planes, frame, arguments.positions)
        plane_text.MOST_COMPLETE_PLANES = sys.maxsize
        write_ours(complete, arguments.planes, frame, arguments.positions)
        write_block(block, tifffile.tiffcomment(ours), arguments.planes, frame)
        times: dict[Path, list[float]] = {ours: [], block: [], complete: []}
        for number in range(arguments.rounds + 1):
            for path in times if number % 2 else reversed(times):
                times[path].append(open_time(path))
    # the first round loads classes
    ours_s, block_s, complete_s = (statistics.median(of_path[1:]) for of_path in times.values())
    print(f"{describe()}; {arguments}")
    print(f"ours {ours_s:.2f} s, one contiguous block {block_s:.2f} s, ratio {ours_s / block_s:.2f}")
    print(f"with all values in each plane {complete_s:.2f} s, ratio {ours_s / complete_s:.2f}")


if __name__ == "__main__":
    main()
