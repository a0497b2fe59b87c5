"""Process frames on their way to the disk: each z stack gets its maximum projection, an image of its own."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from exengine import ExecutionEngine
from exengine.data import DataCoordinates, DataHandler
from exengine.events.detector_events import ReadoutData, StartCapture
from exengine.events.positioner_events import SetPosition1DEvent
from exengine.storage_backends.ome_tiff import TiffStorage

from exengine_ome_tiff.demo.microscope import SimulatedMicroscope

Item: TypeAlias = tuple[DataCoordinates, np.ndarray, dict[str, object]]

TIME_POINTS = 3
SLICES = 5
stack: list[np.ndarray] = []


def project(coordinates: DataCoordinates, frame: np.ndarray, metadata: dict[str, object]) -> Sequence[Item]:
    """Return what is to be stored for a frame: itself, and after the last one of a stack the projection."""
    stack.append(frame)
    stored = [(coordinates, frame, metadata)]
    if coordinates["z"] == SLICES - 1:
        place = DataCoordinates({"time": coordinates["time"], "projection": "maximum"})
        stored.append((place, np.max(stack, axis=0), {"ProjectedSlices": len(stack)}))
        stack.clear()
    return stored


engine = ExecutionEngine()
microscope = SimulatedMicroscope((128, 128))  # put your own devices here
storage = TiffStorage("projection.ome.tiff", numbered=True)
handler = DataHandler(storage, process_function=project)

try:
    for time in range(TIME_POINTS):
        for z in range(SLICES):
            engine.submit(SetPosition1DEvent(microscope.z_stage, z - SLICES // 2))
            engine.submit(StartCapture(1, microscope.camera)).await_execution()
            place = {"time": time, "z": z}
            engine.submit(ReadoutData([place], microscope.camera, handler, num_blocks=1)).await_execution()
    engine.check_exceptions()
finally:
    handler.finish()
    handler.await_completion()
    engine.shutdown()
    storage.close()

with TiffStorage.open(storage.path) as finished:
    for image in finished.images:
        print(image.name, image.coordinates, image.sizes)
