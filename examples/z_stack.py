"""Record a z stack of three channels, with facts that no device reports: colours, wavelengths, objective."""

from exengine.events.detector_events import ReadoutData, StartCapture
from exengine.events.positioner_events import SetPosition1DEvent

from exengine_ome_tiff import ChannelInfo, ObjectiveInfo, TiffStorage, acquisition
from exengine_ome_tiff.demo.microscope import SimulatedMicroscope

SLICES = 7
Z_STEP_UM = 1.0
CHANNELS = {
    "DAPI": ChannelInfo(color="#0000FF", excitation_nm=358, emission_nm=461),
    "GFP": ChannelInfo(color="#00FF00", excitation_nm=488, emission_nm=507),
    "mCherry": ChannelInfo(color="#FF0000", excitation_nm=587, emission_nm=610),
}

storage = TiffStorage(
    "z_stack.ome.tiff",
    numbered=True,
    z_step_um=Z_STEP_UM,
    channels=CHANNELS,
    objective=ObjectiveInfo(magnification=20, numerical_aperture=0.8, immersion="Air"),
)

with acquisition(storage) as (engine, handler):
    microscope = SimulatedMicroscope((256, 256))  # put your own devices here
    for channel in CHANNELS:
        engine.submit(microscope.channel_event(channel))
        for z in range(SLICES):
            height_um = (z - SLICES // 2) * Z_STEP_UM
            engine.submit(SetPosition1DEvent(microscope.z_stage, height_um))
            engine.submit(StartCapture(1, microscope.camera)).await_execution()
            place = {"channel": channel, "z": z}
            engine.submit(ReadoutData([place], microscope.camera, handler, num_blocks=1)).await_execution()

with TiffStorage.open(storage.path) as finished:
    sizes = finished.images[0].sizes
print(f"{storage.path}: {sizes['Z']} slices, channels {', '.join(CHANNELS)}")
