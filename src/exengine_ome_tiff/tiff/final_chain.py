"""A new chain of pages in a finished file, in the order of its images and planes.

While frames arrive, tifffile links one page after the other in order of arrival: the *journal chain*.
`write_final_chain` appends another chain, in another order, which `chain.begin_with` then makes the file's.
Its IFDs name the same pixels at the same offsets: no pixel moves.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import FileIO
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

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
from exengine_ome_tiff.tiff.ifds import PageKind, aligned, ifd, ifd_bytes

_WRITE_BYTES = 1 << 20
_RUN_PAGES = 4096
_REDUCED = 1


class Page(NamedTuple):
    """What a page is to be; all offsets point at what is in the file already."""

    entries: bytes
    smaller: Sequence[bytes] = ()
    """Entries of its smaller copies."""


class Run(NamedTuple):
    """Pages of one kind."""

    kind: PageKind
    data_offsets: npt.NDArray[np.int64]
    """Where the pixels of each begin, shape (pages,)."""


def write_final_chain(
    file: FileIO, pages: Iterable[Page | Run], count: int, extra: Mapping[int, tuple[int, bytes]]
) -> int:
    """Append a chain of pages that nothing leads to yet; after an error the file is cut back to what it was.

    Parameters
    ----------
    file
        The file, open for reading and writing without a buffer.
    pages
        The pages, in order.
    count
        How many there are.
    extra
        Further tags of the first page by their code: type, and value in the file's byte order.

    Returns
    -------
    int
        Offset of the first IFD.
    """
    start = file.seek(0, 2)
    try:
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
                    entries = _with_entries(entries, more)
                if page.smaller:
                    entries, behind = _with_smaller(entries, page.smaller, at)
                at += ifd_bytes(len(entries)) + len(behind)
                chunk += ifd(entries, at if number < count else 0)
                chunk += behind
            if len(chunk) > _WRITE_BYTES:
                write_all(file, chunk)
                chunk = bytearray()
        write_all(file, chunk)
    except OSError:
        file.truncate(start)
        raise
    return table_at


def _split(pages: Iterable[Page | Run]) -> Iterator[Page | Run]:
    """Yield the first page alone, as it has further tags, and long runs in parts."""
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
    """Name smaller copies of a page as its SubIFDs (Adobe's TIFF Technical Note 1).

    Returns
    -------
    bytes
        Entries of the page, whose IFD will be at offset `at`.
    bytes
        What lies behind that IFD: those of the copies.
    """
    behind_at = at + ifd_bytes(len(entries) + ENTRY.size)
    reduced = ENTRY.pack(NEW_SUBFILE_TYPE, LONG, 1, OFFSET.pack(_REDUCED))
    behind, offsets = bytearray(), bytearray()
    for copy in smaller:
        offsets += OFFSET.pack(behind_at + len(behind))
        behind += ifd(_with_entries(copy, [reduced]), 0)
    value = bytes(offsets)
    if len(smaller) > 1:
        value = OFFSET.pack(behind_at + len(behind))
        behind += offsets
    return _with_entries(entries, [ENTRY.pack(SUB_IFDS, IFD8, len(smaller), value)]), bytes(behind)


def _with_entries(page: bytes, more: Sequence[bytes]) -> bytes:
    """Add entries, in place of those of the same code, keeping them sorted by code."""
    entries = [page[at : at + ENTRY.size] for at in range(0, len(page), ENTRY.size)]
    by_code = {int(ENTRY.unpack(entry)[0]): entry for entry in (*entries, *more)}
    return b"".join(by_code[code] for code in sorted(by_code))


def _entry_of(file: FileIO, code: int, kind: int, value: bytes) -> bytes:
    """Make an entry, writing its value at the end of the file where it does not fit into the entry."""
    size = 8 if kind == LONG8 else 1
    if len(value) <= OFFSET.size:
        return ENTRY.pack(code, kind, len(value) // size, value.ljust(8, b"\0"))
    at = _align(file)
    write_all(file, value)
    return ENTRY.pack(code, kind, len(value) // size, OFFSET.pack(at))


def _align(file: FileIO) -> int:
    """Fill up to a multiple of 8 bytes and return the position."""
    at = file.tell()
    write_all(file, bytes(aligned(at) - at))
    return aligned(at)
