"""ExEngine: a block that stores every frame, closes the storage and stops the threads."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt
from exengine import ExecutionEngine
from exengine.data import DataCoordinates, DataHandler
from exengine.kernel.data_storage_base import DataStorage
from exengine.kernel.ex_event_capabilities import Abortable, Stoppable
from exengine.kernel.ex_future import ExecutionFuture

from exengine_ome_tiff.coordinates.keys import place_text
from exengine_ome_tiff.text_format import count_text, error_text
from exengine_ome_tiff.waiting import interruptibly

logger = logging.getLogger(__name__)

_POLL_S = 0.005


@contextmanager
def acquisition(
    storage: DataStorage,
    process_function: Callable[[DataCoordinates, npt.NDArray[Any], Any], Any] | None = None,
) -> Iterator[tuple[ExecutionEngine, DataHandler]]:
    """Acquire with ExEngine into a storage; leaving the block finishes and closes everything.

    Leaving the block waits for the submitted events, stores every frame, finishes and closes the storage and
    stops ExEngine's threads. If the block raises, or on Ctrl+C, pending events are dropped and readouts are
    stopped first; the frames taken so far are stored. ``TiffStorage.open(storage.path)`` reads them again.

    Create devices inside the block: they stop working with their engine. If an `ExecutionEngine` exists
    already, the block uses it and leaves it running, so that its devices serve several acquisitions.

    Parameters
    ----------
    storage
        A `TiffStorage` or another ExEngine storage.
    process_function
        Process function as for ExEngine's `DataHandler`. It takes coordinates, frame and metadata, and
        returns the three as a tuple, a list of such tuples, or None to store nothing. If it raises, or
        returns the coordinates of a frame that is not processed yet, the frame is stored unprocessed.

    Yields
    ------
    engine : ExecutionEngine
        Engine for the events. If a frame cannot be stored, its next `submit` raises the error of the storage.
    handler : DataHandler
        Handler that passes the frames to the storage.

    Raises
    ------
    Exception
        At the end of a block without an error: the first error of the storage or of `process_function`
        that no `submit` has raised, or the errors of events.
    TypeError
        `storage` is a path.
    RuntimeError
        ExEngine's `DataHandler` dropped frames, because an error ended one of its threads.

    Examples
    --------
    >>> with acquisition(TiffStorage("run.ome.tiff")) as (engine, handler):
    ...     camera = MicroManagerCamera()
    ...     engine.submit(StartCapture(10, camera))
    ...     engine.submit(ReadoutData([{"time": t} for t in range(10)], camera, handler, num_blocks=10))
    """
    if isinstance(storage, str | PathLike):
        raise TypeError(f"got storage={storage!r}, expected a storage: write acquisition(TiffStorage(...))")
    frames = _Frames(storage, process_function)
    with _closed(storage), closing(frames), _engine() as engine:
        handler = DataHandler(frames, process_function and frames.processed)
        frames.watch(handler)
        events = _Events(engine, frames)
        try:
            yield engine, handler
            events.wait()
        except BaseException:
            events.cancel()
            events.wait()
            with suppress(Exception):
                engine.check_exceptions()  # the block raises its own error
            raise
        finally:
            engine.submit = events.submit_before
            handler.finish()
            interruptibly(handler.await_completion)
    frames.raise_error()
    engine.check_exceptions()
    frames.raise_if_dropped()


@contextmanager
def _closed(storage: DataStorage) -> Iterator[None]:
    """Finish and close a storage; an error of the block takes precedence over one of the storage."""
    try:
        yield
    except BaseException as error:
        try:
            storage.finish()
            if isinstance(storage, AbstractContextManager):
                storage.__exit__(type(error), error, error.__traceback__)
            else:
                storage.close()
        except Exception as second:  # noqa: BLE001 - the first error is raised
            logger.error("could not close the storage: %s", error_text(second))
        raise
    storage.finish()
    storage.close()


@contextmanager
def _engine() -> Iterator[ExecutionEngine]:
    """Yield the existing engine, or one for this block."""
    existing = ExecutionEngine.get_instance()
    if existing is not None:
        with suppress(Exception):
            existing.check_exceptions()  # errors of earlier events are not of this block
        yield existing
        return
    engine = ExecutionEngine()
    try:
        yield engine
    finally:
        interruptibly(engine.shutdown)


class _Frames(DataStorage):
    """Passes frames to a storage and keeps errors, which would silently end ExEngine's thread."""

    def __init__(self, storage: DataStorage, process_function: Callable[..., Any] | None) -> None:
        self._storage = storage
        self._process: Any = process_function
        self._errors: list[Exception] = []
        self._n_expected = self._n_put = 0
        self._is_over = False
        self._lock = threading.RLock()
        self._returned: set[DataCoordinates] = set()
        """Coordinates that the process function returned and the handler has not passed on."""
        self._threads: set[threading.Thread] = set()
        """Threads of the handler."""
        self.get_data = storage.get_data
        self.get_metadata = storage.get_metadata

    def watch(self, handler: DataHandler) -> None:
        """Count the frames that a handler receives, and give it no two with the same coordinates at once.

        It would mix them up, and its threads would end. A frame therefore waits until an earlier one at its
        coordinates is stored.
        """
        put, self._handler = handler.put, handler

        def put_if_free(coordinates: DataCoordinates, *arguments: Any, **options: Any) -> None:
            while True:
                with self._lock:
                    is_free = coordinates not in self._returned and self._held(coordinates)[0] is None
                    if is_free or not self._is_working():
                        self._n_expected += 1
                        put(coordinates, *arguments, **options)
                        return
                if threading.current_thread() in self._threads:
                    raise ValueError(
                        f"process_function put a frame at {place_text(coordinates)}, where another frame is "
                        "not stored yet: use different coordinates"
                    )
                time.sleep(_POLL_S)

        handler.put = put_if_free

    def _held(self, coordinates: DataCoordinates, *, processed: bool | None = None) -> Any:
        """Return the frame and the metadata at some coordinates that the handler has not passed on.

        A tuple of None if there is no frame, and None if there is one, but not as processed as asked for.
        """
        return self._handler.get(coordinates, False, False, processed)

    def _is_working(self) -> bool:
        """Whether no thread of the handler has ended."""
        return all(thread.is_alive() for thread in tuple(self._threads))

    def put(self, data_coordinates: DataCoordinates, data: npt.NDArray[np.generic], metadata: object) -> None:
        """Store a frame."""
        self._threads.add(threading.current_thread())
        self._n_put += 1
        self._returned.discard(data_coordinates)
        try:
            self._storage.put(data_coordinates, data, metadata)
        except Exception as error:  # noqa: BLE001 - the block raises it
            self._keep_error("frame not stored", data_coordinates, error)

    def close(self) -> None:
        """Forget later errors: after a second Ctrl+C, ExEngine's threads may still put frames."""
        self._is_over = True

    def finish(self) -> None:
        """Do nothing, because the block finishes the storage and raises its errors."""

    def processed(self, coordinates: DataCoordinates, data: npt.NDArray[Any], metadata: object) -> Any:
        """Return the result of the process function, or the frame itself if the function fails."""
        self._threads.add(threading.current_thread())
        try:
            result = self._process(coordinates, data, metadata)
            self._return(_places(result), coordinates)
        except Exception as error:  # noqa: BLE001 - the block raises it
            self._keep_error("frame stored without processing", coordinates, error)
            return coordinates, data, metadata
        return result

    def _return(self, places: list[DataCoordinates], coordinates: DataCoordinates) -> None:
        """Wait until the handler can take frames at some places, made of the frame at `coordinates`."""
        others = [place for place in places if place != coordinates]
        while self._is_working():
            with self._lock:
                held = [self._held(place, processed=True) for place in others]
                if None in held:
                    raise ValueError(
                        "process_function returned the coordinates of another frame, which is not processed "
                        f"yet: {place_text(others[held.index(None)])}; return different ones"
                    )
                if all(data is None for data, _ in held):
                    self._returned.update(places)
                    self._n_expected += len(places) - 1
                    return
            time.sleep(_POLL_S)

    def raise_error(self) -> None:
        """Raise the first error not raised yet; the log has the others."""
        if self._errors:
            error = self._errors[0]
            self._errors.clear()
            raise error

    def raise_if_dropped(self) -> None:
        """Raise RuntimeError if ExEngine's threads ended before they passed on every frame."""
        dropped = self._n_expected - self._n_put
        if dropped > 0:
            raise RuntimeError(
                f"ExEngine's DataHandler dropped {count_text(dropped, 'frame')}, because one of its threads "
                "ended: Python printed the error"
            )

    def _keep_error(self, consequence: str, coordinates: DataCoordinates, error: Exception) -> None:
        if not self._is_over:
            logger.error("%s: %s at %s", error_text(error), consequence, place_text(coordinates))
            self._errors.append(error)


def _places(result: Any) -> list[DataCoordinates]:
    """Return the coordinates in the result of a process function; TypeError, ValueError if it is invalid."""
    if result is None:
        return []
    items = [result] if isinstance(result, tuple) and not isinstance(result[0], tuple) else result
    if not isinstance(items, list | tuple) or not all(
        isinstance(item, tuple) and len(item) == 3 and isinstance(item[0], dict | DataCoordinates)
        for item in items
    ):
        raise TypeError(
            "expected process_function to return (coordinates, data, metadata), a list of such tuples, or "
            f"None, got {type(result).__name__}"
        )
    places = [DataCoordinates(place) if isinstance(place, dict) else place for place, _, _ in items]
    if len({*places}) < len(places):
        raise ValueError(
            "process_function returned two frames with the same coordinates, expected different ones"
        )
    return places


class _Events:
    """Keeps the events submitted to an engine until they are executed."""

    def __init__(self, engine: ExecutionEngine, frames: _Frames) -> None:
        self.submit_before = engine.submit
        self._frames = frames
        self._futures: list[ExecutionFuture] = []
        self._n_waiting = 0
        self._lock = threading.Lock()
        engine.submit = self._submit

    def _submit(self, *arguments: Any, **options: Any) -> Any:
        self._frames.raise_error()
        submitted = self.submit_before(*arguments, **options)
        with self._lock:
            self._futures += submitted if isinstance(submitted, tuple) else (submitted,)
        if len(self._futures) > 2 * self._n_waiting + 100:
            self._waiting()
        return submitted

    def _waiting(self) -> list[ExecutionFuture]:
        """Return the futures of pending events, and forget the others."""
        with self._lock:
            self._futures = [future for future in self._futures if not future.is_execution_complete()]
            self._n_waiting = len(self._futures)
            return list(self._futures)

    def wait(self) -> None:
        """Wait for all events, as long as a thread executes events."""
        while self._waiting() and any(
            getattr(thread, "execution_engine_thread", False) for thread in threading.enumerate()
        ):
            time.sleep(_POLL_S)

    def cancel(self) -> None:
        """Stop running events if possible, and make pending events do nothing."""
        for future in self._waiting():
            future.event.execute = _nothing
            if isinstance(future.event, Stoppable):
                future.stop()
            if isinstance(future.event, Abortable):
                future.abort()


def _nothing() -> None:
    """Replace the `execute` of an event."""
