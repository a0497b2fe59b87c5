"""Frames through ExEngine: a camera that always has one, `ReadoutData`, `DataHandler`, a storage.

The storage that does nothing tells what ExEngine itself takes; the one that writes raw bytes and JSON, which
nobody could read, tells what the cheapest way to keep both takes beside it. Where a machine does other work,
the time of the processor says more than that of the clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from exengine import ExecutionEngine
from exengine.data import DataHandler
from exengine.device_types import Detector
from exengine.events.detector_events import ReadoutData
from exengine.kernel.data_storage_base import DataStorage
from exengine.storage_backends.ndtiff_and_ndram import NDRAMStorage
from table import Table, in_turn
from writers import RawBytes, frame_of, metadata_of, ndtiff, ours, place_of

SIZES = {64: 10_000, 512: 3_000, 2048: 200}
QUICK = {64: 2_000, 512: 500, 2048: 50}


class Nothing(DataStorage):
    """Stores nothing."""

    def put(self, *_: object) -> None:
        pass

    def finish(self) -> None:
        pass

    def close(self) -> None:
        pass


class RawStorage(RawBytes, Nothing):
    """Keeps pixels and JSON in a file that nobody can read."""


class Camera(Detector):
    """Has a frame whenever it is asked, in a new array, as pymmcore's are."""

    def __init__(self, name: str, frame: np.ndarray) -> None:
        self._frame = frame
        self._number = 0
        super().__init__(name)

    def arm(self, frame_count: int | None = None) -> None:
        pass

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass

    def is_stopped(self) -> bool:
        return False

    def pop_data(self, timeout: float | None = None) -> tuple[np.ndarray, dict[str, str]]:
        del timeout
        self._number += 1
        return self._frame.copy(), metadata_of(self._number)


def timed(
    engine: ExecutionEngine, camera: Camera, frames: int, make: Callable[[Path], Any], folder: Path
) -> tuple[float, ...]:
    storage = make(folder)
    places = [place_of(number) for number in range(frames)]
    handler = DataHandler(storage)
    start_s, start_cpu_s = time.perf_counter(), time.process_time()
    engine.submit(ReadoutData(places, camera, handler, num_blocks=frames)).await_execution()
    handler.finish()
    handler.await_completion()
    storage.close()
    return (time.perf_counter() - start_s) / frames, (time.process_time() - start_cpu_s) / frames


def measure(rounds: int, folder: Path | None, *, quick: bool) -> list[Table]:
    engine = ExecutionEngine()
    try:
        tables = []
        for size, frames in (QUICK if quick else SIZES).items():
            camera = Camera(f"camera {size}", frame_of(size))
            makers: dict[str, Callable[[Path], Any]] = {
                "TiffStorage": ours,
                "a storage that does nothing": lambda _: Nothing(),
                "raw bytes": RawStorage,
                "NDTiffStorage": ndtiff,
                "NDRAMStorage": lambda _: NDRAMStorage(),
            }
            work = {name: partial(timed, engine, camera, frames, make) for name, make in makers.items()}
            found = in_turn(work, rounds, folder)
            own_total, own_cpu = found["TiffStorage"]
            rows = [
                [
                    name,
                    f"{1 / total:,.0f}",
                    f"{total / own_total:.2f} x",
                    f"{cpu * 1e6:,.0f}",
                    f"{cpu / own_cpu:.2f} x",
                ]
                for name, (total, cpu) in found.items()
            ]
            title = f"through ExEngine's DataHandler, {size} x {size} uint16, {frames:,} frames"
            columns = ["", "frames/s", "TiffStorage is", "CPU us/frame", "TiffStorage is, by CPU"]
            tables.append(Table(title, columns, rows))
        return tables
    finally:
        engine.shutdown()
