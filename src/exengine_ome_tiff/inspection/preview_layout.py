"""Layout of a preview: a mosaic, a grid, or rows of time points."""

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates.keys import value_text
from exengine_ome_tiff.inspection.open_dataset import OpenDataset, OpenImage
from exengine_ome_tiff.inspection.preview_cells import Cell, Row, Z, read_times, thinned
from exengine_ome_tiff.text_format import count_text

CAPTION, GAP, NAME = 12, 6, 14
"""Heights of captions and names, and the space between cells, in pixels."""
_LABEL_WIDTH = 160
_MOSAIC_PX = 1152
_MOST_TOUCHING = 1.15
"""Largest distance between neighbouring tiles, in tiles."""
_MOST_EMPTY = 8
"""Largest area of a mosaic, relative to that of its tiles."""
_IMAGES_OF_ROWS, _IMAGES_OF_GRID = 12, 60


class Note(NamedTuple):
    """A text on the page; `width` is its maximum width."""

    at: tuple[int, int]
    text: str
    size: int
    width: int


class Placed(NamedTuple):
    """A cell on the page."""

    row: Row
    cell: Cell
    at: tuple[int, int]


@dataclass(slots=True, eq=False)
class PreviewLayout:
    """Positions below the title of a preview, in pixels.

    Parameters
    ----------
    details
        Descriptions for the line below the title.
    cells, notes
        Cells and texts.
    outlines
        Corners of empty places.
    failed
        Corners of places with missing frames.
    images, times, all_times
        Number of images and time points.
    """

    details: list[str] = field(default_factory=list)
    cells: list[Placed] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    outlines: list[tuple[int, int, int, int]] = field(default_factory=list)
    failed: list[tuple[int, int, int, int]] = field(default_factory=list)
    images: int = 0
    times: int = 1
    all_times: int = 1

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        boxes = [
            *((x + row.size[0], y + row.size[1]) for row, _, (x, y) in self.cells),
            *((right + 1, bottom + 1) for _, _, right, bottom in self.outlines),
            *((note.at[0] + note.width, note.at[1] + note.size + 4) for note in self.notes),
        ]
        return max(x for x, _ in boxes), max(y for _, y in boxes)


def in_rows(
    data: OpenDataset, images: Sequence[OpenImage], most: int | None, columns: int, z: Z, cell_px: int
) -> PreviewLayout:
    """Lay out a row for each image, and a column for each time point that any of them has."""
    body = PreviewLayout()
    chosen = [images[number] for number in thinned(len(images), most or _IMAGES_OF_ROWS)]
    keys = [[*_time_keys(image)] for image in chosen]
    known = sorted({key for each in keys for key in each}, key=_order)
    shown = [known[number] for number in thinned(len(known), columns)]
    rows = [
        read_times(data, image, [t for t, key in enumerate(of_image) if key in shown], z, cell_px)
        for image, of_image in zip(chosen, keys, strict=True)
    ]
    left, step, y = _LABEL_WIDTH + 2 * GAP, max(row.size[0] for row in rows) + GAP, 0
    for row, of_image in zip(rows, keys, strict=True):
        body.notes.append(Note((0, y + CAPTION + 6), row.name, NAME, _LABEL_WIDTH))
        for key, cell in zip([key for key in of_image if key in shown], row.cells, strict=True):
            at = left + shown.index(key) * step, y
            body.notes.append(Note(at, cell.caption, CAPTION, row.size[0]))
            body.cells.append(Placed(row, cell, (at[0], y + CAPTION + 6)))
        y += CAPTION + 6 + row.size[1] + 2 * GAP
    body.images, body.times = len(rows), len(shown)
    body.all_times = len({key for image in images for key in _time_keys(image)})
    return body


def in_grid(
    data: OpenDataset, images: Sequence[OpenImage], most: int | None, columns: int, z: Z, cell_px: int
) -> PreviewLayout:
    """Fill the page with images of one time point, each below its name."""
    body = PreviewLayout()
    chosen = thinned(len(images), most or _IMAGES_OF_GRID)
    rows = [read_times(data, images[number], [0], z, cell_px) for number in chosen]
    across = min(columns, math.ceil(math.sqrt(len(rows) * 1.5)))
    width, height = (max(row.size[axis] for row in rows) for axis in (0, 1))
    for number, row in enumerate(rows):
        x, y = number % across * (width + GAP), number // across * (height + CAPTION + 6 + GAP)
        body.notes.append(Note((x, y), row.name, CAPTION, width))
        body.cells.append(Placed(row, row.cells[0], (x, y + CAPTION + 6)))
    body.images = len(rows)
    return body


def in_mosaic(data: OpenDataset, images: Sequence[OpenImage], z: Z, cell_px: int) -> PreviewLayout | None:
    """Lay out tiles by stage position, or else by row and column; None if the images are not tiles."""
    if len(images) < 2 or len({image.pixels.stored_shape[:2] for image in images}) > 1:
        return None
    found = _stage_places(data, images)
    what = "a mosaic by stage positions"
    if found is None:
        found, what = _grid_places(images), "a mosaic by row and column"
    if found is None:
        return None
    height, width = images[0].pixels.stored_shape[:2]
    spans = (found.max(axis=0) + 1) * (width, height)
    tile_px = max(8, round(min(cell_px * 2, _MOSAIC_PX / spans.max() * max(height, width))))
    rows = [read_times(data, image, [0], z, tile_px) for image in images]
    body = PreviewLayout([what], images=len(rows))
    tile = np.array(rows[0].size)
    for row, place in zip(rows, found, strict=True):
        x, y = np.round(place * tile).astype(int).tolist()
        body.cells.append(Placed(row, row.cells[0], (x, y)))
    return body


def _stage_places(data: OpenDataset, images: Sequence[OpenImage]) -> npt.NDArray[np.float64] | None:
    """Return the positions of tiles, in tiles, shape (images, 2), X first; None if they do not touch."""
    places = []
    for image in images:
        calibration = data.calibration(image)
        height, width = image.pixels.stored_shape[:2]
        size_um, stage_um = calibration.pixel_size_um, calibration.stage_um()
        if size_um[0] is None or size_um[1] is None or stage_um is None:
            return None
        places.append((stage_um[0] / (size_um[1] * width), stage_um[1] / (size_um[0] * height)))
    found = np.array(places)
    apart = np.abs(found[:, None] - found[None]).max(axis=2)
    np.fill_diagonal(apart, np.inf)
    return _as_mosaic(found) if (apart.min(axis=1) <= _MOST_TOUCHING).all() else None


def _grid_places(images: Sequence[OpenImage]) -> npt.NDArray[np.float64] | None:
    """Return column and row of tiles as their positions; None if an image lacks one of them."""
    places = []
    for image in images:
        row, column = image.coordinates.get("row"), image.coordinates.get("column")
        if not isinstance(row, int) or not isinstance(column, int):
            return None
        places.append((column, row))
    return _as_mosaic(np.array(places, float))


def _as_mosaic(places: npt.NDArray[np.float64]) -> npt.NDArray[np.float64] | None:
    """Shift positions to start at 0; None if some coincide or the mosaic would be mostly empty."""
    found: npt.NDArray[np.float64] = places - places.min(axis=0)
    is_one = len(np.unique(found, axis=0)) == len(found)
    return found if is_one and np.prod(found.max(axis=0) + 1) <= _MOST_EMPTY * len(found) else None


def _time_keys(image: OpenImage) -> Iterator[tuple[Hashable, Hashable]]:
    """Yield the values that identify each time point of an image."""
    layout = image.layout
    _, inside = layout.modulo.get("T", ("", (None,)))
    for value in layout.values["T"]:
        for inner in inside:
            yield value, inner


def _order(key: tuple[Hashable, ...]) -> list[tuple[bool, int, str]]:
    return [
        (isinstance(value, str), value if isinstance(value, int) else -1, value_text(value)) for value in key
    ]


def how_many(shown: int, every: int, thing: str) -> str:
    """Describe how many of all things are shown."""
    return (f"{shown:,} of " if shown < every else "") + count_text(every, thing)
