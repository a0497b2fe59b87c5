"""Where the smaller copies of pages are, which `finish` makes."""

import numpy as np

from exengine_ome_tiff.dataset.frame_index import FrameIndex, PageLocations
from exengine_ome_tiff.tiff import PixelFormat, copies_in_file


def level_pages(dataset: FrameIndex, pages: PageLocations, level: int) -> PageLocations:
    """Find the smaller copies of pages.

    Parameters
    ----------
    dataset
        The frames.
    pages
        The pages themselves.
    level
        0 for the pages themselves, or the number of a copy, from 1 on.

    Raises
    ------
    ValueError
        There is no such level, or the frames have no such copies.
    """
    if not isinstance(level, int) or level < 0:
        raise ValueError(f"got level={level!r}, expected 0, or the number of a smaller copy from 1 on")
    if level == 0:
        return pages
    offsets, formats = np.empty_like(pages.offsets), np.empty_like(pages.formats)
    known: dict[PixelFormat, int] = {}
    for number in np.unique(pages.files).tolist():
        journal = dataset.files[number]
        rows = np.flatnonzero(pages.files == number)
        wanted = [
            (at, pages.known_formats[what])
            for at, what in zip(pages.offsets[rows].tolist(), pages.formats[rows].tolist(), strict=True)
        ]
        copies = copies_in_file(journal.file, wanted, level)
        for row, copy in zip(rows.tolist(), copies, strict=True):
            if copy is None:
                why = "" if journal.is_finished else ": `finish` makes smaller copies"
                raise ValueError(f"{journal.path}: there are frames without level {level}{why}")
            offsets[row], formats[row] = copy[0], known.setdefault(copy[1], len(known))
    return PageLocations(pages.files, offsets, formats, tuple(known))
