"""The plate that images with labels of wells lie on."""

from collections.abc import Iterable

from ome_types import model as m

from exengine_ome_tiff.coordinates import ImageLayout, PlateInfo, Well, well_of_image


def plate_of(layouts: Iterable[ImageLayout], info: PlateInfo, name: str) -> m.Plate | None:
    """Return a plate with the wells that images lie in, None if none does.

    Parameters
    ----------
    layouts
        Of the images of a document, in its order.
    info
        What is known of the plate.
    name
        Of the plate, if it has none of its own.
    """
    samples: list[tuple[Well, int]] = []
    for number, layout in enumerate(layouts):
        well = well_of_image(info, layout)
        if well is not None:
            samples.append((well, number))
    if not samples:
        return None
    plate = m.Plate(
        id="Plate:0",
        name=name,
        rows=info.rows or max(well.row for well, _ in samples) + 1,
        columns=info.columns or max(well.column for well, _ in samples) + 1,
        row_naming_convention=m.NamingConvention.LETTER,
        column_naming_convention=m.NamingConvention.NUMBER,
    )
    wells: dict[tuple[int, int], m.Well] = {}
    for index, (place, number) in enumerate(sorted(samples)):
        key = (place.row, place.column)
        if key not in wells:
            wells[key] = m.Well(id=f"Well:0:{len(wells)}", row=place.row, column=place.column)
            plate.wells.append(wells[key])
        sample = m.WellSample(
            id=f"WellSample:0:{index}", index=index, image_ref=m.ImageRef(id=f"Image:{number}")
        )
        wells[key].well_samples.append(sample)
    return plate
