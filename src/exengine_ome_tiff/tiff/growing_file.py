"""A file at whose end bytes are added, all of them before anything leads to them."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from exengine_ome_tiff.tiff import disk
from exengine_ome_tiff.tiff.buffers import BufferPool
from exengine_ome_tiff.tiff.chain import OFFSET
from exengine_ome_tiff.tiff.ifds import aligned
from exengine_ome_tiff.tiff.open_files import OpenFiles
from exengine_ome_tiff.tiff.reader import PageReader

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

FEW_BYTES = 64 << 10
_LEAST_RESERVED, _MOST_RESERVED = 64 << 10, 4 << 20
"""How much more room is taken than was asked for, so that it is not asked for with each frame: as much as the
file has already, within these bounds."""


class GrowingFile(io.RawIOBase):
    """The end of a file: bytes are added behind it, and then something is made to lead to them.

    Whoever is killed in between leaves a file that ends with bytes that nothing leads to, and a write that
    fails leaves what was there before. tifffile, which sets the link to a page before it writes the page,
    cannot set any here: what it writes to the part of the file that was there before is left out.

    Parameters
    ----------
    reader
        Of the file, which exists.
    open_files
        Bounds how many files are open.
    pool
        Where memory comes from, in which few bytes wait for more, so that they are written together.
    """

    def __init__(self, reader: PageReader, open_files: OpenFiles, pool: BufferPool | None = None) -> None:
        super().__init__()
        self.name = str(reader.path)
        self._reader = reader
        self._open_files = open_files
        self._raw: io.FileIO | None = None
        self._position = 0
        self._start = self._end = reader.size()
        self._reserved = self._end
        self._pool = pool or BufferPool(FEW_BYTES, 0)
        self._buffer: memoryview | None = None
        """Has the last bytes of the file, which are not in it yet."""
        self._written = self._end
        """Where those begin."""
        self.last_write_at = 0
        """Where the last write went to that added bytes."""

    def wait_in(self, pool: BufferPool) -> None:
        """Take memory from another pool, while none is taken."""
        self._pool = pool

    def add(self, data: bytes | memoryview) -> int:
        """Add bytes; return where they begin, a multiple of 8.

        Parameters
        ----------
        data
            A view is one of single bytes.

        Raises
        ------
        OSError
            Writing failed; nothing was added. Names the file and the room that is left.
        """
        at = aligned(self._end)
        end = at + len(data)
        buffer = self._room_for(end) if len(data) <= FEW_BYTES else None
        if buffer is None:
            self.write_waiting()
            self._write(at, data)
            self._written = end
        else:
            if at > self._end:
                buffer[self._end - self._written : at - self._written] = bytes(at - self._end)
            buffer[at - self._written : end - self._written] = data
        self._end = end
        return at

    def _room_for(self, end: int) -> memoryview | None:
        """Return the memory where bytes up to an offset can wait; writes what is there where it is full."""
        if end - self._written > self._pool.buffer_bytes:
            self.write_waiting()
        if self._buffer is None and end - self._written <= self._pool.buffer_bytes:
            self._buffer = self._pool.take()
        return self._buffer

    @property
    def end(self) -> int:
        """Where what was added ends."""
        return self._end

    def waiting(self, start: int, nbytes: int) -> bytes | None:
        """Return bytes that wait in memory; None for those that are in the file."""
        if self._buffer is None or start < self._written:
            return None
        return bytes(self._buffer[start - self._written : start - self._written + nbytes])

    def write_waiting(self) -> None:
        """Write what waits in memory; errors as for `add`."""
        if self._buffer is not None:
            self._write(self._written, self._buffer[: self._end - self._written])
            self._written = self._end
            self._pool.give_back(self._buffer)
            self._buffer = None

    def take_back(self, end: int) -> None:
        """Forget what was added last, to which nothing leads; other bytes will take its place."""
        self._end, self._written = end, min(end, self._written)

    def link(self, at: int, offset: int) -> None:
        """Make eight bytes that were there before lead to an offset; errors as for `add`."""
        self.write_waiting()
        self._write(at, OFFSET.pack(offset))

    def _write(self, at: int, data: bytes | memoryview) -> None:
        try:
            disk.write_at(self._open(), at, data)
        except OSError as error:
            raise disk.told(error, self._reader.path) from error

    @contextmanager
    def addition(self) -> Iterator[None]:
        """Let tifffile add bytes, all or none of them; errors as for `add`."""
        self.write_waiting()
        self._start = self._end
        try:
            yield
        except BaseException as error:
            self.take_back(self._start)  # what stays is behind it, where nothing leads to
            if isinstance(error, OSError):
                raise disk.told(error, self._reader.path) from error
            raise
        self._start = self._end

    def reserve(self, nbytes: int) -> None:
        """Make sure that there is room for bytes behind the end, where the system can do that.

        Raises
        ------
        OSError
            There is not; names the file and the room that is left.
        """
        stop = self._end + nbytes
        if stop <= self._reserved:
            return
        start = max(self._reserved, self._end)
        more = min(_MOST_RESERVED, max(_LEAST_RESERVED, self._end))
        try:
            try:
                can_reserve = disk.reserve(self._open(), start, stop + more)
                stop += more
            except OSError:
                can_reserve = disk.reserve(self._open(), start, stop)
        except OSError as error:
            raise disk.told(error, self._reader.path) from error
        self._reserved = stop if can_reserve else 1 << 62

    def write_at(self, offset: int, data: "ReadableBuffer") -> None:
        """Write bytes that tifffile has left room for."""
        view = memoryview(data).cast("B")
        disk.write_at(self._open(), offset, view)
        self._end = self._written = max(self._end, offset + len(view))

    def trim(self) -> None:
        """Give back the room behind the end; errors as for `add`."""
        self.write_waiting()
        file = self._open()
        if os.fstat(file.fileno()).st_size > self._end:
            file.truncate(self._end)
            self._reserved = self._end

    def sync(self) -> None:
        """Wait until all is safe on the disk; errors as for `add`."""
        self.write_waiting()
        disk.sync_file(self._open())

    def release(self) -> None:
        """Close the file until it is needed again."""
        raw, self._raw = self._raw, None
        if raw is not None:
            raw.close()

    def close(self) -> None:
        """Close the file for good; the collector does so, too, which therefore changes nothing."""
        self.release()
        self._open_files.forget(self)
        super().close()

    def _open(self) -> io.FileIO:
        self._open_files.use(self)
        if self._raw is None:
            self._raw = self._reader.reopened("r+b", buffering=0)
        return self._raw

    # what tifffile calls ----------------------------------------------------------------------------------

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def writable(self) -> bool:
        """Whether it can be written to."""
        return True

    def seekable(self) -> bool:
        """Whether it has positions."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position; the end is that of what was written, not of what was reserved."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._end}[whence]
        self._position = base + offset
        return self._position

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Read bytes."""
        view = memoryview(buffer).cast("B")
        file = self._open()
        file.seek(self._position)
        count = file.readinto(view[: max(0, self._end - self._position)]) or 0
        self._position += count
        return count

    def write(self, data: "ReadableBuffer") -> int:
        """Add bytes, or leave them out where they would change what was there before."""
        view = memoryview(data).cast("B")
        if self._position >= self._start:
            self.write_at(self._position, view)
            self.last_write_at = self._position
        self._position += len(view)
        return len(view)
