"""The demo's simulated microscope.

ExEngine calls devices on its own thread. After `Device.__init__` has run, it redirects attribute access from
other threads there as well, so these devices set their state before that call.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from exengine import ExecutionEngine
from exengine.device_types import Detector, DoubleAxisPositioner, SingleAxisPositioner
from exengine.events.property_events import SetPropertiesEvent
from exengine.kernel.device import Device
from exengine.kernel.ex_event_base import ExecutorEvent

from exengine_ome_tiff.demo.scene import Scene, View

Clock: TypeAlias = Callable[[], datetime]
Metadata: TypeAlias = dict[str, str | int | float]


class UnknownChannelError(ValueError):
    """The microscope has no such channel."""


def local_time() -> datetime:
    """Return the current time with the local time zone."""
    return datetime.now(UTC).astimezone()


@dataclass
class Stand:
    """Positions of a simulated microscope's parts; its devices share and change them."""

    x_um: float = 0.0
    y_um: float = 0.0
    z_um: float = 0.0
    channel: str = "DAPI"
    time_s: float = 0.0


class SimulatedXYStage(DoubleAxisPositioner):
    """A stage that moves instantly."""

    def __init__(self, name: str, stand: Stand) -> None:
        self._stand = stand
        super().__init__(name)

    def set_position(self, x: float, y: float) -> None:
        """Move to stage coordinates in um."""
        self._stand.x_um, self._stand.y_um = x, y

    def get_position(self) -> tuple[float, float]:
        """Return the stage coordinates in um."""
        return self._stand.x_um, self._stand.y_um


class SimulatedZStage(SingleAxisPositioner):
    """A focus drive that moves instantly."""

    def __init__(self, name: str, stand: Stand) -> None:
        self._stand = stand
        super().__init__(name)

    def set_position(self, position: float) -> None:
        """Move to a height in um."""
        self._stand.z_um = position

    def get_position(self) -> float:
        """Return the height in um."""
        return self._stand.z_um


class SimulatedFilterWheel(Device):
    """A filter wheel with a filter for every channel; `label` is the channel in the light path."""

    def __init__(self, name: str, stand: Stand) -> None:
        self._stand = stand
        super().__init__(name)

    @property
    def label(self) -> str:
        """Name of the channel."""
        return self._stand.channel

    @label.setter
    def label(self, channel: str) -> None:
        self._stand.channel = channel


class SimulatedCamera(Detector):
    """A 12-bit camera that images a scene.

    It images the view at `start` and draws each frame when it is popped. Frames of a sequence are one
    exposure apart in the time of the scene. `stop` drops the frames not popped yet.

    Parameters
    ----------
    name
        Name in ExEngine and in the metadata.
    scene, stand
        The scene, and the position of the camera in it.
    shape
        Height and width of a frame in pixels.
    exposure_ms
        Time between the frames of a sequence.
    clock
        Returns the time of a frame's stamps, with a zone.
    """

    def __init__(
        self,
        name: str,
        scene: Scene,
        stand: Stand,
        shape: tuple[int, int],
        exposure_ms: float = 50.0,
        clock: Clock = local_time,
    ) -> None:
        self._scene, self._stand, self._shape = scene, stand, shape
        self._exposure_ms, self._clock = exposure_ms, clock
        self._label = name
        self._armed: int | None = None
        self._wanted: float = 0
        self._popped = 0
        self._exposures = 0
        self._view, self._channel, self._started = View(shape), stand.channel, clock()
        super().__init__(name)

    def arm(self, frame_count: int | None = None) -> None:
        """Prepare to acquire a number of frames: 1 is a snap, None is an endless sequence."""
        self._armed = frame_count

    def start(self) -> None:
        """Start exposing the current view."""
        stand = self._stand
        self._view = View(self._shape, stand.x_um, stand.y_um, stand.z_um, stand.time_s)
        self._channel = stand.channel
        self._started = self._clock()
        self._popped = 0
        self._wanted = float("inf") if self._armed is None else self._armed

    def stop(self) -> None:
        """Stop exposing."""
        self._wanted = 0

    def is_stopped(self) -> bool:
        """Return whether the sequence has ended."""
        return self._popped >= self._wanted

    def pop_data(self, timeout: float | None = None) -> tuple[npt.NDArray[np.uint16] | None, Metadata | None]:
        """Return the next frame and its metadata, or (None, None) after `timeout` s if there is none."""
        if self._popped >= self._wanted:
            time.sleep(timeout or 0)
            return None, None
        view = replace(self._view, time_s=self._view.time_s + self._popped * self._exposure_ms / 1000)
        frame = self._scene.frame(view, self._channel, self._exposures)
        metadata = self._metadata()
        self._popped += 1
        self._exposures += 1
        return frame, metadata

    def _metadata(self) -> Metadata:
        """Return metadata with Micro-Manager's keys and types; a snap has fewer."""
        now = self._clock()
        height, width = self._shape
        size_um = self._scene.pixel_size_um
        sequence: Metadata = {
            "Binning": "1",
            "Camera": self._label,
            "ElapsedTime-ms": f"{(now - self._started).total_seconds() * 1000:.2f}",
            "Height": str(height),
            "ImageNumber": str(self._popped),
            "PixelType": "GRAY16",
            "ROI-X-start": "0",
            "ROI-Y-start": "0",
            "TimeReceivedByCore": f"{now:%Y-%m-%d %H:%M:%S.%f}",
            "Width": str(width),
        }
        every: Metadata = {
            "Camera": self._label,
            "Exposure-ms": self._exposure_ms,
            "PixelSizeUm": size_um,
            "PixelSizeAffine": f"{size_um};0.0;0.0;0.0;{size_um};0.0",
            "Binning": "1",
            "BitDepth": 16,
            "ROI": f"0-0-{width}-{height}",
            "ReceivedTime": f"{now:%Y-%m-%d %H:%M:%S.%f %z}",
            "XPositionUm": self._view.x_um,
            "YPositionUm": self._view.y_um,
            "ZPositionUm": self._view.z_um,
        }
        return every if self._armed == 1 else sequence | every


class SimulatedMicroscope:
    """Simulated devices around one scene. Create it after the `ExecutionEngine`, which registers devices.

    Parameters
    ----------
    shape
        Height and width of a frame in pixels.
    scene
        The scene.
    clock
        Returns the time of a frame's stamps, with a zone; the time of the scene is separate.
    """

    def __init__(self, shape: tuple[int, int], scene: Scene | None = None, clock: Clock = local_time) -> None:
        if ExecutionEngine.get_instance() is None:
            raise RuntimeError(
                "create the ExecutionEngine first, for example with acquisition(): devices register with it"
            )
        self.stand = Stand()
        self.camera = SimulatedCamera("Camera", scene or Scene(), self.stand, shape, clock=clock)
        self.xy_stage = SimulatedXYStage("XY", self.stand)
        self.z_stage = SimulatedZStage("Z", self.stand)
        self.filter_wheel = SimulatedFilterWheel("Filters", self.stand)

    def channel_event(self, channel: str) -> ExecutorEvent:
        """Return the event that turns the filter wheel."""
        return SetPropertiesEvent([(self.filter_wheel, "label", channel)])

    def time_event(self, time_s: float) -> Callable[[], None]:
        """Return the event that sets the scene's time, without waiting for it to pass."""
        return partial(setattr, self.stand, "time_s", time_s)

    def settle(self) -> None:
        """Return immediately, because the simulated parts move instantly."""

    def close(self) -> None:
        """Do nothing, because the engine drops its devices at shutdown."""
