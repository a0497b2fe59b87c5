"""How fast frames with metadata are written and read, beside others that do it.

    python tests/benchmarks --quick
    python tests/benchmarks --rounds 5 writing pipeline

All write the same frames, in turn, in one process. The first round is not counted, the median of the others
is. Nobody waits for the disk but "fsync", since the others have no such promise.
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
import pipeline
import pyramids
import splitting

import reading
import writing

PARTS = {
    "writing": writing,
    "pipeline": pipeline,
    "compressing": compressing,
    "pyramids": pyramids,
    "growing": growing,
    "splitting": splitting,
    "doubling": doubling,
    "finishing": finishing,
    "opening": opening,
    "reading": reading,
    "decoding": decoding,
    "arrays": arrays,
    "importing": importing,
    "large": large,
}
USUAL = [part for part in PARTS if part != "large"]
"""Parts that need no 30 GB."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "parts", nargs="*", choices=[*PARTS, []], help=f"some of {', '.join(PARTS)} (all but large)"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="fewer frames and rounds: under two minutes")
    parser.add_argument("--folder", type=Path, help="on the disk to write to; a temporary one by default")
    options = parser.parse_args()
    names = ("exengine-ome-tiff", "exengine", "tifffile", "numpy", "ndstorage", "ome-writers")
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}, ", end="")
    print(", ".join(f"{name} {version(name)}" for name in names))
    rounds = 2 if options.quick else options.rounds
    for part in options.parts or USUAL:
        for table in PARTS[part].measure(rounds, options.folder, quick=options.quick):
            print(table)
            sys.stdout.flush()


if __name__ == "__main__":
    main()
