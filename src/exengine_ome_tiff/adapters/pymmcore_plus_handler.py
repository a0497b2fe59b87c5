"""pymmcore-plus: a listener that writes each frame of a run."""

import logging
from inspect import signature
from os import PathLike
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Self

import numpy.typing as npt

from exengine_ome_tiff.coordinates.event_coordinates import EventCoordinates
from exengine_ome_tiff.tiff_storage import TiffStorage

logger = logging.getLogger(__name__)


class TiffStorageHandler:
    """Write the frames of a pymmcore-plus run with a `TiffStorage`.

    Give it to ``mmc.mda.run(sequence, output=handler)``, to ``mmc.run_mda(sequence, output=handler)`` or to
    `mda_listeners_connected`. The dataset begins when the sequence starts and is finished when it ends,
    completed, canceled or failed. Axes have names: ``time``, ``channel`` (the preset), ``z``, ``position``
    (its name), ``tile`` (of a grid) and, where several cameras record, ``camera``. The metadata are
    `SummaryMetaV1` and `FrameMetaV1` as they come. The sequence is the `plan`.

    pymmcore-plus calls it in a thread and drops what it raises. So the handler logs errors and continues, and
    `close`, or leaving the ``with`` block, raises them.

    Parameters
    ----------
    path
        As for `TiffStorage`.
    **options
        Options of `TiffStorage`; ``on_error`` is "collect" unless it is given.

    Raises
    ------
    FileExistsError
        There is something at `path`, and ``overwrite=True`` is not given.
    TypeError
        `TiffStorage` has no such option, or the handler itself sets it.
    RuntimeError
        ExEngine's devices are imported in this process: they change `threading.Thread.start` so that
        pymmcore-plus delivers nothing to a handler.

    Examples
    --------
    >>> with TiffStorageHandler("run.ome.tiff") as handler:
    ...     mmc.mda.run(sequence, output=handler)
    """

    def __init__(self, path: str | PathLike[str], **options: Any) -> None:
        signature(TiffStorage).bind(path, None, **options)
        if len(signature(Thread.start).parameters) != 1:
            raise RuntimeError(
                "ExEngine's devices are imported in this process and keep pymmcore-plus from delivering "
                "frames: record the run in a process of its own, or with ExEngine"
            )
        if not (options.get("overwrite") or options.get("numbered")) and Path(path).exists():
            raise FileExistsError(f"{path} exists; TiffStorageHandler(..., overwrite=True) replaces it")
        self.storage: TiffStorage | None = None
        """The storage of the latest run, which can be read during it and, until `close`, after it."""
        self._path = path
        self._options = {"on_error": "collect"} | options
        self._coordinates = EventCoordinates()
        self._errors: list[Exception] = []

    def sequenceStarted(self, sequence: object, summary: object) -> None:  # noqa: N802 - its names
        """Begin the dataset with the summary metadata of the run."""
        self._coordinates, self.storage = EventCoordinates(), None
        try:
            self.storage = TiffStorage(self._path, summary, **{"plan": sequence, **self._options})
        except (TypeError, ValueError, OSError, ImportError) as error:
            self._meet(error, "no frame of the run is stored")

    def frameReady(self, frame: npt.NDArray[Any], event: Any, metadata: Any) -> None:  # noqa: N802
        """Store a frame."""
        if self.storage is None:
            if not self._errors:
                self._meet(RuntimeError("a frame came before sequenceStarted"), "it is not stored")
            return
        coordinates = self._coordinates.of(event, metadata.get("camera_device"))
        try:
            self.storage.put(coordinates, frame, metadata)
        except (TypeError, ValueError, OSError, RuntimeError) as error:
            self._meet(error, "a frame is not stored")

    def sequenceFinished(self, sequence: object) -> None:  # noqa: ARG002, N802
        """Finish the dataset."""
        if self.storage is None:
            return
        try:
            self.storage.finish()
        except OSError as error:
            self._meet(error, "close() tries again to finish the files")

    def close(self) -> None:
        """Finish and close the dataset; calling it again does nothing.

        Raises
        ------
        ExceptionGroup
            All that went wrong since the handler was made.
        """
        errors, self._errors = self._errors, []
        if self.storage is not None:
            try:
                self.storage.close()
            except ExceptionGroup as group:
                errors += group.exceptions
            except (TypeError, ValueError, OSError) as error:
                errors.append(error)
        unlike = list({id(error): error for error in errors}.values())
        if unlike:
            raise ExceptionGroup(f"{self._path}: not all of the run is stored", unlike)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _meet(self, error: Exception, consequence: str) -> None:
        """Remember an error until `close`, as pymmcore-plus drops what listeners raise."""
        logger.error("%s: %s, so %s", self._path, error, consequence)
        self._errors.append(error)
