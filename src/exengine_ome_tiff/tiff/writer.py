"""Writing one file: frames become pages in blocks, each with its records, through tifffile."""

import errno
import os
import shutil
import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import tifffile

from exengine_ome_tiff.tiff import chain
from exengine_ome_tiff.tiff.buffers import BufferPool
from exengine_ome_tiff.tiff.coding import PageCoding
from exengine_ome_tiff.tiff.journal import Journal
from exengine_ome_tiff.tiff.open_files import OpenFiles
from exengine_ome_tiff.tiff.pixels import PixelFormat
from exengine_ome_tiff.tiff.reader import PageReader
from exengine_ome_tiff.tiff.records import BLANK, encode_block

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
        Compression and tiles of all pages.
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
        self._open_files = open_files
        self._reader = PageReader(path, open_files)
        self._reader.dataset = dataset
        self._coding = coding
        self._pool = pool
        self._lock = lock
        self._blocks: dict[PixelFormat, _Block] = {}
        self._waiting: dict[int, tuple[_Block, int]] = {}
        self._journal = Journal(self._reader)
        self._blanks: dict[tuple[tuple[int, ...], str], int] = {}
        self._is_finished = False
        open_files.use(self)
        self._writer: tifffile.TiffWriter | None = self._open("x")
        self._reader.size()  # learns which file it is

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
        if self._coding.applies_to(pixels):
            pixels, at_once = _encoded(pixels), True
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
                offset, head = self._write(
                    np.ascontiguousarray(pixels.as_stored(data), pixels.stored_dtype), pixels, [note]
                )
                handle = self._reader.add(pixels, len(note))
                self._journal.add_block([handle], offset, head, pixels)
                return handle
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
        offset, head = self._write(block.pages[part], block.pixels, block.notes[part])
        self._journal.add_block(handles, offset, head, block.pixels)
        for handle in handles:
            del self._waiting[handle]
        block.written = stop
        if stop == len(block.handles):
            del self._blocks[block.pixels]
            self._pool.give_back(block.buffer)

    def _write(
        self, data: npt.NDArray[Any], pixels: PixelFormat, notes: Sequence[bytes], **how: Any
    ) -> tuple[int, int]:
        """Write pages; return the offset of their pixels and the length of the record's first line."""
        record, head = encode_block(pixels, notes) if notes else (BLANK, 0)
        tags = [(chain.RECORDS, chain.BYTES, len(record), record, True)]
        if not len(self._journal):
            tags.append((chain.DATASET, chain.BYTES, len(self._reader.dataset), self._reader.dataset, True))
        try:
            place = self._opened().write(
                data,
                photometric="rgb" if pixels.samples > 1 else "minisblack",
                planarconfig="contig" if pixels.samples > 1 else None,
                metadata=None,
                software=False,
                extratags=tags,
                returnoffset=True,
                **self._coding.arguments(pixels),
                **how,
            )
        except OSError as error:
            self._journal.cut()
            raise self._told(error) from error
        offset = 0 if place is None else place[0]
        try:
            self._complete(data, offset)
        except OSError as error:
            count = data.nbytes // pixels.nbytes
            handles = [self._reader.add(pixels, 0) for _ in range(count)]
            self._journal.add_block(handles, offset, 0, pixels)
            self._journal.void_last_block()
            raise self._told(error) from error
        return offset, head

    def _told(self, error: OSError) -> OSError:
        """Say where writing failed and how much room there is, which NumPy does not."""
        free = shutil.disk_usage(self.path.parent).free
        number = error.errno or (errno.ENOSPC if free < self._pool.buffer_bytes else errno.EIO)
        reason = f"{os.strerror(number)}; {free:,} bytes are free; {error}"
        return OSError(number, reason, str(self.path))

    def _complete(self, data: npt.NDArray[Any], offset: int) -> None:
        """Write what tifffile left out: `ndarray.tofile` misses it when its last 4 kB meet a full disk."""
        missing = self._opened().filehandle.tell() - self._reader.size()
        if missing > 0:
            if not offset:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
            missing = min(missing, data.nbytes)
            with self._reader.reopened("r+b", buffering=0) as file:
                file.seek(offset + data.nbytes - missing)
                chain.write_all(file, data.reshape(-1).view(np.uint8)[-missing:].data)

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
            offset, _ = self._write(
                np.zeros(pixels.stored_shape, pixels.stored_dtype), pixels, [], maxworkers=1
            )
            handle = self._reader.add(pixels, 0)
            self._journal.add_block([handle], offset, 0, pixels)
            self._blanks[pixels.stored] = handle
            return handle

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
            self.release()
            self._open_files.forget(self)
            extra = {
                chain.IMAGE_DESCRIPTION: (chain.ASCII, description + b"\0"),
                chain.SOFTWARE: (chain.ASCII, software.encode("ascii") + b"\0"),
            }
            first = self._journal.end()
            with self._reader.reopened("r+b", buffering=0) as file:
                extra[chain.JOURNAL] = (chain.LONG8, first.to_bytes(8, "little"))
                chain.write_final_chain(file, self._journal.entries(pages), len(pages), extra)
            self._is_finished = True
            return self._reader

    def close(self) -> None:
        """Close the file as it is; what waits is lost."""
        with self._lock:
            self.release()
            self._open_files.forget(self)
            self._reader.close()

    def discard(self) -> None:
        """Close and delete the file."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _opened(self) -> tifffile.TiffWriter:
        """Return tifffile's writer, at the end of the file."""
        self._open_files.use(self)
        if self._writer is None:
            self._writer = self._open("r+" if len(self._journal) else "w")
        return self._writer

    def _open(self, mode: Literal["x", "r+", "w"]) -> tifffile.TiffWriter:
        return tifffile.TiffWriter(self.path, mode=mode, bigtiff=True, byteorder="<", ome=False, shaped=False)

    def release(self) -> None:
        """Let tifffile write the IFDs it still owes and close its file, until the next write."""
        with self._lock:
            writer, self._writer = self._writer, None
            if writer is not None:
                try:
                    writer.close()
                except OSError:
                    self._journal.cut()  # the IFDs are owed for good, and not needed in the end
                    raise


@lru_cache
def _encoded(pixels: PixelFormat) -> PixelFormat:
    return replace(pixels, is_encoded=True)
