"""Recording a dataset: taking frames, writing them in time, finishing the files."""

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.ma import MaskedArray

from exengine_ome_tiff.coordinates import Coordinates, read_coordinates
from exengine_ome_tiff.dataset.facts import Facts
from exengine_ome_tiff.dataset.frame_index import Dataset
from exengine_ome_tiff.dataset.header import Header
from exengine_ome_tiff.dataset.location import Target
from exengine_ome_tiff.dataset.recording import read_back
from exengine_ome_tiff.dataset.records import decode_head, encode_record
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.tiff import (
    Algorithm,
    PixelFormat,
    packing_of,
    pixel_format,
)
from exengine_ome_tiff.translate import Interpreter, PlaneTable
from exengine_ome_tiff.writing.claim import begun_files, hold, sync_names
from exengine_ome_tiff.writing.files import WrittenFiles
from exengine_ome_tiff.writing.finalize import finish_files
from exengine_ome_tiff.writing.metadata_encoder import RepeatedMetadata
from exengine_ome_tiff.writing.put_errors import Failures

logger = logging.getLogger(__name__)

PIXEL_TYPE = "PixelType"
"""Tag that tells how Micro-Manager's cameras pack pixels, such as "RGB32"."""

IDLE_S = 0.25
"""How long a frame waits at the most before it is written."""
SLOW_S = 0.02
"""A frame that comes later than this after the one before is written at once."""


class Session:
    """The writing half of a storage; safe to use from several threads.

    It does not know the storage, which can so be collected, and the session finished, while nobody calls it.

    Parameters
    ----------
    target
        Where to write; claimed already.
    header
        What its files say of the dataset.
    dataset
        Empty; frames are added to it.
    interpreter
        Understands metadata.
    new_folders
        Folders that were made for the dataset, the innermost first.
    failures
        Has frames that are to be put once more.
    checksums
        Which checksum the record of each frame has.
    fsync
        Whether `finish` waits until all is safe on the disk.
    paths
        Files that another session has begun, and that were never finished; none to begin a new dataset.
    """

    def __init__(
        self,
        target: Target,
        header: Header,
        dataset: Dataset,
        interpreter: Interpreter,
        new_folders: Sequence[Path],
        failures: Failures,
        *,
        checksums: Algorithm | None,
        fsync: bool,
        paths: Sequence[Path] = (),
    ) -> None:
        # what ome-types imports in `finish` (pint, and so dask, where they are installed) imports this one,
        # which cannot be imported any more when Python ends
        import_module("concurrent.futures.process")
        self.is_finished = False
        self.frame_count = 0
        """Frames that were put, those that replaced others included."""
        self._lock = threading.RLock()
        self._changed = threading.Condition()
        """Notified when a frame has come and when the session is finished; never held for long."""
        self._waiters = 0
        self._target = target
        self._header = header
        self._dataset = dataset
        self._files = WrittenFiles(target, header, dataset, checksums)
        self._new_folders = new_folders
        self._failures = failures
        self._fsync = fsync
        self._planes = PlaneTable()
        self._interpreter = interpreter
        self._metadata = RepeatedMetadata()
        self._has_duplicates = False
        self._has_complex = False
        self._last_put_s = -SLOW_S
        self._process = os.getpid()
        self._is_busy = False
        """Whether files and books are being changed: they differ where an interrupt ended that."""
        self._was_interrupted = False
        self._is_ending = False
        self._is_abandoned = False
        self._wake = threading.Condition(self._lock)
        self._waiting_since_s: float | None = None
        self._flusher: threading.Thread | None = None
        if not target.is_folder and not paths:
            self._files.number({})
        try:
            self._held = hold(target)
        except BlockingIOError as error:
            raise FileExistsError(f"{target.path} is being written by another TiffStorage") from error
        if paths:
            try:
                self._go_on(paths)
            except (OmeTiffError, OSError):
                self._held.release()
                raise

    def put(self, given: Mapping[str, int | str], data: npt.ArrayLike, metadata: object) -> None:
        """Take a frame; see `TiffStorage.put`."""
        self.check_process()
        coordinates = read_coordinates(given)
        with self._lock:
            if self._is_ending:
                raise RuntimeError(f"coordinates {coordinates!r}: put after finish() or close()")
            try:
                self._put(coordinates, data, metadata)
            except BaseException:
                self._metadata.forget()  # the next frame is compared with one that was taken
                raise
        if self._waiters:
            self._tell()

    def wait_for(self, predicate: Callable[[], bool], timeout: float | None) -> bool:
        """Wait until a predicate holds that a new frame or the end can make true; return whether it does."""
        with self._changed:
            self._waiters += 1  # before the predicate is asked, which each `put` changes before it looks here
            try:
                return self._changed.wait_for(predicate, timeout)
            finally:
                self._waiters -= 1

    def _tell(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _put(self, coordinates: Coordinates, data: npt.ArrayLike, metadata: object) -> None:
        text, plain, changed = self._metadata.encode(metadata)
        tags = plain if isinstance(plain, dict) else {}
        array, pixels = _check_pixels(coordinates, data, tags)
        self._settle()
        file = self._files.number(coordinates)
        record = encode_record(coordinates, self.frame_count, text)
        now_s = time.monotonic()
        is_slow = now_s - self._last_put_s > SLOW_S
        self._is_busy = True
        try:
            handle = self._files.writers[file].append(array, pixels, record, at_once=is_slow)
        except OSError:
            self._is_busy = False  # the frame was not taken
            raise
        self._last_put_s = now_s
        self.frame_count += 1
        self._planes.append(self._interpreter.read(tags, changed))
        if pixels.stored_dtype.kind == "c" and not self._has_complex:
            self._has_complex = True
            logger.warning("%s: Bio-Formats cannot open files with complex pixels", self._target.path)
        replaced = self._dataset.add(self._dataset.axes.key(coordinates), file, handle)
        self._is_busy = False
        if replaced and not self._has_duplicates:
            self._has_duplicates = True
            logger.warning(
                "coordinates %r were put again: the last frame put at coordinates counts", coordinates
            )
        if self._waiting_since_s is None and self._files.writers[file].has_waiting:
            self._waiting_since_s = now_s
            self._wake_flusher()

    def facts(self) -> Facts:
        """Find out what is known of the frames so far; RuntimeError as for `check_process`."""
        self.check_process()
        with self._lock:
            self._settle()
            return Facts(self._header, self._dataset, self._planes, self._interpreter)

    def flush(self, *, fsync: bool = False) -> None:
        """Write all frames that wait; see `TiffStorage.flush`."""
        self.check_process()
        self._failures.try_again(self.put)
        with self._lock:
            self._settle()
            self._is_busy = True
            errors = self._files.commit(fsync=fsync)
            self._is_busy = False
            if errors:
                raise errors[0]
            self._waiting_since_s = None
            if fsync:
                sync_names(self._target, self._new_folders)

    def finish(self) -> None:
        """Take no more frames and finish the files, once; after an OSError it can be called again."""
        was_finished = self.is_finished
        if was_finished:
            return
        self.check_process()
        if not self._is_ending:
            self._failures.try_again(self.put)
        self._end()
        with self._lock:
            if self.is_finished:
                return
            failed: OSError | None = None
            if self.frame_count:
                try:
                    self.flush()
                except OSError as error:
                    failed = error
                if self._was_interrupted and failed is None:
                    self._read_back()
                finish_files(
                    self._target,
                    self._header,
                    self._dataset,
                    self._files.finishers,
                    self._planes,
                    self._interpreter,
                    fsync=self._fsync,
                    new_folders=self._new_folders,
                    waiting=self._files.waiting() if failed is not None else (),
                )
                if failed is not None:
                    raise failed
            else:
                self._leave_nothing()
            self._files.free()
            self._held.release()
            self.is_finished = True
        self._tell()

    def suspend(self) -> None:
        """Take no more frames and close the files without finishing them; see `TiffStorage.suspend`."""
        if self.is_finished:
            return
        self.check_process()
        self._end()
        with self._lock:
            try:
                if self.frame_count:
                    self.flush()
                else:
                    self._leave_nothing()
            finally:
                self._files.close()
                self._held.release()
                self.is_finished = True
        self._tell()

    def _end(self) -> None:
        """Take no more frames; return when nothing is written by itself any more."""
        with self._lock:
            self._is_ending = True
            self._wake.notify_all()
        if self._flusher is not None and self._flusher is not threading.current_thread():
            self._flusher.join()

    def _go_on(self, paths: Sequence[Path]) -> None:
        """Take the frames and files that another session has written."""
        found = read_back([*paths], self._header, self._interpreter)
        without_frame = {*paths}.difference(file.path for file in found.files)
        for path in (*without_frame, *begun_files(self._target)):
            path.unlink()  # or it would be in the way of one for its position
        self._files.go_on(found)
        self._planes = found.planes
        self.frame_count = decode_head(self._dataset.note(len(self._dataset) - 1)).number + 1

    def _settle(self) -> None:
        """Notice that an interrupt, such as Ctrl+C, ended what was being done in the middle."""
        if self._is_busy:
            self._is_busy, self._was_interrupted = False, True
            self.frame_count += 1  # no other frame gets the number of one that may be in a file
            self._planes.keep(len(self._dataset))
            self._interpreter.keep(len(self._dataset))

    def _read_back(self) -> None:
        """Find out from the files themselves which frames are in them."""
        found = read_back(self._files.left(), self._header, self._interpreter.like())
        self._dataset.become(found.dataset)
        self._files.finishers, self._planes, self._interpreter = found.files, found.planes, found.interpreter
        self._was_interrupted = False

    def check_process(self) -> None:
        """Raise RuntimeError in a process that was forked from the one that writes."""
        if os.getpid() != self._process:
            raise RuntimeError(
                f"{self._target.path} is written by another process, from which this one was forked"
            )

    def abandon(self) -> None:
        """Finish and close because nobody holds the storage any more."""
        if os.getpid() != self._process:
            return  # the file is that of the process that this one was forked from
        if threading.current_thread() is self._flusher:
            # the collector ran in the middle of a write of this very thread, which finishes when it is done
            self._is_ending = self._is_abandoned = True
            return
        self._finish_for_nobody()

    def _leave_nothing(self) -> None:
        """Remove the file without a page, which no reader would open, or the empty folder."""
        logger.warning("%s: no frame was put, so no file is left", self._target.path)
        self._held.release()  # Windows deletes no file that is held
        self._files.discard()
        for folder in self._new_folders:
            if any(folder.iterdir()):
                break
            folder.rmdir()

    def _wake_flusher(self) -> None:
        if self._flusher is None:
            flusher = threading.Thread(target=self._flush_when_idle, name="TiffStorage flush", daemon=True)
            flusher.start()
            self._flusher = flusher
        self._wake.notify()

    def _flush_when_idle(self) -> None:
        """Run in a thread of its own: write what has waited for `IDLE_S`."""
        with self._lock:
            while not self._is_ending:
                if self._waiting_since_s is None:
                    self._wake.wait()
                    continue
                rest_s = self._waiting_since_s + IDLE_S - time.monotonic()
                if rest_s > 0:
                    self._wake.wait(rest_s)
                    continue
                try:
                    self.flush()
                except OSError as error:
                    # the frames stay in memory: the next put meets the error, and finish tries again
                    logger.error("%s: could not write frames that wait: %s", self._target.path, error)
                    self._waiting_since_s = time.monotonic()
        if self._is_abandoned:
            self._finish_for_nobody()

    def _finish_for_nobody(self) -> None:
        try:
            self.finish()
        except OSError as error:
            logger.error("%s could not be finished, which recover() will do: %s", self._target.path, error)
        finally:
            self._dataset.close()
            self._held.release()


def _check_pixels(
    coordinates: Coordinates, data: npt.ArrayLike, tags: Mapping[str, object]
) -> tuple[npt.NDArray[Any], PixelFormat]:
    if isinstance(data, MaskedArray):
        raise TypeError(f"coordinates {coordinates!r}: got a masked array, expected a plain one")
    array = np.asarray(data)
    try:
        return array, pixel_format(array.shape, array.dtype.str, packing_of(array, tags.get(PIXEL_TYPE)))
    except (TypeError, ValueError) as error:
        raise type(error)(f"coordinates {coordinates!r}: {error}") from None
