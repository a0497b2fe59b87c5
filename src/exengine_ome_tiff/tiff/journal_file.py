"""A file that is being recorded: frames become pages, which are linked in blocks with their records.

`JournalFile.append` and `commit` add frames to the file, `final_chain.finish_journal` finishes it, and
`journal_reader.open_journal` opens it again.
"""

import errno
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.tiff import chain, disk
from exengine_ome_tiff.tiff.appender import Appender, PagePixels
from exengine_ome_tiff.tiff.block_records import (
    StoredValue,
    complete_note,
    encode_block,
    encode_head,
    join_notes,
    shorten_notes,
    stored_values,
)
from exengine_ome_tiff.tiff.checksums import checksum
from exengine_ome_tiff.tiff.file_tail import BufferPool, FileTail
from exengine_ome_tiff.tiff.ifds import PageKind, aligned
from exengine_ome_tiff.tiff.page_coding import WriteSettings
from exengine_ome_tiff.tiff.page_table import BLOCK_BYTES, PageHandle, PageTable, WaitingBlock
from exengine_ome_tiff.tiff.pixels import PixelFormat, as_bytes
from exengine_ome_tiff.tiff.shared_file import FileView, SharedFile
from exengine_ome_tiff.tiff.stored_page import read_bytes, read_page

SYNC_LOST = (
    "waiting for the disk (fsync) failed once, so earlier frames may not survive a power failure, even if "
    "fsync succeeds now: copy the dataset to another disk while it is readable"
)


class JournalFile:
    """A BigTIFF file that contains, from its first write on, all frames that were added.

    One thread at a time adds pages. Any number of threads and forked processes read at the same time.
    A page waits to be linked only if the disk has already reserved space for its IFD and its note.

    Parameters
    ----------
    path
        Path of the file, which exists.
    header
        JSON with facts about the dataset; stored in the first page.
    """

    def __init__(self, path: Path, header: bytes) -> None:
        self.path = path
        self.header = header
        self.names = b""
        """JSON of a finished file with the names of channels and positions; empty if it has none."""
        self.index_place: tuple[int, ...] = ()
        """Offset, length and CRC-32 of the index of a finished file; empty if it has none."""
        self.file = SharedFile(path)
        self.pages = PageTable()
        self.is_finished = False
        self.settings = WriteSettings()
        self.link_at = chain.FIRST_IFD_AT
        """Offset of the link from the last page to the next one."""
        self.is_link_certain = True
        """Whether the value at `link_at` is known; it is not after an error while writing the link."""
        self.is_sync_lost = False
        """Whether waiting for the disk has ever failed."""
        self.n_linked = 0
        """Number of frames that are linked."""
        self.first_at = 0
        """Offset of the first page; 0 if there is none yet."""
        self.chain_at: int | None = None
        """Offset of the final chain once it is written; the header may already lead to it."""
        self.last_at: int | None = None
        """Offset of the last page if its link does not lead to a page."""
        self.smaller: dict[PageHandle, list[PageHandle]] = {}
        """The smaller copies of pages."""
        self._tail: FileTail | None = None
        """None if the file is open for reading."""
        self._blanks: dict[tuple[tuple[int, ...], str], PageHandle] = {}
        self._blocks: dict[PixelFormat, WaitingBlock] = {}
        self._last: tuple[PixelFormat, WaitingBlock] | None = None
        """The format of the last frame as it was put, and its block."""
        self._waiting: dict[PageHandle, bytes] = {}
        """Notes that are not in the file yet."""
        self._first_values: list[StoredValue] | None = None
        """Long values of the first note, which other notes may repeat; None before the first search."""
        self._waiting_nbytes = 0
        """Maximum number of bytes to add for the pages that wait."""

    @classmethod
    def create(cls, path: Path, header: bytes, settings: WriteSettings, pool: BufferPool) -> Self:
        """Create a file.

        Parameters
        ----------
        path
            Path of the file.
        header
            JSON with facts about the dataset.
        settings
            Settings for writing pages.
        pool
            Source of the memory in which small frames wait.

        Raises
        ------
        FileExistsError
            The file exists.
        """
        try:
            with path.open("xb", buffering=0) as file:
                disk.write_all(file, chain.header(0))
        except OSError as error:
            raise disk.described(error, path) from error
        journal = cls(path, header)
        journal.file.mark = 0, chain.header(0)
        journal.write_on(settings, pool)
        return journal

    def write_on(self, settings: WriteSettings, pool: BufferPool | None = None) -> None:
        """Allow adding pages to a file whose pages are known; parameters as for `create`."""
        self.settings = settings
        self._tail = FileTail(self.file, pool)
        self._appender = Appender(self._tail, settings.coding)

    def mark_header(self, header_at: int) -> None:
        """Identify the file by its dataset header at an offset."""
        if len(self.header) > chain.OFFSET.size:  # a shorter one is in the IFD
            self.file.mark = header_at, self.header

    def end_with(self, last: chain.Ifd) -> None:
        """Mark a page as the last one, because its link does not lead to a page.

        Raises
        ------
        OmeTiffError
            The file is open for writing, and the tags of the page are damaged.
        """
        if self._tail is not None and not last.is_sorted:
            raise OmeTiffError(f"{self.path}: the tags of the page at offset {last.offset} are damaged")
        self.last_at = last.offset

    def reopen(self) -> None:
        """Clear the link of the last page, so that frames can follow; errors as for `append`."""
        self.tail.link(self.link_at, 0)
        self.last_at = None

    @property
    def tail(self) -> FileTail:
        """The end of the file, where pages are added; RuntimeError if the file is open for reading."""
        if self._tail is None:
            raise RuntimeError(f"{self.path}: opened for reading")
        return self._tail

    # adding frames ----------------------------------------------------------------------------------------

    def append(
        self, data: npt.NDArray[Any], pixels: PixelFormat, note: bytes, *, at_once: bool = False
    ) -> PageHandle:
        """Add a frame. The caller may overwrite its pixels afterwards.

        Parameters
        ----------
        data
            Array with the shape and type of `pixels`, in any byte order and with any strides.
        note
            One line without a line end.
        at_once
            Link its page now instead of waiting for other frames of its format.

        Returns
        -------
        PageHandle

        Raises
        ------
        OSError
            The frame was not added. Earlier frames stay readable, and the next `append` or `commit` tries
            again to write them. A `FileGoneError` if another program deleted, replaced or cut the file.
        """
        block = self._block(pixels)
        if block is None:
            return self._write_through_tifffile(data, pixels, note)
        tail = self.tail
        page = np.ascontiguousarray(pixels.as_stored(data), pixels.stored_dtype)
        nbytes = block.page_nbytes + len(note) + (0 if block.handles else BLOCK_BYTES)
        tail.reserve(page.nbytes + self._waiting_nbytes + nbytes)
        end = tail.end
        data_at = tail.add(as_bytes(page))
        handle = self.pages.add(block.number, data_at)
        if self.settings.checksums is not None:
            block.checksums[handle] = checksum(self.settings.checksums, [page])
        self._waiting[handle] = note
        self._waiting_nbytes += nbytes
        block.handles.append(handle)  # last, so that an interrupt cannot add half a frame
        if at_once or len(block.handles) >= block.capacity:
            try:
                self._write_block(block)
            except OSError:
                if handle in block.handles:  # otherwise a signal handler raised it after the link
                    block.handles.remove(handle)
                    del self._waiting[handle]
                    self._waiting_nbytes -= nbytes
                    if self.is_link_certain:
                        tail.take_back(end)
                raise
        return handle

    def commit(self) -> None:
        """Link all pages that wait, so that other programs see them; errors as for `append`.

        Afterwards the link of the last page is 0, whatever errors occurred before.
        """
        for block in self._blocks.values():
            if block.handles:
                self._write_block(block)
        if not self.is_link_certain:
            if self._leads_somewhere():
                self.tail.link(self.link_at, 0)
            self.is_link_certain = True

    def sync(self) -> None:
        """Wait until everything that was written is on the disk.

        Raises
        ------
        OSError
            This failed now or before. After a failure the system may have dropped data, which later calls do
            not report.
        """
        if self._tail is not None:
            self._tail.write_waiting()
        if self.is_sync_lost:
            raise OSError(errno.EIO, SYNC_LOST, str(self.path))
        self.sync_file(self.file.writable())

    def sync_file(self, file: FileIO) -> None:
        """Wait until this file, opened by the caller, is on the disk, and remember a failure."""
        try:
            disk.sync_file(file)
        except OSError:
            self.is_sync_lost = True
            raise

    @property
    def is_written(self) -> bool:
        """Whether pages can be added."""
        return self._tail is not None

    @property
    def has_waiting(self) -> bool:
        """Whether `commit` has something to do."""
        # there may be many blocks, and usually no page waits
        has_pages = bool(self._waiting) and any(block.handles for block in self._blocks.values())
        return self._tail is not None and (has_pages or not self.is_link_certain)

    @property
    def n_added(self) -> int:
        """Number of frames that were added, including those that wait."""
        return self.n_linked + sum(len(block.handles) for block in self._blocks.values())

    def append_loose(self, data: PagePixels, pixels: PixelFormat) -> PageHandle:
        """Write a page that is not a frame and is not linked; errors as for `append`."""
        pixels = self.settings.coding.encoded(pixels)
        self.tail.reserve(self.settings.coding.most_nbytes(pixels) + self._waiting_nbytes)
        ifd, data_at = self._appender.write(data, pixels)
        handle = self.pages.add(self.pages.format_number(pixels), data_at)
        self.pages.locate([handle], ifd.offset, 0, [b""])
        return handle

    def append_blank(self, pixels: PixelFormat) -> PageHandle:
        """Write a page of zeros that is not a frame, once for each format; errors as for `append`."""
        if pixels.stored not in self._blanks:
            zeros = np.zeros(pixels.stored_shape, pixels.stored_dtype)
            self._blanks[pixels.stored] = self.append_loose(zeros, pixels)
        return self._blanks[pixels.stored]

    def leave_room(self, nbytes: int) -> int:
        """Leave space for a checkpoint and return its offset, a multiple of 8; errors as for `append`."""
        self.tail.reserve(nbytes + self._waiting_nbytes + chain.OFFSET.size)
        return self.tail.leave_room(nbytes)

    def _block(self, pixels: PixelFormat) -> WaitingBlock | None:
        """Return the block for frames of a format; None for its first frame and for encoded pages."""
        if self._last is not None and self._last[0] is pixels:
            return self._last[1]
        block = self._blocks.get(pixels)
        if block is not None:
            self._last = pixels, block
        return block

    def _write_through_tifffile(self, data: npt.NDArray[Any], pixels: PixelFormat, note: bytes) -> PageHandle:
        """Write a page that is encoded or the first one of its format."""
        page = np.ascontiguousarray(pixels.as_stored(data), pixels.stored_dtype)
        pixels = self.settings.coding.encoded(pixels)
        algorithm = self.settings.checksums
        checksums = [] if algorithm is None else [checksum(algorithm, [page])]
        is_first = self.link_at == chain.FIRST_IFD_AT
        notes = [note] if is_first else shorten_notes([note], 0, self._values())
        record, head_nbytes = encode_block(pixels, notes, checksums)
        tags = [(chain.RECORDS, record)]
        if is_first:
            tags.append((chain.DATASET, self.header))
        room = self.settings.coding.most_nbytes(pixels) + sum(len(value) for _, value in tags)
        self.tail.reserve(room + self._waiting_nbytes)
        end = self.tail.end
        ifd, data_at = self._appender.write(page, pixels, tags)
        if is_first:
            self.file.mark = None  # because the link changes these bytes
        self._link(ifd.offset, end)
        self.link_at, self.is_link_certain, self.n_linked = ifd.next_at, True, self.n_linked + 1
        if is_first:
            self.first_at = ifd.offset
            self.mark_header(ifd.tag(chain.DATASET).number)
        number = self.pages.format_number(pixels)
        handle = self.pages.add(number, data_at)
        self.pages.locate([handle], ifd.offset, ifd.tag(chain.RECORDS).number + head_nbytes, notes)
        if not pixels.is_encoded:
            self._blocks[pixels] = WaitingBlock(pixels, number, PageKind(ifd.public_entries()))
        return handle

    def _write_block(self, block: WaitingBlock) -> None:
        """Add the IFDs and the record of waiting pages, and link them to the last page."""
        handles, end = block.handles, self.tail.end
        notes = [self._waiting[handle] for handle in handles]
        checksums = [block.checksums[handle] for handle in handles if block.checksums]
        head, ifds_at = encode_head(block.pixels, len(notes), checksums), aligned(end)
        notes_at = ifds_at + block.kind.block_nbytes(len(notes)) + len(head) + 1
        shortened = shorten_notes(notes, notes_at, self._values())
        record = join_notes(head, shortened)
        offsets = [self.pages.data_at(handle) for handle in handles]
        ifds, next_at = block.kind.block(offsets, chain.RECORDS, len(record), ifds_at)
        at = self.tail.add(b"".join((ifds, record)))
        self.pages.locate(handles, at, notes_at, shortened)
        after = next_at, True, self.n_linked + len(handles), list[PageHandle](), dict[PageHandle, str]()
        self._link(at, end)
        # Interrupts only occur at function calls. After one before this line, the block is unchanged, and a
        # later block with the same and more pages replaces it. After this line, the block is written.
        self.link_at, self.is_link_certain, self.n_linked, block.handles, block.checksums = after
        for handle in handles:
            del self._waiting[handle]
        self._waiting_nbytes -= BLOCK_BYTES + len(handles) * block.page_nbytes + sum(map(len, notes))

    def _link(self, ifd_at: int, end: int) -> None:
        """Link the last page to the page that was added after `end`.

        After an error, such as one of a network, the link may still have been written. The added bytes are
        dropped only if the link is found to be 0. Otherwise they stay, and the next link replaces this one.
        """
        try:
            self.tail.write_waiting()
        except OSError:
            self.tail.take_back(end)
            raise
        was_certain, self.is_link_certain = self.is_link_certain, False
        try:
            self.tail.link(self.link_at, ifd_at)
        except OSError:
            with suppress(OSError):
                if was_certain and not self._leads_somewhere():
                    self.is_link_certain = True
                    self.tail.take_back(end)
            raise

    def _leads_somewhere(self) -> bool:
        """Whether the last page in the file links to another one; errors as for `append`."""
        return any(self.file.read(self.link_at, chain.OFFSET.size))

    # reading frames ---------------------------------------------------------------------------------------

    def pixels(self, handle: PageHandle) -> npt.NDArray[Any]:
        """Return a page as it was put, in a new array.

        Raises
        ------
        OmeTiffError
            The file ends before the page does.
        RuntimeError
            The file is closed.
        """
        return self.pages.format(handle).as_put(self.stored(handle))

    def stored(self, handle: PageHandle) -> npt.NDArray[Any]:
        """Return a page as stored in the file, in a new array; errors as for `pixels`."""
        pixels, data_at = self.pages.place(handle)
        if pixels.is_encoded:
            return read_page(self.file, data_at, pixels)
        stored, tail = np.empty(pixels.stored_shape, pixels.stored_dtype), self._tail
        buffer = as_bytes(stored)
        if tail is None or not tail.read_waiting(data_at, buffer):
            read_bytes(self.file, data_at, buffer)
        return stored

    def stored_nbytes(self, handle: PageHandle) -> int:
        """Return the size of the pixels of a page in the file, in bytes; errors as for `pixels`."""
        pixels = self.pages.format(handle)
        if not pixels.is_encoded:
            return pixels.nbytes
        view = FileView(self.file)
        return chain.check_strips(view, chain.read_ifd(view, self.pages.data_at(handle))).nbytes

    def note(self, handle: PageHandle) -> bytes:
        """Return the note of a page; errors as for `pixels`."""
        waiting = self._waiting.get(handle)
        if waiting is not None:
            return waiting
        return complete_note(self.file.read(*self.pages.note(handle)), self.file.read, self.file.size)

    def _values(self) -> list[StoredValue]:
        """Return the long values of the first note."""
        if self._first_values is None and len(self.pages):
            at, nbytes = self.pages.note(PageHandle(0))
            first = self.file.read(at, nbytes)
            self._first_values = stored_values(first, first, at)
        return self._first_values or []

    # closing ----------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close the file as it is; pages that are not linked are lost."""
        self.end_tail()
        self.file.close()

    def end_tail(self) -> None:
        """Release the space after the end of the file, and add no more pages."""
        tail, self._tail = self._tail, None
        if tail is not None:
            with suppress(OSError):  # space after the end does no harm
                tail.trim()
            tail.close()

    def discard(self) -> None:
        """Close the file, and delete it if it is still in its place."""
        is_there = self.file.is_in_place()
        self.close()
        if is_there:
            self.path.unlink(missing_ok=True)
