"""Small datasets of the demo's acquisition, with copies of their frames."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from exengine_ome_tiff import TiffStorage
from exengine_ome_tiff.demo.acquisition import DemoPlan, run

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Demo:
    """A dataset of the demo.

    Attributes
    ----------
    path
        A file, or a folder.
    plan
        What was acquired.
    put
        Every frame, by position, time, channel and z.
    """

    path: Path
    plan: DemoPlan
    put: dict[tuple[str, int, str, int], np.ndarray]

    @property
    def positions(self) -> list[str]:
        """Names of the positions and images."""
        return [f"Pos{number}" for number in range(self.plan.positions)]

    def stack(self, position: str) -> np.ndarray:
        """Return the frames of a position, shape (T, C, Z, Y, X)."""
        plan = self.plan
        shape = (plan.time_points, len(plan.channels), plan.z_slices)
        places = [(position, t, plan.channels[c], z) for t, c, z in np.ndindex(shape)]
        return np.stack([self.put[place] for place in places]).reshape(*shape, *plan.shape)


def make_demo(path: Path, plan: DemoPlan, **options: Any) -> Demo:
    """Acquire a plan into a `TiffStorage` with options."""
    with _Remembering(path, **options) as storage:
        run(plan, storage)
    assert len(storage.was_put) == plan.frames
    return Demo(path, plan, storage.was_put)


class _Remembering(TiffStorage):
    """Keeps copies of the frames, to compare them with the files."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.was_put: dict[Any, np.ndarray] = {}
        self._remembering = threading.Lock()

    def put(self, data_coordinates: Any, data: Any, metadata: Any = None) -> None:
        with self._remembering:
            place = {axis: data_coordinates[axis] for axis in ("position", "time", "channel", "z")}
            self.was_put[tuple(place.values())] = data.copy()
        super().put(data_coordinates, data, metadata)
