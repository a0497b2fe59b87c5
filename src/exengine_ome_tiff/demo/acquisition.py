"""The demo's acquisition: time points, positions, channels and z stacks, with ExEngine into any storage."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
from exengine import ExecutionEngine
from exengine.data import DataCoordinates, DataHandler
from exengine.events.detector_events import ReadoutData, StartCapture
from exengine.events.positioner_events import SetPosition1DEvent, SetPosition2DEvent
from exengine.kernel.data_storage_base import DataStorage
from exengine.kernel.ex_future import ExecutionFuture

from exengine_ome_tiff.adapters.exengine_acquisition import acquisition
from exengine_ome_tiff.demo.microscope import SimulatedMicroscope
from exengine_ome_tiff.waiting import SLICE_S, News

if TYPE_CHECKING:
    from exengine_ome_tiff.demo.micromanager_microscope import MicroManagerMicroscope

Microscope: TypeAlias = "SimulatedMicroscope | MicroManagerMicroscope"
"""Its devices live as long as the engine; `settle` runs on ExEngine's thread before each exposure."""

Progress: TypeAlias = Callable[[int, int], object]

_MIN_PIXELS, _MAX_PIXELS = 32, 8192
_MAX_WAITING_FRAMES = 16


@dataclass(frozen=True)
class DemoPlan:
    """What to acquire.

    Parameters
    ----------
    positions, time_points, z_slices
        Numbers of positions, time points and slices; at least 1.
    channels
        Distinct channel names.
    size
        Height and width of a frame in pixels, or one number for both; from 32 to 8192.
    z_step_um
        Distance between slices; the stack is centred at height 0.
    interval_s
        Simulated time between time points; the demo does not wait for it.
    spacing_um
        Distance between positions along x.
    """

    positions: int = 2
    time_points: int = 5
    channels: Sequence[str] = ("DAPI", "GFP")
    z_slices: int = 5
    size: int | tuple[int, int] = 512
    z_step_um: float = 1.5
    interval_s: float = 60.0
    spacing_um: float = 200.0

    def __post_init__(self) -> None:
        """Raise ValueError if the plan cannot be carried out."""
        for name in ("positions", "time_points", "z_slices"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("z_step_um", "interval_s", "spacing_um"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must be greater than 0, not {getattr(self, name)}")
        if not _MIN_PIXELS <= min(self.shape) <= max(self.shape) <= _MAX_PIXELS:
            raise ValueError(
                f"size must be at least {_MIN_PIXELS} and at most {_MAX_PIXELS} pixels each way, "
                f"not {self.size}"
            )
        if isinstance(self.channels, str) or not self.channels or not all(self.channels):
            raise ValueError(f"channels must be one or more names, not {self.channels!r}")
        if len(set(self.channels)) != len(self.channels):
            raise ValueError(f"each channel may occur only once: {', '.join(self.channels)}")

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of a frame in pixels."""
        return (self.size, self.size) if isinstance(self.size, int) else self.size

    @property
    def frames(self) -> int:
        """Number of frames."""
        return self.time_points * self.positions * len(self.channels) * self.z_slices

    def stacks(self) -> Iterator[tuple[int, int, str]]:
        """Yield time point, position and channel of each z stack, in the order of acquisition."""
        return product(range(self.time_points), range(self.positions), self.channels)

    def z_um(self, z_slice: int) -> float:
        """Return the height of a slice in um."""
        return (z_slice - (self.z_slices - 1) / 2) * self.z_step_um


@dataclass(frozen=True)
class DemoResult:
    """Number of frames stored, duration of the acquisition, and time spent in the storage."""

    frames: int
    duration_s: float
    storing_s: float

    @property
    def frames_per_s(self) -> float:
        """Frames stored per second of acquisition."""
        return self.frames / self.duration_s


def run(
    plan: DemoPlan,
    storage: DataStorage,
    microscope: Callable[[tuple[int, int]], Microscope] = SimulatedMicroscope,
    progress: Progress | None = None,
) -> DemoResult:
    """Acquire a plan with ExEngine into a storage, and finish the storage; the caller closes it.

    Parameters
    ----------
    plan
        What to acquire. Coordinates are "time" (int), "position" ("Pos0", ...), "channel" (name), "z" (int).
    storage
        Storage for the frames.
    microscope
        Creates the microscope for a frame shape (height, width), after the engine.
    progress
        Called on this thread with the number of frames stored so far and the total.

    Raises
    ------
    UnknownChannelError
        The microscope does not have a channel of the plan; nothing was acquired.
    RuntimeError
        An `ExecutionEngine` exists: it is a singleton, and this function shuts its own down.
    Exception
        An error of the storage, a device or `progress`.
    """
    if ExecutionEngine.get_instance() is not None:
        raise RuntimeError("an ExecutionEngine already exists; shut it down before running the demo")
    watch = _Watch(storage)
    start_s = time.perf_counter()
    with acquisition(watch) as (engine, handler):
        scope = microscope(plan.shape)
        try:
            for taken in _acquire(plan, engine, handler, scope):
                watch.wait_until(taken - _MAX_WAITING_FRAMES)
                if progress:
                    progress(watch.stored, plan.frames)
        finally:
            scope.close()
    if progress:
        progress(watch.stored, plan.frames)
    return DemoResult(watch.stored, time.perf_counter() - start_s, watch.storing_s)


def _acquire(
    plan: DemoPlan, engine: ExecutionEngine, handler: DataHandler, scope: Microscope
) -> Iterator[int]:
    """Take the frames of a plan one by one; yield their number so far."""
    for channel in plan.channels:
        scope.channel_event(channel)  # raises for an unknown channel before anything moves
    taken = 0
    for t, p, channel in plan.stacks():
        _await(engine.submit(scope.time_event(t * plan.interval_s)))
        _await(engine.submit(SetPosition2DEvent(scope.xy_stage, (p * plan.spacing_um, 0.0))))
        _await(engine.submit(scope.channel_event(channel)))
        for z in range(plan.z_slices):
            place = DataCoordinates(time=t, position=f"Pos{p}", channel=channel, z=z)
            _await(engine.submit(SetPosition1DEvent(scope.z_stage, plan.z_um(z))))
            _await(engine.submit(scope.settle))
            _await(engine.submit(StartCapture(1, scope.camera)))
            _await(engine.submit(ReadoutData([place], scope.camera, handler, num_blocks=1)))
            taken += 1
            yield taken


def _await(event: ExecutionFuture) -> None:
    """Wait until an event is executed, in slices, so that Ctrl+C is noticed on Windows."""
    while not event.is_execution_complete():
        with suppress(TimeoutError):
            event.await_execution(SLICE_S)
    event.await_execution()  # raises what the event raised


class _Watch(DataStorage):
    """Passes frames to a storage, counts them, and measures the time it takes."""

    def __init__(self, storage: DataStorage) -> None:
        self._storage = storage
        self._news = News()
        self._handled = 0
        self.stored = 0
        self.storing_s = 0.0

    def put(self, data_coordinates: DataCoordinates, data: npt.NDArray[np.generic], metadata: object) -> None:
        """Store a frame."""
        with self._timed():
            try:
                self._storage.put(data_coordinates, data, metadata)
                self.stored += 1
            finally:
                self.count_handled()

    def finish(self) -> None:
        """Finish the storage."""
        with self._timed():
            self._storage.finish()

    def close(self) -> None:
        """Do nothing, because the caller closes the storage."""

    def count_handled(self) -> None:
        """Count a frame that was stored or refused."""
        self._handled += 1
        self._news.tell()

    def wait_until(self, handled: int) -> None:
        """Return when that many frames were stored or refused."""
        self._news.wait_for(lambda: self._handled >= handled)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        start_s = time.perf_counter()
        try:
            yield
        finally:
            self.storing_s += time.perf_counter() - start_s
