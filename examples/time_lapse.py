"""A time lapse of two channels with ExEngine; change the numbers at the top."""

from exengine import ExecutionEngine
from exengine.data import DataHandler
from exengine.events.detector_events import ReadoutData, StartCapture
from exengine.storage_backends.ome_tiff import TiffStorage

from exengine_ome_tiff.demo.microscope import SimulatedMicroscope

TIME_POINTS = 3
CHANNELS = ("DAPI", "GFP")

engine = ExecutionEngine()
microscope = SimulatedMicroscope((256, 256))  # put your own devices here
storage = TiffStorage("time_lapse.ome.tiff", summary_metadata={"sample": "HeLa"}, numbered=True)
handler = DataHandler(storage)

try:
    for time in range(TIME_POINTS):
        for channel in CHANNELS:
            engine.submit(microscope.channel_event(channel))
            engine.submit(StartCapture(1, microscope.camera)).await_execution()
            place = {"time": time, "channel": channel}
            engine.submit(ReadoutData([place], microscope.camera, handler, num_blocks=1)).await_execution()
    engine.check_exceptions()
finally:
    handler.finish()
    handler.await_completion()
    engine.shutdown()
    storage.close()

with TiffStorage.open(storage.path) as finished:
    print(finished.path, *finished.images[0].sizes.items())
