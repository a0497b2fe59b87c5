"""Opening a file that was written before, by anybody: what it says of its dataset, and its journal."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from exengine_ome_tiff.errors import NotFinishedError, OmeTiffError
from exengine_ome_tiff.tiff import chain
from exengine_ome_tiff.tiff.coding import PageCoding
from exengine_ome_tiff.tiff.finisher import PageFinisher
from exengine_ome_tiff.tiff.growing_file import GrowingFile
from exengine_ome_tiff.tiff.open_files import OpenFiles
from exengine_ome_tiff.tiff.pixels import PixelFormat
from exengine_ome_tiff.tiff.reader import PageReader
from exengine_ome_tiff.tiff.records import BlockRecord, decode_block


class JournalPage(NamedTuple):
    """A page as the journal of a file tells it.

    Parameters
    ----------
    handle
        Of the page.
    pixels
        What was put.
    note
        Of the page.
    checksum
        Of its pixels; None where there is none.
    ifd_at
        Offset of the IFD of the first page of its block.
    """

    handle: int
    pixels: PixelFormat
    note: bytes
    checksum: str | None
    ifd_at: int


class _Block(NamedTuple):
    """A block of pages whose IFD, record and pixels are in the file."""

    ifd: chain.Ifd
    record: BlockRecord
    data_at: int
    note_at: int


class FileHead(NamedTuple):
    """What a file says at its beginning.

    Parameters
    ----------
    dataset
        What its `PageWriter` was given.
    journal
        Offset of the first page of its journal.
    last
        Offset of its last page; None where that is the one that links to no other.
    is_finished
        Whether it was finished.
    """

    dataset: bytes
    journal: int
    last: int | None
    is_finished: bool


def read_head(path: Path) -> FileHead:
    """Read what a file says of its dataset, whether it is finished or not.

    Raises
    ------
    OmeTiffError
        The file is none of ours.
    """
    with path.open("rb") as file:
        first = chain.read_ifd(file, chain.first_offset(file))
        journal = first.find(chain.JOURNAL)
        ends = (first.offset,) if journal is None else chain.read_numbers(file, journal)
        if not 1 <= len(ends) <= 2:
            raise OmeTiffError(f"{path}: tag {chain.JOURNAL} has {len(ends)} values")
        head = first if journal is None else chain.read_ifd(file, ends[0])
        dataset = head.find(chain.DATASET)
        if dataset is None:
            raise OmeTiffError(f"{path}: not written by TiffStorage")
        last = ends[1] if len(ends) > 1 else None
        return FileHead(chain.read_bytes(file, dataset), head.offset, last, journal is not None)


def is_begun(path: Path) -> bool:
    """Whether a file is one that `PageWriter` has made and not written a page to yet."""
    with path.open("rb") as file:
        return chain.header(0).startswith(file.read(chain.HEADER_BYTES).rstrip(b"\0"))


def read_description(path: Path) -> bytes:
    """Read the ImageDescription of a file's first page: OME-XML where it is finished.

    Raises
    ------
    OmeTiffError
        The file is no BigTIFF, or has none.
    """
    with path.open("rb") as file:
        entry = chain.read_ifd(file, chain.first_offset(file)).find(chain.IMAGE_DESCRIPTION)
        if entry is None:
            raise OmeTiffError(f"{path}: its first page has no ImageDescription")
        return chain.read_bytes(file, entry).rstrip(b"\0")


def open_pages(
    path: Path, open_files: OpenFiles, *, unfinished: bool = False
) -> tuple[PageReader, Iterator[JournalPage]]:
    """Open a file for reading.

    Parameters
    ----------
    path
        The file.
    open_files
        Bounds how many files are open.
    unfinished
        Whether it need not be finished: then all pages are read that are whole.

    Returns
    -------
    PageReader
    iterator of JournalPage
        All pages that were put, in the order of the journal; must be exhausted before the reader is used.

    Raises
    ------
    OmeTiffError
        The file is none of ours, or damaged.
    NotFinishedError
        It was never finished, and `unfinished` is False.
    """
    head = read_head(path)
    if not head.is_finished and not unfinished:
        raise NotFinishedError(
            f"{path}: not finished: it is still being written, or its writer has ended before finish(), "
            "and exengine_ome_tiff.recover() will finish it"
        )
    reader = PageReader(path, open_files)
    reader.dataset = head.dataset
    return reader, _read_journal(reader, head, None)


def resume(
    path: Path, open_files: OpenFiles, coding: PageCoding
) -> tuple[PageFinisher, PageReader, Iterator[JournalPage]]:
    """Open a file whose writer has ended, to finish it; arguments, results and errors as for `open_pages`.

    Returns
    -------
    PageFinisher
        Is finished where the file is.
    PageReader
    iterator of JournalPage
    """
    head = read_head(path)
    reader = PageReader(path, open_files)
    reader.dataset = head.dataset
    finisher = PageFinisher(reader, GrowingFile(reader, open_files), coding)
    finisher.is_finished = head.is_finished
    return finisher, reader, _read_journal(reader, head, finisher)


def _read_journal(reader: PageReader, head: FileHead, finisher: PageFinisher | None) -> Iterator[JournalPage]:
    """Read the journal of a file, telling its reader and its finisher where pages are."""
    for block in _blocks(reader, head, finisher):
        record = block.record
        format_number = reader.format_number(record.pixels)
        handles = [reader.add(format_number, len(note)) for note in record.notes]
        reader.locate(handles, block.data_at, block.note_at)
        if finisher is not None:
            finisher.add(handles, block.ifd.offset)
        checksums: Sequence[str | None] = record.checksums or [None] * len(handles)
        for handle, note, checksum in zip(handles, record.notes, checksums, strict=True):
            yield JournalPage(handle, record.pixels, note, checksum, block.ifd.offset)


def _blocks(reader: PageReader, head: FileHead, finisher: PageFinisher | None) -> Iterator[_Block]:
    """Yield all blocks; of a file that was never finished those before the first one that is not whole."""
    left = size = reader.size()  # records and plain pixels have room in the file, as no byte is read twice
    last = None
    with (
        reader.reopened("rb") as file,
        closing(chain.walk(file, head.journal)) as ifds,
    ):
        try:
            for ifd in ifds:
                record = ifd.find(chain.RECORDS)
                if record is not None:
                    left -= record.length
                    _check(left >= 0, f"{reader.path}: its records are longer than the file")
                    text = chain.read_bytes(file, record)
                    block = _block(reader, ifd, _decoded(reader, ifd, text), record.number, size)
                    left -= 0 if block.record.pixels.is_encoded else _nbytes(block.record)
                    _check(left >= 0, f"{reader.path}: its pages overlap")
                    yield block
                last = ifd
                if ifd.offset == head.last:
                    break
        except OmeTiffError:
            if head.is_finished or last is None:
                raise
            if finisher is not None:
                finisher.end_with(last)


def _block(reader: PageReader, ifd: chain.Ifd, record: BlockRecord, record_at: int, size: int) -> _Block:
    """Make sure that the pixels of a block are in the file."""
    pixels, count = record.pixels, len(record.notes)
    data_at = ifd.offset
    if pixels.is_encoded:
        _check(count == 1, f"{reader.path}: {count} encoded pages at offset {ifd.offset} instead of one")
    else:
        strips = ifd.find(chain.STRIP_OFFSETS)
        if strips is None or strips.length != 1:
            raise OmeTiffError(f"{reader.path}: the page at offset {ifd.offset} has no pixels")
        data_at = strips.number
        is_whole = data_at >= chain.HEADER_BYTES and data_at + _nbytes(record) <= size
        _check(is_whole, f"{reader.path}: cut off in the pixels of the page at offset {ifd.offset}")
    return _Block(ifd, record, data_at, record_at + record.head_nbytes)


def _decoded(reader: PageReader, ifd: chain.Ifd, record: bytes) -> BlockRecord:
    try:
        return decode_block(record)
    except OmeTiffError as error:
        raise OmeTiffError(f"{reader.path}: the page at offset {ifd.offset}: {error}") from error


def _nbytes(record: BlockRecord) -> int:
    """Return how many bytes the pixels of a block that is not encoded have."""
    return len(record.notes) * record.pixels.nbytes


def _check(is_right: bool, message: str) -> None:
    if not is_right:
        raise OmeTiffError(message)
