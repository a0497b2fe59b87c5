"""Comparison of the final page chain of a file with the pages in its records."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple, TypeAlias

from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.tiff import chain
from exengine_ome_tiff.tiff.checksums import is_right
from exengine_ome_tiff.tiff.decode import decoded_bands
from exengine_ome_tiff.tiff.final_chain import FinalEntries
from exengine_ome_tiff.tiff.journal_file import JournalFile
from exengine_ome_tiff.tiff.page_coding import PageCoding
from exengine_ome_tiff.tiff.page_table import PageHandle
from exengine_ome_tiff.tiff.pixels import PixelFormat
from exengine_ome_tiff.tiff.shared_file import FileView
from exengine_ome_tiff.tiff.stored_page import read_bands

_PAGE_SPECIFIC = (
    chain.IMAGE_DESCRIPTION,
    chain.SOFTWARE,
    chain.SUB_IFDS,
    chain.JOURNAL,
    chain.NAMES,
    chain.INDEX,
)
"""Tags that only the first page has, or only pages with smaller copies."""
_RESOLUTION = (chain.X_RESOLUTION, chain.Y_RESOLUTION, chain.RESOLUTION_UNIT)
"""Tags with the pixel size, which the records do not contain."""


class Expected(NamedTuple):
    """A page that the final chain should have; its handle is None for a plane without a frame."""

    handle: PageHandle | None
    pixels: PixelFormat


PageFault: TypeAlias = tuple[int | None, str]
"""Index of a page in the final chain, None if the fault concerns no single page, and what is wrong."""


def check_pages(
    journal: JournalFile,
    coding: PageCoding,
    pages: Sequence[Expected],
    checksums: Mapping[PageHandle, str],
) -> Iterator[PageFault]:
    """Compare all pages of a file with the expected ones, and decode them; checksums are those of pixels."""
    left = journal.file.size()
    seen: set[bytes] = set()
    """Entries of blank pages; many planes may share one."""
    with journal.file.reopened("rb") as file:
        final = FinalEntries(journal, file)
        try:
            ifds = chain.walk(file, chain.first_offset(file))
            for number, (ifd, page) in enumerate(zip_longest(ifds, pages)):
                if ifd is None or page is None:
                    yield None, f"expected {len(pages)} pages, found {number} or more"
                    return
                entries = ifd.without(_PAGE_SPECIFIC)
                if page.handle is None and entries in seen:
                    continue
                seen.update([entries] if page.handle is None else [])
                try:
                    left -= chain.check_strips(file, ifd).nbytes
                    if left < 0:
                        yield number, "it overlaps other pages"
                        return
                    for what in _faults(journal, final, coding, ifd, page, checksums):
                        yield number, what
                except OmeTiffError as error:
                    yield number, str(error)
        except OmeTiffError as error:
            yield None, str(error)


def _faults(
    journal: JournalFile,
    final: FinalEntries,
    coding: PageCoding,
    ifd: chain.Ifd,
    page: Expected,
    checksums: Mapping[PageHandle, str],
) -> Iterator[str]:
    """Yield the faults of a page; raise OmeTiffError if it cannot be read."""
    if page.handle is None:
        if any(band.any() for band in decoded_bands(journal.file, ifd.offset, page.pixels)):
            yield "it is the page of a missing plane, but it is not black"
    elif ifd.without((*_PAGE_SPECIFIC, *_RESOLUTION)) != chain.Ifd(0, final.of(page.handle), 0).without(
        _RESOLUTION
    ):
        yield "it is not the page of the frame that the records list there"
        return
    elif page.handle in checksums:
        pixels, at = journal.pages.place(page.handle)
        if not is_right(checksums[page.handle], read_bands(journal.file, at, pixels)):
            yield f"its pixels have changed: they do not match the checksum {checksums[page.handle]}"
    elif page.pixels.is_encoded:
        _decode(journal, ifd.offset, page.pixels)
    copies = coding.smaller(page.pixels)
    entry = ifd.find(chain.SUB_IFDS)
    offsets = () if entry is None else chain.read_numbers(FileView(journal.file), entry)
    if len(offsets) != len(copies):
        yield f"expected {len(copies)} pyramid levels, found {len(offsets)}"
        return
    for offset, pixels in zip(offsets, copies, strict=True):
        _decode(journal, offset, pixels)


def _decode(journal: JournalFile, ifd_at: int, pixels: PixelFormat) -> None:
    """Decode a page, of which a band of rows is in memory at a time; raise OmeTiffError if it is damaged."""
    for _ in decoded_bands(journal.file, ifd_at, pixels):
        pass
