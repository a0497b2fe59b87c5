"""Tiles on the stage in whole pixels: which of them make a mosaic, and which pixels each contributes."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

MOST_EMPTY = 16
"""Room that a mosaic may take, in the area of its tiles."""


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
        """Move tiles so that the mosaic begins at 0."""
        return cls(origins - origins.min(axis=0), size)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the mosaic."""
        width, height = (self.origins.max(axis=0) + self.size).tolist()
        return height, width

    @property
    def is_too_sparse(self) -> bool:
        """Whether most of the mosaic would be empty."""
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
        """Return which pixels of a tile are in the mosaic: those whose nearest center is that of the tile.

        So each overlap is cut in its middle, outer edges stay, and each pixel comes from one tile.

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
        own = self.origins[tile]
        for other in set(self._near(tile, gap=-1).tolist()) & set(among):
            offset = self.origins[other] - own
            x, y = (np.arange(max(0, start), min(side, side + start)) for start, side in self._spans(offset))
            # twice the distances, squared: centers may lie between pixels
            here = (2 * x - width + 1)[None] ** 2 + (2 * y - height + 1)[:, None] ** 2
            there = (2 * (x - offset[0]) - width + 1)[None] ** 2 + (2 * (y - offset[1]) - height + 1)[
                :, None
            ] ** 2
            wins = here < there if other < tile else here <= there
            kept[y[0] : y[-1] + 1, x[0] : x[-1] + 1] &= wins
        return kept

    def _spans(self, offset: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
        return zip(offset.tolist(), self.size, strict=True)

    def _near(self, tile: int, gap: int) -> npt.NDArray[np.int64]:
        """Return the numbers of other tiles that are at most so many pixels away; -1: that overlap."""
        apart = np.abs(self.origins - self.origins[tile]) - self.size
        is_near = (apart <= gap).all(axis=1)
        is_near[tile] = False
        return np.flatnonzero(is_near)
