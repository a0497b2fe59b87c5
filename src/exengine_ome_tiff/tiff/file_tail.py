"""The end of a file, where bytes are added before anything links to them."""

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
"""Bounds of the additional space that a reservation takes, so that not every frame needs one. Within these
bounds, it is as large as the file."""


class BufferPool:
    """Reused buffers of one size; their number is limited per dataset, not per file.

    Touching new memory takes longer than copying into it, so the pool hands out returned buffers again.

    Parameters
    ----------
    buffer_bytes
        Size of each buffer.
    max_buffers
        Maximum number of buffers in use at a time.
    """

    def __init__(self, buffer_bytes: int, max_buffers: int) -> None:
        self.buffer_bytes = buffer_bytes
        self._not_made = max_buffers
        self._free: list[memoryview] = []

    def take(self) -> memoryview | None:
        """Return a buffer of `buffer_bytes`, or None if all are in use."""
        if self._free:
            return self._free.pop()
        if self._not_made == 0:
            return None
        self._not_made -= 1
        return memoryview(bytearray(self.buffer_bytes))

    def clear(self) -> None:
        """Free the buffers that are not in use."""
        self._not_made += len(self._free)
        self._free.clear()

    def give_back(self, buffer: memoryview) -> None:
        """Return a buffer to the pool."""
        self._free.append(buffer)


class _Waiting(NamedTuple):
    """A buffer, and the offset of its first byte in the file."""

    buffer: memoryview
    start: int


class FileTail(FileView):
    """The end of a file: bytes are added first and linked afterwards.

    A process that is killed in between leaves unlinked bytes at the end of the file, and a failed write
    changes no earlier bytes. tifffile links a page before it writes the page. Such changes to earlier bytes
    are discarded here.

    Parameters
    ----------
    file
        The file, which exists.
    pool
        Source of memory in which small pieces wait, so that they are written together.
    """

    def __init__(self, file: SharedFile, pool: BufferPool | None = None) -> None:
        super().__init__(file)
        self._start = self._end = file.size()
        self._reserved = self._end
        self._can_reserve = True
        self._pool = pool or BufferPool(FEW_BYTES, 0)
        self._waiting: _Waiting | None = None
        """The last bytes of the file, which are not written yet."""
        self._written_back = self._end
        """Offset up to which the disk was asked to write."""
        self.last_write_at = 0
        """Offset of the last write that added bytes."""

    def add(self, data: bytes | memoryview) -> int:
        """Add bytes, and return their offset, a multiple of 8.

        Parameters
        ----------
        data
            The bytes; a memoryview has single bytes as items.

        Raises
        ------
        OSError
            Writing failed, and nothing was added. The error has the path and the free space.
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
        """Return memory in which bytes up to an offset can wait; write a full buffer first."""
        if self._waiting is not None and end - self._waiting.start > self._pool.buffer_bytes:
            self.write_waiting()
        if self._waiting is None and end - self._end <= self._pool.buffer_bytes:
            buffer = self._pool.take()
            self._waiting = None if buffer is None else _Waiting(buffer, self._end)
        return self._waiting

    def leave_room(self, nbytes: int) -> int:
        """Reserve bytes that others write later, and return their offset; errors as for `add`.

        The length of the file includes them, so later additions follow them.
        """
        self.write_waiting()
        at = aligned(self._end)
        self._write(at + nbytes - 1, b"\0")
        self._end = at + nbytes
        return at

    @property
    def end(self) -> int:
        """Offset of the end of the added bytes."""
        return self._end

    def read_waiting(self, start: int, buffer: memoryview) -> bool:
        """Fill a buffer with bytes that wait in memory, or return False if they are in the file.

        Any thread may call this.

        Memory returns to the pool once its bytes are in the file. If that did not happen during the copy,
        the copy is right; otherwise the caller reads the file. So this needs no lock, which another thread
        could hold when a process is forked.
        """
        waiting = self._waiting
        if waiting is None or start < waiting.start:
            return False
        buffer[:] = waiting.buffer[start - waiting.start : start - waiting.start + len(buffer)]
        return self._waiting is waiting

    def write_waiting(self) -> None:
        """Write the bytes that wait in memory; errors as for `add`."""
        waiting = self._waiting
        if waiting is not None:
            self._write(waiting.start, waiting.buffer[: self._end - waiting.start])
            self._waiting = None
            self._pool.give_back(waiting.buffer)

    def take_back(self, end: int) -> None:
        """Drop the bytes after an offset, which are not linked; other bytes will replace them."""
        if self._waiting is not None and end < self._waiting.start:
            self._waiting = self._waiting._replace(start=end)
        self._end = end

    def link(self, at: int, offset: int) -> None:
        """Write an offset into eight bytes that are in the file; errors as for `add`."""
        self._write(at, OFFSET.pack(offset))

    def _write(self, at: int, data: bytes | memoryview) -> None:
        try:
            self._file.check_in_place()
            self._file.write(at, data)
        except OSError as error:
            raise disk.described(error, self._file.path) from error

    @contextmanager
    def addition(self) -> Iterator[None]:
        """Let tifffile add bytes, all or none of them; errors as for `add`."""
        self.write_waiting()
        self._file.check_in_place()
        self._start = self._end
        try:
            yield
        except BaseException as error:
            self.take_back(self._start)  # the rest is after the end and not linked
            if isinstance(error, OSError):
                raise disk.described(error, self._file.path) from error
            raise
        self._start = self._end

    def reserve(self, nbytes: int) -> None:
        """Reserve space for bytes after the end, on systems that support this.

        Raises
        ------
        OSError
            There is no space. The error has the path and the free space.
        """
        stop = self._end + nbytes
        if stop <= self._reserved or not self._can_reserve:
            return
        self._file.check_in_place()  # a reservation would hide that the file was truncated
        start = max(self._reserved, self._end)
        more = min(_MOST_RESERVED, max(_LEAST_RESERVED, self._end))
        try:
            try:
                self._can_reserve = disk.reserve(self._file.writable(), start, stop + more)
                stop += more
            except OSError:
                self._can_reserve = disk.reserve(self._file.writable(), start, stop)
        except OSError as error:
            raise disk.described(error, self._file.path) from error
        self._reserved = stop

    def write_at(self, offset: int, data: "ReadableBuffer") -> None:
        """Write bytes at an offset for which there is space."""
        view = memoryview(data).cast("B")
        self._file.write(offset, view)
        self._end = max(self._end, offset + len(view))

    def write_back(self, least_nbytes: int) -> None:
        """Ask the disk to write the bytes added since the last call; any thread may call this.

        Parameters
        ----------
        least_nbytes
            Minimum number of added bytes; with fewer, nothing happens.

        Raises
        ------
        OSError
            The file is gone, or its file system does not support this.
        """
        start, end = self._written_back, self._end
        if end - start >= least_nbytes:
            self._written_back = end
            with self._file.reopened("rb", buffering=0) as file:
                system_calls.write_back(file.fileno(), start, end - start)

    def trim(self) -> None:
        """Release the space after the end; errors as for `add`."""
        if self._file.size() > self._end:
            self._file.writable().truncate(self._end)
            self._reserved = self._end

    # called by tifffile -----------------------------------------------------------------------------------

    def writable(self) -> bool:
        """Whether the file is writable."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Read bytes up to the end of the added bytes; reserved space follows."""
        view = memoryview(buffer).cast("B")
        return super().readinto(view[: max(0, self._end - self._position)])

    def write(self, data: "ReadableBuffer") -> int:
        """Add bytes; discard them if they would change earlier bytes."""
        view = memoryview(data).cast("B")
        if self._position >= self._start:
            self.write_at(self._position, view)
            self.last_write_at = self._position
        self._position += len(view)
        return len(view)
