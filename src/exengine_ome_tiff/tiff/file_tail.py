"""A file at whose end bytes are added, all of them before anything leads to them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from exengine_ome_tiff.tiff import disk, system_calls
from exengine_ome_tiff.tiff.chain import OFFSET
from exengine_ome_tiff.tiff.ifds import aligned
from exengine_ome_tiff.tiff.shared_file import FileView, SharedFile

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

FEW_BYTES = 64 << 10
_LEAST_RESERVED, _MOST_RESERVED = 64 << 10, 4 << 20
"""How much more room is taken than was asked for, so that it is not asked for with each frame: as much as the
file has already, within these bounds."""


class BufferPool:
    """Reused buffers of one size, bounded in number for a whole dataset however many files it has.

    Touching new memory costs more than the copy into it, so a buffer that is given back is handed out again.

    Parameters
    ----------
    buffer_bytes
        Size of each buffer.
    max_buffers
        How many may be taken at a time.
    """

    def __init__(self, buffer_bytes: int, max_buffers: int) -> None:
        self.buffer_bytes = buffer_bytes
        self._not_made = max_buffers
        self._free: list[memoryview] = []

    def take(self) -> memoryview | None:
        """Return a buffer of `buffer_bytes`, or None when all are taken."""
        if self._free:
            return self._free.pop()
        if self._not_made == 0:
            return None
        self._not_made -= 1
        return memoryview(bytearray(self.buffer_bytes))

    def clear(self) -> None:
        """Let go of the memory that is not taken."""
        self._not_made += len(self._free)
        self._free.clear()

    def give_back(self, buffer: memoryview) -> None:
        """Return a buffer to the pool."""
        self._free.append(buffer)


class _Waiting(NamedTuple):
    """Memory, and the offset in the file of its first byte."""

    buffer: memoryview
    start: int


class FileTail(FileView):
    """The end of a file: bytes are added after it, and then something is made to lead to them.

    Whoever is killed in between leaves a file that ends with bytes that nothing leads to, and a write that
    fails leaves what was there before. tifffile, which sets the link to a page before it writes the page,
    cannot set any here: what it writes to the part of the file that was there before is left out.

    Parameters
    ----------
    file
        The file, which exists.
    pool
        Where memory comes from, in which few bytes wait for more, so that they are written together.
    """

    def __init__(self, file: SharedFile, pool: BufferPool | None = None) -> None:
        super().__init__(file)
        self._start = self._end = file.size()
        self._reserved = self._end
        self._can_reserve = True
        self._pool = pool or BufferPool(FEW_BYTES, 0)
        self._waiting: _Waiting | None = None
        """The last bytes of the file, which are not in it yet."""
        self._written_back = self._end
        """Where the bytes end of which the disk has been told."""
        self.last_write_at = 0
        """Where the last write went to that added bytes."""

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
        waiting = self._room_for(end) if len(data) <= FEW_BYTES else None
        if waiting is None:
            self.write_waiting()
            self._write(at, data)
        else:
            buffer, start = waiting
            if at > self._end:
                buffer[self._end - start : at - start] = bytes(at - self._end)
            buffer[at - start : end - start] = data
        self._end = end
        return at

    def _room_for(self, end: int) -> _Waiting | None:
        """Return the memory where bytes up to an offset can wait; writes what is there where it is full."""
        if self._waiting is not None and end - self._waiting.start > self._pool.buffer_bytes:
            self.write_waiting()
        if self._waiting is None and end - self._end <= self._pool.buffer_bytes:
            buffer = self._pool.take()
            self._waiting = None if buffer is None else _Waiting(buffer, self._end)
        return self._waiting

    def leave_room(self, nbytes: int) -> int:
        """Leave bytes to others, who write them in their own time; return where they begin, as `add`.

        The file is as long from now on: whoever opens it adds after them.
        """
        self.write_waiting()
        at = aligned(self._end)
        self._write(at + nbytes - 1, b"\0")
        self._end = at + nbytes
        return at

    @property
    def end(self) -> int:
        """Where what was added ends."""
        return self._end

    def read_waiting(self, start: int, nbytes: int) -> bytes | None:
        """Return bytes that wait in memory; None for those that are in the file. For any thread.

        A buffer is given back when its bytes are in the file. Where it was not while they were copied, they
        are the right ones; else they are read from the file. So no lock is needed, which another thread may
        hold when a process is forked.
        """
        waiting = self._waiting
        if waiting is None or start < waiting.start:
            return None
        data = bytes(waiting.buffer[start - waiting.start : start - waiting.start + nbytes])
        return data if self._waiting is waiting else None

    def write_waiting(self) -> None:
        """Write what waits in memory; errors as for `add`."""
        waiting = self._waiting
        if waiting is not None:
            self._write(waiting.start, waiting.buffer[: self._end - waiting.start])
            self._waiting = None
            self._pool.give_back(waiting.buffer)

    def take_back(self, end: int) -> None:
        """Forget what was added last, to which nothing leads; other bytes will take its place."""
        if self._waiting is not None and end < self._waiting.start:
            self._waiting = self._waiting._replace(start=end)
        self._end = end

    def link(self, at: int, offset: int) -> None:
        """Make eight bytes that were there before lead to an offset; errors as for `add`."""
        self.write_waiting()
        self._write(at, OFFSET.pack(offset))

    def _write(self, at: int, data: bytes | memoryview) -> None:
        try:
            self._file.check_in_place()
            self._file.write(at, data)
        except OSError as error:
            raise disk.told(error, self._file.path) from error

    @contextmanager
    def addition(self) -> Iterator[None]:
        """Let tifffile add bytes, all or none of them; errors as for `add`."""
        self.write_waiting()
        self._file.check_in_place()
        self._start = self._end
        try:
            yield
        except BaseException as error:
            self.take_back(self._start)  # what stays is after it, where nothing leads to
            if isinstance(error, OSError):
                raise disk.told(error, self._file.path) from error
            raise
        self._start = self._end

    def reserve(self, nbytes: int) -> None:
        """Make sure that there is room for bytes after the end, where the system can do that.

        Raises
        ------
        OSError
            There is not; names the file and the room that is left.
        """
        stop = self._end + nbytes
        if stop <= self._reserved or not self._can_reserve:
            return
        self._file.check_in_place()  # room after a file that was cut would make up for what it has lost
        start = max(self._reserved, self._end)
        more = min(_MOST_RESERVED, max(_LEAST_RESERVED, self._end))
        try:
            try:
                self._can_reserve = disk.reserve(self._file.writable(), start, stop + more)
                stop += more
            except OSError:
                self._can_reserve = disk.reserve(self._file.writable(), start, stop)
        except OSError as error:
            raise disk.told(error, self._file.path) from error
        self._reserved = stop

    def write_at(self, offset: int, data: "ReadableBuffer") -> None:
        """Write bytes that tifffile has left room for."""
        view = memoryview(data).cast("B")
        self._file.write(offset, view)
        self._end = max(self._end, offset + len(view))

    def write_back(self, least_nbytes: int) -> None:
        """Have the disk begin to write what was added since the last call, if it is much; for any thread.

        Parameters
        ----------
        least_nbytes
            How much.

        Raises
        ------
        OSError
            The file has been taken away, or its file system cannot do that.
        """
        start, end = self._written_back, self._end
        if end - start >= least_nbytes:
            self._written_back = end
            with self._file.reopened("rb", buffering=0) as file:
                system_calls.write_back(file.fileno(), start, end - start)

    def trim(self) -> None:
        """Give back the room after the end; errors as for `add`."""
        self.write_waiting()
        if self._file.size() > self._end:
            self._file.writable().truncate(self._end)
            self._reserved = self._end

    # what tifffile calls ----------------------------------------------------------------------------------

    def writable(self) -> bool:
        """Whether it can be written to."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Read bytes, up to the end of what was written, as what was reserved is after it."""
        view = memoryview(buffer).cast("B")
        return super().readinto(view[: max(0, self._end - self._position)])

    def write(self, data: "ReadableBuffer") -> int:
        """Add bytes, or leave them out where they would change what was there before."""
        view = memoryview(data).cast("B")
        if self._position >= self._start:
            self.write_at(self._position, view)
            self.last_write_at = self._position
        self._position += len(view)
        return len(view)
