"""A dataset that is larger than memory: rate at its beginning and end, `finish`, opening."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from table import Table
from writers import frame_of, metadata_of, ours, place_of

from exengine_ome_tiff import TiffStorage

SIZE, FRAMES, QUICK = 2048, 3_600, 100
"""3,600 frames are 30 GB."""


def measure(rounds: int, folder: Path | None, *, quick: bool) -> list[Table]:
    del rounds
    frame, frames = frame_of(SIZE), QUICK if quick else FRAMES
    own = Path(tempfile.mkdtemp(dir=folder))
    storage = ours(own, fsync=True)
    ends_s = [time.perf_counter()]
    for number in range(frames):
        frame[0, :2] = divmod(number, 1 << 16)
        storage.put(place_of(number), frame, metadata_of(number))
        ends_s.append(time.perf_counter())
    storage.close()
    closed_s = time.perf_counter()
    size = (own / "run.ome.tiff").stat().st_size
    start_s = time.perf_counter()
    with TiffStorage.open(own / "run.ome.tiff") as finished:
        last = finished.get_data(place_of(frames - 1))
        opened_s = time.perf_counter() - start_s
        assert all(
            divmod(number, 1 << 16) == tuple(finished.get_data(place_of(number))[0, :2].tolist())
            for number in range(0, frames, 97)
        )
    np.testing.assert_array_equal(last, frame)
    shutil.rmtree(own)
    tenth = max(1, frames // 10)
    row = [
        f"{frames:,}",
        f"{size / 1e9:.1f}",
        f"{size / (closed_s - ends_s[0]) / 1e6:,.0f}",
        f"{tenth / (ends_s[tenth] - ends_s[0]):,.0f}",
        f"{tenth / (ends_s[-1] - ends_s[-1 - tenth]):,.0f}",
        f"{closed_s - ends_s[-1]:.1f}",
        f"{opened_s * 1e3:.0f}",
    ]
    columns = [
        "frames",
        "GB",
        "MB/s",
        "frames/s, first tenth",
        "last tenth",
        "finish with fsync, s",
        "open, ms",
    ]
    return [Table(f"{SIZE} x {SIZE} uint16, more than memory holds", columns, [row])]
