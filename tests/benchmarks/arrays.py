"""Lazy arrays: many small frames beside a loop, and a region of a large frame beside tifffile's store."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import tifffile
import zarr
from table import Table, in_turn
from writers import ours

from exengine_ome_tiff import TiffStorage

REGION_PX = 512
REGIONS = 20


def many_small(frames: int, folder: Path) -> tuple[float, ...]:
    """Return seconds of a loop, of `values`, and of the mean of each frame."""
    with ours(folder) as storage:
        for number in range(frames):
            storage.put({"time": number}, np.full((32, 32), number, np.uint16), {})
    with TiffStorage.open(folder / "run.ome.tiff") as reader:
        coordinates = reader.get_image_coordinates_list()
        start_s = time.perf_counter()
        np.stack([reader.get_data(each) for each in coordinates])
        loop_s = time.perf_counter()
        array = reader.as_xarray().values
        values_s = time.perf_counter()
        means = reader.as_array().mean(axis=(1, 2)).compute()
        end_s = time.perf_counter()
        assert array[-1, 0, 0] == means[-1] == frames - 1
    return loop_s - start_s, values_s - loop_s, end_s - values_s


def regions(shape: tuple[int, int], compression: str | None, folder: Path) -> tuple[float, ...]:
    """Return seconds of CPU time of a region: `as_array`, tifffile's store, and the store through dask."""
    pixels = np.random.default_rng(0).poisson(100, (512, shape[1])).astype(np.uint16)
    with ours(folder, tile=(512, 512), compression=compression) as storage:
        storage.put({"time": 0}, np.resize(pixels, shape), {})
    path = folder / "run.ome.tiff"
    corners = np.random.default_rng(1).integers(0, np.array(shape) - REGION_PX, (REGIONS, 2)).tolist()
    with TiffStorage.open(path) as reader, tifffile.imread(path, aszarr=True, level=0) as store:
        theirs = zarr.open(store, mode="r")
        return tuple(
            of_regions(read, corners)
            for read in (
                reader.as_array(time=0).__getitem__,
                theirs.__getitem__,
                da.from_array(theirs, chunks=theirs.chunks).__getitem__,
            )
        )


def of_regions(read: Callable[[tuple[slice, slice]], Any], corners: list[list[int]]) -> float:
    """Return the median CPU time of a region; the first one is not counted."""
    seconds = []
    for y, x in corners:
        start_s = time.process_time()
        np.asarray(read((slice(y, y + REGION_PX), slice(x, x + REGION_PX))))
        seconds.append(time.process_time() - start_s)
    return float(np.median(seconds[1:]))


def measure(rounds: int, folder: Path | None, *, quick: bool) -> list[Table]:
    frames = 3_000 if quick else 30_000
    loop, values, means = in_turn({"": partial(many_small, frames)}, rounds, folder)[""]
    small = [
        ["loop of get_data", f"{frames:,}", f"{loop / frames * 1e6:.1f}", ""],
        ["as_xarray().values", f"{frames:,}", f"{values / frames * 1e6:.1f}", f"{values / loop:.2f} x"],
        [
            "as_array().mean(axis=(1, 2))",
            f"{frames:,}",
            f"{means / frames * 1e6:.1f}",
            f"{means / loop:.2f} x",
        ],
    ]
    shape = (4096, 3000) if quick else (16384, 12000)
    large = []
    for compression in (None, "zlib", "zstd"):
        own, store, lazy = in_turn({"": partial(regions, shape, compression)}, rounds, folder)[""]
        times = [f"{seconds * 1e3:.1f}" for seconds in (own, store, lazy)]
        large.append(
            [
                f"{str(compression).lower()}, {shape[0]} x {shape[1]}",
                *times,
                f"{own / store:.2f} x",
                f"{own / lazy:.2f} x",
            ]
        )
    title = f"a region of {REGION_PX} x {REGION_PX} of a large frame, tiles of 512 x 512"
    columns = [
        "compression, frame",
        "as_array, CPU ms",
        "tifffile's zarr store",
        "that store through dask",
        "beside the store",
        "beside it through dask",
    ]
    return [
        Table("frames of 32 x 32 as an array", ["", "frames", "us a frame", "beside the loop"], small),
        Table(title, columns, large),
    ]
