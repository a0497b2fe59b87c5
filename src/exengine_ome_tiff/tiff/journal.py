"""The books of a file's journal: which page is where in the chain in which pages were written."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.tiff import chain
from exengine_ome_tiff.tiff.new_chain import Page, with_data_offset
from exengine_ome_tiff.tiff.pixels import PixelFormat
from exengine_ome_tiff.tiff.reader import PageReader
from exengine_ome_tiff.tiff.records import VOID


class Journal:
    """Blocks of pages in the order in which they were written; one caller at a time.

    tifffile tells where pixels go, not where tags do. Those are looked up in the file when they are needed:
    the first IFD of a block is there as soon as the block is, the others with the next block.

    Parameters
    ----------
    reader
        Of the same file; is told where notes are.
    """

    def __init__(self, reader: PageReader) -> None:
        self._reader = reader
        self._handles = array("I")
        # of each block: pages, and the length of the first line of its record, 0 where it has none
        self._block_pages = array("I")
        self._block_heads = array("I")
        # how far notes are located: blocks, pages, and the first IFD of the last of those blocks
        self._located_blocks = 0
        self._located_pages = 0
        self._located_ifd = 0
        self._first_ifds = np.zeros(0, np.int64)

    def __len__(self) -> int:
        return len(self._handles)

    def add_block(self, handles: Sequence[int], data_offset: int, head: int, pixels: PixelFormat) -> None:
        """Add pages that were written with one call.

        Parameters
        ----------
        handles
            Of its pages, in order.
        data_offset
            Where the pixels of the first one begin; those of the others follow. Of no meaning for encoded
            pages, which come one in a block and are read through their IFD.
        head
            Length of the first line of the block's record, 0 where it has none.
        pixels
            What its pages are.
        """
        if not pixels.is_encoded:
            for slot, handle in enumerate(handles):
                self._reader.set_data_offset(handle, data_offset + slot * pixels.nbytes)
        self._handles.extend(handles)
        self._block_pages.append(len(handles))
        self._block_heads.append(head)

    def locate_notes(self) -> None:
        """Tell the reader where the notes are of all blocks that were added since the last time."""
        with self._reader.reopened("rb") as file:
            while self._located_blocks < len(self._block_pages):
                self._locate(self._next_first(file))

    def end(self) -> int:
        """Locate all, and cut the chain behind its last page, where a failed write may have left a link.

        Returns
        -------
        int
            Offset of the first IFD of the chain.
        """
        self._first_ifds = np.zeros(len(self._reader), np.int64)
        self._located_blocks = self._located_pages = self._located_ifd = 0
        with self._reader.reopened("rb") as file:
            for count in self._block_pages:
                first = self._next_first(file)
                handles = self._handles[self._located_pages : self._located_pages + count]
                self._first_ifds[handles] = first.offset
                self._locate(first)
            start = chain.first_offset(file)
        self.cut()
        return start

    def cut(self) -> None:
        """Cut the chain behind its last page, so that the file is right until the next write."""
        self.locate_notes()
        with self._reader.reopened("r+b", buffering=0) as file:
            if not self._located_blocks:
                chain.end_chain(file, None)
                return
            last = chain.read_ifd(file, self._located_ifd)
            for _ in range(self._block_pages[-1] - 1):
                try:
                    last = chain.read_ifd(file, last.next_offset)
                except OmeTiffError:
                    break  # tifffile still owes the pages behind the first of a block
            chain.end_chain(file, last)

    def _next_first(self, file: BinaryIO) -> chain.Ifd:
        """Return the first IFD of the next block to locate."""
        if not self._located_blocks:
            return chain.read_ifd(file, chain.first_offset(file))
        ifd = chain.read_ifd(file, chain.read_ifd(file, self._located_ifd).next_offset)
        while not ifd.has_records:
            ifd = chain.read_ifd(file, ifd.next_offset)
        return ifd

    def void_last_block(self) -> None:
        """Make pages that were not written whole black, and nobody takes them for frames any more."""
        self.locate_notes()
        with self._reader.reopened("r+b", buffering=0) as file:
            first = chain.read_ifd(file, self._located_ifd)
            chain.empty_page(file, first)
            record = first.find(chain.RECORDS)
            if record is not None:
                file.seek(record.number)
                chain.write_all(file, VOID)

    def pages(self, handles: npt.NDArray[np.int64], smaller: Mapping[int, Sequence[int]]) -> Iterator[Page]:
        """Yield pages for a new chain, after `end`.

        Parameters
        ----------
        handles
            Of the pages, shape (n,), in any order; the same one may come several times.
        smaller
            Handles of the smaller copies of those that have some.
        """
        with self._reader.reopened("rb") as file:
            template_at, template = 0, b""
            for handle, ifd_at in zip(handles.tolist(), self._first_ifds[handles].tolist(), strict=True):
                if ifd_at != template_at:
                    template_at, template = ifd_at, chain.read_ifd(file, ifd_at).public_entries()
                copies = [
                    self._moved(chain.read_ifd(file, self._first_ifds[copy]).public_entries(), copy)
                    for copy in smaller.get(handle, ())
                ]
                yield Page(self._moved(template, handle), copies)

    def _moved(self, entries: bytes, handle: int) -> bytes:
        """Return the entries of a page, made of those of the first page of its block."""
        if self._reader.format(handle).is_encoded:
            return entries
        return with_data_offset(entries, self._reader.data_offset(handle))

    def _locate(self, first: chain.Ifd) -> None:
        """Tell the reader where the notes of the next block are, whose first IFD this is."""
        count, head = self._block_pages[self._located_blocks], self._block_heads[self._located_blocks]
        record = first.find(chain.RECORDS)
        if record is not None:
            note_at = record.number + head
            for handle in self._handles[self._located_pages : self._located_pages + count]:
                note_at = self._reader.set_note_offset(handle, note_at)
                if self._reader.format(handle).is_encoded:
                    self._reader.set_data_offset(handle, first.offset)
        self._located_ifd = first.offset
        self._located_pages += count
        self._located_blocks += 1
