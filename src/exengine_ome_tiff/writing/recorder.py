"""Recording a dataset: accepting frames, writing them, finishing the files."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module

import numpy.typing as npt

from exengine_ome_tiff.coordinates.keys import Coordinates, FrameNumber, place_text, read_new_coordinates
from exengine_ome_tiff.dataset.facts import Facts
from exengine_ome_tiff.dataset.recording import Recording
from exengine_ome_tiff.dataset.records import as_tags, encode_record
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.tiff import FileGoneError, add_in_pause
from exengine_ome_tiff.waiting import News
from exengine_ome_tiff.writing import replacement
from exengine_ome_tiff.writing.checkpoint import Checkpoints
from exengine_ome_tiff.writing.claim import Claim, sync_names
from exengine_ome_tiff.writing.contents import needs_import_inside_import
from exengine_ome_tiff.writing.files import WrittenFiles
from exengine_ome_tiff.writing.finalize import finish_files
from exengine_ome_tiff.writing.flusher import Flusher
from exengine_ome_tiff.writing.forks import FORKS
from exengine_ome_tiff.writing.metadata_encoder import MetadataEncoder
from exengine_ome_tiff.writing.preloader import QUIET_S, Preloader
from exengine_ome_tiff.writing.put_errors import PutErrors
from exengine_ome_tiff.writing.put_pixels import check_pixels
from exengine_ome_tiff.writing.safety import Safety
from exengine_ome_tiff.writing.state import State
from exengine_ome_tiff.writing.worker import Workers
from exengine_ome_tiff.writing.write_back import WriteBack

logger = logging.getLogger(__name__)

_CUT_OFF = (OSError, RuntimeError, LookupError, ValueError, AttributeError)
"""Errors in a call that continues after its files were finished in the middle of it."""

_PUT_AGAIN = "frame at %r overwritten (same coordinates used twice; the last frame counts)"
PAUSE_S, SLOW_S = 0.001, 0.02
"""Time since the previous frame after which a frame checks that its file exists, and after which it is
written at once."""


class Recorder:
    """The writing half of a storage; safe to use from several threads.

    It has no reference to the storage, so the storage can be garbage-collected, and the recorder finishes the
    files.

    Parameters
    ----------
    recording
        The recording to which frames are added: new, or read from its files.
    claim
        The right to change its files; released at the end.
    errors
        Remembered errors, and frames to be put again.
    safety
        Options for the safety of the dataset.
    """

    def __init__(self, recording: Recording, claim: Claim, errors: PutErrors, safety: Safety) -> None:
        # `finish` imports ome-types, and with it pint and dask if they are installed. These import this
        # module, which Python can no longer import while it exits
        import_module("concurrent.futures.process")
        self.state = State.WRITING
        self._lock = threading.RLock()
        """Held by the thread that changes frames and files."""
        self._single = threading.Lock()
        """Held together with `_lock`; unlike that one, it keeps out nested calls of the same thread."""
        self._news = News()
        """Notifies waiting threads of new frames, and of the end."""
        self._recording, self._path = recording, recording.location.path
        self._claim = claim
        self._errors = errors
        self._fsync = safety.fsync
        self._files = WrittenFiles(recording, safety.algorithm)
        self._flusher = Flusher(str(recording.location.path), self._lock, self._write_waiting)
        self._checkpoints = Checkpoints(recording, self._files, self._snapshot, self._held_open, safety)
        preloader = Preloader(lambda: time.monotonic() - self._last_put_s > QUIET_S)
        write_back = WriteBack(recording.index.files, fsync=safety.fsync)
        self._workers = Workers(self._flusher, self._checkpoints.thread, preloader, write_back)
        self._encoder = MetadataEncoder(recording.header.given.exclude_metadata, recording.header.excluded)
        self._logged = set[str]()
        """Kinds of messages about frames that have been logged."""
        self._last_put_s, self._n_forks = -SLOW_S, FORKS.count
        self._is_consistent = True
        """Whether the recording matches the files; False after an interrupted `put`."""
        self._is_cut_off = False
        """Whether `finish` was called inside another call, which may still change the recording."""
        index = recording.index
        self._next_number = index.head(FrameNumber(len(index) - 1)).number + 1 if len(index) else 0
        if len(index):
            self._files.resume()
        elif not recording.location.is_folder:
            self._files.number({})

    @property
    def frame_count(self) -> int:
        """Number of readable frames, overwritten ones included."""
        return len(self._recording.index)

    def put(self, given: Mapping[str, int | str], data: npt.ArrayLike, metadata: object) -> None:
        """Add a frame; see `TiffStorage.put`."""
        self._check_process()
        coordinates = read_new_coordinates(given)
        with self._lock, self._alone("put()"):
            if self.state is not State.WRITING:
                raise RuntimeError(f"frame at {place_text(coordinates)}: put after finish() or close()")
            try:
                self._put(coordinates, data, metadata)
            except BaseException as error:
                self._encoder.forget()  # the next frame is compared with one that was taken
                if isinstance(error, _CUT_OFF):
                    self._check_unfinished("put()", State.WRITING, coordinates)
                raise
            self._check_unfinished("put()", State.WRITING, coordinates)
        self._news.tell()

    def _put(self, coordinates: Coordinates, data: npt.ArrayLike, metadata: object) -> None:
        text, plain, changed = self._encoder.encode(metadata)
        tags = as_tags(plain)
        array, pixels = check_pixels(coordinates, data, tags)
        index, table = self._recording.index, self._recording.metadata  # those of a finish in here are others
        file = self._files.number(coordinates)
        number, was_consistent, now_s = self._next_number, self._is_consistent, time.monotonic()
        record, pause_s = encode_record(coordinates, number, text), now_s - self._last_put_s
        self._is_consistent, self._next_number = False, number + 1  # no other frame gets that number
        try:
            if pause_s > PAUSE_S:
                index.files[file].file.check_in_place()
            handle = index.files[file].append(array, pixels, record, at_once=pause_s > SLOW_S)
        except OSError as error:
            journal = index.files[file]
            if journal.n_added == index.count_in(file):
                self._is_consistent = was_consistent  # the frame was not taken
                self._next_number = number + (not journal.is_link_certain)
            if isinstance(error, FileGoneError) and not self._is_cut_off:
                raise self._files.rescued(file) from None
            raise
        if was_consistent and table is not None:
            table.append(tags, changed)
        is_replaced = index.add(index.axes.key(coordinates), file, handle, number)
        self._is_consistent = was_consistent
        if is_replaced and "replaced" not in self._logged:
            self._log_once("replaced", _PUT_AGAIN, coordinates)
        if pixels.stored_dtype.kind == "c" and "complex" not in self._logged:
            self._log_once("complex", "%s: Bio-Formats cannot open files with complex pixels", self._path)
        if not self._workers.have_begun:
            self._workers.begin()
        if self._flusher.is_idle and index.files[file].has_waiting:
            self._flusher.begin(now_s)
        if pause_s > SLOW_S:
            add_in_pause(index.files[file], handle, array, pause_s)
        self._last_put_s = time.monotonic()  # the first frame starts threads, which takes a moment

    def facts(self) -> Facts | None:
        """Return the facts about the frames so far; None if the files are finished and contain them."""
        if self.state.is_over:
            return None
        self._check_process()
        with self._lock, self._alone("read access to frames"):
            frames = self._snapshot()
        return frames.facts()

    def _snapshot(self) -> Recording:
        """Return the frames so far; the lock must be held."""
        return self._recording.snapshot(is_read=self._is_consistent)

    def flush(self, *, fsync: bool = False) -> None:
        """Write all waiting frames; see `TiffStorage.flush`."""
        if self.state.is_over:
            return
        self._check_process()
        self._errors.try_again(self.put)
        with self._lock, self._alone("flush()"):
            state = self.state
            try:
                self._write_waiting(fsync=fsync)
                if fsync:
                    sync_names(self._recording.location, self._claim.new_folders)
            except _CUT_OFF:
                self._check_unfinished("flush()", state)
                raise
            self._check_unfinished("flush()", state)

    def checkpoint(self) -> None:
        """Convert the current files to OME-TIFF; see `TiffStorage.checkpoint`."""
        if not self.state.is_over:
            self._check_process()
            self._checkpoints.make()

    @contextmanager
    def _held_open(self) -> Iterator[None]:
        """Hold the lock; RuntimeError if the recorder accepts no more frames."""
        with self._checkpoints.thread.holding(self._lock), self._lock, self._alone("checkpoint()"):
            if self.state is not State.WRITING:
                raise RuntimeError(f"{self._path}: checkpoint() was cancelled by finish() or close()")
            yield

    def finish(self) -> None:
        """Stop accepting frames and finish the files, once; after an OSError it can be called again.

        A signal handler, or an object given to `put`, may call this inside a `put` or `flush` of the same
        thread. That call cannot continue before this one returns. The files are therefore finished with the
        frames that they have, and the interrupted call cannot change them any more.
        """
        self._end("finish() or close()", self._finish)
        self._workers.join()

    def suspend(self) -> None:
        """Stop accepting frames and close the unfinished files; see `TiffStorage.suspend`."""
        self._end("suspend()", self._suspend)
        self._workers.join()

    def wait_for(self, predicate: Callable[[], bool], timeout: float | None) -> bool:
        """Wait until a condition on the frames is true, or the recording ends; return whether it is true."""
        return self._news.wait_for(predicate, timeout)

    def abandon(self) -> None:
        """Finish and close, because the storage was garbage-collected."""
        if FORKS.count != self._n_forks:
            return  # the files belong to the parent process
        if not self._workers.hand_over(self._finish_for_nobody):
            self._finish_for_nobody()

    def _alone(self, call: str) -> AbstractContextManager[object]:
        """Return the lock against nested calls, which a call holds together with `_lock`.

        Raises
        ------
        RuntimeError
            The same thread is inside another call, which a signal handler or an object in metadata
            interrupted: nothing may change before that one returns.
        """
        if self._single.locked():
            raise RuntimeError(
                f"{self._path}: {call} was called during another call, for example in a signal handler, and "
                "had no effect: set a flag or raise an exception in the handler, and call it afterwards"
            )
        return self._single

    def _check_unfinished(self, call: str, before: State, coordinates: Coordinates | None = None) -> None:
        """Raise RuntimeError if the files were finished during a call."""
        if self.state is before:
            return
        self._is_consistent = False
        of_frame = "" if coordinates is None else f": the frame at {place_text(coordinates)} may be missing"
        raise RuntimeError(f"{self._path}: close() or finish() was called during {call}{of_frame}")

    def _check_process(self) -> None:
        """Raise RuntimeError in a process that was forked from the writing one."""
        if FORKS.count != self._n_forks:
            raise RuntimeError(f"{self._path} belongs to another process, from which this one was forked")

    def _write_waiting(self, *, fsync: bool = False) -> None:
        """Write all waiting frames; after an error, the frames of that file keep waiting."""
        was_consistent, self._is_consistent = self._is_consistent, False
        errors = self._files.commit(fsync=fsync)
        self._is_consistent = was_consistent
        if errors:
            raise errors[0]
        self._flusher.forget()

    def _end(self, call: str, leave: Callable[[], None]) -> None:
        """Stop accepting frames, and finish or suspend the files."""
        state = self.state
        if state.is_over:
            return
        self._check_process()
        with self._lock:
            is_writing = self.state is State.WRITING
            is_inside = is_writing and self._single.locked() and leave == self._finish
            if is_writing and not is_inside:
                self._errors.try_again(self.put)
            with nullcontext() if is_inside else self._alone(call):
                if self.state.is_over:
                    return
                self.state = self.state.to(State.ENDING)
                self._workers.stop()
                if is_inside:
                    self._is_cut_off, self._is_consistent = True, False
                    self._files.cut_off()
                leave()
        self._news.tell()

    def _finish(self) -> None:
        if self._may_have_frames():
            self._finish_files()
        else:
            self._leave_nothing()
        self._files.free()
        self._encoder.log_unused(self._path)
        replacement.delete(self._recording.location)
        self._claim.lock.release()
        self._recording.is_finished = True
        self.state = self.state.to(State.FINISHED)

    def _finish_files(self) -> None:
        failed: OSError | None = None
        try:
            self._write_waiting()
        except OSError as error:
            failed = error
        if not self._is_consistent:
            if failed is not None and not self._is_cut_off:
                raise failed  # the frames in the files are known only if all have been written
            paths = self._files.left()
            if not paths:
                self._leave_nothing()
                return
            self._recording.read_back(paths)
            self._is_consistent = True
        waiting = self._files.waiting() if failed is not None else set[int]()
        try:
            if not waiting or len(waiting) < len(self._recording.index.files):
                new_folders = self._claim.new_folders
                finish_files(self._recording, fsync=self._fsync, new_folders=new_folders, waiting=waiting)
        except OmeTiffError as error:
            if failed is not None:
                raise failed from error  # a truncated file has lost data that the others need
            raise
        if failed is not None:
            raise failed

    def _suspend(self) -> None:
        try:
            if self._may_have_frames():
                self._write_waiting()
            else:
                self._leave_nothing()
        finally:
            self._recording.close()
            self._files.free()
            self._claim.lock.release()
            self.state = self.state.to(State.SUSPENDED)

    def _may_have_frames(self) -> bool:
        """Whether there may be a frame in a file."""
        return self.frame_count > 0 or not self._is_consistent

    def _leave_nothing(self) -> None:
        """Remove the file without pages, which no reader can open, or the empty folder."""
        logger.warning("%s: no frames were written, so no file is left", self._path)
        self._files.discard()
        self._claim.give_back(self._recording.location)

    def _finish_for_nobody(self) -> None:
        try:
            if needs_import_inside_import():
                self._end("suspend()", self._suspend)
                logger.error(
                    "%s was not finished, because an import was in progress: recover() finishes it",
                    self._path,
                )
            else:
                self._end("finish() or close()", self._finish)
        except (OSError, OmeTiffError) as error:
            logger.error("%s was not finished%s: %s", self._path, self._files.way_to_finish(), error)
        finally:
            self._recording.index.close()
            self._claim.lock.release()

    def _log_once(self, kind: str, message: str, *values: object) -> None:
        self._logged.add(kind)
        logger.warning(message, *values)
