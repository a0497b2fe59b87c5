"""Micro-Manager's demo microscope, driven by ExEngine like a real one. Requires the extra `micromanager`.

This module works around two limitations: ExEngine's camera omits most metadata and always snaps with the
core's default camera, and its xy stage does not wait until it has arrived.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from exengine_ome_tiff.demo.microscope import UnknownChannelError

try:
    import mm_test_adapters
    from exengine.backends.micromanager.mm_device_implementations import (
        MicroManagerCamera,
        MicroManagerSingleAxisStage,
        MicroManagerXYStage,
    )
    from mmpycorex import Core, create_core_instance, terminate_core_instances
except ImportError as error:
    raise ImportError(
        'Micro-Manager is not installed; install it with: pip install "exengine-ome-tiff[micromanager]"'
    ) from error

_CHANNEL_GROUP = "Channel"


class DescribedCamera(MicroManagerCamera):
    """Micro-Manager's camera; completes the metadata of its frames from the core's state."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._label = name

    def arm(self, frame_count: int | None = None) -> None:
        """Prepare to acquire a number of frames with this camera, whatever the core's default camera is."""
        Core().set_camera_device(self._label)
        super().arm(frame_count)

    def pop_data(self, timeout: float | None = None) -> tuple[Any, dict[str, Any] | None]:
        """Return the next frame and its metadata, or (None, None) after `timeout` s if there is none."""
        pixels, metadata = super().pop_data(timeout)
        if pixels is None:
            return None, None
        core = Core()
        described = {
            "Camera": self._label,
            "Exposure-ms": core.get_exposure(),
            "PixelSizeUm": core.get_pixel_size_um(),
            "PixelSizeAffine": ";".join(str(number) for number in core.get_pixel_size_affine()),
            "Binning": core.get_property(self._label, "Binning"),
            "BitDepth": core.get_image_bit_depth(),
            "ROI": "-".join(str(number) for number in core.get_roi()),
            "ReceivedTime": f"{datetime.now(UTC).astimezone():%Y-%m-%d %H:%M:%S.%f %z}",
            "XPositionUm": core.get_x_position(),
            "YPositionUm": core.get_y_position(),
            "ZPositionUm": core.get_position(),
        }
        return pixels, metadata | described


class MicroManagerMicroscope:
    """Micro-Manager's core with DemoCamera. Create it after the `ExecutionEngine`; one at a time.

    Its channels are the presets of the core's config group "Channel": Cy5, DAPI, FITC, Rhodamine.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        create_core_instance(mm_test_adapters.device_adapter_path(), "MMConfig_demo.cfg")
        core = Core()
        camera = core.get_camera_device()
        for name, pixels in zip(("OnCameraCCDYSize", "OnCameraCCDXSize"), shape, strict=True):
            core.set_property(camera, name, pixels)
        self.camera = DescribedCamera(camera)
        self.xy_stage = MicroManagerXYStage(core.get_xy_stage_device())
        self.z_stage = MicroManagerSingleAxisStage(core.get_focus_device())

    def channel_event(self, channel: str) -> Callable[[], None]:
        """Return the event that applies a channel's preset.

        Raises
        ------
        UnknownChannelError
            There is no such preset.
        """
        presets = Core().get_available_configs(_CHANNEL_GROUP)
        if channel not in presets:
            raise UnknownChannelError(f"Micro-Manager has no channel {channel!r}, only {', '.join(presets)}")
        return partial(self._set_channel, channel)

    def time_event(self, time_s: float) -> Callable[[], None]:  # noqa: ARG002
        """Return an event that only waits for the devices, because time passes on its own."""
        return self.settle

    def settle(self) -> None:
        """Wait until no device is busy."""
        Core().wait_for_system()

    def close(self) -> None:
        """Unload the devices and the core."""
        terminate_core_instances()

    def _set_channel(self, channel: str) -> None:
        """Apply a preset of the channel group."""
        Core().set_config(_CHANNEL_GROUP, channel)
