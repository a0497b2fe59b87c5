"""Opening finished files with their indexes, without reading the records."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from exengine_ome_tiff.coordinates.columns import CoordinateTable
from exengine_ome_tiff.dataset.columnar_index import IndexedFrames, decode_index
from exengine_ome_tiff.dataset.frame_index import FrameIndex
from exengine_ome_tiff.dataset.loader import Loaded
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.tiff import JournalFile, open_journal, read_index

logger = logging.getLogger(__name__)


def load_by_index(paths: Sequence[Path]) -> Loaded | None:
    """Open the files of a dataset for reading if all of them are finished and have an index.

    Returns
    -------
    Loaded or None
        None if a file is not finished, or its index is missing or damaged; use `load` then.
    """
    files: list[JournalFile] = []
    found: list[IndexedFrames] = []
    try:
        for path in paths:
            file, _ = open_journal(path, allow_unfinished=True)
            files.append(file)
            frames = _read(file) if file.is_finished else None
            if frames is None:
                break
            file.pages = frames.pages
            found.append(frames)
    except (OmeTiffError, OSError):
        found.clear()  # `load` has the same problem and decides whether to skip the file
    if len(found) == len(paths):
        return Loaded(_merged(files, found), [], is_finished=True)
    for file in files:
        file.close()
    return None


def read_indexed_frames(file: JournalFile) -> IndexedFrames | None:
    """Read the index of a finished file; None if there is none, OmeTiffError if it is damaged."""
    data = read_index(file)
    return None if data is None else decode_index(data, file.file.size())


def _read(file: JournalFile) -> IndexedFrames | None:
    """Read the index of a file; None if there is none, or if it is damaged, which is logged."""
    try:
        return read_indexed_frames(file)
    except OmeTiffError as error:
        logger.warning("%s: %s; reading the records instead, which takes longer", file.path, error)
        return None


def _merged(files: Sequence[JournalFile], found: Sequence[IndexedFrames]) -> FrameIndex:
    """Merge the frames of all files in order of arrival."""
    places = [number << 32 | np.arange(len(each.arrivals)) for number, each in enumerate(found)]
    order = np.argsort(np.concatenate([each.arrivals for each in found]), kind="stable")
    table = CoordinateTable.joined([each.coordinates for each in found], order)
    return FrameIndex.of(files, table, np.concatenate(places)[order])
