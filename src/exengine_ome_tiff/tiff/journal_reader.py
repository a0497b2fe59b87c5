"""Opening an existing, possibly damaged file: its dataset header and its journal."""

import errno
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from io import BufferedReader, FileIO
from itertools import islice, repeat
from pathlib import Path
from typing import NamedTuple

from exengine_ome_tiff.errors import ForeignFileError, NoFrameError, NotFinishedError, OmeTiffError
from exengine_ome_tiff.text_format import command_text
from exengine_ome_tiff.tiff import chain
from exengine_ome_tiff.tiff.block_records import BlockRecord, decode_block
from exengine_ome_tiff.tiff.decode import check_coding
from exengine_ome_tiff.tiff.ifds import PageKind
from exengine_ome_tiff.tiff.journal_file import JournalFile
from exengine_ome_tiff.tiff.page_coding import WriteSettings
from exengine_ome_tiff.tiff.page_table import PageHandle
from exengine_ome_tiff.tiff.pixels import PixelFormat
from exengine_ome_tiff.tiff.shared_file import FileGoneError, FileView

_INDEX_NUMBERS = 3


class JournalPage(NamedTuple):
    """A page in the journal of a file.

    Parameters
    ----------
    handle
        Handle of the page.
    note
        Its note.
    checksum
        Checksum of its pixels; None if it has none.
    is_intact
        Whether the record of its block has the right checksum; None if it has no checksum.
    """

    handle: PageHandle
    note: bytes
    checksum: str | None
    is_intact: bool | None


class _Block(NamedTuple):
    """A block of pages whose IFDs, record and pixels are in the file."""

    ifd: chain.Ifd
    record: BlockRecord
    data_offsets: list[int]
    note_at: int


class FileHead(NamedTuple):
    """The facts in the first page of a file."""

    header: bytes
    """JSON with facts about the dataset, as passed to its writer."""
    header_at: int
    """Offset of the header."""
    journal_at: int
    """Offset of the first page of its journal."""
    last_at: int | None
    """Offset of its last page; None if the link of that page is 0."""
    is_finished: bool
    names: bytes = b""
    """Names of channels and positions, if a finished file has them."""
    index_place: tuple[int, ...] = ()
    """Offset, length and CRC-32 of the index, if a finished file has one."""


def read_head(path: Path) -> FileHead:
    """Read the head of a finished or unfinished file; see `find_head`."""
    with path.open("rb") as file:
        return find_head(file)


def find_head(file: chain.Readable) -> FileHead:
    """Read the head of an open file, finished or unfinished.

    If the header leads to a page that never reached the disk, the file counts as unfinished, and its first
    page follows the header.

    Raises
    ------
    OmeTiffError
        The file was not written by `TiffStorage`, or has no frame.
    """
    first_at = chain.first_offset(file)
    if not first_at:
        raise NoFrameError(f"{file.name}: no frame in this file: its writer ended before the first one")
    try:
        return _head_at(file, first_at)
    except OmeTiffError:
        if first_at != chain.HEADER_BYTES:
            with suppress(OmeTiffError):
                head = _head_at(file, chain.HEADER_BYTES)
                if not head.is_finished:
                    return head
        raise


def _head_at(file: chain.Readable, first_at: int) -> FileHead:
    """Read the head of a file with its first page at an offset; OmeTiffError for other programs' files."""
    first = chain.read_ifd(file, first_at)
    journal = first.find(chain.JOURNAL)
    leads_back = journal or first.find(chain.CHECKPOINT)
    ends = (first.offset,) if leads_back is None else chain.read_numbers(file, leads_back)
    if not 1 <= len(ends) <= 2:
        raise OmeTiffError(f"{file.name}: the tag that leads to the journal has {len(ends)} values")
    head = first if leads_back is None else chain.read_ifd(file, ends[0])
    dataset = head.find(chain.DATASET)
    if dataset is None:
        raise ForeignFileError(f"{file.name}: not written by TiffStorage")
    last = ends[1] if len(ends) > 1 else None
    text, names = chain.read_bytes(file, dataset), first.find(chain.NAMES)
    names_json = b"" if names is None or journal is None else chain.read_bytes(file, names)
    index, place = first.find(chain.INDEX), tuple[int, ...]()
    if index is not None and journal is not None:
        with suppress(OmeTiffError):
            place = chain.read_numbers(file, index)
    return FileHead(text, dataset.number, head.offset, last, journal is not None, names_json, place)


def is_begun(path: Path) -> bool:
    """Whether a file consists only of the header that `JournalFile` writes before the first page."""
    with path.open("rb") as file:
        return file.read(chain.HEADER_BYTES + 1) == chain.header(0)


def begins_like_ours(path: Path) -> bool:
    """Whether a file starts with the header of an unfinished file, which few other programs write."""
    with path.open("rb") as file:
        return file.read(chain.HEADER_BYTES) in (chain.header(0), chain.header(chain.HEADER_BYTES))


def has_no_page(path: Path) -> bool:
    """Whether a file is empty, or has the header of a `JournalFile` whose first page is not linked yet."""
    with path.open("rb") as file:
        data = file.read(chain.HEADER_BYTES)
    return data == chain.header(0)[: len(data)]


def read_description(path: Path) -> bytes:
    """Read the ImageDescription of a file's first page, which is OME-XML in a finished file.

    Raises
    ------
    OmeTiffError
        The file is not a BigTIFF file, or its first page has no ImageDescription.
    """
    with path.open("rb") as file:
        entry = chain.read_ifd(file, chain.first_offset(file)).find(chain.IMAGE_DESCRIPTION)
        if entry is None:
            raise OmeTiffError(f"{path}: its first page has no ImageDescription")
        return chain.read_bytes(file, entry).rstrip(b"\0")


def open_journal(
    path: Path,
    *,
    allow_unfinished: bool = False,
    settings: WriteSettings | None = None,
) -> tuple[JournalFile, Iterator[JournalPage]]:
    """Open an existing file.

    Parameters
    ----------
    path
        The file.
    allow_unfinished
        Whether to read the complete pages of a file that is not finished.
    settings
        Settings for pages to add; None to open the file for reading only.

    Returns
    -------
    JournalFile
    iterator of JournalPage
        All frames in the order of the journal. Exhaust it before using the file.

    Raises
    ------
    OmeTiffError
        The file was not written by `TiffStorage`, or is damaged.
    NotFinishedError
        It was never finished, and `allow_unfinished` is False.
    """
    head = read_head(path)
    if not head.is_finished and not allow_unfinished:
        raise NotFinishedError(
            f"{path}: not finished: it is still being written, or its writer has ended before finish(). "
            f"To finish it: {command_text('exengine-ome-tiff', 'recover', path)}"
        )
    journal = JournalFile(path, head.header)
    journal.mark_header(head.header_at)
    journal.is_finished, journal.names, journal.first_at = head.is_finished, head.names, head.journal_at
    journal.index_place = head.index_place
    if settings is not None:
        journal.write_on(settings)
    return journal, _read_whole(journal, head)


def is_record_intact(journal: JournalFile, handle: PageHandle) -> bool:
    """Whether the record in the block of a page is readable and does not have a wrong checksum."""
    view = FileView(journal.file)
    try:
        ifd = chain.read_ifd(view, journal.pages.ifd_at(handle))
        record = _decoded(journal, ifd, chain.read_bytes(view, _records(journal, ifd)))
    except OmeTiffError:
        return False
    return record.is_intact is not False


def read_index(journal: JournalFile) -> memoryview | None:
    """Read the index of a finished file; None if it has none.

    Raises
    ------
    OmeTiffError
        The index is damaged.
    """
    if not journal.index_place:
        return None
    _check(len(journal.index_place) == _INDEX_NUMBERS, "damaged tag of the index")
    at, nbytes, crc = journal.index_place
    _check(at + nbytes <= journal.file.size(), "cut off in its index")
    data = bytearray(nbytes)
    is_right = journal.file.read_into(at, data) == nbytes and zlib.crc32(data) == crc
    _check(is_right, "the index does not have its checksum")
    return memoryview(data)


def read_added(journal: JournalFile) -> list[JournalPage]:
    """Read the frames that another process has added to an open file, and whether it is finished.

    This reads the links of the header and of the last page, and the pages after that one.

    Raises
    ------
    FileGoneError
        The file was deleted, moved or replaced.
    OmeTiffError
        The file is finished but damaged.
    """
    if journal.is_finished:
        return []
    with _opened_again(journal) as file, BufferedReader(file) as buffered:
        head = _finished_head(file)
        at = chain.read_link(file, journal.link_at)
        if head is not None and head.last_at is not None:
            is_last = chain.read_ifd(file, head.last_at).next_at == journal.link_at
            at = 0 if is_last else at  # the link of the last page does not lead to a page
        added = [] if at == 0 else _read_from(journal, head, buffered, at)
    if head is not None:
        journal.is_finished, journal.names = True, head.names
    return added


def _read_from(
    journal: JournalFile, head: FileHead | None, file: chain.Readable, at: int
) -> list[JournalPage]:
    """Read the pages from an offset onwards; `head` is None if the file is not finished."""
    journal.last_at = None
    if head is not None:
        return list(_read_journal(journal, head._replace(journal_at=at), file))
    unfinished = FileHead(journal.header, 0, at, None, is_finished=False)
    try:
        return list(_read_journal(journal, unfinished, file))
    except OmeTiffError:
        return []  # the block is still being written


def _opened_again(journal: JournalFile) -> FileIO:
    try:
        return journal.file.reopened("rb", 0)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ESTALE):
            raise
        text = "deleted, moved or replaced since it was opened; TiffStorage.open() reads the current content"
        raise FileGoneError(error.errno, text, str(journal.path)) from error


def _finished_head(file: FileIO) -> FileHead | None:
    """Read the head of an open file; None if it is not finished."""
    first_at = chain.first_offset(file)
    if first_at == chain.HEADER_BYTES:
        return None
    try:
        is_finished = chain.read_ifd(file, first_at).find(chain.JOURNAL) is not None
    except OmeTiffError:
        return None  # a checkpoint that has not reached the disk
    return _head_at(file, first_at) if is_finished else None


def _read_whole(journal: JournalFile, head: FileHead) -> Iterator[JournalPage]:
    with journal.file.reopened("rb") as file:
        yield from _read_journal(journal, head, file)


def _read_journal(journal: JournalFile, head: FileHead, file: chain.Readable) -> Iterator[JournalPage]:
    """Read the journal of a file from `head.journal_at` onwards into its page table."""
    pages = journal.pages
    for ifd, record, data_offsets, note_at in _blocks(journal, head, file):
        format_number = pages.format_number(record.pixels)
        handles = [pages.add(format_number, data_at) for data_at in data_offsets]
        pages.locate(handles, ifd.offset, note_at, record.notes)
        journal.n_linked += len(handles)
        checksums: Sequence[str | None] = record.checksums or [None] * len(handles)
        yield from map(JournalPage, handles, record.notes, checksums, repeat(record.is_intact))


def _blocks(journal: JournalFile, head: FileHead, file: chain.Readable) -> Iterator[_Block]:
    """Yield all blocks; in an unfinished file, those before the first incomplete one."""
    # the bytes left for records and plain pixels, none of which is read twice
    left = size = journal.file.size()
    last, kinds = None, set[tuple[bytes, PixelFormat]]()
    with closing(chain.walk(file, head.journal_at)) as ifds:
        try:
            for ifd in ifds:
                tag = _records(journal, ifd)
                left -= tag.length
                _check(left >= 0, f"{journal.path}: its records are longer than the file")
                record = _decoded(journal, ifd, chain.read_bytes(file, tag))
                left -= 0 if record.pixels.is_encoded else len(record.notes) * record.pixels.nbytes
                _check(left >= 0, f"{journal.path}: its pages overlap")
                pages = [ifd, *islice(ifds, len(record.notes) - 1)]
                offsets = _data_offsets(journal, pages, record, size)
                if not head.is_finished:
                    _check_written(journal, ifd, record, kinds)
                yield _Block(ifd, record, offsets, tag.number + record.head_nbytes)
                last = pages[-1]
                journal.link_at = last.next_at
                if last.offset == head.last_at:
                    break
        except OmeTiffError:
            if head.is_finished or last is None:
                raise
            journal.end_with(last)


def _check_written(
    journal: JournalFile,
    ifd: chain.Ifd,
    record: BlockRecord,
    kinds: set[tuple[bytes, PixelFormat]],
) -> None:
    """Check that a block, except for its pixels, reached the disk; `kinds` have been checked before."""
    where = f"{journal.path}: the block at offset {ifd.offset}"
    _check(record.is_intact is not False, f"{where} has a record whose checksum does not match")
    _check(not any(b"\0" in note for note in record.notes), f"{where} has an incomplete record")
    _check(ifd.is_sorted, f"{where} has a page with damaged tags")
    entries = ifd.public_entries()
    kind = entries if record.pixels.is_encoded else PageKind(entries).page(0), record.pixels
    if kind not in kinds:
        check_coding(journal.file, ifd, record.pixels)
        kinds.add(kind)


def _records(journal: JournalFile, ifd: chain.Ifd) -> chain.Entry:
    """Return the tag with the records in the first page of a block."""
    tag = ifd.find(chain.RECORDS)
    if tag is None:
        raise OmeTiffError(f"{journal.path}: the page at offset {ifd.offset} has no record")
    return tag


def _data_offsets(
    journal: JournalFile, pages: Sequence[chain.Ifd], record: BlockRecord, size: int
) -> list[int]:
    """Return the offsets of the pixels of a block, after checking that they are in the file."""
    first, count = pages[0], len(record.notes)
    where = f"{journal.path}: the block at offset {first.offset}"
    if record.pixels.is_encoded:
        _check(count == 1, f"{where} has {count} encoded pages instead of one")
        return [first.offset]
    _check(len(pages) == count, f"{where} has {len(pages)} pages and {count} frames")
    try:
        kind = PageKind(first.public_entries())
    except ValueError as error:
        raise OmeTiffError(f"{where}: {error}") from error
    offsets = []
    for page in pages:
        at = kind.data_offset(page.public_entries())
        if at is None:
            raise OmeTiffError(f"{where} has pages of several kinds")
        is_whole = at >= chain.HEADER_BYTES and at + record.pixels.nbytes <= size
        _check(is_whole, f"{journal.path}: cut off in the pixels of the page at offset {page.offset}")
        offsets.append(at)
    return offsets


def _decoded(journal: JournalFile, ifd: chain.Ifd, record: bytes) -> BlockRecord:
    try:
        return decode_block(record)
    except OmeTiffError as error:
        raise OmeTiffError(f"{journal.path}: the page at offset {ifd.offset}: {error}") from error


def _check(is_right: bool, message: str) -> None:
    if not is_right:
        raise OmeTiffError(message)
