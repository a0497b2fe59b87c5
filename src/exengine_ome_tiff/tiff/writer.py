"""Writing one file: frames become pages in blocks, each with its records."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.tiff import chain, disk
from exengine_ome_tiff.tiff.appender import BLOCK_OVERHEAD_BYTES, PAGE_OVERHEAD_BYTES, Appender
from exengine_ome_tiff.tiff.buffers import BufferPool
from exengine_ome_tiff.tiff.checksums import Algorithm, checksum
from exengine_ome_tiff.tiff.coding import PageCoding
from exengine_ome_tiff.tiff.finisher import PageFinisher
from exengine_ome_tiff.tiff.growing_file import GrowingFile
from exengine_ome_tiff.tiff.open_files import OpenFiles
from exengine_ome_tiff.tiff.pixels import PixelFormat
from exengine_ome_tiff.tiff.reader import PageReader
from exengine_ome_tiff.tiff.records import encode_block

MAX_BLOCK_PAGES = 64
_PLAIN = PageCoding()


class _Block:
    """Frames of one format that wait to be written with one call."""

    def __init__(self, pixels: PixelFormat, buffer: npt.NDArray[np.uint8]) -> None:
        self.pixels = pixels
        self.buffer = buffer
        self.capacity = min(MAX_BLOCK_PAGES, buffer.nbytes // pixels.nbytes)
        used = buffer[: self.capacity * pixels.nbytes]
        self.pages = used.view(pixels.stored_dtype).reshape(self.capacity, *pixels.stored_shape)
        self.frames: list[tuple[int, bytes]] = []
        """Handle and note of each."""
        self.written = 0
        """How many of them are in the file already."""


class _Kind:
    """What is to be known of frames of one format.

    Parameters
    ----------
    pixels
        As they lie in the file.
    number
        Of the format, for the reader.
    may_wait
        Whether two of them fit into a buffer, and they are plain pixels.
    """

    def __init__(self, pixels: PixelFormat, number: int, *, may_wait: bool) -> None:
        self.pixels = pixels
        self.number = number
        self.may_wait = may_wait
        self.page_bytes = pixels.nbytes + PAGE_OVERHEAD_BYTES
        """What a page takes in the file at the most, its note not included."""
        self.block: _Block | None = None
        """Those that wait."""

    def room(self, notes: Sequence[bytes]) -> int:
        """Return how many bytes frames need in the file at the most, beside what a block needs."""
        return len(notes) * self.page_bytes + sum(map(len, notes))


class PageWriter:
    """A BigTIFF file that holds, from the first write on, all that was written; safe from several threads.

    A frame waits in memory only when there is room for it on the disk already.

    Parameters
    ----------
    path
        File to create.
    dataset
        JSON that holds for the whole dataset; kept in the first page.
    pool
        Where the memory for waiting frames comes from.
    open_files
        Bounds how many files are open.
    lock
        Held while the books change; the files of one dataset share theirs.
    coding
        Compression, tiles and smaller copies of all pages.
    checksums
        Which checksum the record of each frame has; None for none.

    Raises
    ------
    FileExistsError
        The file exists.
    """

    def __init__(
        self,
        path: Path,
        dataset: bytes,
        pool: BufferPool,
        open_files: OpenFiles,
        lock: threading.RLock,
        coding: PageCoding = _PLAIN,
        checksums: Algorithm | None = None,
    ) -> None:
        self.path = path
        try:
            path.open("xb").close()
        except FileExistsError:
            raise
        except OSError as error:
            raise disk.told(error, path) from error
        self._reader = PageReader(path, open_files)
        self._reader.dataset = dataset
        self._file = GrowingFile(self._reader, open_files)
        self._appender = Appender(self._file, coding, is_linked=True)
        self.finisher = PageFinisher(self._reader, self._file, coding)
        self._coding = coding
        self._checksums = checksums
        self._pool = pool
        self._lock = lock
        self._kinds: dict[PixelFormat, _Kind] = {}
        self._last: tuple[PixelFormat, _Kind] | None = None
        """The format of the last frame, as it was put."""
        self._waiting: dict[int, tuple[_Block, int]] = {}
        self._waiting_bytes = 0
        """What the waiting frames will need in the file at the most."""
        self._owed_bytes = 0
        """What the IFDs will need at the most that tifffile writes with the next block only."""

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
            Write it now, instead of collecting it with others of its format.

        Returns
        -------
        int
            Handle of the page.

        Raises
        ------
        OSError
            Frames could not be written; this one was not taken, those taken before stay readable, and the
            next `append` or `commit` tries again.
        """
        with self._lock:
            kind = self._kind(pixels)
            block = kind.block
            if block is not None and (at_once or len(block.frames) == block.capacity):
                self._write_block(kind, block, len(block.frames))
                block = None
            room = kind.page_bytes + len(note)
            if block is None:
                room += BLOCK_OVERHEAD_BYTES + (0 if len(self._reader) else len(self._reader.dataset))
            self._file.reserve(self._owed_bytes + self._waiting_bytes + room)
            if block is None and not at_once and kind.may_wait:
                buffer = self._pool.take()
                if buffer is not None:
                    block = kind.block = _Block(kind.pixels, buffer)
                    self._waiting_bytes += BLOCK_OVERHEAD_BYTES
            if block is None:
                page = np.ascontiguousarray(pixels.as_stored(data), pixels.stored_dtype)
                return self._write([], page, kind, [note])
            slot = len(block.frames)
            np.copyto(block.pages[slot], pixels.as_stored(data), casting="unsafe")
            handle = self._reader.add(kind.number, len(note))
            self._waiting_bytes += kind.page_bytes + len(note)
            self._waiting[handle] = (block, slot)
            block.frames.append((handle, note))  # last: whatever interrupts us, a frame is taken or is not
            return handle

    def commit(self) -> None:
        """Write all waiting frames, so that other programs see them.

        tifffile links all pages of a block but the first with the next one: so the last page goes alone.
        """
        with self._lock:
            for kind in self._kinds.values():
                block = kind.block
                if block is None:
                    continue
                count = len(block.frames)
                if count - block.written > 1:
                    self._write_block(kind, block, count - 1)
                self._write_block(kind, block, count)

    def sync(self) -> None:
        """Wait until all that was written is safe on the disk."""
        with self._lock:
            self._file.sync()

    @property
    def has_waiting(self) -> bool:
        """Whether frames wait to be written."""
        return bool(self._waiting)

    def pixels(self, handle: int) -> npt.NDArray[Any]:
        """Return a page as it was put, in a new array."""
        with self._lock:
            waiting = self._waiting.get(handle)
            if waiting is not None:
                block, slot = waiting
                return block.pixels.as_put(block.pages[slot].copy())
        return self._reader.pixels(handle)

    def note(self, handle: int) -> bytes:
        """Return the note of a page."""
        with self._lock:
            waiting = self._waiting.get(handle)
            if waiting is not None:
                block, slot = waiting
                return block.frames[slot][1]
        return self._reader.note(handle)

    def format(self, handle: int) -> PixelFormat:
        """Return what was put."""
        return self._reader.format(handle)

    def close(self) -> None:
        """Close the file as it is; what waits is lost."""
        with self._lock:
            self.finisher.close()

    def _kind(self, pixels: PixelFormat) -> _Kind:
        """Return what is to be known of a format, which mostly is that of the last frame."""
        if self._last is not None and self._last[0] is pixels:
            return self._last[1]
        encoded = self._coding.encoded(pixels)
        kind = self._kinds.get(encoded)
        if kind is None:
            may_wait = not encoded.is_encoded and 2 * encoded.nbytes <= self._pool.buffer_bytes
            kind = _Kind(encoded, self._reader.format_number(encoded), may_wait=may_wait)
            self._kinds[encoded] = kind
        self._last = pixels, kind
        return kind

    def _write_block(self, kind: _Kind, block: _Block, stop: int) -> None:
        """Write the frames of a block up to `stop`, and let go of it when that is all."""
        if stop > block.written:
            part = slice(block.written, stop)
            handles, notes = zip(*block.frames[part], strict=True)
            self._write(handles, block.pages[part], kind, notes)
            for handle in handles:
                self._waiting.pop(handle, None)
            block.written = stop
            self._waiting_bytes -= kind.room(notes)
        if stop == len(block.frames):
            kind.block = None
            self._waiting_bytes -= BLOCK_OVERHEAD_BYTES
            self._pool.give_back(block.buffer)

    def _write(
        self, handles: Sequence[int], data: npt.NDArray[Any], kind: _Kind, notes: Sequence[bytes]
    ) -> int:
        """Write pages; those that have no handles yet are one page, which gets one. Return the first."""
        pixels, checksums = kind.pixels, []
        if self._checksums is not None:
            pages = data.reshape(len(notes), *pixels.stored_shape)
            checksums = [checksum(self._checksums, page) for page in pages]
        record, head_nbytes = encode_block(pixels, notes, checksums)
        tags = [(chain.RECORDS, record)]
        if not self.finisher.has_pages:
            tags.append((chain.DATASET, self._reader.dataset))
        block = self._appender.write(data, pixels, tags)
        self._owed_bytes = (len(notes) - 1) * PAGE_OVERHEAD_BYTES
        handles = handles or [self._reader.add(kind.number, len(notes[0]))]
        self._reader.locate(handles, block.data_at, block.record_at + head_nbytes)
        self.finisher.add(handles, block.ifd_at)
        return handles[0]
