"""What it costs to split a dataset into files: by no axis, by position, by position and camera."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from table import Table, in_turn
from writers import metadata_of

from exengine_ome_tiff import TiffStorage

FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "one file": ("run.ome.tiff", {}),
    "a folder": ("run", {}),
    'split_by=("position", "camera")': ("run", {"split_by": ("position", "camera")}),
}
POSITIONS, CAMERAS = 10, 2


def timed(name: str, frames: int, folder: Path) -> tuple[float, ...]:
    """Return µs per frame for `put`, for `finish`, and for `open` with `images`; and the number of files."""
    form, options = FORMS[name]
    frame = np.zeros((64, 64), np.uint16)
    start_s = time.process_time()
    storage = TiffStorage(folder / form, fsync=False, **options)
    for number in range(frames):
        rest, camera = divmod(number, CAMERAS)
        point, position = divmod(rest, POSITIONS)
        place = {"time": point, "position": position, "camera": f"Camera {camera}"}
        storage.put(place, frame, metadata_of(number))
    put_s = time.process_time()
    storage.close()
    finish_s = time.process_time()
    with TiffStorage.open(folder / form) as opened:
        assert opened.images
        end_s = time.process_time()
    seconds = (put_s - start_s, finish_s - put_s, end_s - finish_s)
    return *(each / frames * 1e6 for each in seconds), len([*folder.rglob("*.tiff")])


def measure(rounds: int, folder: Path | None, *, quick: bool) -> list[Table]:
    frames = 2_000 if quick else 20_000
    found = in_turn({name: partial(timed, name, frames) for name in FORMS}, rounds, folder)
    rows = [[name, f"{files:.0f}", *(f"{us:.1f}" for us in costs)] for name, (*costs, files) in found.items()]
    rows = [[f"{name}, {frames:,} frames", *cells] for name, *cells in rows]
    title = f"CPU time of a split folder, 64 x 64, {POSITIONS} positions, {CAMERAS} cameras"
    columns = ["", "files", "put us", "finish us/frame", "open and images us/frame"]
    return [Table(title, columns, rows)]
