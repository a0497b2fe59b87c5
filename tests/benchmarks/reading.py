"""Opening a dataset, and reading frames and metadata at random places."""

from __future__ import annotations

import contextlib
import io
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from ndstorage import Dataset
from table import Table, in_turn
from writers import end, frame_of, metadata_of, ndtiff, ours, place_of

from exengine_ome_tiff import TiffStorage

READS = 2000


def read(storage: Any, frames: int, kind: str) -> float:
    """Return reads per second at random places."""
    numbers = np.random.default_rng(0).integers(0, frames, READS).tolist()
    places = [place_of(number) for number in numbers]
    start_s = time.perf_counter()
    for place in places:
        if kind == "data":
            storage.get_data(place)
        else:
            storage.get_metadata(place)
    return READS / (time.perf_counter() - start_s)


class NDTiff:
    """A finished NDTiff dataset with the storage's names."""

    def __init__(self, folder: Path) -> None:
        path = next(each for each in folder.iterdir() if each.is_dir())
        self._dataset = Dataset(str(path))
        self.close = self._dataset.close

    def get_data(self, place: dict[str, int | str]) -> np.ndarray:
        return self._dataset.read_image(**place)

    def get_metadata(self, place: dict[str, int | str]) -> dict[str, Any]:
        return self._dataset.read_metadata(**place)


def timed(make: Any, reopen: Any, size: int, frames: int, folder: Path) -> tuple[float, ...]:
    storage, frame = make(folder), frame_of(size)
    for number in range(frames):
        storage.put(place_of(number), frame, metadata_of(number))
    running = [read(storage, frames, "data"), read(storage, frames, "metadata")]
    end(storage)
    start_s = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):  # NDTiff tells how far it is
        finished = reopen(folder)
    finished.get_data(place_of(frames // 2))
    opening_us = (time.perf_counter() - start_s) / frames * 1e6
    reads = [read(finished, frames, "data"), read(finished, frames, "metadata")]
    finished.close()
    return (*running, *reads, opening_us)


def measure(rounds: int, folder: Path | None, *, quick: bool) -> list[Table]:
    tables = []
    for size, frames in {64: 5_000 if quick else 100_000, 512: 500 if quick else 2_000}.items():
        work = {
            "TiffStorage": partial(
                timed, ours, lambda own: TiffStorage.open(own / "run.ome.tiff"), size, frames
            ),
            "NDTiffStorage": partial(timed, ndtiff, NDTiff, size, frames),
        }
        found = in_turn(work, rounds, folder)
        rows = [
            [name, *(f"{rate:,.0f}" for rate in rates), f"{opening:.1f}"]
            for name, (*rates, opening) in found.items()
        ]
        columns = [
            "reads/s",
            "pixels, running",
            "metadata, running",
            "pixels, reopened",
            "metadata, reopened",
            "open and first frame, us/plane",
        ]
        tables.append(Table(f"reading, {size} x {size} uint16, {frames:,} frames", columns, rows))
    return tables
