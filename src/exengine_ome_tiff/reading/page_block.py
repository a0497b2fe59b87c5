"""A block of pixels: several pages, or a part of one, told so that any process can read it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.reading.pixel_kind import FrameKind, Numbers
from exengine_ome_tiff.tiff import (
    MarkedFile,
    PixelFormat,
    SharedFile,
    Window,
    as_bytes,
    read_bytes,
    read_page,
)


@dataclass(frozen=True, slots=True, eq=False)
class PageBlock:
    """Pages, and what to read of each.

    Parameters
    ----------
    pages
        Number of a row of `table` at each place, -1 where no frame is.
    table
        File, offset and format of each page, shape (pages, 3): see `PageLocations`.
    files, formats
        By the numbers in `table`.
    window
        The region to read of each page.
    """

    pages: Numbers
    table: Numbers
    files: tuple[MarkedFile, ...]
    formats: tuple[PixelFormat, ...]
    window: Window

    def read(self, kind: FrameKind) -> npt.NDArray[Any]:
        """Read the pixels; each file is open only meanwhile.

        Returns
        -------
        numpy.ndarray
            Shape of `pages`, then of the window, then samples; zeros where no frame is.

        Raises
        ------
        OSError
            There is no such file.
        OmeTiffError
            It is another one, or a page cannot be read.
        """
        height, width = self.window.bottom - self.window.top, self.window.right - self.window.left
        shape = (height, width, *kind.shape[2:])
        pixels = np.zeros((self.pages.size, *shape), kind.dtype)
        numbers = self.pages.ravel()
        places = np.flatnonzero(numbers >= 0)
        rows = self.table[numbers[places]]
        for number in np.unique(rows[:, 0]).tolist():
            of_file = rows[:, 0] == number
            with self.files[number].opened() as file:
                for place, (_, at, what) in zip(
                    places[of_file].tolist(), rows[of_file].tolist(), strict=True
                ):
                    self._read_page(file, at, self.formats[what], kind, pixels[place])
        return pixels.reshape(*self.pages.shape, *shape)

    def _read_page(
        self, file: SharedFile, at: int, pixels: PixelFormat, kind: FrameKind, into: npt.NDArray[Any]
    ) -> None:
        """Read a page into its place."""
        if _lies_as(pixels, kind) and self.window == Window.whole(pixels):
            read_bytes(file, at, as_bytes(into))
        else:
            into[:] = kind.pixels(pixels, read_page(file, at, pixels, self.window))


def _lies_as(pixels: PixelFormat, kind: FrameKind) -> bool:
    """Whether pixels lie in the file byte by byte as in the array."""
    return not pixels.is_encoded and pixels.stored_dtype == kind.dtype and pixels.stored_shape == kind.shape
