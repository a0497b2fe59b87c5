"""Tiles in whole pixels: which of them form a mosaic, and which pixels each contributes."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

MOST_EMPTY = 16
"""Largest area of a mosaic, relative to that of its tiles."""


class TileLayout(NamedTuple):
    """The tiles of a mosaic, all of one size.

    Parameters
    ----------
    origins
        Column and row of the first pixel of each tile, shape (tiles, 2), from 0 in each direction.
    size
        Width and height of a tile.
    """

    origins: npt.NDArray[np.int64]
    size: tuple[int, int]

    @classmethod
    def of(cls, origins: npt.NDArray[np.int64], size: tuple[int, int]) -> "TileLayout":
        """Shift the tiles so that the mosaic starts at 0."""
        return cls(origins - origins.min(axis=0), size)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the mosaic."""
        width, height = (self.origins.max(axis=0) + self.size).tolist()
        return height, width

    @property
    def is_too_sparse(self) -> bool:
        """Whether the mosaic would be mostly empty."""
        height, width = self.shape
        return height * width > MOST_EMPTY * len(self.origins) * self.size[0] * self.size[1]

    def components(self) -> list[npt.NDArray[np.int64]]:
        """Return the numbers of tiles that overlap or touch, directly or through others."""
        left, found = set(range(len(self.origins))), []
        while left:
            reached, new = set[int](), {min(left)}
            while new:
                reached |= new
                left -= new
                new = {int(other) for tile in new for other in self._near(tile, gap=0)} & left
            found.append(np.array(sorted(reached)))
        return found

    def windows(self, tile: int) -> tuple[slice, slice]:
        """Return the rows and columns of the mosaic that a tile covers."""
        (x, y), (width, height) = self.origins[tile].tolist(), self.size
        return slice(y, y + height), slice(x, x + width)

    def kept(self, tile: int, among: Sequence[int]) -> npt.NDArray[np.bool_]:
        """Return which pixels of a tile are in the mosaic: those closer to its center than to any other.

        Each overlap is thus divided in its middle, outer edges stay, and each pixel comes from one tile.

        Parameters
        ----------
        tile
            Number of the tile.
        among
            Numbers of the tiles that have the plane, this one included.

        Returns
        -------
        numpy.ndarray
            Shape (height, width).
        """
        width, height = self.size
        kept = np.ones((height, width), np.bool_)
        for other in set(self._near(tile, gap=-1).tolist()) & set(among):
            dx, dy = (self.origins[other] - self.origins[tile]).tolist()
            rows = slice(max(0, dy), min(height, height + dy))
            columns = slice(max(0, dx), min(width, width + dx))
            x, y = np.arange(width)[columns], np.arange(height)[rows]
            # twice the distances, squared: centers may lie between pixels
            here = (2 * x - width + 1)[None] ** 2 + (2 * y - height + 1)[:, None] ** 2
            x, y = x - dx, y - dy
            there = (2 * x - width + 1)[None] ** 2 + (2 * y - height + 1)[:, None] ** 2
            kept[rows, columns] &= here < there if other < tile else here <= there
        return kept

    def _near(self, tile: int, gap: int) -> npt.NDArray[np.int64]:
        """Return the numbers of other tiles at most `gap` pixels away; -1 for those that overlap."""
        apart = np.abs(self.origins - self.origins[tile]) - self.size
        is_near = (apart <= gap).all(axis=1)
        is_near[tile] = False
        return np.flatnonzero(is_near)
