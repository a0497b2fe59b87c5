"""Watch an overview, and record a z stack of each event as a new position, until there are enough events.

Neither the length of the run nor its positions are known in advance, and no shape is announced.
"""

import numpy as np
from exengine.data import DataCoordinates
from exengine.events.detector_events import ReadoutData, StartCapture
from exengine.events.positioner_events import SetPosition1DEvent, SetPosition2DEvent

from exengine_ome_tiff import TiffStorage, acquisition
from exengine_ome_tiff.demo.microscope import SimulatedMicroscope

ENOUGH_EVENTS = 3
BRIGHT = 1600
PIXEL_SIZE_UM = 0.325

storage = TiffStorage("event_driven.ome.tiff", numbered=True)


def take(x_um: float, y_um: float, z_um: float, **place: int | str) -> np.ndarray:
    """Store the frame at a place and return it."""
    engine.submit(SetPosition2DEvent(microscope.xy_stage, (x_um, y_um)))
    engine.submit(SetPosition1DEvent(microscope.z_stage, z_um))
    engine.submit(StartCapture(1, microscope.camera)).await_execution()
    engine.submit(ReadoutData([place], microscope.camera, handler, num_blocks=1)).await_execution()
    frame, _metadata = handler.get(DataCoordinates(place))  # from its queue, or from the storage
    return np.asarray(frame)


with acquisition(storage) as (engine, handler):
    microscope = SimulatedMicroscope((256, 256))  # put your own devices here
    engine.submit(microscope.channel_event("mCherry"))
    events = time = 0
    while events < ENOUGH_EVENTS:
        engine.submit(microscope.time_event(time * 300))
        overview = take(0, 0, 0, position="overview", time=time)
        if overview.max() > BRIGHT:
            row, column = np.unravel_index(overview.argmax(), overview.shape)
            y_um, x_um = (row - 128) * PIXEL_SIZE_UM, (column - 128) * PIXEL_SIZE_UM
            print(f"time {time}: event {events} at ({x_um:.1f}, {y_um:.1f}) um")
            for z in range(5):
                take(x_um, y_um, z - 2, position=f"event {events}", time=time, z=z)
            events += 1
        time += 1

print(f"{storage.path}: an overview at {time} times, and a z stack of each of {events} events")
