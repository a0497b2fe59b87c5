"""Reading compressed frames, beside the codec alone on one thread: in the same round, the same strips."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import imagecodecs
import tifffile
from table import Table, in_turn
from writers import frame_of, ours, place_of

from exengine_ome_tiff import TiffStorage

LEVEL = 1
DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "zlib": zlib.decompress,
    "zstd": imagecodecs.zstd_decode,
}


def seconds(function: Callable[[int], object], repeats: int) -> float:
    """Return the time of a call."""
    start_s = time.perf_counter()
    for number in range(repeats):
        function(number)
    return (time.perf_counter() - start_s) / repeats


def timed(compression: str, size: int, frames: int, folder: Path) -> tuple[float, ...]:
    """Return seconds a frame: the codec, frame by frame, and a whole image."""
    frame = frame_of(size)
    with ours(folder, compression=compression, compression_level=LEVEL) as storage:
        for number in range(frames):
            storage.put(place_of(number), frame, {})
    path, decode = folder / "run.ome.tiff", DECODERS[compression]
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        data = path.read_bytes()
        strips = [
            data[offset : offset + count]
            for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True)
        ]
    with TiffStorage.open(path) as reader:
        return (
            seconds(lambda _: [decode(strip) for strip in strips], frames),
            seconds(lambda number: reader.get_data(place_of(number)), frames),
            seconds(lambda _: reader.images[0].asarray(), 1) / frames,
        )


def measure(rounds: int, folder: Path | None, *, quick: bool) -> list[Table]:
    rows = []
    for size, frames in {64: 500, 512: 100, 2048: 10}.items():
        work = {
            compression: partial(timed, compression, size, frames // 5 if quick else frames)
            for compression in DECODERS
        }
        for compression, (codec, one, whole) in in_turn(work, rounds, folder).items():
            times = [f"{each * 1e6:,.0f}" for each in (codec, one, whole)]
            rows.append(
                [f"{compression}, {size} x {size}", *times, f"{one / codec:.2f}", f"{whole / codec:.2f}"]
            )
    columns = ["", "codec, us", "get_data, us", "asarray, us a frame", "get_data / codec", "asarray / codec"]
    return [Table("reading compressed frames; the codec on one thread", columns, rows)]
