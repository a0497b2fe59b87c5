"""The plate of the images, from their labels and the metadata."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from exengine_ome_tiff.coordinates.layout import ImageLayout
from exengine_ome_tiff.coordinates.wells import (
    PlateInfo,
    are_wells,
    is_well,
    misses_plate,
    nearly_wells,
    well_of_image,
    wells_named,
)
from exengine_ome_tiff.findings import Findings
from exengine_ome_tiff.text_format import list_text
from exengine_ome_tiff.translate.frame_facts import Group, agreed, first_values
from exengine_ome_tiff.translate.values import SummaryValues

_WELL = "well"
_ROWS, _COLUMNS = ("row", "well_row"), ("column", "col", "well_column", "well_col")
_NAMES = "name wells like 'B12', or pass plate=PlateInfo(wells={{{!r}: 'A1'}}) or plate=False"


class PlateFinder:
    """Finds the plate of the images.

    Parameters
    ----------
    summary
        Values from the summary metadata.
    groups
        Returns the facts from the frames of an image.
    findings
        Collects values that are not used.
    has_wells
        Whether the metadata of frames may have wells.
    """

    def __init__(
        self,
        summary: SummaryValues,
        groups: Callable[[ImageLayout], Sequence[Group]],
        findings: Findings,
        *,
        has_wells: bool,
    ) -> None:
        self._has_wells = has_wells
        self._summary = summary
        self._groups = groups
        self._findings = findings

    def of(self, given: PlateInfo, layouts: Sequence[ImageLayout]) -> PlateInfo | None:
        """Return the plate; None if positions are not on a plate.

        Parameters
        ----------
        given
            Values from the user.
        layouts
            Layouts of all images.
        """
        plate = self._with_wells(self._with_summary(given), layouts)
        labels = [layout.named_labels for layout in layouts]
        found = plate if plate != PlateInfo() or are_wells(labels) else None
        if found is not None:
            self._add_misses(found, layouts)
        else:
            self._add_positions(layouts)
            self._add_axes(layouts)
        if self._has_wells and not given.wells:
            self._add_unused_wells(found, layouts)
        return found

    def _with_summary(self, plate: PlateInfo) -> PlateInfo:
        """Fill in values from the summary."""
        summary = self._summary
        try:
            return replace(
                plate,
                name=plate.name or summary.plate_name,
                rows=plate.rows or summary.plate_rows,
                columns=plate.columns or summary.plate_columns,
            )
        except ValueError as error:
            self._findings.add(
                "plate",
                "",
                f"the plate in the summary metadata is invalid and ignored ({error})",
                "pass plate=PlateInfo(...)",
            )
            return plate

    def _with_wells(self, plate: PlateInfo, layouts: Sequence[ImageLayout]) -> PlateInfo:
        """Derive the wells of positions from their metadata; if there is a plate, from their names, too."""
        summary = self._summary
        is_plate = bool(summary.wells) or plate != PlateInfo()
        wells: dict[int | str, str] = {}
        if plate.wells or not (is_plate or self._has_wells):
            return plate
        for layout in layouts:
            position = dict(layout.labels).get("position")
            label = layout.named_labels.get("position")
            if position is None or plate.well_of({"position": label or ""}) is not None:
                return plate  # positions are named after wells, or there are none
            names = [summary.wells.get(str(label)), self._well(layout) if self._has_wells else None]
            if is_plate:
                names.append(agreed(group.facts for group in self._groups(layout)).values.position_name)
            named = [each for each in names if each is not None and plate.well_of({"position": each})]
            if named and wells.setdefault(position, named[0]) != named[0]:
                return plate
        return replace(plate, wells=wells)

    def _well(self, layout: ImageLayout) -> str | None:
        """Return the well in the metadata of all frames of an image; None if they differ."""
        wells = {first_values(group.facts).get(_WELL) for group in self._groups(layout)}
        well = wells.pop() if len(wells) == 1 else None
        return None if well is None else str(well)

    def _add_misses(self, plate: PlateInfo, layouts: Sequence[ImageLayout]) -> None:
        for layout in layouts:
            if misses_plate(plate, layout):
                self._findings.add(
                    "well",
                    "",
                    f"{layout.name('')} is not a well of the plate, so no well contains it",
                    "name wells like 'B12', or pass plate=PlateInfo(rows=..., columns=...)",
                )

    def _add_positions(self, layouts: Sequence[ImageLayout]) -> None:
        """Find positions that may be wells."""
        labels = [layout.named_labels for layout in layouts]
        named, nearly = wells_named(labels), nearly_wells(labels)
        if named:
            message = f"positions named {list_text(named)} may be wells or arbitrary, so no plate is made"
            self._findings.add(
                "plate", "", message, "pass plate=PlateInfo(rows=8, columns=12) or plate=False"
            )
        elif nearly:
            message = f"positions named {list_text([*map(repr, nearly)])} may be wells, so no plate is made"
            self._findings.add("plate", "", message, _NAMES.format(nearly[0]))

    def _add_axes(self, layouts: Sequence[ImageLayout]) -> None:
        """Find axes with other names that may be wells."""
        labels = [dict(layout.labels) for layout in layouts]
        for axis in dict.fromkeys(axis for each in labels for axis in each):
            values = [{"position": each[axis]} for each in labels if axis in each]
            if axis != "position" and (axis.casefold().startswith(_WELL) or are_wells(values)):
                message = f"axis {axis!r} may name wells, so no plate is made"
                self._findings.add("plate", axis, message, f"call it {_WELL!r}, or pass plate=False")
        for each in labels:
            row = next((each[axis] for axis in _ROWS if axis in each), None)
            column = next((each[axis] for axis in _COLUMNS if axis in each), None)
            if isinstance(row, str) and is_well(f"{row}{column}"):
                message = f"row {row!r} and column {column!r} may be a well, so no plate is made"
                self._findings.add_once(
                    "plate", "row", message, f"put well={f'{row}{column}'!r} in the coordinates"
                )

    def _add_unused_wells(self, plate: PlateInfo | None, layouts: Sequence[ImageLayout]) -> None:
        """Find wells in the metadata of frames that differ from the well of their image."""
        for layout in layouts:
            name = layout.name("the image")
            facts = [each for group in self._groups(layout) for each in group.facts if each.name == _WELL]
            known = [*dict.fromkeys(each.value for each in facts)]
            there = None if plate is None else well_of_image(plate, layout)
            for well in known[:1]:
                read = PlateInfo().well_of({"position": str(well)})
                if read is None:
                    message, fix = f"{well!r} is not a well name", "use a name such as 'B12'"
                elif len(known) > 1:
                    message, fix = (
                        f"frames of {name} have different wells",
                        "put the well in the coordinates",
                    )
                elif there is not None and there[:2] != read[:2]:
                    message, fix = (
                        f"{name} is in another well than {well!r}",
                        "use the same well in both",
                    )
                elif there is None:
                    message, fix = f"{name} is not in well {well!r}", f"put well={well!r} in the coordinates"
                else:
                    continue
                key = facts[0].key
                self._findings.add_once(_WELL, key, f"metadata key {key!r}: {message}", fix)
