"""The pages of an image, arranged along its axes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates.keys import FrameNumber
from exengine_ome_tiff.dataset.frame_index import FrameIndex, PageLocations
from exengine_ome_tiff.dataset.stored_images import StoredImage
from exengine_ome_tiff.reading.pixel_kind import FrameKind, kind_of
from exengine_ome_tiff.reading.selection import Numbers
from exengine_ome_tiff.threads import in_shares
from exengine_ome_tiff.tiff import MarkedFile, PixelFormat, StoredPage, copies_in_file, read_head

_THREADED_BYTES = 64 << 10
"""Several threads read encoded pages of at least this size."""


class ImagePages(NamedTuple):
    """The pages of an image.

    Parameters
    ----------
    frames
        Number of each frame, -1 for a missing one; one axis per axis of the image.
    locations
        Locations of the existing frames' pages, in the order of `frames`.
    kind
        Shape and type of all pages.
    """

    frames: Numbers
    locations: PageLocations
    kind: FrameKind

    @classmethod
    def of(cls, dataset: FrameIndex, image: StoredImage, level: int = 0) -> "ImagePages":
        """Find the pages of an image; `level` and errors as for `level_pages`."""
        frames = image.layout.cube().reshape([len(values) for values in image.layout.axes.values()])
        locations = level_pages(dataset, dataset.pages(frames[frames >= 0]), level)
        return cls(frames, locations, kind_of(locations))

    def read(self, dataset: FrameIndex) -> npt.NDArray[Any]:
        """Read all pages into one array, shape (axes..., Y, X[, S]); missing frames are zeros."""
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
        """Whether decoding the pages takes longer than switching threads."""
        return any(
            pixels.is_encoded and pixels.nbytes >= _THREADED_BYTES for pixels in self.locations.known_formats
        )


def marked_file(dataset: FrameIndex, number: int) -> MarkedFile:
    """Return a file of a dataset in a form that another process can read pages from."""
    path = dataset.files[number].path
    head = read_head(path)
    return MarkedFile.of(path, head.header, head.header_at)


def stored_pages(dataset: FrameIndex, frames: Numbers) -> list[StoredPage]:
    """Return the pages of frames in a form that other processes can read."""
    pages = dataset.pages(frames)
    files = {number: marked_file(dataset, number) for number in np.unique(pages.files).tolist()}
    return [
        StoredPage(files[file], offset, pages.known_formats[pixels])
        for file, offset, pixels in zip(
            pages.files.tolist(), pages.offsets.tolist(), pages.formats.tolist(), strict=True
        )
    ]


def level_pages(dataset: FrameIndex, pages: PageLocations, level: int) -> PageLocations:
    """Find the pages at a pyramid level, 0 for the frames themselves; ValueError if there is none."""
    if not isinstance(level, int) or level < 0:
        raise ValueError(f"level: expected 0, or the number of a pyramid level from 1, got {level!r}")
    if level == 0:
        return pages
    offsets, formats = np.empty_like(pages.offsets), np.empty_like(pages.formats)
    known: dict[PixelFormat, int] = {}
    for number in np.unique(pages.files).tolist():
        journal = dataset.files[number]
        rows = np.flatnonzero(pages.files == number)
        wanted = [
            (at, pages.known_formats[what])
            for at, what in zip(pages.offsets[rows].tolist(), pages.formats[rows].tolist(), strict=True)
        ]
        copies = copies_in_file(journal.file, wanted, level)
        for row, copy in zip(rows.tolist(), copies, strict=True):
            if copy is None:
                why = "" if journal.is_finished else ": `finish` adds pyramid levels"
                raise ValueError(f"{journal.path}: some frames have no pyramid level {level}{why}")
            offsets[row], formats[row] = copy[0], known.setdefault(copy[1], len(known))
    return PageLocations(pages.files, offsets, formats, tuple(known))
