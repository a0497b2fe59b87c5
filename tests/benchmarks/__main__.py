"""How fast frames with metadata are written and read, beside others that do it.

    python tests/benchmarks --quick
    python tests/benchmarks --rounds 5 writing pipeline
    python tests/benchmarks --into docs/explanation/performance.md

All write the same frames, in turn, in one process. The first round is not counted, the median of the others
is. Nobody waits for the disk but "fsync", since the others have no such promise.

Parts:
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

import arrays
import compressing
import decoding
import doubling
import finishing
import growing
import importing
import large
import opening
import opening_in_bioformats
import pipeline
import planes
import pyramids
import records
import splitting
from table import insert

import reading
import writing

PARTS = {
    "writing": writing,
    "pipeline": pipeline,
    "compressing": compressing,
    "pyramids": pyramids,
    "records": records,
    "growing": growing,
    "splitting": splitting,
    "doubling": doubling,
    "finishing": finishing,
    "opening": opening,
    "reading": reading,
    "decoding": decoding,
    "arrays": arrays,
    "planes": planes,
    "bioformats": opening_in_bioformats,
    "importing": importing,
    "large": large,
}
USUAL = [part for part in PARTS if part != "large"]
"""Parts that need no 30 GB."""


def main() -> None:
    listed = "".join(f"    {name:12} {part.__doc__.splitlines()[0]}\n" for name, part in PARTS.items())
    parser = argparse.ArgumentParser(
        description=__doc__ + listed, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help="parts to measure (default: all but large)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count (default: 5)")
    parser.add_argument("--quick", action="store_true", help="fewer frames and rounds: a few minutes for all")
    parser.add_argument("--folder", type=Path, help="on the disk to write to; a temporary one by default")
    parser.add_argument(
        "--into", type=Path, help="Markdown page in which to replace tables of the same title"
    )
    options = parser.parse_args()
    unknown = {*options.parts} - {*PARTS}
    if unknown:
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    names = ("exengine-ome-tiff", "exengine", "tifffile", "numpy", "ndstorage", "ome-writers")
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}, ", end="")
    print(", ".join(f"{name} {version(name)}" for name in names))
    rounds = 2 if options.quick else options.rounds
    for part in options.parts or USUAL:
        for table in PARTS[part].measure(rounds, options.folder, quick=options.quick):
            print(table)
            sys.stdout.flush()
            if options.into and not insert(table, options.into):
                print(f"(has no place in {options.into})")


if __name__ == "__main__":
    main()
