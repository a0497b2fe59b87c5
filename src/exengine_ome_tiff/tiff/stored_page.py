"""Reading pages, even in a process that has not opened the dataset."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.tiff.decode import decoded, decoded_bands
from exengine_ome_tiff.tiff.pixels import PixelFormat, Window, as_bytes
from exengine_ome_tiff.tiff.shared_file import SharedFile

_MARK_BYTES = 96
"""Length of the start of the dataset header that identifies a dataset."""


@dataclass(frozen=True, slots=True)
class MarkedFile:
    """A file, with bytes that distinguish it from another file at the same path.

    Parameters
    ----------
    path
        Absolute path.
    mark_at, mark
        Offset and value of bytes that never change once the file has a page.
    """

    path: str
    mark_at: int
    mark: bytes

    @classmethod
    def of(cls, path: Path, dataset: bytes, dataset_at: int) -> "MarkedFile":
        """Identify a file by its dataset header, which `FileHead` contains."""
        return cls(str(path), dataset_at, dataset[:_MARK_BYTES])

    @contextmanager
    def opened(self) -> Iterator[SharedFile]:
        """Open the file for the duration of a block.

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
    """A page of a file, as a small object for any process that can open the file.

    Parameters
    ----------
    file
        The file that contains it, which may still be growing.
    at
        Offset of its pixels, or of its IFD if it is encoded.
    pixels
        The format of the page.
    """

    file: MarkedFile
    at: int
    pixels: PixelFormat

    def read(self) -> npt.NDArray[Any]:
        """Read it as stored in the file, which is open only during the call.

        Raises
        ------
        OSError
            There is no such file.
        OmeTiffError
            The file is another one or is truncated.
        """
        with self.file.opened() as file:
            return read_page(file, self.at, self.pixels)


def read_page(
    file: SharedFile, at: int, pixels: PixelFormat, window: Window | None = None
) -> npt.NDArray[Any]:
    """Read a page as stored in a file.

    Parameters
    ----------
    file
        The file.
    at
        Offset of its pixels, or of its IFD if it is encoded.
    pixels
        The format of the page.
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


def read_bands(file: SharedFile, at: int, pixels: PixelFormat) -> Iterator[npt.NDArray[Any]]:
    """Read a page in the bands of `Window.bands`; parameters and errors as for `read_page`."""
    if pixels.is_encoded:
        yield from decoded_bands(file, at, pixels)
        return
    for window in Window.bands(pixels):
        yield read_page(file, at, pixels, window)


def read_bytes(file: SharedFile, at: int, buffer: memoryview) -> None:
    """Fill a buffer with the pixels at an offset; OmeTiffError if the file ends before."""
    if file.read_into(at, buffer) < len(buffer):
        raise OmeTiffError(f"{file.path}: cut off in the pixels at offset {at}")
