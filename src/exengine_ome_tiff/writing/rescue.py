"""Saving the frames of a file that another program deleted, replaced or truncated during a run."""

import errno
from dataclasses import replace
from itertools import count
from pathlib import Path

from exengine_ome_tiff.dataset.frame_index import FrameIndex
from exengine_ome_tiff.dataset.location import Location
from exengine_ome_tiff.dataset.records import decode_head, decode_metadata, encode_record
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.text_format import count_text
from exengine_ome_tiff.tiff import BufferPool, FileGoneError, JournalFile


def rescue(index: FrameIndex, number: int, location: Location) -> FileGoneError:
    """Save the readable frames of a file to a new unfinished file.

    Parameters
    ----------
    index
        The frames of the dataset.
    number
        Number of the file.
    location
        Location of the dataset; the new file is beside it, in a new folder if the dataset is a folder.

    Returns
    -------
    FileGoneError
        An error with the path of the saved frames and the numbers of frames that lost their metadata or all.

    Raises
    ------
    OSError
        The new file could not be written.
    """
    journal = index.files[number]
    path = _free_path(location, journal.path.name)
    path.parent.mkdir(exist_ok=True)
    saved = JournalFile.create(path, journal.header, journal.settings, BufferPool(0, 0))
    n_lost = n_without = 0
    try:
        for frame in range(len(index)):
            file, handle = index.place(frame)  # type: ignore[arg-type] # numbers count up from 0
            if file != number:
                continue
            try:
                pixels, note = journal.pixels(handle), journal.note(handle)
                head = decode_head(note)
            except (OmeTiffError, OSError):
                n_lost += 1
                continue
            try:
                decode_metadata(note)
            except OmeTiffError:
                n_without += 1
                note = encode_record(*head, "{}")
            saved.append(pixels, replace(journal.pages.format(handle), is_encoded=False), note)
        saved.commit()
        saved.sync()
    finally:
        saved.close()
    what = "it was deleted, replaced or truncated by another program"
    if saved.n_linked:
        what += f"; {count_text(saved.n_linked, 'frame')} saved to {path}, which recover() finishes"
    else:
        path.unlink()
    if n_without:
        what += f", {count_text(n_without, 'frame')} without metadata"
    if n_lost:
        what += f"; {count_text(n_lost, 'frame')} lost"
    return FileGoneError(errno.ENOENT, what, str(journal.path))


def _free_path(location: Location, name: str) -> Path:
    """Return an unused path for the saved frames of a file."""
    for attempt in count(1):
        mark = "rescued" if attempt == 1 else f"rescued_{attempt}"
        if location.is_folder:
            path = location.path.with_name(f"{location.path.name}.{mark}") / name
        else:
            path = location.path.with_name(f"{location.name}.{mark}.ome.tiff")
        if not path.exists():
            break
    return path
