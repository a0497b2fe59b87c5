"""Process frames on their way to the disk: add the maximum projection of each z stack as another image."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from exengine.data import DataCoordinates
from exengine.events.detector_events import ReadoutData, StartCapture
from exengine.events.positioner_events import SetPosition1DEvent

from exengine_ome_tiff import TiffStorage, acquisition
from exengine_ome_tiff.demo.microscope import SimulatedMicroscope

Item: TypeAlias = tuple[DataCoordinates, np.ndarray, dict[str, object]]

TIME_POINTS = 3
SLICES = 5
stack: list[np.ndarray] = []


def project(coordinates: DataCoordinates, frame: np.ndarray, metadata: dict[str, object]) -> Sequence[Item]:
    """Return the frame, and after the last frame of a stack also the projection."""
    stack.append(frame)
    stored = [(coordinates, frame, metadata)]
    if coordinates["z"] == SLICES - 1:
        place = DataCoordinates({"time": coordinates["time"], "projection": "maximum"})
        stored.append((place, np.max(stack, axis=0), {"ProjectedSlices": len(stack)}))
        stack.clear()
    return stored


storage = TiffStorage("projection.ome.tiff", numbered=True)

with acquisition(storage, project) as (engine, handler):
    microscope = SimulatedMicroscope((128, 128))  # put your own devices here
    for time in range(TIME_POINTS):
        for z in range(SLICES):
            engine.submit(SetPosition1DEvent(microscope.z_stage, z - SLICES // 2))
            engine.submit(StartCapture(1, microscope.camera)).await_execution()
            place = {"time": time, "z": z}
            engine.submit(ReadoutData([place], microscope.camera, handler, num_blocks=1)).await_execution()

with TiffStorage.open(storage.path) as finished:
    for image in finished.images:
        print(f"{storage.path.name}, {image.name}: {image.sizes}")
