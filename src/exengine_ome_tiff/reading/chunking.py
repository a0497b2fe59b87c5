"""Chunks of an array: several small pages, or a part of a large page."""

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

from exengine_ome_tiff.reading.pixel_kind import FrameKind

CHUNK_BYTES = 4 << 20
"""Approximate size of a chunk of several small pages, or of rows of a large page."""
_TILE_BYTES = 1 << 19
"""Minimum size of a chunk of tiles."""
_WHOLE_BYTES = 16 << 20
"""Pages of strips up to this size are read at once, larger ones in bands of rows."""

Lengths = tuple[int, ...]


def pages_chunks(shape: Sequence[int], page_nbytes: int) -> tuple[Lengths, ...]:
    """Return the chunks along the axes that precede the pixel axes.

    A chunk spans the fastest axes as far as their pages fit, and is split along the slowest of them.
    """
    left = max(1, CHUNK_BYTES // page_nbytes)
    chunks: list[Lengths] = []
    for length in reversed(shape):
        step = min(length, left)
        chunks.append(part_lengths(0, length, step))
        left //= step
    return tuple(reversed(chunks))


def part_shape(kind: FrameKind, segment: tuple[int, int]) -> tuple[int, int]:
    """Return height and width of the chunks of a page, whose strips or tiles have the shape `segment`."""
    (height, width), (rows, columns) = kind.shape[:2], segment
    pixel_nbytes = kind.nbytes // (height * width)
    if columns >= width:
        if kind.nbytes <= _WHOLE_BYTES:
            return height, width
        return min(height, _multiple(rows, CHUNK_BYTES // (width * pixel_nbytes))), width
    if kind.nbytes <= CHUNK_BYTES:
        return height, width
    while rows * columns * pixel_nbytes < _TILE_BYTES:
        rows, columns = (rows, 2 * columns) if columns <= rows else (2 * rows, columns)
    return min(height, rows), min(width, columns)


def part_lengths(start: int, stop: int, step: int) -> Lengths:
    """Return the chunk lengths along a side of a page; chunks start at multiples of `step`."""
    edges = [start, *range((start // step + 1) * step, stop, step), stop]
    return tuple(end - begin for begin, end in pairwise(edges))


def _multiple(of: int, about: int) -> int:
    """Return the largest multiple of a number up to a limit, but at least that number."""
    return max(1, about // of) * of


def spans(start: int, lengths: Lengths) -> Iterator[tuple[int, int]]:
    """Return start and end of consecutive chunks."""
    return pairwise(accumulate(lengths, initial=start))
