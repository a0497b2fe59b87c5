"""Opening a file that was written before: what it says of its dataset, and the pages of its journal."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from exengine_ome_tiff.errors import NotFinishedError, OmeTiffError
from exengine_ome_tiff.tiff import chain
from exengine_ome_tiff.tiff.open_files import OpenFiles
from exengine_ome_tiff.tiff.pixels import PixelFormat
from exengine_ome_tiff.tiff.reader import PageReader
from exengine_ome_tiff.tiff.records import VOID, decode_block


class JournalPage(NamedTuple):
    """A page as the journal of a file tells it."""

    handle: int
    pixels: PixelFormat
    note: bytes


def read_dataset(path: Path) -> tuple[bytes, int | None]:
    """Read what a file says of its dataset, whether it is finished or not.

    Returns
    -------
    bytes
        What its `PageWriter` was given.
    int or None
        Offset of the journal, None where the file was never finished.

    Raises
    ------
    OmeTiffError
        The file is none of ours.
    """
    with path.open("rb") as file:
        first = chain.read_ifd(file, chain.first_offset(file))
        journal = first.find(chain.JOURNAL)
        dataset = (first if journal is None else chain.read_ifd(file, journal.number)).find(chain.DATASET)
        if dataset is None:
            raise OmeTiffError(f"{path}: not written by TiffStorage")
        return chain.read_bytes(file, dataset), None if journal is None else journal.number


def open_finished(path: Path, open_files: OpenFiles) -> tuple[PageReader, Iterator[JournalPage]]:
    """Open a file that `PageWriter.finish` finished.

    Parameters
    ----------
    path
        The file.
    open_files
        Bounds how many files are open.

    Returns
    -------
    PageReader
    iterator of JournalPage
        All pages that were put, in the order of the journal; must be exhausted before the reader is used.

    Raises
    ------
    OmeTiffError
        The file is none of ours.
    NotFinishedError
        It is, and was never finished.
    """
    dataset, journal = read_dataset(path)
    if journal is None:
        raise NotFinishedError(
            f"{path}: not finished: it is still being written, or its writer has ended before finish()"
        )
    reader = PageReader(path, open_files)
    reader.dataset = dataset
    return reader, _journal_pages(reader, journal)


def _journal_pages(reader: PageReader, offset: int) -> Iterator[JournalPage]:
    """Walk a journal chain, adding its pages to the reader."""
    with reader.reopened("rb") as file:
        for ifd in chain.walk(file, offset):
            record = ifd.find(chain.RECORDS)
            if record is None:
                continue
            text = chain.read_bytes(file, record)
            if text.startswith(VOID):
                continue
            pixels, note_at, notes = decode_block(text)
            data_at = ifd.offset
            if not pixels.is_encoded:
                strips = ifd.find(chain.STRIP_OFFSETS)
                if strips is None:
                    raise OmeTiffError(f"{reader.path}: the page at offset {ifd.offset} has no pixels")
                data_at = strips.number
            note_at += record.number
            for slot, note in enumerate(notes):
                handle = reader.add(pixels, len(note))
                reader.set_data_offset(handle, data_at + slot * pixels.nbytes)
                note_at = reader.set_note_offset(handle, note_at)
                yield JournalPage(handle, pixels, note)
