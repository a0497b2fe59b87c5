"""Saving the frames of a file that somebody else has deleted, replaced or cut while it was written."""

import errno
from dataclasses import replace
from itertools import count
from pathlib import Path

from exengine_ome_tiff.dataset.frame_index import FrameIndex
from exengine_ome_tiff.dataset.location import Location
from exengine_ome_tiff.dataset.records import decode_head
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.text_format import count_text
from exengine_ome_tiff.tiff import BufferPool, FileGoneError, JournalFile


def rescue(index: FrameIndex, number: int, location: Location) -> FileGoneError:
    """Save what can be read of a file to a new one, which is unfinished.

    Parameters
    ----------
    index
        The frames of the dataset.
    number
        Of the file.
    location
        Where the dataset lives: the new file is beside it, in a folder of its own if that is a folder.

    Returns
    -------
    FileGoneError
        Says where the frames are, and how many could not be read.

    Raises
    ------
    OSError
        The new file could not be written.
    """
    journal = index.files[number]
    path = _free_path(location, journal.path.name)
    path.parent.mkdir(exist_ok=True)
    saved = JournalFile.create(path, journal.header, journal.settings, BufferPool(0, 0))
    n_lost = 0
    try:
        for frame in range(len(index)):
            file, handle = index.place(frame)  # type: ignore[arg-type] # numbers count up from 0
            if file != number:
                continue
            try:
                pixels, note = journal.pixels(handle), journal.note(handle)
                decode_head(note)
            except (OmeTiffError, OSError):
                n_lost += 1
                continue
            saved.append(pixels, replace(journal.pages.format(handle), is_encoded=False), note)
        saved.commit()
        saved.sync()
    finally:
        saved.close()
    what = "it was deleted, replaced or cut by another program"
    if saved.n_linked:
        what += f"; {count_text(saved.n_linked, 'frame')} saved to {path}, which recover() finishes"
    else:
        path.unlink()
    if n_lost:
        what += f"; {count_text(n_lost, 'frame')} lost"
    return FileGoneError(errno.ENOENT, what, str(journal.path))


def _free_path(location: Location, name: str) -> Path:
    """Return the path of a new file for the frames of a file by its name."""
    for attempt in count(1):
        mark = "rescued" if attempt == 1 else f"rescued_{attempt}"
        if location.is_folder:
            path = location.path.with_name(f"{location.path.name}.{mark}") / name
        else:
            path = location.path.with_name(f"{location.name}.{mark}.ome.tiff")
        if not path.exists():
            break
    return path
