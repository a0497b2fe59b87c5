"""The pages of one image in the shape of its axes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates import FrameNumber
from exengine_ome_tiff.dataset.frame_index import FrameIndex, PageLocations
from exengine_ome_tiff.dataset.stored_images import StoredImage
from exengine_ome_tiff.reading.pixel_kind import FrameKind, Numbers, kind_of
from exengine_ome_tiff.reading.pyramid_levels import level_pages
from exengine_ome_tiff.threads import in_shares
from exengine_ome_tiff.tiff import MarkedFile, StoredPage, read_head

_THREADED_BYTES = 64 << 10
"""Encoded pages of this size and larger are read by several threads."""


class ImagePages(NamedTuple):
    """The pages of an image.

    Parameters
    ----------
    frames
        Number of each frame, -1 for none; an axis for each axis of the image.
    locations
        Where the pages of the frames that are there lie, in the order of `frames`.
    kind
        Shape and type of them all.
    """

    frames: Numbers
    locations: PageLocations
    kind: FrameKind

    @classmethod
    def of(cls, dataset: FrameIndex, image: StoredImage, level: int = 0) -> "ImagePages":
        """Find the pages of an image; `level` as for `level_pages`, which raises errors."""
        frames = image.layout.cube().reshape([len(values) for values in image.layout.axes.values()])
        locations = level_pages(dataset, dataset.pages(frames[frames >= 0]), level)
        return cls(frames, locations, kind_of(locations))

    def read(self, dataset: FrameIndex) -> npt.NDArray[Any]:
        """Read all pages into one array, shape (axes..., Y, X) or with samples; zeros where no frame is."""
        numbers = self.frames.ravel()
        pixels = np.zeros((numbers.size, *self.kind.shape), self.kind.dtype)

        def read(rows: Sequence[int]) -> None:
            for row in rows:
                frame = FrameNumber(int(numbers[row]))
                pixels[row] = self.kind.pixels(dataset.format(frame), dataset.stored(frame))

        rows = np.flatnonzero(numbers >= 0).tolist()
        if self._is_worth_threads:
            in_shares(read, rows)
        else:
            read(rows)
        return pixels.reshape(self.frames.shape + self.kind.shape)

    @property
    def _is_worth_threads(self) -> bool:
        """Whether the pages take longer to decode than threads take to change over."""
        return any(
            pixels.is_encoded and pixels.nbytes >= _THREADED_BYTES for pixels in self.locations.known_formats
        )


def marked_file(dataset: FrameIndex, number: int) -> MarkedFile:
    """Mark a file of a dataset, so that another process can read pages of it."""
    path = dataset.files[number].path
    head = read_head(path)
    return MarkedFile.of(path, head.header, head.header_at)


def stored_pages(dataset: FrameIndex, frames: Numbers) -> list[StoredPage]:
    """Return the pages of frames by their numbers, which other processes can read."""
    pages = dataset.pages(frames)
    files = {number: marked_file(dataset, number) for number in np.unique(pages.files).tolist()}
    return [
        StoredPage(files[file], offset, pages.known_formats[pixels])
        for file, offset, pixels in zip(
            pages.files.tolist(), pages.offsets.tolist(), pages.formats.tolist(), strict=True
        )
    ]
