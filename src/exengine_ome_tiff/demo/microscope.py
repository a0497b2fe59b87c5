"""What a microscope of the demo has to offer, and a simulated one."""

from collections.abc import Callable
from functools import partial
from typing import Protocol

from exengine import ExecutionEngine
from exengine.device_types import Detector, DoubleAxisPositioner, SingleAxisPositioner
from exengine.events.property_events import SetPropertiesEvent
from exengine.kernel.ex_event_base import ExecutorEvent

from exengine_ome_tiff.demo.devices import (
    Clock,
    SimulatedCamera,
    SimulatedFilterWheel,
    SimulatedXYStage,
    SimulatedZStage,
    Stand,
    local_time,
)
from exengine_ome_tiff.demo.scene import Scene


class UnknownChannelError(ValueError):
    """The microscope has no such channel."""


class Microscope(Protocol):
    """What an acquisition needs of a microscope. Its devices live as long as the engine they were made in."""

    @property
    def camera(self) -> Detector:
        """The camera."""

    @property
    def xy_stage(self) -> DoubleAxisPositioner:
        """The stage that moves the sample, um."""

    @property
    def z_stage(self) -> SingleAxisPositioner:
        """The focus drive, um."""

    def channel_event(self, channel: str) -> ExecutorEvent | Callable[[], None]:
        """Return the event that switches to a channel."""

    def time_event(self, time_s: float) -> ExecutorEvent | Callable[[], None]:
        """Return the event that begins the time point at `time_s` after the first."""

    def settle(self) -> None:
        """Return when nothing moves any more; called on ExEngine's thread before each exposure."""

    def close(self) -> None:
        """Let go of the hardware."""


class SimulatedMicroscope:
    """The simulated devices around one scene. Make it after the `ExecutionEngine`, which registers devices.

    Parameters
    ----------
    shape : tuple of int
        Height and width of a frame in pixels.
    scene : Scene, optional
        What there is to see.
    clock : callable, optional
        Gives the time of a frame's stamps, with a zone; by default the real time. The scene has its own.
    """

    def __init__(self, shape: tuple[int, int], scene: Scene | None = None, clock: Clock = local_time) -> None:
        if ExecutionEngine.get_instance() is None:
            raise RuntimeError("make the ExecutionEngine first: it has to know the devices")
        self.stand = Stand()
        self.camera = SimulatedCamera("Camera", scene or Scene(), self.stand, shape, clock=clock)
        self.xy_stage = SimulatedXYStage("XY", self.stand)
        self.z_stage = SimulatedZStage("Z", self.stand)
        self.filter_wheel = SimulatedFilterWheel("Filters", self.stand)

    def channel_event(self, channel: str) -> ExecutorEvent:
        """Return the event that turns the filter wheel."""
        return SetPropertiesEvent([(self.filter_wheel, "label", channel)])

    def time_event(self, time_s: float) -> Callable[[], None]:
        """Return the event that sets the scene's time; nothing waits for it to pass."""
        return partial(self.stand.set_time, time_s)

    def settle(self) -> None:
        """Return at once: nothing takes time to move here."""

    def close(self) -> None:
        """Do nothing: the engine drops its devices at shutdown."""
