"""Writing one file: frames become pages in blocks, each with its records, through tifffile."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.tiff import chain
from exengine_ome_tiff.tiff.appender import Appender
from exengine_ome_tiff.tiff.buffers import BufferPool
from exengine_ome_tiff.tiff.coding import PageCoding
from exengine_ome_tiff.tiff.journal import Journal
from exengine_ome_tiff.tiff.new_chain import write_final_chain
from exengine_ome_tiff.tiff.open_files import OpenFiles
from exengine_ome_tiff.tiff.pixels import PixelFormat
from exengine_ome_tiff.tiff.pyramid import halved
from exengine_ome_tiff.tiff.reader import PageReader

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
        self.handles: list[int] = []
        self.notes: list[bytes] = []
        self.written = 0
        """How many of them are in the file already."""


class PageWriter:
    """A BigTIFF file that holds, from the first write on, all that was written; safe from several threads.

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
    coding
        Compression, tiles and smaller copies of all pages.
    lock
        Held while the books change; the files of one dataset share theirs.

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
    ) -> None:
        self.path = path
        self._reader = PageReader(path, open_files)
        self._reader.dataset = dataset
        self._journal = Journal(self._reader)
        self._appender = Appender(self._reader, self._journal, open_files, lock, coding)
        self._coding = coding
        self._pool = pool
        self._lock = lock
        self._blocks: dict[PixelFormat, _Block] = {}
        self._waiting: dict[int, tuple[_Block, int]] = {}
        self._blanks: dict[tuple[tuple[int, ...], str], int] = {}
        self._smaller: dict[int, list[int]] = {}
        """Handles of the smaller copies of pages."""
        self._is_finished = False

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
        pixels = self._coding.encoded(pixels)
        at_once |= pixels.is_encoded
        with self._lock:
            block = self._blocks.get(pixels)
            if block is not None and len(block.handles) == block.capacity:
                self._write_block(block, len(block.handles))
                block = None
            if block is None and not at_once and 2 * pixels.nbytes <= self._pool.buffer_bytes:
                buffer = self._pool.take()
                if buffer is not None:
                    block = self._blocks[pixels] = _Block(pixels, buffer)
            if block is None:
                return self._write_page(
                    np.ascontiguousarray(pixels.as_stored(data), pixels.stored_dtype), pixels, [note]
                )
            slot = len(block.handles)
            np.copyto(block.pages[slot], pixels.as_stored(data), casting="unsafe")
            handle = self._reader.add(pixels, len(note))
            block.handles.append(handle)
            block.notes.append(note)
            self._waiting[handle] = (block, slot)
            return handle

    def commit(self) -> None:
        """Write all waiting frames, so that other programs see them.

        tifffile links all pages of a block but the first with the next one: so the last page goes alone.
        """
        with self._lock:
            for block in list(self._blocks.values()):
                count = len(block.handles)
                if count - block.written > 1:
                    self._write_block(block, count - 1)
                self._write_block(block, count)

    @property
    def has_waiting(self) -> bool:
        """Whether frames wait to be written."""
        return bool(self._waiting)

    def _write_block(self, block: _Block, stop: int) -> None:
        """Write the frames of a block up to `stop`, and let go of it when that is all."""
        part = slice(block.written, stop)
        handles = block.handles[part]
        offset, head = self._appender.write(block.pages[part], block.pixels, block.notes[part])
        self._journal.add_block(handles, offset, head, block.pixels)
        for handle in handles:
            del self._waiting[handle]
        block.written = stop
        if stop == len(block.handles):
            del self._blocks[block.pixels]
            self._pool.give_back(block.buffer)

    def _write_page(self, data: npt.NDArray[Any], pixels: PixelFormat, notes: Sequence[bytes]) -> int:
        """Write one page, which is no frame where there is no note; return its handle."""
        offset, head = self._appender.write(data, pixels, notes)
        handle = self._reader.add(pixels, sum(map(len, notes)))
        self._journal.add_block([handle], offset, head, pixels)
        return handle

    def pixels(self, handle: int) -> npt.NDArray[Any]:
        """Return a page as it was put, in a new array."""
        with self._lock:
            waiting = self._waiting.get(handle)
            if waiting is not None:
                block, slot = waiting
                return block.pixels.as_put(block.pages[slot].copy())
            if self._reader.format(handle).is_encoded:
                self._locate(handle)
        return self._reader.pixels(handle)

    def note(self, handle: int) -> bytes:
        """Return the note of a page."""
        with self._lock:
            waiting = self._waiting.get(handle)
            if waiting is not None:
                block, slot = waiting
                return block.notes[slot]
            self._locate(handle)
        return self._reader.note(handle)

    def _locate(self, handle: int) -> None:
        if not self._reader.note_is_located(handle):
            self._journal.locate_notes()

    def format(self, handle: int) -> PixelFormat:
        """Return what was put."""
        return self._reader.format(handle)

    def append_blank(self, pixels: PixelFormat) -> int:
        """Write a page of zeros that no frame has put, once for all of its kind; return its handle."""
        with self._lock:
            if pixels.stored in self._blanks:
                return self._blanks[pixels.stored]
            zeros = np.zeros(pixels.stored_shape, pixels.stored_dtype)
            self._blanks[pixels.stored] = self._write_page(zeros, pixels, [])
            return self._blanks[pixels.stored]

    def finish(self, pages: npt.NDArray[np.int64], description: bytes, software: str) -> PageReader:
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

        Returns
        -------
        PageReader
            Reads the finished file; this writer must not be used any more.

        Raises
        ------
        OSError
            The file is as it was before; `finish` may be called again. Once it is done it does nothing more.
        """
        with self._lock:
            if self._is_finished:
                return self._reader
            self.commit()
            smaller = self._write_smaller(pages)
            self._appender.close()
            extra = {
                chain.IMAGE_DESCRIPTION: (chain.ASCII, description + b"\0"),
                chain.SOFTWARE: (chain.ASCII, software.encode("ascii") + b"\0"),
                chain.JOURNAL: (chain.LONG8, self._journal.end().to_bytes(8, "little")),
            }
            with self._reader.reopened("r+b", buffering=0) as file:
                write_final_chain(file, self._journal.pages(pages, smaller), len(pages), extra)
            self._is_finished = True
            return self._reader

    def _write_smaller(self, pages: npt.NDArray[np.int64]) -> dict[int, list[int]]:
        """Write the smaller copies of pages, those that are not there yet; return their handles by page."""
        for handle in np.unique(pages).tolist():
            formats = self._coding.smaller(self._reader.format(handle))
            copies = self._smaller.setdefault(handle, []) if formats else []
            if len(copies) == len(formats):
                continue
            self._journal.locate_notes()
            image = self._reader.stored(copies[-1] if copies else handle)
            for pixels in formats[len(copies) :]:
                image = halved(image)
                copies.append(self._write_page(image, pixels, []))
        return self._smaller

    def close(self) -> None:
        """Close the file as it is; what waits is lost."""
        with self._lock:
            self._appender.close()
            self._reader.close()

    def discard(self) -> None:
        """Close and delete the file, if it still is where it was."""
        is_there = self._reader.is_in_place()
        self.close()
        if is_there:
            self.path.unlink(missing_ok=True)
