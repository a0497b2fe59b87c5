"""A checkpoint: the files become OME-TIFF with all frames so far, while the run continues."""

import threading
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from typing import Protocol

from exengine_ome_tiff.dataset.frame_index import FrameIndex
from exengine_ome_tiff.dataset.recording import Recording
from exengine_ome_tiff.tiff import (
    JournalFile,
    PageHandle,
    PixelFormat,
    chain,
    disk,
    give_back_memory,
    sync_folder,
    write_part,
)
from exengine_ome_tiff.tiff.final_chain import chain_nbytes, final_pages, first_page_tags, write_chain
from exengine_ome_tiff.writing.checkpointer import Checkpointer, CheckpointRule
from exengine_ome_tiff.writing.contents import CREATOR, Contents, FileContents
from exengine_ome_tiff.writing.files import WrittenFiles
from exengine_ome_tiff.writing.safety import Safety

_MANY_FRAMES = 10_000
"""A checkpoint of fewer frames needs so little memory that it is kept."""


class Held(Protocol):
    """Returns a context during which no frame can be put."""

    def __call__(self) -> AbstractContextManager[object]: ...  # noqa: D102


class Checkpoints:
    """Makes the checkpoints of a recording, one at a time.

    Parameters
    ----------
    recording
        The recording.
    files
        Its files, with waiting frames.
    snapshot
        Returns the frames so far; call it inside `held`.
    held
        Held for short times, during which `put` waits.
    safety
        Options for checkpoints and the disk.
    """

    def __init__(
        self,
        recording: Recording,
        files: WrittenFiles,
        snapshot: Callable[[], Recording],
        held: Held,
        safety: Safety,
    ) -> None:
        self._files = files
        self._snapshot = snapshot
        self._held = held
        self._fsync = safety.fsync
        self._lock = threading.RLock()
        """Held while a checkpoint is made; acquired before the recorder's lock."""
        name, rule = str(recording.location.path), CheckpointRule(safety.checkpoint)
        self.thread = Checkpointer(name, rule, lambda: len(recording.index), self._make_in_time)
        """The thread that makes checkpoints at intervals."""

    def make(self) -> None:
        """Make a checkpoint.

        Raises
        ------
        OSError
            As for `checkpoint_files`, or waiting frames of a file could not be written; the other files have
            this checkpoint.
        RuntimeError
            This is called inside another call.
        """
        with self._held():
            pass  # raises if this thread holds the recorder's lock, for which the checkpoint thread may wait
        with self._lock:
            errors = self._make()
        if errors:
            raise errors[0]

    def _make_in_time(self) -> bool:
        if not self._lock.acquire(blocking=False):
            return False  # another thread is making one
        try:
            self._make()
        finally:
            self._lock.release()
        return True

    def _make(self) -> list[OSError]:
        """Make a checkpoint of all files that could be written; return the errors of the others."""
        with self._held():
            errors = self._files.commit(fsync=False)
            left_out, frames = self._files.waiting(), self._snapshot()
        if errors and len(left_out) == len(frames.index.files):
            raise errors[0]
        count = len(frames.index)
        checkpoint_files(frames, left_out, self._held, fsync=self._fsync)
        del frames  # its memory is given back, too
        if count >= _MANY_FRAMES:
            give_back_memory()
        return errors


def checkpoint_files(recording: Recording, left_out: Collection[int], held: Held, *, fsync: bool) -> None:
    """Convert the current files to OME-TIFF, and write the companion of a folder.

    A file shows the previous checkpoint until its header points to this one; the header is written last.
    The companion of a folder lists the pages of one checkpoint, so it is deleted before and written after.

    Parameters
    ----------
    recording
        The frames, to which none is added. In all files except `left_out`, they are linked.
    left_out
        Numbers of files that are not changed.
    held
        Held for short times, during which `put` waits.
    fsync
        Whether the checkpoint must be safe on the disk before a header points to it.

    Raises
    ------
    OSError
        None or some of the files have this checkpoint; no frame is lost.
    """
    without_frames = {*range(len(recording.index.files))} - recording.index.files_with_frames()
    contents, location = Contents(recording, {*left_out, *without_frames}), recording.location
    if not contents.files:
        return
    begins = [_write_chain(each, contents, recording.index, held, fsync=fsync) for each in contents.files]
    part = None
    if location.is_folder:
        part = write_part(location.companion, contents.companion_xml(), fsync=fsync)
    try:
        if part is not None:
            with held():
                was_there = location.companion.exists()
                location.companion.unlink(missing_ok=True)
            if fsync and was_there:
                sync_folder(location.folder)
        with held():
            for each, first_at in zip(contents.files, begins, strict=True):
                each.file.file.check_in_place()
                each.file.tail.link(chain.FIRST_IFD_AT, first_at)
            if part is not None:
                part.replace(location.companion)
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def _write_chain(
    file: FileContents, contents: Contents, index: FrameIndex, held: Held, *, fsync: bool
) -> int:
    """Write the chain of a file into reserved space; return the offset of its first page."""

    def blank(journal: JournalFile, pixels: PixelFormat) -> PageHandle:
        with held():
            return journal.append_blank(pixels)

    journal, pages = file.file, file.pages(index, blank)
    extra = first_page_tags(contents.xml(file), CREATOR, contents.names_json)
    extra[chain.CHECKPOINT] = chain.LONG8, chain.OFFSET.pack(chain.HEADER_BYTES)
    # without smaller copies, which not every page has yet
    parts, count = list(final_pages(journal, pages, file.sizes, smaller={})), len(pages)
    del pages  # before their texts are made
    nbytes = chain_nbytes(parts, extra)
    try:
        with held():
            journal.file.check_in_place()
            at = journal.leave_room(nbytes)
        with journal.file.reopened("r+b", buffering=0) as opened:
            opened.seek(at)
            first_at = write_chain(opened, parts, count, extra)
            if fsync:
                journal.sync_file(opened)
    except OSError as error:
        raise disk.described(error, journal.path) from error
    return first_at
