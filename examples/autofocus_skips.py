"""Focus at several positions, and skip a position while it shows nothing.

A skipped position has fewer time points than the others; `axes` and the OME-XML list them.
"""

from functools import partial

import numpy as np
from exengine.events.detector_events import ReadoutData, StartCapture
from exengine.events.positioner_events import SetPosition1DEvent, SetPosition2DEvent

from exengine_ome_tiff import TiffStorage, acquisition
from exengine_ome_tiff.demo.microscope import SimulatedMicroscope

POSITIONS_UM = {"left": (0, 0), "middle": (400, 0), "right": (800, 0)}
HEIGHTS_UM = (-2, -1, 0, 1, 2)
TIME_POINTS = 4
INTERVAL_S = 600
ENOUGH_CONTRAST = 40

storage = TiffStorage("autofocus_skips.ome.tiff", numbered=True)


def focus(microscope: SimulatedMicroscope) -> tuple[float, float]:
    """Return the best contrast and its height. This runs on the engine's thread and stores nothing."""
    found = []
    for height_um in HEIGHTS_UM:
        microscope.z_stage.set_position(height_um)
        microscope.camera.arm(1)
        microscope.camera.start()
        frame, _ = microscope.camera.pop_data()
        found.append((float(np.abs(np.diff(np.asarray(frame, float), axis=0)).mean()), height_um))
    return max(found)


with acquisition(storage) as (engine, handler):
    microscope = SimulatedMicroscope((128, 128))  # put your own devices here
    engine.submit(microscope.channel_event("GFP"))
    for time in range(TIME_POINTS):
        engine.submit(microscope.time_event(time * INTERVAL_S))
        for position, xy_um in POSITIONS_UM.items():
            engine.submit(SetPosition2DEvent(microscope.xy_stage, xy_um)).await_execution()
            contrast, height_um = engine.submit(partial(focus, microscope)).await_execution()
            if contrast < ENOUGH_CONTRAST:
                print(f"time {time}: skip {position}, its contrast is {contrast:.0f}")
                continue
            engine.submit(SetPosition1DEvent(microscope.z_stage, height_um))
            engine.submit(StartCapture(1, microscope.camera)).await_execution()
            place = {"time": time, "position": position, "channel": "GFP"}
            engine.submit(ReadoutData([place], microscope.camera, handler, num_blocks=1)).await_execution()

with TiffStorage.open(storage.path) as finished:
    for image in finished.images:
        print(f"{storage.path.name}, {image.name}: times {image.axes['time']}")
