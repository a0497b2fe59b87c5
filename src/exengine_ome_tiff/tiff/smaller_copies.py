"""The smaller copies of frames: made from the frame in memory, or from its page in the file."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.tiff.journal_file import JournalFile
from exengine_ome_tiff.tiff.page_table import PageHandle
from exengine_ome_tiff.tiff.pixels import Window
from exengine_ome_tiff.tiff.pyramid import halved_in_shares, tiles
from exengine_ome_tiff.tiff.stored_page import read_page

logger = logging.getLogger(__name__)

Bands: TypeAlias = "Iterable[npt.NDArray[Any]]"
"""Consecutive rows of an image. The height of each band except the last one is even."""

_BAND_BYTES = 4 << 20
"""Larger arrays are new memory each time, and touching new memory takes longer than downsampling."""
_STRIP_ROWS = 4
"""Rows of a band are a multiple of this in pages without tiles, so that half of them are even."""
_PAUSE_S_PER_BYTE = 5e-9
"""A pause of this length for each byte of a frame is longer than making its copies takes."""


class _UnreadableError(Exception):
    """A page cannot be read, so it gets no smaller copies."""


def add_in_pause(journal: JournalFile, handle: PageHandle, data: npt.NDArray[Any], pause_s: float) -> None:
    """Write the smaller copies of a frame that was just added, if the time between frames is sufficient.

    Otherwise, and after an error of the disk, they are left to `add_missing`.

    Parameters
    ----------
    journal
        The file, in which the frame is linked.
    handle
        Handle of the frame.
    data
        The frame as it was put.
    pause_s
        Time between the end of the previous call of `put` and this one.
    """
    if journal.settings.coding.pyramid_levels is None:
        return
    pixels = journal.pages.format(handle)
    if pause_s < pixels.nbytes * _PAUSE_S_PER_BYTE:
        return
    try:
        _add(journal, handle, _halved_bands(journal, handle, data))
    except (OSError, OmeTiffError, MemoryError) as error:
        logger.debug("%s: finish() makes the smaller copies of a frame: %s", journal.path, error)


def add_missing(journal: JournalFile, pages: npt.NDArray[np.int64]) -> None:
    """Write the smaller copies that pages do not have yet.

    Parameters
    ----------
    journal
        The file.
    pages
        Handles, shape (n,). A page that cannot be read is logged and has no copies afterwards.

    Raises
    ------
    OSError
        The disk is full or fails. This function may be called again.
    """
    coding = journal.settings.coding
    if coding.pyramid_levels is None:
        return
    left = journal.file.size()
    for handle in map(PageHandle, np.unique(pages).tolist()):
        copies = journal.smaller.get(handle, [])
        if len(copies) == len(coding.smaller(journal.pages.format(handle))):
            continue
        try:
            with _reading():
                left -= journal.stored_nbytes(handle)
            if left < 0:
                raise OmeTiffError(f"{journal.path}: its pages overlap")
            _add(journal, handle, _halved_bands(journal, copies[-1] if copies else handle))
        except _UnreadableError as error:
            journal.smaller.pop(handle, None)
            logger.error("%s: no smaller copies of a page that cannot be read: %s", journal.path, error)


@contextmanager
def _reading() -> Iterator[None]:
    """Distinguish errors of reading a page from those of writing its copies."""
    try:
        yield
    except (OmeTiffError, OSError) as error:
        raise _UnreadableError(str(error)) from error


def _add(journal: JournalFile, handle: PageHandle, bands: Bands) -> None:
    """Write the copies that a page does not have yet.

    Each copy is made from the next larger one while tifffile takes the bands of that one, so no copy is read
    again. The largest copy exists only in bands; the next one is a sixteenth of the frame.

    Parameters
    ----------
    journal
        The file.
    handle
        Handle of the page.
    bands
        The largest of these copies.
    """
    coding, copies = journal.settings.coding, journal.smaller.setdefault(handle, [])
    missing = coding.smaller(journal.pages.format(handle))[len(copies) :]
    for pixels, smaller in zip_longest(missing, missing[1:]):
        if smaller is not None:
            half = np.empty(smaller.stored_shape, smaller.stored_dtype)
            bands = _halved_into(half, bands)
        tile = coding.tile_of(pixels)
        copy = np.concatenate([*bands]) if tile is None else tiles(bands, pixels, tile)
        copies.append(journal.append_loose(copy, pixels))
        bands = () if smaller is None else (half,)


def _halved_into(half: npt.NDArray[Any], bands: Bands) -> Bands:
    """Pass on the bands of an image, and make a smaller copy of the image in the meantime."""
    top = 0
    for band in bands:
        rows = halved_in_shares(band)
        half[top : top + len(rows)] = rows
        top += len(rows)
        yield band


def _halved_bands(journal: JournalFile, source: PageHandle, data: npt.NDArray[Any] | None = None) -> Bands:
    """Yield a page at half its size, in bands of some rows of tiles.

    Parameters
    ----------
    journal
        The file.
    source
        Handle of the page.
    data
        The page as it was put; None to read it.
    """
    pixels, at = journal.pages.place(source)
    height, width = pixels.stored_shape[:2]
    tile_height, _ = journal.settings.coding.tile_of(pixels) or (_STRIP_ROWS, 0)
    step = max(1, _BAND_BYTES // (pixels.nbytes // height * tile_height)) * tile_height
    for top in range(0, height // 2 * 2, step):
        if data is None:
            with _reading():
                band = read_page(journal.file, at, pixels, Window(top, 0, min(top + step, height), width))
        else:
            band = np.ascontiguousarray(pixels.as_stored(data[top : top + step]), pixels.stored_dtype)
        half = halved_in_shares(band)
        del band  # before the next one is made
        yield half
