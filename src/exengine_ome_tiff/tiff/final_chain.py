"""The final chain of a finished file: its pages in the order of images and planes.

During a run, pages are linked in order of arrival: the *journal chain*. `write_final_chain` appends a second
chain in another order, and `chain.begin_with` makes the header lead to it. Its IFDs have the same pixel
offsets, so no pixels move.
"""

import logging
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from io import FileIO
from itertools import chain as chained
from itertools import pairwise, repeat
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.pieces import pieces
from exengine_ome_tiff.tiff import chain, disk
from exengine_ome_tiff.tiff.chain import (
    ENTRY,
    IFD8,
    LONG,
    LONG8,
    NEW_SUBFILE_TYPE,
    OFFSET,
    SUB_IFDS,
)
from exengine_ome_tiff.tiff.disk import write_all
from exengine_ome_tiff.tiff.ifds import (
    ALIGNMENT,
    NO_SIZE,
    PageKind,
    PixelSize,
    aligned,
    ifd,
    ifd_bytes,
    resolution_entries,
    with_entries,
)
from exengine_ome_tiff.tiff.journal_file import SYNC_LOST, JournalFile
from exengine_ome_tiff.tiff.page_table import PageHandle
from exengine_ome_tiff.tiff.smaller_copies import add_missing

logger = logging.getLogger(__name__)

TagValue: TypeAlias = tuple[int, bytes | Iterable[bytes]]
"""Type and value of a tag. A long value may be in pieces, over which one may iterate several times."""

_WRITE_BYTES = 1 << 20
_RUN_PAGES = 4096
_REDUCED = 1


class Page(NamedTuple):
    """The tags of a page, whose offsets lead to existing bytes of the file."""

    entries: bytes
    smaller: Sequence[bytes] = ()
    """Entries of its smaller copies."""


class Run(NamedTuple):
    """Pages of one kind."""

    kind: PageKind
    data_offsets: npt.NDArray[np.int64]
    """Offset of the pixels of each page, shape (pages,)."""


def finish_journal(
    journal: JournalFile,
    pages: npt.NDArray[np.int64],
    description: bytes | Iterable[bytes],
    software: str,
    *,
    sizes: Sequence[tuple[int, PixelSize]] = (),
    names: bytes = b"",
    index: Sequence[memoryview] = (),
    fsync: bool = False,
) -> None:
    """Finish a file: write its description and the final order of its pages.

    Parameters
    ----------
    journal
        The file, which takes no more pages afterwards. A finished file stays unchanged.
    pages
        Handles, shape (n,), n > 0. A handle may occur several times. Pages that are not listed stay only in
        the journal.
    description
        UTF-8 text for the ImageDescription tag. It may be in pieces, more than 8 bytes in all, over which
        this function may iterate several times.
    software
        ASCII text for the Software tag.
    sizes
        Runs of consecutive pages: number of pages and their pixel size. By default no page has a pixel size.
    names
        JSON for the tag `chain.NAMES`; empty to leave it out.
    index
        Parts of the index for the tag `chain.INDEX`; empty to leave it out.
    fsync
        Whether to wait until all of the file except its name is on the disk. The header leads to the new
        chain only after the chain is on the disk.

    Raises
    ------
    OSError
        The file is unchanged, and this function may be called again.
    OmeTiffError
        The file is damaged.
    """
    if journal.is_finished:
        return
    add_missing(journal, pages)
    journal.end_tail()
    try:
        ends = [journal.first_at] if journal.last_at is None else [journal.first_at, journal.last_at]
        extra = first_page_tags(description, software, names)
        extra[chain.JOURNAL] = chain.LONG8, b"".join(map(OFFSET.pack, ends))
        with journal.file.reopened("r+b", buffering=0) as file:
            # the header already leads to the chain if an earlier call failed after that
            if chain.first_offset(file) != journal.chain_at:
                parts = partial(final_pages, journal, pages, sizes, journal.smaller)
                try:
                    at = write_final_chain(file, parts(), len(pages), extra, index)
                except OSError as error:
                    if not index or error.errno not in disk.FULL:
                        raise
                    logger.warning("%s: no room for the index, so opening reads all records", journal.path)
                    at = write_final_chain(file, parts(), len(pages), extra)
                if fsync:
                    journal.sync_file(file)
                journal.chain_at = at
                chain.begin_with(file, at)
            if fsync:
                journal.sync_file(file)
    except OSError as error:
        raise disk.described(error, journal.path) from error
    if journal.is_sync_lost:
        logger.error("%s: %s", journal.path, SYNC_LOST)
    journal.is_finished, journal.names = True, names


def first_page_tags(description: bytes | Iterable[bytes], software: str, names: bytes) -> dict[int, TagValue]:
    """Return the tags of the first page that describe the file: by their code, type and value.

    Text has no NUL at its end yet, because adding one would copy it.
    """
    tags: dict[int, TagValue] = {
        chain.IMAGE_DESCRIPTION: (chain.ASCII, description),
        chain.SOFTWARE: (chain.ASCII, software.encode("ascii")),
    }
    return tags | ({chain.NAMES: (chain.BYTES, names)} if names else {})


def final_pages(
    journal: JournalFile,
    pages: npt.NDArray[np.int64],
    sizes: Sequence[tuple[int, PixelSize]],
    smaller: Mapping[PageHandle, Sequence[PageHandle]],
) -> Iterator[Page | Run]:
    """Yield pages for the final chain, based on the existing IFDs, with pixel sizes and smaller copies."""
    sizes = sizes or [(len(pages), NO_SIZE)]
    with journal.file.reopened("rb") as file:
        if smaller or journal.pages.has_encoded:
            entries = FinalEntries(journal, file)
            sizes_um = (size_um for count, size_um in sizes for size_um in repeat(size_um, count))
            for handle, size_um in zip(map(PageHandle, pages.tolist()), sizes_um, strict=True):
                levels = (handle, *smaller.get(handle, ()))
                page, *copies = (
                    with_entries(entries.of(level), resolution_entries(size_um, 1 << number))
                    for number, level in enumerate(levels)
                )
                yield Page(page, copies)
            return
        yield from _runs(journal, file, pages, sizes)


def _runs(
    journal: JournalFile,
    file: chain.Readable,
    pages: npt.NDArray[np.int64],
    sizes: Sequence[tuple[int, PixelSize]],
) -> Iterator[Run]:
    """Yield pages of which none is encoded, in parts, because arrays of all pages would need much memory."""
    parts = [pages[piece] for piece in pieces(len(pages))]
    blocks = np.unique(np.concatenate([np.unique(journal.pages.ifd_offsets(part)) for part in parts]))
    templates: dict[bytes, int] = {}
    template_of: list[int] = []
    for block in blocks.tolist():
        # the IFDs of blocks of one format differ only in the offsets of pixels
        template = PageKind(chain.read_ifd(file, block).public_entries()).page(0)
        template_of.append(templates.setdefault(template, len(templates)))
    numbers: dict[PixelSize, int] = {}
    number_of_size = np.array([numbers.setdefault(size_um, len(numbers)) for _, size_um in sizes])
    made: dict[int, PageKind] = {}
    distinct, sizes_um = [*templates], [*numbers]
    ends, start = np.cumsum([count for count, _ in sizes]), 0
    for part in parts:
        size_of = number_of_size[np.searchsorted(ends, np.arange(start, start + len(part)), "right")]
        kind_of = np.array(template_of)[np.searchsorted(blocks, journal.pages.ifd_offsets(part))]
        kind_of = kind_of * len(numbers) + size_of
        offsets = journal.pages.data_offsets(part)
        for first, stop in pairwise([0, *(np.flatnonzero(np.diff(kind_of)) + 1).tolist(), len(part)]):
            kind = int(kind_of[first])
            if kind not in made:
                entries, size_um = distinct[kind // len(numbers)], sizes_um[kind % len(numbers)]
                made[kind] = PageKind(with_entries(entries, resolution_entries(size_um)))
            yield Run(made[kind], offsets[first:stop])
        start += len(part)


class FinalEntries:
    """The entries of pages in the final chain, based on the first page of their block.

    Parameters
    ----------
    journal
        The file.
    file
        The same file, open for reading.
    """

    def __init__(self, journal: JournalFile, file: chain.Readable) -> None:
        self._pages = journal.pages
        self._file = file
        self._template = 0, b""
        """Offset and entries of the last IFD that was read."""

    def of(self, handle: PageHandle) -> bytes:
        """Return the entries of a page."""
        ifd_at = self._pages.ifd_at(handle)
        if ifd_at != self._template[0]:
            self._template = ifd_at, chain.read_ifd(self._file, ifd_at).public_entries()
        if self._pages.format(handle).is_encoded:
            return self._template[1]
        return PageKind(self._template[1]).page(self._pages.data_at(handle))


def write_final_chain(
    file: FileIO,
    pages: Iterable[Page | Run],
    count: int,
    extra: Mapping[int, TagValue],
    index: Sequence[memoryview] = (),
) -> int:
    """Write the index and a chain at the end of a file; after an error the file is unchanged."""
    start = file.seek(0, 2)
    try:
        if index:
            extra = {**extra, chain.INDEX: (LONG8, _write_index(file, index))}
        return write_chain(file, pages, count, extra)
    except OSError:
        file.truncate(start)
        raise


def _write_index(file: FileIO, index: Sequence[memoryview]) -> bytes:
    """Write the index at the current position, and return the value of its tag."""
    at, nbytes, crc = _align(file), 0, 0
    chunk = bytearray()
    for part in index:
        nbytes, crc = nbytes + part.nbytes, zlib.crc32(part, crc)
        chunk += part
        if len(chunk) > _WRITE_BYTES:
            write_all(file, chunk)
            chunk = bytearray()
    write_all(file, chunk)
    return b"".join(map(OFFSET.pack, (at, nbytes, crc)))


def chain_nbytes(pages: Sequence[Page | Run], extra: Mapping[int, TagValue]) -> int:
    """Return the maximum number of bytes that `write_chain` writes for pages without smaller copies."""
    nbytes = sum(ENTRY.size + aligned(sum(map(len, _pieces(value))) + 1) for _, value in extra.values())
    for page in pages:
        if isinstance(page, Run):
            nbytes += len(page.data_offsets) * page.kind.ifd_nbytes
        else:
            nbytes += ifd_bytes(len(page.entries))
    return nbytes + ALIGNMENT


def write_chain(file: FileIO, pages: Iterable[Page | Run], count: int, extra: Mapping[int, TagValue]) -> int:
    """Write a chain of pages at the current position of a file, without a link to it.

    Parameters
    ----------
    file
        The file, open for reading and writing without a buffer.
    pages
        The pages, in order.
    count
        How many there are.
    extra
        Further tags of the first page by their code; values are in the file's byte order, without the NUL at
        the end of text.

    Returns
    -------
    int
        Offset of the first IFD.
    """
    more = [_entry_of(file, code, *value) for code, value in extra.items()]
    at = table_at = _align(file)
    chunk = bytearray()
    number = 0
    for page in _split(pages):
        if isinstance(page, Run):
            number += len(page.data_offsets)
            ifds = page.kind.ifds(page.data_offsets, at, is_last=number == count)
            at += len(ifds)
            chunk += ifds
        else:
            number += 1
            entries, behind = page.entries, b""
            if number == 1:
                entries = with_entries(entries, more)
            if page.smaller:
                entries, behind = _with_smaller(entries, page.smaller, at)
            at += ifd_bytes(len(entries)) + len(behind)
            chunk += ifd(entries, at if number < count else 0)
            chunk += behind
        if len(chunk) > _WRITE_BYTES:
            write_all(file, chunk)
            chunk = bytearray()
    write_all(file, chunk)
    return table_at


def _split(pages: Iterable[Page | Run]) -> Iterator[Page | Run]:
    """Yield the first page by itself, because it has additional tags, and long runs in parts."""
    is_first = True
    for page in pages:
        if isinstance(page, Page):
            yield page
        else:
            offsets = page.data_offsets
            if is_first:
                yield Page(page.kind.page(int(offsets[0])))
                offsets = offsets[1:]
            for start in range(0, len(offsets), _RUN_PAGES):
                yield Run(page.kind, offsets[start : start + _RUN_PAGES])
        is_first = False


def _with_smaller(entries: bytes, smaller: Sequence[bytes], at: int) -> tuple[bytes, bytes]:
    """Refer to the smaller copies of a page as its SubIFDs (Adobe's TIFF Technical Note 1).

    Returns
    -------
    bytes
        Entries of the page, whose IFD will be at offset `at`.
    bytes
        The IFDs of the copies, which follow that IFD.
    """
    behind_at = at + ifd_bytes(len(entries) + ENTRY.size)
    reduced = ENTRY.pack(NEW_SUBFILE_TYPE, LONG, 1, OFFSET.pack(_REDUCED))
    behind, offsets = bytearray(), bytearray()
    for copy in smaller:
        offsets += OFFSET.pack(behind_at + len(behind))
        behind += ifd(with_entries(copy, [reduced]), 0)
    value = bytes(offsets)
    if len(smaller) > 1:
        value = OFFSET.pack(behind_at + len(behind))
        behind += offsets
    return with_entries(entries, [ENTRY.pack(SUB_IFDS, IFD8, len(smaller), value)]), bytes(behind)


def _entry_of(file: FileIO, code: int, kind: int, value: bytes | Iterable[bytes]) -> bytes:
    """Return an entry; a value that does not fit into it is written at the current position."""
    end, size = b"\0" if kind == chain.ASCII else b"", 8 if kind == LONG8 else 1
    if isinstance(value, bytes) and len(value) + len(end) <= OFFSET.size:
        return ENTRY.pack(code, kind, (len(value) + len(end)) // size, value.ljust(8, b"\0"))
    at = _align(file)
    for piece in chained(_pieces(value), (end,)):
        write_all(file, piece)
    return ENTRY.pack(code, kind, (file.tell() - at) // size, OFFSET.pack(at))


def _pieces(value: bytes | Iterable[bytes]) -> Iterable[bytes]:
    return [value] if isinstance(value, bytes) else value


def _align(file: FileIO) -> int:
    """Pad the file to a multiple of 8 bytes, and return the position."""
    at = file.tell()
    write_all(file, bytes(aligned(at) - at))
    return aligned(at)
