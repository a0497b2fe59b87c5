"""Analyse a dataset without loading it: dask reads each frame when needed. Needs the extra `dask`.

This works for datasets that are larger than memory, on all cores, and during the acquisition.
"""

from pathlib import Path

from exengine.events.detector_events import ReadoutData, StartCapture
from exengine.events.positioner_events import SetPosition2DEvent

from exengine_ome_tiff import TiffStorage, acquisition
from exengine_ome_tiff.demo.microscope import SimulatedMicroscope

TIME_POINTS = 10
POSITIONS = 3


def acquire() -> Path:
    """Write a dataset to analyse. Leave this out, and use the path of your own dataset below."""
    storage = TiffStorage("dask_analysis.ome.tiff", numbered=True)
    with acquisition(storage) as (engine, handler):
        microscope = SimulatedMicroscope((128, 128))
        for position in range(POSITIONS):
            engine.submit(SetPosition2DEvent(microscope.xy_stage, (position * 200, 0)))
            engine.submit(StartCapture(TIME_POINTS, microscope.camera)).await_execution()
            places = [{"position": position, "time": time} for time in range(TIME_POINTS)]
            readout = ReadoutData(places, microscope.camera, handler, num_blocks=TIME_POINTS)
            engine.submit(readout).await_execution()
    return Path(storage.path)


path = acquire()
with TiffStorage.open(path) as storage:
    frames = storage.as_array(axes=["position", "time"])  # axes: position, time, y, x
    brightness = frames.mean(axis=(2, 3))
    contrast = frames.std(axis=(2, 3)) / brightness
    for position, (mean, varied) in enumerate(zip(brightness.compute(), contrast.compute(), strict=True)):
        print(f"position {position}: brightness {mean.mean():.1f}, contrast {varied.mean():.3f}")
    projection = storage.as_array(position=0).max(axis=0)  # of one position: axes time, y, x
    print("brightest pixel of position 0:", int(projection.max().compute()))
