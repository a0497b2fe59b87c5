"""A dataset that grows while it is open for reading, because another process writes it."""

import logging
import os
from collections import deque
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from exengine_ome_tiff.coordinates.keys import FrameNumber, Key
from exengine_ome_tiff.dataset.frame_index import FrameIndex
from exengine_ome_tiff.dataset.loader import FoundFrame, Loaded, read_header
from exengine_ome_tiff.dataset.location import is_tiff
from exengine_ome_tiff.dataset.recording import Recording
from exengine_ome_tiff.dataset.records import decode_head
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.tiff import JournalPage, open_journal, read_added

logger = logging.getLogger(__name__)

_MOST_RECENT = 1 << 14
"""More frames than the buffers of a writer can hold."""


class Growth:
    """Adds new frames in the files to a recording; for one thread at a time.

    The writer does not write all files at once, so a frame may be found after frames that were put later. The
    index keeps the order of `put`, as if the dataset had just been opened. If that changes the numbers of
    frames in the index, there is a new recording, and the previous one stays unchanged.

    Parameters
    ----------
    recording
        An unfinished dataset, open for reading.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.keys: list[Key] = recording.index.keys()
        """Keys of all frames in the order in which they were found, overwriting ones included."""
        self._process = os.getpid()
        index = recording.index
        self._settled = index.head(FrameNumber(len(index) - 1)).number
        """Arrival number of the last frame before those in `_recent`."""
        self._recent: deque[FoundFrame] = deque()
        """The last frames of the index."""
        self._left_out: set[str] = set()
        """Names of TIFF files in the folder that are damaged or not part of the dataset."""
        self._damage: OmeTiffError | None = None

    def refresh(self) -> int:
        """Add the frames that the files have now; return how many are new.

        Raises
        ------
        FileGoneError
            A file was deleted, moved or replaced.
        OmeTiffError
            A file was finished, and is damaged.
        RuntimeError
            This process was forked from the one that opened the dataset.
        """
        if self.recording.is_finished:
            return 0
        if self._damage is not None:
            raise self._damage
        if os.getpid() != self._process:
            path = self.recording.location.path
            raise RuntimeError(f"{path} was opened by another process: open it again in this one")
        found: list[FoundFrame] = []
        try:
            is_finished = self._look(found)
        except OmeTiffError as error:
            self._damage = error
            raise
        finally:
            if found:  # also if another file is gone
                self._add(found)
        if is_finished:
            names = Loaded(self.recording.index, [], is_finished).names
            self.recording = replace(self.recording, is_finished=True, names=names)
        return len(found)

    def close(self) -> None:
        """Close all files."""
        self.recording.close()

    def _look(self, found: list[FoundFrame]) -> bool:
        """Append new frames to a list; return whether all files are finished."""
        files = self.recording.index.files
        for number, file in enumerate(files):
            found += _found(number, read_added(file))
        is_finished = all(file.is_finished for file in files)
        # look through the folder last: once all files are finished, the writer creates no more
        return (not self.recording.location.is_folder or self._look_for_files(found)) and is_finished

    def _look_for_files(self, found: list[FoundFrame]) -> bool:
        """Append frames of new files in the folder to a list; return whether these files are finished."""
        files, are_finished = self.recording.index.files, True
        known = self._left_out.union(file.path.name for file in files)
        for path in sorted(self.recording.location.folder.iterdir()):
            if path.name in known or not is_tiff(path) or not self._is_part(path):
                continue
            journal, pages = open_journal(path, allow_unfinished=True)
            are_finished &= journal.is_finished
            try:
                frames = _found(len(files), list(pages))
            except OmeTiffError as error:
                journal.close()
                if journal.is_finished:
                    logger.warning("%s is damaged and left out: %s", path, error)
                    self._left_out.add(path.name)
                continue
            files.append(journal)
            found += frames
        return are_finished

    def _is_part(self, path: Path) -> bool:
        """Whether a file is part of the dataset; a file without pages is not yet."""
        if path.is_symlink() or not path.is_file():
            return False
        with suppress(OmeTiffError):
            if read_header(path).dataset == self.recording.header.dataset:
                return True
            self._left_out.add(path.name)
        return False

    def _add(self, frames: list[FoundFrame]) -> None:
        """Add frames to the index, in the order of `put`."""
        axes = self.recording.index.axes
        self.keys += [axes.key(frame.head.coordinates) for frame in frames]
        frames.sort(key=_number)
        last = _number(self._recent[-1]) if self._recent else self._settled
        if _number(frames[0]) < last:
            frames = sorted([*self._taken_back(_number(frames[0])), *frames], key=_number)
        index = self.recording.index
        for frame in frames:
            key = index.axes.key(frame.head.coordinates)
            index.add(key, frame.file, frame.page.handle, _number(frame))
            self._recent.append(frame)
        while len(self._recent) > _MOST_RECENT:
            self._settled = _number(self._recent.popleft())

    def _taken_back(self, number: int) -> list[FoundFrame]:
        """Remove the frames that were put after a given arrival number; return them."""
        taken: list[FoundFrame] = []
        while self._recent and _number(self._recent[-1]) > number:
            taken.append(self._recent.pop())
        index = self.recording.index
        if self._recent or self._settled < number:
            self.recording = replace(self.recording, index=index.without_last(len(taken)))
            return [*reversed(taken)]
        self._settled = -1
        self.recording = replace(self.recording, index=index.without_last(len(index)))
        return [_found_again(index, FrameNumber(row)) for row in range(len(index))]


def _found(file: int, pages: list[JournalPage]) -> list[FoundFrame]:
    return [FoundFrame(decode_head(page.note), file, page._replace(note=b"")) for page in pages]


def _found_again(index: FrameIndex, frame: FrameNumber) -> FoundFrame:
    """Read the record of a frame again."""
    file, handle = index.place(frame)
    return FoundFrame(index.head(frame), file, JournalPage(handle, b"", None, None))


def _number(frame: FoundFrame) -> int:
    return frame.head.number
