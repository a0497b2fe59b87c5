"""Writing one file: frames become pages, which are linked in blocks, each with its records."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.tiff import chain, disk
from exengine_ome_tiff.tiff.appender import Appender
from exengine_ome_tiff.tiff.block import BLOCK_BYTES, Block
from exengine_ome_tiff.tiff.buffers import BufferPool
from exengine_ome_tiff.tiff.checksums import Algorithm, checksum
from exengine_ome_tiff.tiff.finisher import PageFinisher
from exengine_ome_tiff.tiff.growing_file import GrowingFile
from exengine_ome_tiff.tiff.ifds import PageKind, aligned
from exengine_ome_tiff.tiff.page_coding import PageCoding
from exengine_ome_tiff.tiff.pixels import PixelFormat, as_bytes
from exengine_ome_tiff.tiff.reader import PageReader
from exengine_ome_tiff.tiff.records import encode_block

_PLAIN = PageCoding()


class PageWriter:
    """A BigTIFF file that holds, from the first write on, all that was written.

    One thread at a time adds pages; any number of them reads, also meanwhile.

    A page waits to be linked only when there is room for its IFD and its note on the disk already.

    Parameters
    ----------
    finisher
        Of the file, whose recording it ends.
    coding
        Compression, tiles and smaller copies of all pages.
    checksums
        Which checksum the record of each frame has; None for none.
    """

    def __init__(
        self,
        finisher: PageFinisher,
        coding: PageCoding = _PLAIN,
        checksums: Algorithm | None = None,
    ) -> None:
        self.path = finisher.path
        self.finisher = finisher
        self._reader = finisher.reader
        self._file = finisher.file
        self._appender = Appender(self._file, coding)
        self._coding = coding
        self._checksums = checksums
        self._link_at = finisher.link_at
        """Where the link to the next page is to be."""
        self._blocks: dict[PixelFormat, Block] = {}
        self._last: tuple[PixelFormat, Block] | None = None
        """The format of the last frame, as it was put."""
        self._waiting: dict[int, bytes] = {}
        """Notes that are not in the file yet, by handle."""
        self._waiting_nbytes = 0
        """What will be added for the pages that wait, at the most."""

    @classmethod
    def create(
        cls,
        path: Path,
        dataset: bytes,
        pool: BufferPool,
        coding: PageCoding = _PLAIN,
        checksums: Algorithm | None = None,
    ) -> Self:
        """Create a file.

        Parameters
        ----------
        path
            Of the file.
        dataset
            JSON that holds for the whole dataset; kept in the first page.
        pool
            Where the memory comes from in which small frames wait.
        coding, checksums
            As for the class.

        Raises
        ------
        FileExistsError
            The file exists.
        """
        try:
            with path.open("xb", buffering=0) as file:
                disk.write_all(file, chain.header(0))
        except FileExistsError:
            raise
        except OSError as error:
            raise disk.told(error, path) from error
        reader = PageReader(path)
        reader.dataset = dataset
        return cls(PageFinisher(reader, GrowingFile(reader.file, pool), coding), coding, checksums)

    @classmethod
    def go_on(
        cls,
        finisher: PageFinisher,
        pool: BufferPool,
        coding: PageCoding = _PLAIN,
        checksums: Algorithm | None = None,
    ) -> Self:
        """Go on with a file that `resume` has opened, and whose pages it has read; as `create`."""
        finisher.file.wait_in(pool)
        finisher.reopen()
        return cls(finisher, coding, checksums)

    def __len__(self) -> int:
        return len(self._reader)

    def append(
        self, data: npt.NDArray[Any], pixels: PixelFormat, note: bytes, *, at_once: bool = False
    ) -> int:
        """Take a frame; its pixels may be overwritten once this returns.

        Parameters
        ----------
        data
            Shape and type as `pixels` says; any byte order and strides.
        note
            One line without a line end.
        at_once
            Link its page now, instead of waiting for others of its format.

        Returns
        -------
        int
            Handle of the page.

        Raises
        ------
        OSError
            The frame was not taken; those taken before stay readable, and the next `append` or `commit`
            tries again what could not be written.
        """
        block = self._block(pixels)
        if block is None:
            return self._write_through_tifffile(data, pixels, note)
        page = np.ascontiguousarray(pixels.as_stored(data), pixels.stored_dtype)
        nbytes = block.page_nbytes + len(note) + (0 if block.handles else BLOCK_BYTES)
        self._file.reserve(page.nbytes + self._waiting_nbytes + nbytes)
        end = self._file.end
        data_at = self._file.add(as_bytes(page))
        block.checksums += self._checksum(page)
        handle = self._reader.add(block.number, data_at, len(note))
        self._waiting[handle] = note
        self._waiting_nbytes += nbytes
        block.handles.append(handle)  # last: whatever interrupts us, a frame is taken or is not
        if at_once or len(block.handles) >= block.capacity:
            try:
                self._write_block(block)
            except OSError:
                block.handles.pop()
                del block.checksums[len(block.handles) :], self._waiting[handle]
                self._waiting_nbytes -= nbytes
                self._file.take_back(end)
                raise
        return handle

    def commit(self) -> None:
        """Link all pages that wait, so that other programs see them; errors as for `append`."""
        for block in self._blocks.values():
            if block.handles:
                self._write_block(block)

    def sync(self) -> None:
        """Wait until all that was written is safe on the disk."""
        self._file.sync()

    @property
    def has_waiting(self) -> bool:
        """Whether pages wait to be linked."""
        return any(block.handles for block in self._blocks.values())

    def pixels(self, handle: int) -> npt.NDArray[Any]:
        """Return a page as it was put, in a new array."""
        pixels = self._reader.format(handle)
        waiting = self._file.read_waiting(self._reader.data_offset(handle), pixels.nbytes)
        if waiting is None:
            return self._reader.pixels(handle)
        stored = np.frombuffer(bytearray(waiting), pixels.stored_dtype)
        return pixels.as_put(stored.reshape(pixels.stored_shape))

    def note(self, handle: int) -> bytes:
        """Return the note of a page."""
        waiting = self._waiting.get(handle)
        return self._reader.note(handle) if waiting is None else waiting

    def format(self, handle: int) -> PixelFormat:
        """Return what was put."""
        return self._reader.format(handle)

    def data_offsets(self, handles: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return where in the file the pixels of several pages begin; see `PageReader.data_offsets`."""
        return self._reader.data_offsets(handles)

    def formats(self, handles: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], Sequence[PixelFormat]]:
        """Return a number for the format of each of some pages, and the formats by these numbers."""
        return self._reader.formats(handles)

    def close(self) -> None:
        """Close the file as it is; pages that nothing leads to are lost."""
        self.finisher.close()

    def _block(self, pixels: PixelFormat) -> Block | None:
        """Return the block for frames of a format; None for the first one, and where pages are encoded."""
        if self._last is not None and self._last[0] is pixels:
            return self._last[1]
        block = self._blocks.get(pixels)
        if block is not None:
            self._last = pixels, block
        return block

    def _checksum(self, page: npt.NDArray[Any]) -> list[str]:
        return [] if self._checksums is None else [checksum(self._checksums, page)]

    def _write_through_tifffile(self, data: npt.NDArray[Any], pixels: PixelFormat, note: bytes) -> int:
        """Write a page that has to be encoded, or is the first of its format; return its handle."""
        page = np.ascontiguousarray(pixels.as_stored(data), pixels.stored_dtype)
        pixels = self._coding.encoded(pixels)
        record, head_nbytes = encode_block(pixels, [note], self._checksum(page))
        tags = [(chain.RECORDS, record)]
        if self._link_at == chain.FIRST_IFD_AT:
            tags.append((chain.DATASET, self._reader.dataset))
        more = sum(len(value) for _, value in tags)
        self._file.reserve(self._coding.most_nbytes(pixels) + self._waiting_nbytes + more)
        end = self._file.end
        added = self._appender.write(page, pixels, tags)
        self._link(added.ifd.offset, end)
        self._link_at = added.ifd.next_at
        records = added.ifd.find(chain.RECORDS)
        number = self._reader.format_number(pixels)
        handle = self._reader.add(number, added.data_at, len(note))
        self._reader.locate_notes([handle], (0 if records is None else records.number) + head_nbytes)
        self.finisher.add([handle], added.ifd.offset)
        if not pixels.is_encoded:
            self._blocks[pixels] = Block(pixels, number, PageKind(added.ifd.public_entries()))
        return handle

    def _write_block(self, block: Block) -> None:
        """Add the IFDs and the record of pages that wait, and have the last page lead to them."""
        handles, end = block.handles, self._file.end
        notes = [self._waiting[handle] for handle in handles]
        record, head_nbytes = encode_block(block.pixels, notes, block.checksums)
        offsets = [self._reader.data_offset(handle) for handle in handles]
        ifds = block.kind.block(offsets, chain.RECORDS, len(record), aligned(end))
        at = self._file.add(b"".join((ifds.ifds, record)))
        no_handles: list[int] = []
        no_checksums: list[str] = []
        self._link(at, end)
        # An interrupt comes where a function is called. One before this leaves the block as it was, and the
        # next one, which has the same pages and more, takes its place; one behind it finds it written.
        self._link_at, block.handles, block.checksums = ifds.next_at, no_handles, no_checksums
        self._reader.locate_notes(handles, at + len(ifds.ifds) + head_nbytes)
        self.finisher.add(handles, at)
        for handle in handles:
            del self._waiting[handle]
        self._waiting_nbytes -= BLOCK_BYTES + len(handles) * block.page_nbytes + sum(map(len, notes))

    def _link(self, ifd_at: int, end: int) -> None:
        """Have the last page lead to what was added behind `end`, which is taken back where that fails."""
        try:
            self._file.link(self._link_at, ifd_at)
        except OSError:
            self._file.take_back(end)
            raise
