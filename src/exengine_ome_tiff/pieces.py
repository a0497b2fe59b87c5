"""Splitting long arrays into pieces, so that temporary arrays stay small."""

from collections.abc import Iterator

MANY = 1 << 16
"""Arrays of so many items, or their texts, are in memory at once: a text of few characters takes 60 bytes."""


def pieces(count: int, most: int | None = None) -> Iterator[slice]:
    """Split `count` items into slices of at most `most` items, by default `MANY`."""
    size = most or MANY
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
