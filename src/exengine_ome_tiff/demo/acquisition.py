"""The demo's acquisition: time points, positions, channels and a z stack, by ExEngine into any storage."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from exengine import ExecutionEngine
from exengine.data import DataCoordinates, DataHandler
from exengine.events.detector_events import ReadoutData, StartCapture
from exengine.events.positioner_events import SetPosition1DEvent, SetPosition2DEvent
from exengine.kernel.data_storage_base import DataStorage
from exengine.kernel.ex_future import ExecutionFuture
from exengine.notifications import DataStoredNotification

from exengine_ome_tiff.demo.microscope import Microscope, SimulatedMicroscope
from exengine_ome_tiff.waiting import SLICE_S, News, interruptibly

Coordinates: TypeAlias = dict[str, int | str]
Progress: TypeAlias = Callable[[int, int], object]

_MIN_PIXELS, _MAX_PIXELS = 32, 8192
_MAX_WAITING_FRAMES = 16


@dataclass(frozen=True)
class DemoPlan:
    """What to acquire.

    Parameters
    ----------
    positions, time_points, z_slices
        How many; at least 1.
    channels
        Names of the channels, each once.
    size
        Height and width of a frame in pixels, or both at once; from 32 to 8192.
    z_step_um
        Distance between slices; the stack is centred on height 0.
    interval_s
        Time in the scene from one time point to the next. Nobody waits for it.
    spacing_um
        Distance between positions, along x.
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
        """How many frames there will be."""
        return self.time_points * self.positions * len(self.channels) * self.z_slices

    def stacks(self) -> Iterator[tuple[int, int, str]]:
        """Yield time point, position and channel of each z stack, in the order of acquisition."""
        return product(range(self.time_points), range(self.positions), self.channels)

    def z_um(self, z_slice: int) -> float:
        """Return the height of a slice in um."""
        return (z_slice - (self.z_slices - 1) / 2) * self.z_step_um


@dataclass(frozen=True)
class DemoResult:
    """How many frames an acquisition stored, how long it took, and how much of that the storage took."""

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
    """Acquire a plan with ExEngine into a storage, which is finished then but stays the caller's to close.

    Parameters
    ----------
    plan
        What to acquire. Coordinates are "time" (int), "position" ("Pos0", ...), "channel" (name), "z" (int).
    storage
        Takes the frames.
    microscope
        Makes the microscope for a frame shape (height, width), once the engine is there.
    progress
        Called on this thread with the number of frames stored so far and the number of all.

    Raises
    ------
    UnknownChannelError
        The microscope does not have a channel of the plan; nothing was acquired.
    RuntimeError
        An `ExecutionEngine` exists: it is a singleton, and this function shuts its own down.
    Exception
        What the storage, a device or `progress` raised. ExEngine's storage thread dies silently of an error
        in the storage and never finishes it: the caller's `storage.close()` does.
    """
    if ExecutionEngine.get_instance() is not None:
        raise RuntimeError("an ExecutionEngine already exists; shut it down before running the demo")
    engine = ExecutionEngine()
    try:
        scope = microscope(plan.shape)
        try:
            return _acquire(plan, storage, engine, scope, progress)
        finally:
            scope.close()
    finally:
        interruptibly(engine.shutdown)


def _acquire(
    plan: DemoPlan,
    storage: DataStorage,
    engine: ExecutionEngine,
    scope: Microscope,
    progress: Progress | None,
) -> DemoResult:
    """Acquire a plan with a running engine; stop its storage thread whatever happens."""
    for channel in plan.channels:
        scope.channel_event(channel)  # raises, before anything moves, where there is no such channel
    watch = _Watch(storage)
    engine.subscribe_to_notifications(watch.count_stored, DataStoredNotification)
    handler = DataHandler(watch)
    taken = 0
    start_s = time.perf_counter()
    try:
        for t, p, channel in plan.stacks():
            _await(engine.submit(scope.time_event(t * plan.interval_s)))
            _await(engine.submit(SetPosition2DEvent(scope.xy_stage, (p * plan.spacing_um, 0.0))))
            _await(engine.submit(scope.channel_event(channel)))
            for z in range(plan.z_slices):
                coordinates: Coordinates = {"time": t, "position": f"Pos{p}", "channel": channel, "z": z}
                _take(engine, scope, handler, plan.z_um(z), coordinates)
                taken += 1
                watch.wait_until(taken - _MAX_WAITING_FRAMES)
                if progress:
                    progress(watch.stored, plan.frames)
    finally:
        handler.finish()
        interruptibly(handler.await_completion)
    duration_s = time.perf_counter() - start_s
    watch.wait_until(plan.frames)
    engine.check_exceptions()
    if progress:
        progress(watch.stored, plan.frames)
    return DemoResult(watch.stored, duration_s, watch.storing_s)


def _take(
    engine: ExecutionEngine, scope: Microscope, handler: DataHandler, z_um: float, coordinates: Coordinates
) -> None:
    """Take one frame at a height and return when it is on its way to the storage."""
    _await(engine.submit(SetPosition1DEvent(scope.z_stage, z_um)))
    _await(engine.submit(scope.settle))
    _await(engine.submit(StartCapture(1, scope.camera)))
    readout = engine.submit(ReadoutData([coordinates], scope.camera, handler, num_blocks=1))
    try:
        _await(readout)
    finally:
        readout.stop()  # else it would go on waiting for a frame, and so would `shutdown`, after an interrupt


def _await(event: ExecutionFuture) -> None:
    """Wait until an event is executed, in slices, so that Ctrl+C is noticed on Windows."""
    while not event.is_execution_complete():
        with suppress(TimeoutError):
            event.await_execution(SLICE_S)
    event.await_execution()  # raises what the event raised


class _Watch(DataStorage):
    """Passes frames on to a storage and remembers its error, which ExEngine's storage thread would not."""

    def __init__(self, storage: DataStorage) -> None:
        self._storage = storage
        self._news = News()
        self._error: Exception | None = None
        self.stored = 0
        self.storing_s = 0.0

    def put(self, data_coordinates: DataCoordinates, data: npt.NDArray[np.generic], metadata: object) -> None:
        """Store a frame."""
        self._remember_error_of(partial(self._storage.put, data_coordinates, data, metadata))

    def finish(self) -> None:
        """Finish the storage."""
        self._remember_error_of(self._storage.finish)

    def count_stored(self, _notification: DataStoredNotification) -> None:
        """Count a frame as stored; runs on ExEngine's notification thread."""
        self.stored += 1
        self._news.tell()

    def wait_until(self, stored: int) -> None:
        """Return when that many frames are stored; raise the storage's error if there was one."""
        self._news.wait_for(lambda: self._error is not None or self.stored >= stored)
        if self._error is not None:
            raise self._error

    def _remember_error_of(self, call: Callable[[], object]) -> None:
        start_s = time.perf_counter()
        try:
            call()
        except Exception as error:
            self._error = error
            self._news.tell()
            raise
        finally:
            self.storing_s += time.perf_counter() - start_s
