"""A checkpoint: the files become OME-TIFF with the frames so far, while others are put."""

import threading
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np

from exengine_ome_tiff.dataset.frame_index import FrameIndex
from exengine_ome_tiff.dataset.recording import Recording
from exengine_ome_tiff.tiff import JournalFile, PageHandle, PixelFormat, chain, disk, sync_folder, write_part
from exengine_ome_tiff.tiff.final_chain import chain_nbytes, final_pages, first_page_tags, write_chain
from exengine_ome_tiff.writing.checkpointer import Checkpointer, CheckpointRule
from exengine_ome_tiff.writing.contents import CREATOR, Contents, FileContents
from exengine_ome_tiff.writing.files import WrittenFiles
from exengine_ome_tiff.writing.safety import Safety


class Held(Protocol):
    """Makes what is held while no frame can be put."""

    def __call__(self) -> AbstractContextManager[object]: ...  # noqa: D102


class Checkpoints:
    """Makes the checkpoints of a recording, one at a time.

    Parameters
    ----------
    recording
        Gets the frames.
    files
        Has the frames that wait.
    snapshot
        Returns the frames so far, while others wait.
    held
        Held for moments, in which frames wait.
    safety
        When, and how carefully.
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
        """Of whoever makes one; taken before that of the recorder."""
        name, rule = str(recording.location.path), CheckpointRule(safety.checkpoint)
        self.thread = Checkpointer(name, rule, lambda: len(recording.index), self._make_in_time)
        """Makes them in time."""

    def make(self) -> None:
        """Make one; errors as for `checkpoint_files`, and a RuntimeError inside another call."""
        with self._held():
            pass  # raises inside a call that has the other lock, for which the thread may wait
        with self._lock:
            self._make()

    def _make_in_time(self) -> bool:
        if not self._lock.acquire(blocking=False):
            return False  # somebody else makes one
        try:
            self._make()
        finally:
            self._lock.release()
        return True

    def _make(self) -> None:
        with self._held():
            left_out = self._files.commit_what_can()
            frames = self._snapshot()
        checkpoint_files(frames, left_out, self._held, fsync=self._fsync)


def checkpoint_files(recording: Recording, left_out: Collection[int], held: Held, *, fsync: bool) -> None:
    """Make OME-TIFF of all files as they are, and the companion of a folder.

    A file shows the previous checkpoint until its header leads to this one; the header is written last.
    The companion of a folder is deleted before that and written after it, as it names pages of one of them.

    Parameters
    ----------
    recording
        The frames; none is added to it. Those of all files that are not left out are linked.
    left_out
        Numbers of files that stay as they are.
    held
        Held for moments, in which frames wait.
    fsync
        Whether a checkpoint is safe on the disk before anything leads to it.

    Raises
    ------
    OSError
        The files are as they were, or some of them have this checkpoint; all frames are there.
    """
    files, _ = recording.index.places(np.arange(len(recording.index)))
    without_frames = {*range(len(recording.index.files))}.difference(files.tolist())
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
    """Write the chain of a file, which has a place of its own there; return the offset of its first page."""

    def blank(journal: JournalFile, pixels: PixelFormat) -> PageHandle:
        with held():
            return journal.append_blank(pixels)

    journal, pages = file.file, file.pages(index, blank)
    extra = first_page_tags(contents.xml(file), CREATOR, contents.names_json)
    extra[chain.CHECKPOINT] = chain.LONG8, chain.OFFSET.pack(chain.HEADER_BYTES)
    parts = list(final_pages(journal, pages, file.sizes))
    try:
        with held():
            journal.file.check_in_place()
            at = journal.leave_room(chain_nbytes(parts, extra))
        with journal.file.reopened("r+b", buffering=0) as opened:
            opened.seek(at)
            first_at = write_chain(opened, parts, len(pages), extra)
            if fsync:
                journal.sync_file(opened)
    except OSError as error:
        raise disk.told(error, journal.path) from error
    return first_at
