"""Record a time lapse of two channels with ExEngine. Change the numbers at the top."""

from exengine.events.detector_events import ReadoutData, StartCapture

from exengine_ome_tiff import TiffStorage, acquisition
from exengine_ome_tiff.demo.microscope import SimulatedMicroscope

TIME_POINTS = 3
CHANNELS = ("DAPI", "GFP")

storage = TiffStorage("time_lapse.ome.tiff", summary_metadata={"sample": "HeLa"}, numbered=True)

with acquisition(storage) as (engine, handler):
    microscope = SimulatedMicroscope((256, 256))  # put your own devices here
    for time in range(TIME_POINTS):
        for channel in CHANNELS:
            engine.submit(microscope.channel_event(channel))
            engine.submit(StartCapture(1, microscope.camera)).await_execution()
            place = {"time": time, "channel": channel}
            engine.submit(ReadoutData([place], microscope.camera, handler, num_blocks=1)).await_execution()

with TiffStorage.open(storage.path) as finished:
    sizes = finished.images[0].sizes
print(f"{storage.path}: {sizes['T']} time points, channels {', '.join(CHANNELS)}")
