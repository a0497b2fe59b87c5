"""pymmcore-plus: a listener that stores the frames of a run."""

import logging
from inspect import signature
from os import PathLike
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Self

import numpy.typing as npt

from exengine_ome_tiff.coordinates.acquisition_plan import EventCoordinates
from exengine_ome_tiff.dataset.location import check_dataset_name
from exengine_ome_tiff.tiff_storage import TiffStorage

logger = logging.getLogger(__name__)


class TiffStorageHandler:
    """Stores the frames of a pymmcore-plus run with a `TiffStorage`.

    Pass it to ``mmc.mda.run(sequence, output=handler)``, ``mmc.run_mda(sequence, output=handler)`` or
    `mda_listeners_connected`. The dataset starts with the sequence, and is finished when the sequence
    completes, is cancelled or fails. The axes are ``time``, ``channel`` (the preset), ``z``, ``position``
    (its name), ``tile`` (of a grid) and, with several cameras, ``camera``. `SummaryMetaV1` and `FrameMetaV1`
    are the metadata, and the sequence is the `plan`.

    pymmcore-plus calls the handler in a thread and drops its exceptions. Therefore, the handler logs errors
    and continues; `close`, or leaving the ``with`` block, raises them.

    Parameters
    ----------
    path
        Path as for `TiffStorage`.
    **options
        Options of `TiffStorage`; the default of ``on_error`` is "collect".

    Raises
    ------
    FileExistsError
        `path` exists, and neither ``overwrite=True`` nor ``numbered=True`` is given.
    TypeError
        `TiffStorage` has no such option, or the handler sets it.
    ValueError
        `path` ends like a file of another format.
    RuntimeError
        This process has imported ExEngine's devices. They change `threading.Thread.start`, so pymmcore-plus
        delivers no frames to the handler.

    Examples
    --------
    >>> with TiffStorageHandler("run.ome.tiff") as handler:
    ...     mmc.mda.run(sequence, output=handler)
    """

    def __init__(self, path: str | PathLike[str], **options: Any) -> None:
        signature(TiffStorage).bind(path, None, **options)
        check_dataset_name(path)
        if len(signature(Thread.start).parameters) != 1:
            raise RuntimeError(
                "ExEngine's devices are imported in this process and prevent pymmcore-plus from delivering "
                "frames: record the run in a separate process, or with ExEngine"
            )
        if not (options.get("overwrite") or options.get("numbered")) and Path(path).exists():
            raise FileExistsError(f"{path} exists; TiffStorageHandler(..., overwrite=True) replaces it")
        self.storage: TiffStorage | None = None
        """The storage of the latest run, readable during the run and until `close`."""
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
            self._keep_error(error, "no frames of the run are stored")

    def frameReady(self, frame: npt.NDArray[Any], event: Any, metadata: Any) -> None:  # noqa: N802
        """Store a frame."""
        if self.storage is None:
            if not self._errors:
                self._keep_error(RuntimeError("a frame came before sequenceStarted"), "it is not stored")
            return
        coordinates = self._coordinates.of(event, metadata.get("camera_device"))
        try:
            self.storage.put(coordinates, frame, metadata)
        except (TypeError, ValueError, OSError, RuntimeError) as error:
            self._keep_error(error, "a frame is not stored")

    def sequenceFinished(self, sequence: object) -> None:  # noqa: ARG002, N802
        """Finish the dataset."""
        if self.storage is None:
            return
        try:
            self.storage.finish()
        except OSError as error:
            self._keep_error(error, "close() tries again to finish the files")

    def close(self) -> None:
        """Finish and close the dataset; further calls do nothing.

        Raises
        ------
        ExceptionGroup
            All errors since the handler was created.
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

    def _keep_error(self, error: Exception, consequence: str) -> None:
        """Keep an error until `close`, because pymmcore-plus drops exceptions of listeners."""
        logger.error("%s: %s, so %s", self._path, error, consequence)
        self._errors.append(error)
