"""Finding out from files alone which frames a dataset has, and what their metadata says."""

import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from exengine_ome_tiff.dataset.facts import read_planes
from exengine_ome_tiff.dataset.frame_index import Dataset
from exengine_ome_tiff.dataset.header import Header
from exengine_ome_tiff.dataset.loader import FoundFrame, add_frames, check_positions, found_frames
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.tiff import JournalPage, PageFinisher, resume
from exengine_ome_tiff.translate import Interpreter, PlaneTable

logger = logging.getLogger(__name__)

Progress = Callable[[int, int], object]
"""Is told how many bytes have been looked through, and how many there are."""


class Found(NamedTuple):
    """What `finish_files` needs of a dataset.

    Parameters
    ----------
    dataset
        Its frames.
    files
        Its files, in the order of the dataset's.
    planes
        What the metadata says of each frame, by its number.
    interpreter
        Has read the metadata of each frame.
    """

    dataset: Dataset
    files: list[PageFinisher]
    planes: PlaneTable
    interpreter: Interpreter


def read_back(
    paths: list[Path], header: Header, interpreter: Interpreter, progress: Progress | None = None
) -> Found:
    """Read the journals of files whose recording has ended.

    Parameters
    ----------
    paths
        The files. One that was never finished, and has no frame, is left out where there are others.
    header
        What they say of their dataset.
    interpreter
        Has read nothing yet.
    progress
        Is told how many bytes have been looked through, and how many there are.

    Raises
    ------
    OmeTiffError
        No frame is in them, or a finished one is damaged.
    """
    dataset = Dataset()
    files: list[PageFinisher] = []
    frames: list[FoundFrame] = []
    done, total = 0, sum(path.stat().st_size for path in paths)
    try:
        for path in paths:
            size = path.stat().st_size
            finisher, reader, pages = resume(path, header.coding)
            try:
                found = found_frames(len(files), path, _watched(pages, done, total, progress))
                if not found:
                    raise OmeTiffError(f"{path}: no frame is in it")  # noqa: TRY301
            except OmeTiffError as error:
                finisher.close()
                if finisher.is_finished or len(paths) == 1:
                    raise
                logger.warning("%s is left out; the folder opens when it is not there: %s", path, error)
                continue
            finally:
                done += size
            files.append(finisher)
            dataset.files.append(reader)
            frames += found
        if not frames:
            raise OmeTiffError(f"{paths[0].parent}: no frame is in it")  # noqa: TRY301
        check_positions([file.path for file in files], frames)
        add_frames(dataset, frames)
        planes = read_planes(dataset, interpreter)
    except (OmeTiffError, OSError):
        for file in files:
            file.close()
        raise
    return Found(dataset, files, planes, interpreter)


def _watched(
    pages: Iterable[JournalPage], done: int, total: int, progress: Progress | None
) -> Iterator[JournalPage]:
    for page in pages:
        if progress is not None:
            progress(done + page.ifd_at, total)
        yield page
