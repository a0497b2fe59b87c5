"""The end of one file's recording: its pages in their final order, with a description."""

from array import array
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.tiff import chain, disk
from exengine_ome_tiff.tiff.appender import Appender
from exengine_ome_tiff.tiff.final_chain import Page, Run, write_final_chain
from exengine_ome_tiff.tiff.growing_file import GrowingFile
from exengine_ome_tiff.tiff.ifds import PageKind
from exengine_ome_tiff.tiff.page_coding import PageCoding
from exengine_ome_tiff.tiff.pixels import PixelFormat
from exengine_ome_tiff.tiff.pyramid import halved
from exengine_ome_tiff.tiff.reader import PageReader


class PageFinisher:
    """Makes the final chain of a file, whose recording has ended one way or the other; one caller at a time.

    Parameters
    ----------
    reader
        Of the file.
    file
        Ends with its last page.
    coding
        Compression, tiles and smaller copies of all pages.
    """

    def __init__(self, reader: PageReader, file: GrowingFile, coding: PageCoding) -> None:
        self.path = reader.path
        self.reader = reader
        self.file = file
        self._coding = coding
        self._loose = Appender(file, coding)
        self._ifd_of = array("Q")
        """By handle, the IFD of the first page of its block."""
        self._blanks: dict[tuple[tuple[int, ...], str], int] = {}
        self._smaller: dict[int, list[int]] = {}
        """Handles of the smaller copies of pages."""
        self._template = 0, b""
        """Offset and entries of the IFD that was read last."""
        self._last_at: int | None = None
        self.link_at = chain.FIRST_IFD_AT
        """Where the link from the last page of the journal to a next one is."""
        self.is_finished = False

    @property
    def has_pages(self) -> bool:
        """Whether there are pages in the file."""
        return bool(self._ifd_of)

    def add(self, handles: Sequence[int], ifd_at: int) -> None:
        """Note where the IFD of the first of some pages is that were written with one call."""
        missing = max(handles) + 1 - len(self._ifd_of)
        self._ifd_of.extend([0] * missing)
        for handle in handles:
            self._ifd_of[handle] = ifd_at

    def end_with(self, last: chain.Ifd) -> None:
        """Note which page of the journal is its last, since its link leads to what is no page.

        Raises
        ------
        OmeTiffError
            The page has not as many tags as it says.
        """
        if not last.is_sorted:
            raise OmeTiffError(f"{self.path}: the tags of the page at offset {last.offset} are damaged")
        self._last_at = last.offset

    def reopen(self) -> None:
        """Have the last page of the journal lead nowhere, so that pages can follow; errors as `finish`."""
        self.file.link(self.link_at, 0)
        self._last_at = None

    def append_blank(self, pixels: PixelFormat) -> int:
        """Write a page of zeros that no frame has put, once for all of its kind; return its handle."""
        if pixels.stored not in self._blanks:
            zeros = np.zeros(pixels.stored_shape, pixels.stored_dtype)
            self._blanks[pixels.stored] = self._append_loose(zeros, pixels)
        return self._blanks[pixels.stored]

    def finish(
        self, pages: npt.NDArray[np.int64], description: bytes, software: str, *, fsync: bool = False
    ) -> PageReader:
        """Give the file its final order of pages and its description.

        Parameters
        ----------
        pages
            Handles, shape (n,), n > 0; one may come several times, pages that are left out stay in the
            journal only.
        description
            UTF-8 text for the ImageDescription tag.
        software
            ASCII text for the Software tag.
        fsync
            Whether all but the file's name is safe on the disk when this returns; the header then leads to
            the new chain only when that is.

        Returns
        -------
        PageReader
            Reads the finished file; its writer must not be used any more.

        Raises
        ------
        OSError
            The file is as it was before; `finish` may be called again. Once it is done it does nothing more.
        OmeTiffError
            It is somebody else's file, and damaged.
        """
        if self.is_finished:
            return self.reader
        smaller = self._write_smaller(pages)
        if not self.file.closed:
            self.file.trim()
            self.file.close()
        try:
            with self.reader.file.reopened("rb") as file:
                journal_at = chain.first_offset(file)
                # the header leads to the new chain where only what comes after that was interrupted
                is_done = chain.read_ifd(file, journal_at).find(chain.JOURNAL) is not None
                journal = b"".join(map(chain.OFFSET.pack, filter(None, (journal_at, self._last_at))))
                extra = {
                    chain.IMAGE_DESCRIPTION: (chain.ASCII, description + b"\0"),
                    chain.SOFTWARE: (chain.ASCII, software.encode("ascii") + b"\0"),
                    chain.JOURNAL: (chain.LONG8, journal),
                }
            with self.reader.file.reopened("r+b", buffering=0) as file:
                if not is_done:
                    table_at = write_final_chain(file, self._pages(pages, smaller), len(pages), extra)
                    if fsync:
                        disk.sync_file(file)
                    chain.begin_with(file, table_at)
                if fsync:
                    disk.sync_file(file)
        except OSError as error:
            raise disk.told(error, self.path) from error
        self.is_finished = True
        return self.reader

    def close(self) -> None:
        """Close the file as it is."""
        if not self.file.closed:
            with suppress(OSError):  # the room behind its end does no harm
                self.file.trim()
            self.file.close()
        self.reader.close()

    def discard(self) -> None:
        """Close and delete the file, if it still is where it was."""
        is_there = self.reader.file.is_in_place()
        self.close()
        if is_there:
            self.path.unlink(missing_ok=True)

    def _append_loose(self, data: npt.NDArray[np.generic], pixels: PixelFormat) -> int:
        """Write a page that is no frame; return its handle."""
        pixels = self._coding.encoded(pixels)
        page = self._loose.write(data, pixels)
        handle = self.reader.add(self.reader.format_number(pixels), page.data_at, 0)
        self.add([handle], page.ifd.offset)
        return handle

    def _write_smaller(self, pages: npt.NDArray[np.int64]) -> dict[int, list[int]]:
        """Write the smaller copies of pages, those that are not there yet; return their handles by page."""
        if self._coding.pyramid_levels is None:
            return self._smaller
        left = self.reader.file.size()
        for handle in np.unique(pages).tolist():
            formats = self._coding.smaller(self.reader.format(handle))
            copies = self._smaller.setdefault(handle, []) if formats else []
            if len(copies) == len(formats):
                continue
            left -= self.reader.stored_nbytes(handle)
            if left < 0:
                raise OmeTiffError(f"{self.path}: its pages overlap")
            image = self.reader.stored(copies[-1] if copies else handle)
            for pixels in formats[len(copies) :]:
                image = halved(image)
                copies.append(self._append_loose(image, pixels))
        return self._smaller

    def _pages(self, pages: npt.NDArray[np.int64], smaller: dict[int, list[int]]) -> Iterator[Page | Run]:
        """Yield pages for the final chain, made of the IFDs that are there."""
        with self.reader.file.reopened("rb") as file:
            if smaller or self.reader.has_encoded:
                for handle in pages.tolist():
                    copies = [self.entries(file, copy) for copy in smaller.get(handle, ())]
                    yield Page(self.entries(file, handle), copies)
                return
            # the IFDs of blocks of one format are alike but for the place of the pixels
            ifds, block_of = np.unique(np.array(self._ifd_of, np.int64)[pages], return_inverse=True)
            kinds: dict[bytes, int] = {}
            of_blocks = [
                kinds.setdefault(PageKind(chain.read_ifd(file, ifd_at).public_entries()).page(0), len(kinds))
                for ifd_at in ifds.tolist()
            ]
            kind_of = np.array(of_blocks)[block_of]
            starts = [0, *(np.flatnonzero(np.diff(kind_of)) + 1).tolist(), len(pages)]
            offsets, of_numbers = self.reader.data_offsets(pages), [PageKind(entries) for entries in kinds]
            for start, stop in pairwise(starts):
                yield Run(of_numbers[kind_of[start]], offsets[start:stop])

    def entries(self, file: chain.Readable, handle: int) -> bytes:
        """Return the entries of a page in the final chain, made of those of the first page of its block.

        Parameters
        ----------
        file
            The file, open for reading.
        handle
            Of the page.
        """
        ifd_at = self._ifd_of[handle]
        if ifd_at != self._template[0]:
            self._template = ifd_at, chain.read_ifd(file, ifd_at).public_entries()
        if self.reader.format(handle).is_encoded:
            return self._template[1]
        return PageKind(self._template[1]).page(self.reader.data_offset(handle))
