"""A plate map: the images of a preview in their wells."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from exengine_ome_tiff.coordinates.wells import PlateInfo, Well, well_of_image
from exengine_ome_tiff.inspection.open_dataset import OpenDataset, OpenImage
from exengine_ome_tiff.inspection.preview_cells import Z, read_times, thinned
from exengine_ome_tiff.inspection.preview_layout import CAPTION, GAP, Note, Placed, PreviewLayout, how_many
from exengine_ome_tiff.text_format import count_text

_PLATE_PX = 1400
_LEAST_WELL_PX = 24
_SITES_OF_WELL = 4
_LEFT = 30
"""Room for the letters of rows."""


@dataclass(frozen=True, slots=True)
class PlateMap:
    """The wells of a plate, by row and column from 0.

    Parameters
    ----------
    rows, columns
        Size of the plate.
    used
        Wells with images, and planned wells.
    incomplete
        Used wells with a missing plane, or with fewer frames than most.
    """

    rows: int
    columns: int
    used: tuple[tuple[int, int], ...]
    incomplete: tuple[tuple[int, int], ...]


Wells = dict[tuple[int, int], list[OpenImage]]


def wells_of(data: OpenDataset) -> tuple[PlateInfo, Wells] | None:
    """Return the plate, and the images of each well in order of sites; None without a plate."""
    plate = data.facts.plate([image.layout for image in data.images])
    if plate is None:
        return None
    found: dict[tuple[int, int], list[tuple[Well, int]]] = {}
    for number, image in enumerate(data.images):
        well = well_of_image(plate, image.layout)
        if well is not None:
            found.setdefault(well[:2], []).append((well, number))
    for position in plate.wells:  # also planned wells without an image
        well = plate.well_of({"position": position})
        if well is not None:
            found.setdefault(well[:2], [])
    if not any(found.values()):
        return None
    return plate, {at: [data.images[number] for _, number in sorted(sites)] for at, sites in found.items()}


def plate_size(plate: PlateInfo, wells: Wells) -> tuple[int, int]:
    """Return the number of rows and columns of a plate."""
    rows = plate.rows or max(row for row, _ in wells) + 1
    return rows, plate.columns or max(column for _, column in wells) + 1


def row_name(row: int) -> str:
    """Name a row by its number, from 0: A to Z, then AA."""
    letters = chr(ord("A") + row % 26)
    return letters if row < 26 else chr(ord("A") + row // 26 - 1) + letters


def well_name(row: int, column: int) -> str:
    """Name a well by its row and column, from 0, such as "B2"."""
    return f"{row_name(row)}{column + 1}"


def incomplete_wells(wells: Wells) -> set[tuple[int, int]]:
    """Return the wells with a missing plane, and those with fewer frames than most."""
    frames = {at: [len(image.layout.acquired) for image in images] for at, images in wells.items()}
    usual = Counter(sum(each) for each in frames.values() if each).most_common(1)[0][0]
    return {
        at
        for at, images in wells.items()
        if sum(frames[at]) < usual or any((image.layout.frames < 0).any() for image in images)
    }


def plate_map(data: OpenDataset) -> PlateMap | None:
    """Return the used and incomplete wells of a dataset; None without a plate."""
    known = wells_of(data)
    if known is None:
        return None
    plate, wells = known
    return PlateMap(*plate_size(plate, wells), tuple(sorted(wells)), tuple(sorted(incomplete_wells(wells))))


def on_plate(data: OpenDataset, z: Z, cell_px: int) -> PreviewLayout | None:
    """Lay out images in their wells; None without a plate."""
    known = wells_of(data)
    if known is None:
        return None
    plate, wells = known
    rows, columns = plate_size(plate, wells)
    well_px = max(_LEAST_WELL_PX, min(cell_px, _PLATE_PX // columns - GAP))
    most = max(map(len, wells.values()))
    across = math.ceil(math.sqrt(min(most, _SITES_OF_WELL)))
    step, incomplete = well_px + GAP, incomplete_wells(wells)
    body = PreviewLayout([f"a plate of {rows} x {columns} wells, {len(wells)} used"])
    for column in range(columns):
        body.notes.append(Note((_LEFT + column * step, 0), str(column + 1), CAPTION, well_px))
    for row in range(rows):
        y = CAPTION + 6 + row * step
        body.notes.append(Note((0, y + well_px // 2 - CAPTION // 2), row_name(row), CAPTION, _LEFT - 2))
        for column in range(columns):
            x = _LEFT + column * step
            box = x, y, x + well_px - 1, y + well_px - 1
            images = wells.get((row, column))
            if not images:
                body.outlines.append(box)
            if (row, column) in incomplete:
                body.failed.append(box)
            _place_sites(body, data, images or (), (x, y), across, z, well_px)
    if body.failed:
        body.details.append(f"{count_text(len(body.failed), 'well')} with missing frames marked")
    if most > _SITES_OF_WELL:
        body.details.append(f"{how_many(_SITES_OF_WELL, most, 'site')} of a well")
    return body


def _place_sites(
    body: PreviewLayout,
    data: OpenDataset,
    images: Sequence[OpenImage],
    corner: tuple[int, int],
    across: int,
    z: Z,
    well_px: int,
) -> None:
    """Place the sites of a well side by side, evenly chosen, each in the centre of its part."""
    site_px = well_px // across
    for number, chosen in enumerate(thinned(len(images), _SITES_OF_WELL) if images else ()):
        row = read_times(data, images[chosen], [0], z, site_px)
        column, line = number % across, number // across
        left, top = ((site_px - side) // 2 for side in row.size)
        at = corner[0] + column * site_px + left, corner[1] + line * site_px + top
        body.cells.append(Placed(row, row.cells[0], at))
        body.images += 1
