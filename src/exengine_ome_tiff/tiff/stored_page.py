"""Where a page lies, told so that another process can read it without opening the dataset."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.tiff.decode import decoded
from exengine_ome_tiff.tiff.pixels import PixelFormat, as_bytes
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
        file = SharedFile(Path(self.file.path))
        try:
            if file.read(self.file.mark_at, len(self.file.mark)) != self.file.mark:
                raise OmeTiffError(f"{self.file.path}: another file has taken its place")
            if self.pixels.is_encoded:
                return decoded(file, self.at, self.pixels)
            return read_plain(file, self.at, self.pixels)
        finally:
            file.close()


def read_plain(file: SharedFile, at: int, pixels: PixelFormat) -> npt.NDArray[Any]:
    """Read a page that is not encoded as it lies in the file.

    Parameters
    ----------
    file
        The file.
    at
        Offset of its pixels.
    pixels
        What it is.

    Raises
    ------
    OmeTiffError
        The file ends before the page does.
    """
    stored = np.empty(pixels.stored_shape, pixels.stored_dtype)
    if file.read_into(at, as_bytes(stored)) < stored.nbytes:
        raise OmeTiffError(f"{file.path}: cut off in the pixels at offset {at}")
    return stored
