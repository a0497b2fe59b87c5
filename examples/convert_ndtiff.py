"""Convert a dataset of NDTiffStorage to OME-TIFF. Needs the extra `ndtiff`.

The same on the command line: exengine-ome-tiff convert old_ndtiff_1 old_ndtiff_1.ome.tiff
"""

import warnings
from itertools import count
from pathlib import Path

from exengine.events.detector_events import ReadoutData, StartCapture
from exengine.storage_backends.ndtiff_and_ndram import NDTiffStorage

from exengine_ome_tiff import acquisition, convert
from exengine_ome_tiff.demo.microscope import SimulatedMicroscope


def acquire() -> Path:
    """Write a dataset to convert. Leave this out, and use the path of your own dataset below."""
    warnings.simplefilter("ignore", ResourceWarning)  # ndstorage does not close a file
    path = next(path for number in count(1) if not (path := Path(f"old_ndtiff_{number}")).exists())
    storage = NDTiffStorage(str(path), summary_metadata={"sample": "HeLa"})
    with acquisition(storage) as (engine, handler):
        microscope = SimulatedMicroscope((128, 128))
        for channel in ("DAPI", "GFP"):
            engine.submit(microscope.channel_event(channel))
            engine.submit(StartCapture(4, microscope.camera)).await_execution()
            places = [{"time": time, "channel": channel} for time in range(4)]
            engine.submit(ReadoutData(places, microscope.camera, handler, num_blocks=4)).await_execution()
    return path


source = acquire()
converted = convert(source, source.with_suffix(".ome.tiff"), verify=True)  # reads both and compares
print(f"{converted.n_frames} frames in {converted.path}, skipped: {converted.skipped or 'none'}")
