"""Reading a page, also in a process that has not opened the dataset."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.tiff.decode import decoded
from exengine_ome_tiff.tiff.pixels import PixelFormat, Window, as_bytes
from exengine_ome_tiff.tiff.shared_file import SharedFile

_MARK_BYTES = 96
"""Of what a file says of its dataset: enough to tell one dataset from another."""


@dataclass(frozen=True, slots=True)
class MarkedFile:
    """A file, and what tells it from another one in its place.

    Parameters
    ----------
    path
        Absolute.
    mark_at, mark
        Bytes that it has from its first page on, and stay where they are.
    """

    path: str
    mark_at: int
    mark: bytes

    @classmethod
    def of(cls, path: Path, dataset: bytes, dataset_at: int) -> "MarkedFile":
        """Mark a file by what it says of its dataset, as `FileHead` has it."""
        return cls(str(path), dataset_at, dataset[:_MARK_BYTES])

    @contextmanager
    def opened(self) -> Iterator[SharedFile]:
        """Open the file for a while.

        Raises
        ------
        OSError
            There is no such file.
        OmeTiffError
            It is another one.
        """
        file = SharedFile(Path(self.path))
        try:
            if file.read(self.mark_at, len(self.mark)) != self.mark:
                raise OmeTiffError(f"{self.path}: another file has taken its place")
            yield file
        finally:
            file.close()


@dataclass(frozen=True, slots=True)
class StoredPage:
    """A page of a file; small, and good in any process that sees the file.

    Parameters
    ----------
    file
        That it is in; may be still written.
    at
        Offset of its pixels; where it is encoded, of its IFD.
    pixels
        What it is.
    """

    file: MarkedFile
    at: int
    pixels: PixelFormat

    def read(self) -> npt.NDArray[Any]:
        """Read it as it lies in the file; the file is open only meanwhile.

        Raises
        ------
        OSError
            There is no such file.
        OmeTiffError
            It is another one, or is cut off.
        """
        with self.file.opened() as file:
            return read_page(file, self.at, self.pixels)


def read_page(
    file: SharedFile, at: int, pixels: PixelFormat, window: Window | None = None
) -> npt.NDArray[Any]:
    """Read a page as it lies in a file.

    Parameters
    ----------
    file
        The file.
    at
        Offset of its pixels; where it is encoded, of its IFD.
    pixels
        What it is.
    window
        The region to read, inside the page; by default the whole page.

    Raises
    ------
    OmeTiffError
        The file ends before the page does, or the page cannot be decoded.
    """
    if pixels.is_encoded:
        return decoded(file, at, pixels, window)
    if window is None:
        window = Window.whole(pixels)
    row_nbytes = pixels.nbytes // pixels.stored_shape[0]
    band = np.empty((window.bottom - window.top, *pixels.stored_shape[1:]), pixels.stored_dtype)
    read_bytes(file, at + window.top * row_nbytes, as_bytes(band))
    return band[:, window.left : window.right]


def read_bytes(file: SharedFile, at: int, buffer: memoryview) -> None:
    """Fill a buffer with the pixels at an offset; OmeTiffError if the file ends before."""
    if file.read_into(at, buffer) < len(buffer):
        raise OmeTiffError(f"{file.path}: cut off in the pixels at offset {at}")
