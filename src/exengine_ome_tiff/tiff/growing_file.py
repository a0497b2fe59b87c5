"""A file at whose end pages are added, each of them whole before anything leads to it."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from exengine_ome_tiff.tiff import disk
from exengine_ome_tiff.tiff.open_files import OpenFiles
from exengine_ome_tiff.tiff.reader import PageReader

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_RESERVE_BYTES = 1 << 20
"""How much more room is taken than was asked for, so that it is not asked for with each frame."""


class GrowingFile(io.RawIOBase):
    """The end of a file, as tifffile writes to it.

    tifffile sets the link to a page before it writes the page. Here whatever it writes to the part of the
    file that was there before is held back until all new bytes are written: whoever is killed in between
    leaves a file that ends with bytes that nothing leads to. A write that fails leaves what was there before.

    Parameters
    ----------
    reader
        Of the file, which exists.
    open_files
        Bounds how many files are open.
    """

    def __init__(self, reader: PageReader, open_files: OpenFiles) -> None:
        super().__init__()
        self.name = str(reader.path)
        self._reader = reader
        self._open_files = open_files
        self._raw: io.FileIO | None = None
        self._position = 0
        self._start = self._end = reader.size()
        self._reserved = self._end
        self._links: list[tuple[int, bytes]] = []
        self.last_write_at = 0
        """Where the last write went to that added bytes."""

    @contextmanager
    def addition(self, *, is_linked: bool) -> Iterator[None]:
        """Add bytes, all or none of them.

        Parameters
        ----------
        is_linked
            Whether what is written to the part that was there before is written in the end, or left out.

        Raises
        ------
        OSError
            Writing failed; nothing was added. Names the file and the room that is left.
        """
        self._open()
        self._start = self._end
        may_be_linked, links_set = False, 0
        try:
            yield
            may_be_linked = True  # whatever interrupts this from here on, nobody may write there again
            for offset, link in self._links if is_linked else ():
                disk.write_at(self._open(), offset, link)
                links_set += 1
        except OSError as error:
            may_be_linked = links_set > 0
            raise disk.told(error, self._reader.path) from error
        finally:
            self._links.clear()
            if not may_be_linked:
                self._end = self._start  # what stays is behind it, where nothing leads to
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
        try:
            try:
                can_reserve = disk.reserve(self._open(), start, stop + _RESERVE_BYTES)
                stop += _RESERVE_BYTES
            except OSError:
                can_reserve = disk.reserve(self._open(), start, stop)
        except OSError as error:
            raise disk.told(error, self._reader.path) from error
        self._reserved = stop if can_reserve else 1 << 62

    def write_at(self, offset: int, data: "ReadableBuffer") -> None:
        """Write bytes that tifffile has left room for."""
        view = memoryview(data).cast("B")
        disk.write_at(self._open(), offset, view)
        self._end = max(self._end, offset + len(view))

    def trim(self) -> None:
        """Give back the room behind the end."""
        file = self._open()
        if os.fstat(file.fileno()).st_size > self._end:
            file.truncate(self._end)
            self._reserved = self._end

    def sync(self) -> None:
        """Wait until all is safe on the disk."""
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
        """Add bytes, or note them where they change what was there before."""
        view = memoryview(data).cast("B")
        if self._position < self._start:
            self._links.append((self._position, bytes(view)))
        else:
            self.write_at(self._position, view)
            self.last_write_at = self._position
        self._position += len(view)
        return len(view)
