"""Reading compressed frames, beside the codec alone: in the same round, the same strips, into a new array."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from table import Table, in_turn
from writers import frame_of, ours, place_of

from exengine_ome_tiff import TiffStorage
from exengine_ome_tiff.threads import CORES

LEVEL = 1
DECODERS: dict[str, Callable[..., object]] = {
    "zlib": imagecodecs.deflate_decode,
    "zstd": imagecodecs.zstd_decode,
}


def seconds(function: Callable[[int], object], repeats: int) -> float:
    """Return the time of a call; the first one is not counted."""
    function(0)
    start_s = time.perf_counter()
    for number in range(repeats):
        function(number)
    return (time.perf_counter() - start_s) / repeats


def strips_of(path: Path) -> tuple[list[bytes], list[int]]:
    """Return the strips of the first page, and the length of each one when it is decoded."""
    data = path.read_bytes()
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        places = zip(page.dataoffsets, page.databytecounts, strict=True)
        strips = [data[offset : offset + count] for offset, count in places]
        step = page.rowsperstrip * page.shape[1] * page.dtype.itemsize
        return strips, [min(step, page.nbytes - start) for start in range(0, page.nbytes, step)]


def decoded(
    decode: Callable[..., object],
    strips: Sequence[bytes],
    sizes: Sequence[int],
    pool: ThreadPoolExecutor | None,
) -> np.ndarray:
    """Decode the strips of a page into a new array, one after the other or in a pool."""
    page, starts = np.empty(sum(sizes), np.uint8), np.cumsum([0, *sizes]).tolist()
    places = [page[start : start + size].data for start, size in zip(starts, sizes, strict=False)]
    work = map if pool is None else pool.map
    for _ in work(lambda strip, place: decode(strip, out=place), strips, places):
        pass
    return page


def timed(compression: str, size: int, frames: int, folder: Path) -> tuple[float, ...]:
    """Return seconds a frame: the codec on one thread and on all cores, frame by frame, and a whole image."""
    frame = frame_of(size)
    with ours(folder, compression=compression, compression_level=LEVEL) as storage:
        for number in range(frames):
            storage.put(place_of(number), frame, {})
    path = folder / "run.ome.tiff"
    codec = partial(decoded, DECODERS[compression], *strips_of(path))
    with (
        TiffStorage.open(path) as reader,
        ThreadPoolExecutor(CORES) as pool,
        ThreadPoolExecutor(CORES) as of_pages,
    ):
        return (
            seconds(lambda _: codec(None), frames),
            seconds(lambda _: codec(pool), frames),
            seconds(lambda number: reader.get_data(place_of(number)), frames),
            seconds(lambda _: [*of_pages.map(lambda _: codec(None), range(frames))], 1) / frames,
            seconds(lambda _: reader.images[0].asarray(), 1) / frames,
        )


def measure(rounds: int, folder: Path | None, *, quick: bool) -> list[Table]:
    rows = []
    for size, frames in {64: 500, 512: 100, 2048: 10}.items():
        work = {
            compression: partial(timed, compression, size, frames // 5 if quick else frames)
            for compression in DECODERS
        }
        for compression, (codec, shared, one, stack, whole) in in_turn(work, rounds, folder).items():
            times = [f"{each * 1e6:,.0f}" for each in (codec, shared, one, stack, whole)]
            ratios = [one / codec, one / shared, whole / stack]
            rows.append([f"{compression}, {size} x {size}", *times, *(f"{ratio:.2f}" for ratio in ratios)])
    columns = [
        "",
        "codec on one thread, us",
        "codec on all cores, us",
        "get_data, us",
        "codec, pages on all cores, us",
        "asarray, us a frame",
        "get_data / codec on one thread",
        "get_data / codec on all cores",
        "asarray / codec",
    ]
    return [Table("reading compressed frames, beside imagecodecs alone", columns, rows)]
