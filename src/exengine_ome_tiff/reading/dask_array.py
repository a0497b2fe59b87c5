"""Frames as a dask array that reads each page when it is needed, in any process. Importing it needs dask."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates.layout import AxisValue
from exengine_ome_tiff.dataset.frame_index import FrameIndex, PageLocations
from exengine_ome_tiff.reading.image_pages import marked_file
from exengine_ome_tiff.reading.pixel_kind import FrameKind, only_kind
from exengine_ome_tiff.reading.selection import select
from exengine_ome_tiff.tiff import MarkedFile, PixelFormat, StoredPage

try:
    import dask.array as da
    from dask.base import tokenize
    from dask.layers import ArrayBlockwiseDep
except ImportError as error:
    raise ImportError('lazy arrays need dask: pip install "exengine-ome-tiff[dask]"') from error

Numbers = npt.NDArray[np.int64]
OVERLAP_KEYS = ("GridPixelOverlapY", "GridPixelOverlapX")
"""Pixels that neighbouring tiles share, in the summary metadata, as NDTiff has it."""


class PageBlocks(ArrayBlockwiseDep):
    """The page of each block of an array: one object for 100,000 pages, which is quickly pickled.

    `rows` has the number of the page of each block, -1 for none, and the first axes of the array; `table` has
    file, offset and format of each page, shape (pages, 3), by their numbers in `files` and `formats`.
    """

    def __init__(
        self,
        chunks: tuple[tuple[int, ...], ...],
        rows: Numbers,
        files: tuple[MarkedFile, ...],
        formats: tuple[PixelFormat, ...],
        table: Numbers,
    ) -> None:
        super().__init__(chunks)
        self._rows = rows
        self._files = files
        self._formats = formats
        self._table = table

    def __getitem__(self, block: tuple[int, ...]) -> StoredPage | None:
        row = self._rows[block[: self._rows.ndim]]
        if row < 0:
            return None
        file, offset, pixels = self._table[row].tolist()
        return StoredPage(self._files[file], offset, self._formats[pixels])

    @property
    def token(self) -> str:
        """A name that is the same for the same pages."""
        return str(tokenize(self.chunks, self._rows, repr(self._files), repr(self._formats), self._table))


def read_block(
    page: StoredPage | None, kind: FrameKind, trim: tuple[slice, slice], leading: int
) -> npt.NDArray[Any]:
    """Read a block: the wanted part of a page, or zeros without a page, with as many axes before it."""
    pixels = np.zeros(kind.shape, kind.dtype) if page is None else kind.pixels(page.pixels, page.read())
    trimmed = pixels[trim]
    return trimmed.reshape((1,) * leading + trimmed.shape)


def frames_array(
    dataset: FrameIndex, axes: Iterable[str] | None, selection: Mapping[str, AxisValue]
) -> da.Array:
    """Make the array of `TiffStorage.as_array`."""
    chosen = select(dataset, axes, selection)
    pages = dataset.pages(chosen.frames[chosen.frames >= 0])
    return lazy_array(dataset, chosen.frames, pages, only_kind(dataset, chosen, pages))


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
    trim = tuple(
        slice(pixels // 2, length - (pixels + 1) // 2)
        for pixels, length in zip(overlap, kind.shape, strict=False)
    )
    return lazy_array(dataset, chosen.frames, pages, kind, (trim[0], trim[1]), tiled=2)


def lazy_array(
    dataset: FrameIndex,
    frames: Numbers,
    pages: PageLocations,
    kind: FrameKind,
    trim: tuple[slice, slice] = (slice(None), slice(None)),
    *,
    tiled: int = 0,
) -> da.Array:
    """Make an array of frames, with a chunk for each page; -1 in `frames` stands for zeros.

    Frames that wait in memory must be written before the array is computed. The last `tiled` axes of `frames`
    lie along the first axes of the pixels.
    """
    leading = frames.ndim - tiled
    rows = np.where(frames < 0, -1, np.cumsum(frames >= 0).reshape(frames.shape) - 1)
    files, file_numbers = _renumbered(pages.files)
    formats, format_numbers = _renumbered(pages.formats)
    repeats = (*frames.shape[leading:], *(1,) * len(kind.shape))
    lengths = [len(range(*part.indices(length))) for part, length in zip(trim, kind.shape, strict=False)]
    chunks = (
        *((1,) * length for length in frames.shape[:leading]),
        *((length,) * count for length, count in zip((*lengths, *kind.shape[2:]), repeats, strict=False)),
    )
    blocks = PageBlocks(
        chunks,
        rows,
        tuple(marked_file(dataset, number) for number in files),
        tuple(pages.known_formats[number] for number in formats),
        np.stack([file_numbers, pages.offsets, format_numbers], axis=1),
    )
    indices = tuple(range(len(chunks)))
    array: da.Array = da.blockwise(  # type: ignore[no-untyped-call]
        *(read_block, indices, blocks, indices),
        name=f"tiff-storage-{tokenize(blocks.token, repr(kind), repr(trim))}",
        kind=kind,
        trim=trim,
        leading=leading,
        align_arrays=False,
        dtype=kind.dtype,
        meta=np.empty((0,) * len(chunks), kind.dtype),
    )
    return array


def _renumbered(numbers: Numbers) -> tuple[list[int], Numbers]:
    """Return the numbers that there are in order of their first ones, and in place of each its rank."""
    unique, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return unique[order].tolist(), np.argsort(order)[inverse]


def _overlap(summary: object) -> tuple[int, int]:
    values = [summary.get(key) for key in OVERLAP_KEYS] if isinstance(summary, dict) else [None, None]
    rows, columns = (value if isinstance(value, int) and value >= 0 else None for value in values)
    if rows is None or columns is None:
        keys = " and ".join(OVERLAP_KEYS)
        raise ValueError(f"stitching needs {keys} in the summary metadata, in pixels")
    return rows, columns
