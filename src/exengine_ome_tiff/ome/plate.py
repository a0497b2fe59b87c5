"""The plate that images with labels of wells lie on."""

from collections.abc import Iterable

from ome_types import model as m

from exengine_ome_tiff.coordinates import ImageLayout, Well, well_of


def plate_of(layouts: Iterable[ImageLayout], name: str) -> m.Plate | None:
    """Return a plate with the wells that images name, None where none does.

    Parameters
    ----------
    layouts
        Of the images of a document, in its order.
    name
        Of the plate.
    """
    samples: list[tuple[Well, int]] = []
    for number, layout in enumerate(layouts):
        well = well_of(dict(layout.labels))
        if well is not None:
            samples.append((well, number))
    if not samples:
        return None
    plate = m.Plate(
        id="Plate:0",
        name=name,
        rows=max(well.row for well, _ in samples) + 1,
        columns=max(well.column for well, _ in samples) + 1,
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
