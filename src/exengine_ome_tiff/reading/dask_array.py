"""Frames as a dask array, which reads pages when needed, in any process. Importing this needs dask."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from numbers import Integral
from typing import Any

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates.layout import AxisValue
from exengine_ome_tiff.dataset.frame_index import FrameIndex, PageLocations
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.reading.chunking import Lengths, pages_chunks, part_lengths, part_shape, spans
from exengine_ome_tiff.reading.image_pages import level_pages, marked_file
from exengine_ome_tiff.reading.pixel_kind import FrameKind, kind_of, only_kind
from exengine_ome_tiff.reading.selection import Numbers, select
from exengine_ome_tiff.tiff import (
    MarkedFile,
    PixelFormat,
    SharedFile,
    Window,
    as_bytes,
    read_bytes,
    read_page,
    segment_shape,
)

try:
    # `import dask.array` does not wait for another thread that is importing dask, but fails with KeyError if
    # that thread is just ending it; `import dask` waits
    import_module("dask")
    import dask.array as da
    from dask.array.core import getter
    from dask.base import tokenize
    from dask.layers import ArrayBlockwiseDep
except ImportError as error:
    raise ImportError('lazy arrays need dask: pip install "exengine-ome-tiff[dask]"') from error

_MOST_PX = 1 << 31
OVERLAP_KEYS = ("GridPixelOverlapY", "GridPixelOverlapX")
"""NDTiff's keys in the summary metadata for the overlap of neighbouring tiles, in pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class PageBlock:
    """Pages, and the region to read from each; an array-like that reads what is selected from it.

    dask selects from its blocks in one step, so that a plane is read without the others in its block.

    Parameters
    ----------
    kind
        Shape and type of the pages.
    pages
        Row of each page in `table`, -1 for a missing frame.
    table
        File, offset and format of each page, as for `PageLocations`; shape (pages, 3).
    files, formats
        Files and formats that the numbers in `table` refer to.
    window
        The region to read from each page.
    """

    kind: FrameKind
    pages: Numbers
    table: Numbers
    files: tuple[MarkedFile, ...]
    formats: tuple[PixelFormat, ...]
    window: Window

    def __getitem__(self, index: tuple[Any, ...]) -> npt.NDArray[Any]:
        """Read what NumPy would select; errors as for `read`."""
        leading, pages, rest = self.pages.ndim, self.pages, index
        if all(isinstance(each, Integral | slice) for each in index[:leading]):
            pages = np.asarray(self.pages[index[:leading]])
            rest = (slice(None),) * pages.ndim + index[leading:]
        pixels: npt.NDArray[Any] = replace(self, pages=pages).read()[rest]
        return pixels

    def read(self) -> npt.NDArray[Any]:
        """Read the pixels; the files are open only during this call.

        Returns
        -------
        numpy.ndarray
            Shape of `pages`, then of the window, then samples; missing frames are zeros.

        Raises
        ------
        OSError
            A file does not exist.
        OmeTiffError
            A file was replaced, or a page cannot be read.
        """
        height, width = self.window.bottom - self.window.top, self.window.right - self.window.left
        shape = (height, width, *self.kind.shape[2:])
        pixels = np.zeros((self.pages.size, *shape), self.kind.dtype)
        numbers = self.pages.ravel()
        places = np.flatnonzero(numbers >= 0)
        rows = self.table[numbers[places]]
        for number, what in np.unique(rows[:, ::2], axis=0).tolist():
            alike = (rows[:, 0] == number) & (rows[:, 2] == what)
            with self.files[number].opened() as file:
                self._read_pages(file, self.formats[what], pixels, places[alike], rows[alike, 1])
        return pixels.reshape(*self.pages.shape, *shape)

    def _read_pages(
        self,
        file: SharedFile,
        pixels: PixelFormat,
        into: npt.NDArray[Any],
        places: npt.NDArray[np.int64],
        offsets: npt.NDArray[np.int64],
    ) -> None:
        """Read pages of one format into their places in an array, neighbours in file and array together."""
        if not (_lies_as(pixels, self.kind) and self.window == Window.whole(pixels)):
            for place, at in zip(places.tolist(), offsets.tolist(), strict=True):
                into[place] = self.kind.pixels(pixels, read_page(file, at, pixels, self.window))
            return
        nbytes, buffer = pixels.nbytes, as_bytes(into)
        is_first = (np.diff(places, prepend=-2) != 1) | (np.diff(offsets, prepend=0) != nbytes)
        starts = np.flatnonzero(is_first)
        counts = np.diff(starts, append=len(places))
        for place, at, count in np.stack([places[starts], offsets[starts], counts], 1).tolist():
            read_bytes(file, at, buffer[place * nbytes : (place + count) * nbytes])


def _lies_as(pixels: PixelFormat, kind: FrameKind) -> bool:
    """Whether the bytes of the pixels are the same in the file and in the array."""
    return not pixels.is_encoded and pixels.stored_dtype == kind.dtype and pixels.stored_shape == kind.shape


class PageBlocks(ArrayBlockwiseDep):
    """The pages of each block of an array: one object for 100,000 pages, which pickles fast.

    Parameters
    ----------
    chunks
        Chunks of the array.
    whole
        All pages of the array, with the window to read from each.
    parts
        Chunk lengths in each page, along rows and columns.
    leading
        Number of axes that precede the pixel axes.
    """

    def __init__(
        self, chunks: tuple[Lengths, ...], whole: PageBlock, parts: tuple[Lengths, Lengths], leading: int
    ) -> None:
        super().__init__(chunks)
        self._whole = whole
        self._leading = [[*spans(0, lengths)] for lengths in chunks[:leading]]
        self._rows = [*spans(whole.window.top, parts[0])]
        self._columns = [*spans(whole.window.left, parts[1])]

    def __getitem__(self, block: tuple[int, ...]) -> PageBlock:
        leading = len(self._leading)
        places = tuple(slice(*of_axis[number]) for of_axis, number in zip(self._leading, block, strict=False))
        (row, y), (column, x) = (
            divmod(block[leading], len(self._rows)),
            divmod(block[leading + 1], len(self._columns)),
        )
        grid = (row, column) if self._whole.pages.ndim > leading else ()
        pages = self._whole.pages[(*places, *grid)]
        used = pages[pages >= 0]
        table, renumbered = self._whole.table[used], np.full_like(pages, -1)
        renumbered[pages >= 0] = np.arange(len(used))
        (top, bottom), (left, right) = self._rows[y], self._columns[x]
        window = Window(top, left, bottom, right)
        return replace(self._whole, pages=renumbered, table=table, window=window)

    @property
    def token(self) -> str:
        """A name that identifies the pages."""
        whole = self._whole
        return str(
            tokenize(
                self.chunks, whole.pages, repr(whole.files), repr(whole.formats), whole.table, whole.window
            )
        )


def frames_array(
    dataset: FrameIndex, axes: Iterable[str] | None, selection: Mapping[str, AxisValue], level: int = 0
) -> da.Array:
    """Make the array of `TiffStorage.as_array`."""
    chosen = select(dataset, axes, selection)
    pages = dataset.pages(chosen.frames[chosen.frames >= 0])
    kind = only_kind(dataset, chosen, pages)
    if level != 0:
        pages = level_pages(dataset, pages, level)
        kind = kind_of(pages)
    return lazy_array(dataset, chosen.frames, pages, kind)


def stitched_array(
    dataset: FrameIndex, axes: Iterable[str] | None, selection: Mapping[str, AxisValue], summary: object
) -> da.Array:
    """Make the array of `TiffStorage.as_array` with tiles side by side; the summary has their overlap."""
    overlap = _overlap(summary)
    chosen = select(dataset, axes, selection, stitched=True)
    pages = dataset.pages(chosen.frames[chosen.frames >= 0])
    kind = only_kind(dataset, chosen, pages)
    if any(nbytes >= length for nbytes, length in zip(overlap, kind.shape, strict=False)):
        raise ValueError(f"tiles of {kind} cannot overlap by {overlap[0]} rows and {overlap[1]} columns")
    (top, bottom), (left, right) = (
        (pixels // 2, length - (pixels + 1) // 2) for pixels, length in zip(overlap, kind.shape, strict=False)
    )
    window = Window(top, left, bottom, right)
    return lazy_array(dataset, chosen.frames, pages, kind, window, tiled=2)


def lazy_array(
    dataset: FrameIndex,
    frames: Numbers,
    pages: PageLocations,
    kind: FrameKind,
    window: Window | None = None,
    *,
    tiled: int = 0,
) -> da.Array:
    """Make an array of frames, with several small pages or a part of a large page per chunk.

    Frames still in memory must be written before the array is computed. -1 in `frames` means zeros. Only
    `window` is read of each frame. The last `tiled` axes of `frames` run along the first pixel axes.
    """
    leading = frames.ndim - tiled
    height, width = kind.shape[:2]
    top, left, bottom, right = window = window or Window(0, 0, height, width)
    files, file_numbers = _renumbered(pages.files)
    formats, format_numbers = _renumbered(pages.formats)
    whole = PageBlock(
        kind,
        np.where(frames < 0, -1, np.cumsum(frames >= 0).reshape(frames.shape) - 1),
        np.stack([file_numbers, pages.offsets, format_numbers], axis=1),
        tuple(marked_file(dataset, number) for number in files),
        tuple(pages.known_formats[number] for number in formats),
        window,
    )
    part = part_shape(kind, _segment_shape(whole))
    rows, columns = part_lengths(top, bottom, part[0]), part_lengths(left, right, part[1])
    grid = frames.shape[leading:] or (1, 1)
    chunks = (
        *pages_chunks(frames.shape[:leading], kind.nbytes),
        rows * grid[0],
        columns * grid[1],
        *((samples,) for samples in kind.shape[2:]),
    )
    blocks = PageBlocks(chunks, whole, (rows, columns), leading)
    indices = tuple(range(len(chunks)))
    array: da.Array = da.blockwise(  # type: ignore[no-untyped-call]
        *(getter, indices, blocks, indices, (slice(None),) * len(chunks), None),
        name=f"tiff-storage-{tokenize(blocks.token, repr(kind))}",
        align_arrays=False,
        dtype=kind.dtype,
        meta=np.empty((0,) * len(chunks), kind.dtype),
    )
    return array


def _segment_shape(whole: PageBlock) -> tuple[int, int]:
    """Return the shape of the strips or tiles of the first page; that of a row if it is not encoded."""
    for file, at, number in whole.table[:1].tolist():
        pixels = whole.formats[number]
        if pixels.is_encoded:
            with whole.files[file].opened() as opened, suppress(OmeTiffError):  # reading reports errors
                return segment_shape(opened, at, pixels)
    return 1, _MOST_PX


def _renumbered(numbers: Numbers) -> tuple[list[int], Numbers]:
    """Return the distinct numbers in order of first occurrence, and the rank of each number."""
    unique, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return unique[order].tolist(), np.argsort(order)[inverse]


def _overlap(summary: object) -> tuple[int, int]:
    values = [summary.get(key) for key in OVERLAP_KEYS] if isinstance(summary, dict) else [None, None]
    rows, columns = (value if isinstance(value, int) and value >= 0 else None for value in values)
    if rows is None or columns is None:
        keys = " and ".join(OVERLAP_KEYS)
        raise ValueError(f"stitching needs the overlap in pixels: {keys} in the summary metadata")
    return rows, columns
