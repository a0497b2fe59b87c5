"""Tiles of a mosaic in whole pixels, and the images that form mosaics by their stage positions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates.keys import Coordinates
from exengine_ome_tiff.coordinates.wells import PlateInfo, Well, well_of_image
from exengine_ome_tiff.inspection.open_dataset import OpenDataset, OpenImage
from exengine_ome_tiff.inspection.preview_plate import row_name
from exengine_ome_tiff.text_format import list_text

MOST_EMPTY = 16
"""Largest area of a mosaic, relative to that of its tiles."""

GRID_AXES = frozenset({"tile", "row", "column"})
"""Axes of the tiles in a grid."""
_PLACE_AXES = frozenset({"position", "well", "field"})
"""Axes of positions, which form a mosaic if they touch."""


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
        """Return which pixels of a tile are in the mosaic: those closer to its centre than to any other.

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
            # twice the distances, squared: centres may lie between pixels
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


@dataclass(frozen=True, slots=True, eq=False)
class MosaicGroup:
    """Images that are the tiles of one mosaic.

    Parameters
    ----------
    images
        The tiles.
    layout
        Positions of the tiles in pixels.
    coordinates
        Coordinates of the mosaic, except time, channel and z.
    center_um
        X and Y of the mosaic's centre on the stage.
    """

    images: Sequence[OpenImage]
    layout: TileLayout
    coordinates: Coordinates
    center_um: tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class StagePlaces:
    """Positions of images on the stage.

    Parameters
    ----------
    images
        In the order of the OME-XML.
    positions_um
        X and Y of each image's centre, shape (images, 2).
    pixel_size_um
        Width and height of a pixel in each image, shape (images, 2).
    flip
        Stage axes whose direction is opposite to that of the pixels: any of "x" and "y".
    """

    images: Sequence[OpenImage]
    positions_um: npt.NDArray[np.float64]
    pixel_size_um: npt.NDArray[np.float64]
    flip: str

    @classmethod
    def of(cls, data: OpenDataset, flip: str) -> "StagePlaces":
        """Read the positions of a dataset; ValueError if a pixel size or a stage position is unknown."""
        images, positions, sizes = data.images_of_document(), [], []
        for image in images:
            calibration = data.calibration(image)
            (height_um, width_um), stage_um = calibration.pixel_size_um, calibration.stage_um()
            if not height_um or not width_um:
                raise ValueError(
                    f"{image.name}: the pixel size is unknown, so stage positions cannot become pixels; "
                    "add it to a copy: convert(path, copy, pixel_size_um=...)"
                )
            if stage_um is None:
                raise ValueError(
                    f"{image.name}: no frame has a stage position; put x_um and y_um in the metadata"
                )
            positions.append(stage_um)
            sizes.append((width_um, height_um))
        return cls(images, np.array(positions), np.array(sizes), flip)

    def pixels(self) -> npt.NDArray[np.float64]:
        """Return column and row of the first pixel of each image, shape (images, 2), starting at 0."""
        signs = [-1 if axis in self.flip else 1 for axis in "xy"]
        found: npt.NDArray[np.float64] = self.positions_um / self.pixel_size_um * signs
        found -= found.min(axis=0)
        return found

    def groups(self, plate: PlateInfo | None) -> list[MosaicGroup]:
        """Return the mosaics of the images; ValueError if none has several tiles."""
        origins = np.rint(self.pixels()).astype(np.int64)
        members: dict[object, list[int]] = {}
        for number, image in enumerate(self.images):
            well = _well(plate, image)
            left_out = GRID_AXES if _is_tile(image) else _PLACE_AXES
            key = (
                tuple(_labels(image, plate, left_out).items()),
                None if well is None or _is_tile(image) else well[:2],
                image.pixels.stored,
                tuple(self.pixel_size_um[number]),
            )
            members.setdefault(key, []).append(number)
        groups = []
        for numbers in members.values():
            groups += self._mosaics(np.array(numbers), origins, plate)
        if all(len(group.images) == 1 for group in groups):
            names = list_text([image.name for image in self.images])
            raise ValueError(f"no two images touch on the stage: {names}")
        return groups

    def _mosaics(
        self, numbers: npt.NDArray[np.int64], origins: npt.NDArray[np.int64], plate: PlateInfo | None
    ) -> list[MosaicGroup]:
        """Return one mosaic for a grid, or one for each set of positions that touch."""
        first = self.images[numbers[0]]
        height, width = first.pixels.stored_shape[:2]
        layout = TileLayout.of(origins[numbers], (width, height))
        is_grid = _is_tile(first) and not layout.is_too_sparse
        parts = [np.arange(len(numbers))] if is_grid else layout.components()
        groups: list[MosaicGroup] = []
        for part in parts:
            chosen = numbers[part]
            images = [self.images[number] for number in chosen]
            labels = _labels(images[0], plate, GRID_AXES if is_grid else GRID_AXES | _PLACE_AXES)
            well = _well(plate, images[0])
            if not is_grid and well is not None:
                site = "" if len(parts) == 1 else f"-Site_{len(groups)}"
                labels["position"] = f"{row_name(well.row)}{well.column + 1:02d}{site}"
            elif not is_grid and len(parts) > 1:
                labels["position"] = images[0].layout.name(images[0].name)
            corners = self.positions_um[chosen]
            center = tuple(((corners.min(axis=0) + corners.max(axis=0)) / 2).tolist())
            groups.append(MosaicGroup(images, TileLayout.of(origins[chosen], layout.size), labels, center))
        return groups


def _is_tile(image: OpenImage) -> bool:
    """Whether an image is a tile of a grid."""
    return bool(GRID_AXES & image.coordinates.keys())


def _labels(image: OpenImage, plate: PlateInfo | None, left_out: frozenset[str]) -> Coordinates:
    """Return the labels of an image; names replace numbers, unless the plate names wells by positions."""
    labels = image.coordinates if plate is not None and plate.wells else image.layout.named_labels
    return {axis: value for axis, value in labels.items() if axis not in left_out}


def _well(plate: PlateInfo | None, image: OpenImage) -> Well | None:
    return None if plate is None else well_of_image(plate, image.layout)
