"""How fast frames with metadata are written, beside others that write them.

    python tests/benchmarks/writing.py --quick
    python tests/benchmarks/writing.py --rounds 7

All write the same frames, in turn, in one process; the median of the rounds counts, the first is not counted.
Metadata is a new dict of 40 strings for each frame, three of which differ from the frame before. Nobody waits
for the disk but "TiffStorage, fsync", since the others have no such promise.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import ome_writers
import tifffile
from exengine.storage_backends.ndtiff_and_ndram import NDTiffStorage

from exengine_ome_tiff import TiffStorage

SIZES = {64: 20_000, 256: 5_000, 512: 3_000, 2048: 200}
"""Height and width in pixels, and frames."""
QUICK = {64: 5_000, 512: 500, 2048: 50}
CONSTANT = {f"key-{number}": f"value {number}" for number in range(37)}


class Result(NamedTuple):
    """Of one round: seconds for all, microseconds of a put at the 99th percentile, and of the end a frame."""

    total_s: float
    p99_us: float
    finish_us: float


def metadata_of(number: int) -> dict[str, str]:
    return CONSTANT | {
        "ElapsedTime-ms": f"{number * 10.5}",
        "ImageNumber": f"{number}",
        "Frame": f"f{number}",
    }


def timed(put: Callable[[int], object], finish: Callable[[], object], frames: int) -> Result:
    latencies = np.empty(frames)
    start_s = time.perf_counter()
    for number in range(frames):
        before_s = time.perf_counter()
        put(number)
        latencies[number] = time.perf_counter() - before_s
    put_s = time.perf_counter()
    finish()
    end_s = time.perf_counter()
    p99_us = float(np.percentile(latencies, 99)) * 1e6
    return Result(end_s - start_s, p99_us, (end_s - put_s) / frames * 1e6)


def ours(folder: Path, frame: np.ndarray, frames: int, **options: Any) -> Result:
    storage = TiffStorage(folder / "run.ome.tiff", **{"fsync": False} | options)

    def put(number: int) -> None:
        storage.put({"time": number, "channel": "DAPI", "z": 0}, frame, metadata_of(number))

    return timed(put, storage.close, frames)


def ndtiff(folder: Path, frame: np.ndarray, frames: int) -> Result:
    storage = NDTiffStorage(str(folder), "run")

    def put(number: int) -> None:
        storage.put({"time": number, "channel": "DAPI", "z": 0}, frame, metadata_of(number))

    def finish() -> None:
        storage.finish()
        storage.close()

    return timed(put, finish, frames)


def contiguous(folder: Path, frame: np.ndarray, frames: int) -> Result:
    writer = tifffile.TiffWriter(folder / "run.tif", bigtiff=True)

    def put(_: int) -> None:
        writer.write(frame, contiguous=True, photometric="minisblack")

    return timed(put, writer.close, frames)


def page_per_write(folder: Path, frame: np.ndarray, frames: int) -> Result:
    writer = tifffile.TiffWriter(folder / "run.tif", bigtiff=True, ome=False, shaped=False)

    def put(number: int) -> None:
        text = json.dumps(metadata_of(number)).encode()
        tags = [(65000, 7, len(text), text, True)]
        writer.write(frame, photometric="minisblack", metadata=None, extratags=tags)

    return timed(put, writer.close, frames)


def raw(folder: Path, frame: np.ndarray, frames: int) -> Result:
    file = (folder / "run.raw").open("wb", buffering=0)

    def put(number: int) -> None:
        file.write(json.dumps(metadata_of(number)).encode())
        file.write(frame)

    return timed(put, file.close, frames)


def of_ome_writers(folder: Path, frame: np.ndarray, frames: int) -> Result:
    height, width = frame.shape
    dimensions = [
        ome_writers.Dimension(name=name, count=count, type=kind)
        for name, count, kind in (("t", frames, "time"), ("y", height, "space"), ("x", width, "space"))
    ]
    settings = ome_writers.AcquisitionSettings(
        root_path=str(folder / "run.ome.tiff"),
        dimensions=dimensions,
        dtype="uint16",
        format=ome_writers.OmeTiffFormat(backend="tifffile"),
    )
    stream = ome_writers.create_stream(settings)
    return timed(
        lambda number: stream.append(frame, frame_metadata=metadata_of(number)), stream.close, frames
    )


WRITERS: dict[str, Callable[[Path, np.ndarray, int], Result]] = {
    "TiffStorage": ours,
    "TiffStorage, fsync": partial(ours, fsync=True),
    "TiffStorage, checksums crc32": partial(ours, checksums="crc32"),
    "TiffStorage, checksums sha256": partial(ours, checksums="sha256"),
    "NDTiffStorage": ndtiff,
    "tifffile, contiguous, no metadata": contiguous,
    "tifffile, page per write": page_per_write,
    "raw bytes": raw,
    "ome-writers, tifffile": of_ome_writers,
}
SLOW = {"ome-writers, tifffile": 20}
"""Those that get so many times fewer frames, so that a round has an end."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="fewer frames and rounds: under two minutes")
    parser.add_argument("--folder", type=Path, help="on the disk to write to; a temporary one by default")
    options = parser.parse_args()
    sizes, rounds = (QUICK, 3) if options.quick else (SIZES, options.rounds)
    names = ("exengine-ome-tiff", "tifffile", "numpy", "ndstorage", "ome-writers")
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}, ", end="")
    print(", ".join(f"{name} {version(name)}" for name in names))
    for size, frames in sizes.items():
        frame = np.random.default_rng(0).integers(0, 4000, (size, size)).astype(np.uint16)
        results: dict[str, list[Result]] = {name: [] for name in WRITERS}
        for number in range(rounds + 1):
            turn = number % len(WRITERS)  # another one begins, as each suffers from what the one before left
            for name, write in [*WRITERS.items()][turn:] + [*WRITERS.items()][:turn]:
                folder = Path(tempfile.mkdtemp(dir=options.folder))
                count = frames // SLOW.get(name, 1)
                result = write(folder, frame, count)
                shutil.rmtree(folder)
                os.sync()
                if number:
                    results[name].append(result._replace(total_s=result.total_s * frames / count))
        reference_s = statistics.median(result.total_s for result in results["TiffStorage"])
        print(f"\n{size} x {size} uint16, {frames} frames, median of {rounds}")
        print(f"{'':36}{'frames/s':>10}{'TiffStorage is':>16}{'p99 put us':>12}{'finish us/frame':>17}")
        for name, rows in results.items():
            total_s, p99_us, finish_us = (statistics.median(column) for column in zip(*rows, strict=True))
            ratio = f"{total_s / reference_s:.2f} x"
            print(f"{name:36}{frames / total_s:10.0f}{ratio:>16}{p99_us:12.0f}{finish_us:17.1f}")


if __name__ == "__main__":
    main()
