"""Records of a run whose frames carry its whole plan, beside the pixels and beside plain JSON."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from table import Table
from writers import ours

POSITIONS = (100, 200, 400)
FRAME = np.zeros((32, 32), np.uint16)
KINDS = {
    "the same plan in each frame": False,
    "a plan in which one position differs in each frame": True,
}


def metadata_of_run(positions: int, *, changes: bool) -> list[dict[str, Any]]:
    """Return metadata of frames as pymmcore-plus gives it: each has its event, and the plan of all events."""
    rest = {"z": None, "sequence": None, "row": None, "col": None, "plate": None, "use_autofocus": False}
    places = [
        {"x": 10.5 * number, "y": 3.25 * number, "name": f"Pos{number:03}"} | rest
        for number in range(positions)
    ]
    frames = []
    for number, place in enumerate(places):
        planned = [*places]
        if changes:
            planned[number] = place | {"z": number * 0.5}
        plan = {"axis_order": "tpgcz", "stage_positions": planned, "channels": [{"config": "DAPI"}]}
        event = {"index": {"p": number}, "x_pos": place["x"], "y_pos": place["y"], "sequence": plan}
        frames.append({"runner_time_ms": number * 100.0, "exposure_ms": 10.0, "mda_event": event})
    return frames


def nbytes(metadata: list[dict[str, Any]], folder: Path) -> int:
    """Return the bytes of an unfinished file that are no pixels; frames arrive one at a time."""
    storage = ours(folder, checkpoint=False)
    for number, of_frame in enumerate(metadata):
        storage.put({"position": number}, FRAME, of_frame)
        storage.flush()
    storage.suspend()
    return (folder / "run.ome.tiff").stat().st_size - len(metadata) * FRAME.nbytes


def measure(rounds: int, folder: Path | None, *, quick: bool) -> list[Table]:
    del rounds
    rows = []
    for kind, changes in KINDS.items():
        for positions in POSITIONS[:2] if quick else POSITIONS:
            metadata = metadata_of_run(positions, changes=changes)
            plain = sum(len(json.dumps(each, separators=(",", ":"))) for each in metadata)
            with tempfile.TemporaryDirectory(dir=folder) as own:
                stored = nbytes(metadata, Path(own))
            pixels = positions * FRAME.nbytes
            cells = [f"{positions}", f"{plain / 1e3:,.0f}", f"{stored / 1e3:,.0f}", f"{stored / pixels:.2f}"]
            rows.append([kind, *cells])
    columns = ["", "positions", "JSON, kB", "records and directories, kB", "beside the pixels"]
    return [Table("records of a pymmcore-plus plan, frames of 32 x 32 uint16, one at a time", columns, rows)]
