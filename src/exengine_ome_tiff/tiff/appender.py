"""Appending pages to a file through tifffile, so that it stays right whatever fails."""

import errno
import os
import shutil
import threading
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import tifffile

from exengine_ome_tiff.tiff import chain
from exengine_ome_tiff.tiff.coding import PageCoding
from exengine_ome_tiff.tiff.journal import Journal
from exengine_ome_tiff.tiff.open_files import OpenFiles
from exengine_ome_tiff.tiff.pixels import PixelFormat
from exengine_ome_tiff.tiff.reader import PageReader
from exengine_ome_tiff.tiff.records import NO_FRAME, encode_block

_LITTLE_ROOM_BYTES = 4 << 20


class Appender:
    """The end of a BigTIFF file; creates the file.

    Parameters
    ----------
    reader
        Of the file.
    journal
        Books of the file; is told of pages that could not be written whole.
    open_files
        Bounds how many files are open.
    lock
        Held while the file is closed for a while; the caller holds it while it writes.
    coding
        Compression and tiles of all pages.

    Raises
    ------
    FileExistsError
        The file exists.
    """

    def __init__(
        self,
        reader: PageReader,
        journal: Journal,
        open_files: OpenFiles,
        lock: threading.RLock,
        coding: PageCoding,
    ) -> None:
        self._reader = reader
        self._journal = journal
        self._open_files = open_files
        self._lock = lock
        self._coding = coding
        open_files.use(self)
        self._writer: tifffile.TiffWriter | None = self._open("x")
        reader.size()  # learns which file it is

    def write(self, data: npt.NDArray[Any], pixels: PixelFormat, notes: Sequence[bytes]) -> tuple[int, int]:
        """Write pages of one format in one block.

        Parameters
        ----------
        data
            Pixels as they will lie in the file, shape (pages, ...) or that of one page, C-contiguous.
        pixels
            What its pages are.
        notes
            One for each page; none for a page that is no frame.

        Returns
        -------
        int
            Offset of the pixels.
        int
            Length of the first line of the block's record, 0 where it has none.

        Raises
        ------
        OSError
            The pages were not written; the file is right as it is.
        """
        record, head = encode_block(pixels, notes) if notes else (NO_FRAME, 0)
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
        free = shutil.disk_usage(self._reader.path.parent).free
        number = error.errno or (errno.ENOSPC if free < _LITTLE_ROOM_BYTES else errno.EIO)
        reason = f"{os.strerror(number)}; {free:,} bytes are free; {error}"
        return OSError(number, reason, str(self._reader.path))

    def _complete(self, data: npt.NDArray[Any], offset: int) -> None:
        """Write what tifffile left out: `ndarray.tofile` misses it when its last 4 kB meet a full disk."""
        missing = self._opened().filehandle.tell() - self._reader.size()
        if missing > 0:
            if not offset:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._reader.path))
            missing = min(missing, data.nbytes)
            with self._reader.reopened("r+b", buffering=0) as file:
                file.seek(offset + data.nbytes - missing)
                chain.write_all(file, data.reshape(-1).view(np.uint8)[-missing:].data)

    def close(self) -> None:
        """Let tifffile write the IFDs it still owes and close its file."""
        self.release()
        self._open_files.forget(self)

    def release(self) -> None:
        """Do as `close` does, until the next write."""
        with self._lock:
            writer, self._writer = self._writer, None
            if writer is not None:
                try:
                    writer.close()
                except OSError:
                    self._journal.cut()  # the IFDs are owed for good, and not needed in the end
                    raise

    def _opened(self) -> tifffile.TiffWriter:
        """Return tifffile's writer, at the end of the file."""
        self._open_files.use(self)
        if self._writer is None:
            self._reader.reopened("rb").close()  # raises if there is another file by now
            self._writer = self._open("r+" if len(self._journal) else "w")
        return self._writer

    def _open(self, mode: Literal["x", "r+", "w"]) -> tifffile.TiffWriter:
        path = self._reader.path
        return tifffile.TiffWriter(path, mode=mode, bigtiff=True, byteorder="<", ome=False, shaped=False)
