"""Turn a dataset that NDTiffStorage has written into one OME-TIFF. Needs the extra `ndtiff`.

The same on the command line: exengine-ome-tiff convert old_ndtiff converted.ome.tiff
"""

import shutil
import warnings
from pathlib import Path

from exengine import ExecutionEngine
from exengine.data import DataHandler
from exengine.events.detector_events import ReadoutData, StartCapture
from exengine.storage_backends.ndtiff_and_ndram import NDTiffStorage
from exengine.storage_backends.ome_tiff import TiffStorage

from exengine_ome_tiff import convert
from exengine_ome_tiff.demo.microscope import SimulatedMicroscope

SOURCE = Path("old_ndtiff")
RESULT = Path("converted.ome.tiff")


def acquire() -> None:
    """Write what is to be converted: leave this out and name your own dataset above."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    warnings.simplefilter("ignore", ResourceWarning)  # ndstorage leaves a file to Python's collector
    engine = ExecutionEngine()
    microscope = SimulatedMicroscope((128, 128))
    storage = NDTiffStorage(str(SOURCE), summary_metadata={"sample": "HeLa"})
    handler = DataHandler(storage)
    try:
        for channel in ("DAPI", "GFP"):
            engine.submit(microscope.channel_event(channel))
            engine.submit(StartCapture(4, microscope.camera)).await_execution()
            places = [{"time": time, "channel": channel} for time in range(4)]
            engine.submit(ReadoutData(places, microscope.camera, handler, num_blocks=4)).await_execution()
        engine.check_exceptions()
    finally:
        handler.finish()
        handler.await_completion()
        engine.shutdown()
        storage.close()


acquire()
converted = convert(SOURCE, RESULT, overwrite=True, verify=True)  # reads both again, and compares
print(f"{converted.n_frames} frames in {converted.path}, not carried over: {converted.skipped or 'nothing'}")

with TiffStorage.open(RESULT) as result:
    print(result.summary_metadata)
    print(*result.images, sep="\n")
