"""A z stack of three channels, with what the hardware does not tell: colours, wavelengths, the objective."""

from exengine import ExecutionEngine
from exengine.data import DataHandler
from exengine.events.detector_events import ReadoutData, StartCapture
from exengine.events.positioner_events import SetPosition1DEvent
from exengine.storage_backends.ome_tiff import TiffStorage

from exengine_ome_tiff import ChannelInfo, ObjectiveInfo
from exengine_ome_tiff.demo.microscope import SimulatedMicroscope

SLICES = 7
Z_STEP_UM = 1.0
CHANNELS = {
    "DAPI": ChannelInfo(color="#0000FF", excitation_nm=358, emission_nm=461),
    "GFP": ChannelInfo(color="#00FF00", excitation_nm=488, emission_nm=507),
    "mCherry": ChannelInfo(color="#FF0000", excitation_nm=587, emission_nm=610),
}

engine = ExecutionEngine()
microscope = SimulatedMicroscope((256, 256))  # put your own devices here
storage = TiffStorage(
    "z_stack.ome.tiff",
    numbered=True,
    z_step_um=Z_STEP_UM,
    channels=CHANNELS,
    objective=ObjectiveInfo(magnification=20, numerical_aperture=0.8, immersion="Air"),
)
handler = DataHandler(storage)

try:
    for channel in CHANNELS:
        engine.submit(microscope.channel_event(channel))
        for z in range(SLICES):
            height_um = (z - SLICES // 2) * Z_STEP_UM
            engine.submit(SetPosition1DEvent(microscope.z_stage, height_um))
            engine.submit(StartCapture(1, microscope.camera)).await_execution()
            place = {"channel": channel, "z": z}
            engine.submit(ReadoutData([place], microscope.camera, handler, num_blocks=1)).await_execution()
    engine.check_exceptions()
finally:
    handler.finish()
    handler.await_completion()
    engine.shutdown()
    storage.close()

with TiffStorage.open(storage.path) as finished:
    print(finished.images[0].name, finished.images[0].sizes, finished.images[0].channels)
