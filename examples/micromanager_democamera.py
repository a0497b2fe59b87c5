"""Record positions, channels and z stacks with ExEngine and Micro-Manager's DemoCamera.

Needs the extra `micromanager`. For your own microscope, pass Micro-Manager's folder and the name of your
configuration file to `create_core_instance`.
"""

from itertools import product

import mm_test_adapters
from exengine.backends.micromanager import (
    MicroManagerCamera,
    MicroManagerSingleAxisStage,
    MicroManagerXYStage,
)
from exengine.events.detector_events import ReadoutData, StartCapture
from exengine.events.positioner_events import SetPosition1DEvent, SetPosition2DEvent
from mmpycorex import Core, create_core_instance, terminate_core_instances

from exengine_ome_tiff import TiffStorage, acquisition

POSITIONS_UM = {"left": (0, 0), "right": (500, 0)}
CHANNELS = ("DAPI", "FITC")  # presets of the config group "Channel"
HEIGHTS_UM = (-1.5, 0.0, 1.5)

create_core_instance(mm_test_adapters.device_adapter_path(), "MMConfig_demo.cfg")
core = Core()


class Camera(MicroManagerCamera):
    """ExEngine's camera delivers no metadata for single frames; this one adds values of the core."""

    def pop_data(self, timeout: float | None = None) -> tuple[object, dict[str, object] | None]:
        """Return the next frame and its metadata, or (None, None) after `timeout` s."""
        frame, metadata = super().pop_data(timeout)
        if frame is None:
            return None, None
        known = {"exposure_ms": core.get_exposure(), "pixel_size_um": core.get_pixel_size_um()}
        place = {"x_um": core.get_x_position(), "y_um": core.get_y_position()}
        return frame, {**metadata, **known, **place, "z_um": core.get_position()}


storage = TiffStorage("micromanager_democamera.ome.tiff", numbered=True)

with acquisition(storage) as (engine, handler):
    # ExEngine 0.4.0 always exposes with the core's default camera. If you have several cameras, call
    # core.set_camera_device(name) before each StartCapture.
    camera, xy_stage = Camera("Camera"), MicroManagerXYStage("XY")
    z_stage = MicroManagerSingleAxisStage("Z")
    for (position, xy_um), channel in product(POSITIONS_UM.items(), CHANNELS):
        engine.submit(SetPosition2DEvent(xy_stage, xy_um))
        # multi_d_acquisition_events has no channels yet, and takes no data handler
        engine.submit(lambda channel=channel: core.set_config("Channel", channel))
        for z, height_um in enumerate(HEIGHTS_UM):
            engine.submit(SetPosition1DEvent(z_stage, height_um))
            # ExEngine does not wait for the xy stage, and cannot submit methods of the core: hence a lambda
            engine.submit(lambda: core.wait_for_system())  # noqa: PLW0108
            engine.submit(StartCapture(1, camera)).await_execution()
            where = {"position": position, "channel": channel, "z": z}
            engine.submit(ReadoutData([where], camera, handler, num_blocks=1)).await_execution()
terminate_core_instances()

print(f"{storage.path}: {len(POSITIONS_UM)} positions, open it in Fiji with Bio-Formats")
