"""zlib on all cores, beside tifffile on one; put beside the codecs alone; what each level takes and gains."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from table import Table, in_turn
from writers import frame_of, metadata_of, ours, place_of

from exengine_ome_tiff.threads import CORES

LEVEL = 6
TILE = (256, 256)
STRIP_BYTES = 1 << 18
ENCODERS = {"zstd": imagecodecs.zstd_encode, "zlib": imagecodecs.deflate_encode}
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


def of_put(
    frames: int, frame: np.ndarray, compression: str, tile: tuple[int, int] | None, folder: Path
) -> tuple[float, ...]:
    """Return seconds, and seconds of CPU time, that a `put` takes; the first one is not counted."""
    storage = ours(folder, compression=compression, tile=tile)
    storage.put(place_of(frames), frame, {})
    start_s, start_cpu_s = time.perf_counter(), time.process_time()
    for number in range(frames):
        storage.put(place_of(number), frame, {})
    ends = time.perf_counter() - start_s, time.process_time() - start_cpu_s
    storage.close()
    return tuple(each / frames for each in ends)


def of_codec(
    frames: int, frame: np.ndarray, compression: str, tile: tuple[int, int] | None, folder: Path
) -> tuple[float, ...]:
    """Return the same of imagecodecs, which encodes the strips or tiles of the frame on all cores."""
    del folder
    encode = ENCODERS[compression]
    height, width = tile or (max(1, STRIP_BYTES // frame[0].nbytes), frame.shape[1])
    tops, lefts = range(0, len(frame), height), range(0, frame.shape[1], width)
    parts = [frame[top : top + height, left : left + width].copy() for top in tops for left in lefts]
    with ThreadPoolExecutor(CORES) as pool:
        list(pool.map(partial(encode, level=1), parts))  # starts the threads
        start_s, start_cpu_s = time.perf_counter(), time.process_time()
        for _ in range(frames):
            list(pool.map(partial(encode, level=1), parts))
        ends = time.perf_counter() - start_s, time.process_time() - start_cpu_s
    return tuple(each / frames for each in ends)


def beside_codecs(rounds: int, folder: Path | None, *, quick: bool) -> Table:
    rows = []
    for size, frames in {512: 30 if quick else 200, 2048: 4 if quick else 20}.items():
        for compression, tile in [*((each, None) for each in ENCODERS), ("zstd", TILE)]:
            arguments = frames, frame_of(size), compression, tile
            work = {"put": partial(of_put, *arguments), "codec": partial(of_codec, *arguments)}
            found = in_turn(work, rounds, folder)
            (put_s, put_cpu_s), (codec_s, codec_cpu_s) = found["put"], found["codec"]
            cells = [put_s * 1e3, codec_s * 1e3, put_s / codec_s]
            cells += [put_cpu_s * 1e3, codec_cpu_s * 1e3, put_cpu_s / codec_cpu_s]
            name = f"{compression} 1, {size} x {size}" + (", tiles" if tile else "")
            rows.append([name, *(f"{cell:.2f}" for cell in cells)])
    columns = ["", "put ms", "codec ms", "ratio", "put, CPU ms", "codec, CPU ms", "ratio of CPU times"]
    return Table("put beside the codec alone on all cores, uint16 with camera noise", columns, rows)


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
    columns = ["", "frames/s", "TiffStorage is", "share of uncompressed size"]
    beside = Table(f"zlib level {LEVEL}, 2048 x 2048 uint16 with camera noise", columns, rows)
    return [beside, beside_codecs(rounds, folder, quick=quick), levels(rounds, folder, 1 if quick else 4)]
