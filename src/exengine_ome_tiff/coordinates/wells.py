"""Names of wells on a multi-well plate."""

import operator
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from exengine_ome_tiff.coordinates.keys import read_coordinates
from exengine_ome_tiff.coordinates.layout import ImageLayout

_WELL = re.compile(
    r"(?:well[ _-]?)?(?P<row>[a-z]{1,2})(?P<column>[0-9]{1,2})"
    r"(?:[ _-]*(?:site|fov|field|s|f)[ _-]?(?P<site>[0-9]{1,9})|[ _/:#-](?P<number>[0-9]{1,9})"
    r"|[ _]?\((?P<bracketed>[0-9]{1,9})\))?",
    re.ASCII | re.IGNORECASE,
)
_ROW_AND_COLUMN = re.compile(
    r"r(?P<row>[0-9]{2})c(?P<column>[0-9]{2})(?:f(?P<site>[0-9]{1,9}))?", re.ASCII | re.IGNORECASE
)
"""Rows and columns as numbers, ``r02c11f03``, as in the file names of plate readers."""
_NEARLY = re.compile(
    r"well[ _.:#-]*[0-9]{1,4}"  # a number, counted by row or by column
    r"|[a-p][ _./:-]{1,2}[0-9]{1,2}|[0-9]{1,2}[ _./:-]?[a-p]"
    r"|r(?:ow)?[ _]?[0-9a-p]{1,2}[ _,-]{0,2}c(?:ol(?:umn)?)?[ _]?[0-9]{1,2}"
    r"(?:[ _,-]?f(?:ield)?[ _]?[0-9]{1,4})?"
    r"|(?:.*[^a-z0-9])?(?:well)?[a-p][0-9]{1,2}(?:[^a-z0-9].*)?",
    re.ASCII | re.IGNORECASE,
)
"""Labels that people give wells, but that do not name one: "well 3", "A-1", "1A", "plate1_B3"."""
_COUNTED = re.compile(r"([a-z]{1,2})([0-9]{1,9})", re.ASCII | re.IGNORECASE)
_TWO_DIGITS = 2
_ROWS, _COLUMNS = 32, 48


class Well(NamedTuple):
    """A site in a well of a plate."""

    row: int
    """Row from 0, which is row A."""
    column: int
    """Column from 0, which is column 1."""
    site: int
    """Number of the site in the well; 0 if there is only one."""


@dataclass(frozen=True, slots=True)
class PlateInfo:
    """The multi-well plate of a dataset, if the names of positions do not describe it.

    Parameters
    ----------
    wells
        Names of wells by position: "B12", or "B12-Site_3" for one of several positions in a well. Other
        positions are in no well. Empty if positions are named after their wells.
    name
        Name shown by readers; by default the name of the dataset.
    rows, columns
        Size of the plate in wells; by default up to the last row and column used.

    Raises
    ------
    ValueError
        A name does not name a well of the plate, or the size is not that of a plate.
    """

    wells: Mapping[int | str, str] = field(default_factory=dict)
    name: str | None = None
    rows: int | None = None
    columns: int | None = None

    def __post_init__(self) -> None:
        if self.name is not None and not isinstance(self.name, str):
            raise ValueError(f"got PlateInfo(name={self.name!r}), expected text")
        for name, most in (("rows", _ROWS), ("columns", _COLUMNS)):
            size = getattr(self, name)
            if size is not None:
                is_integer = hasattr(size, "__index__") and not isinstance(size, bool)
                if not is_integer or not 0 < operator.index(size) <= most:
                    raise ValueError(
                        f"got PlateInfo({name}={size!r}), expected a whole number from 1 to {most}"
                    )
                object.__setattr__(self, name, operator.index(size))
        try:
            wells = {
                read_coordinates({"position": each})["position"]: well for each, well in self.wells.items()
            }
        except (TypeError, AttributeError) as error:
            raise ValueError(f"got wells={self.wells!r}, expected names of wells by position") from error
        object.__setattr__(self, "wells", wells)
        for position, label in self.wells.items():
            if self._named(label) is None:
                rows, columns = self.rows or _ROWS, self.columns or _COLUMNS
                raise ValueError(
                    f"position {position!r}: {label!r} is not a well of a plate of {rows} rows and {columns} "
                    "columns; write a name such as 'B12'"
                )

    def well_of(self, labels: Mapping[str, int | str]) -> Well | None:
        """Return the well of an image.

        Parameters
        ----------
        labels
            Values by axis. ``well`` names a well and ``field`` the site in it, or ``position`` names both.
            "B12", "AF48", "b3" and "Well A1" name a well; "A1-Site_0", "A1_0000", "A01_s1", "A1 2", "A1/2",
            "A1:2", "A1f3" and "r01c02f03" name a site as well. The largest plate has 32 rows and 48 columns.

        Returns
        -------
        Well or None
            None if the labels do not name a well of the plate.
        """
        label: object = labels.get("well", labels.get("position"))
        if self.wells:
            label = self.wells.get(label) if isinstance(label, int | str) else None
        well = self._named(label)
        site = labels.get("field")
        if well is not None and "well" in labels and isinstance(site, int):
            return well._replace(site=site)
        return well

    def _named(self, label: object) -> Well | None:
        found = _read(label)
        if found is None:
            return None
        is_on_plate = found.well.row < (self.rows or _ROWS) and found.well.column < (self.columns or _COLUMNS)
        return found.well if is_on_plate else None


def well_of_image(plate: PlateInfo, layout: ImageLayout) -> Well | None:
    """Return the well of an image, from the wells of the plate or the name of the position."""
    return plate.well_of(dict(layout.labels) if plate.wells else layout.named_labels)


def misses_plate(plate: PlateInfo, layout: ImageLayout) -> bool:
    """Whether the labels of an image name a well that the plate lacks."""
    labels = layout.named_labels
    position = labels.get("position")
    is_on_no_plate = isinstance(position, str) and _WELL.fullmatch(position) is not None
    names_well = "well" in labels or is_on_no_plate or is_well(position) or _is_nearly_well(position)
    return names_well and not plate.wells and well_of_image(plate, layout) is None


def are_wells(labels: Iterable[Mapping[str, int | str]]) -> bool:
    """Decide whether the labels of images can only be wells, if nothing describes a plate.

    That is so if there is an axis ``well``, if a position names a site in a well, if all column numbers have
    two digits, or if the wells are in several rows and several columns. ``P1``, ``P2`` and ``P3`` may be
    arbitrary positions; ``P0`` and ``P1`` are, because no plate has a column 0.
    """
    every = [*labels]
    if _are_counted(every):
        return any("well" in label for label in every)
    found = [each for each in (_read(label.get("position")) for label in every) if each is not None]
    rows, columns = ({each.well[axis] for each in found} for axis in (0, 1))
    return (
        any("well" in label for label in every)
        or any(each.has_site for each in found)
        or (bool(found) and all(each.has_two_digits for each in found))
        or (len(rows) > 1 and len(columns) > 1)
    )


def wells_named(labels: Sequence[Mapping[str, int | str]]) -> list[str]:
    """Return the positions that may name wells."""
    positions = [*dict.fromkeys(label.get("position") for label in labels)]
    named = [each for each in positions if isinstance(each, str) and is_well(each)]
    return [] if _are_counted(labels) else named


def nearly_wells(labels: Sequence[Mapping[str, int | str]]) -> list[str]:
    """Return the positions if each of them names a well, or nearly does."""
    positions = dict.fromkeys(label.get("position") for label in labels)
    texts = [each for each in positions if isinstance(each, str)]
    are_nearly = all(is_well(each) or _is_nearly_well(each) for each in texts)
    return texts if are_nearly and len(texts) == len(positions) and not _are_counted(labels) else []


def _are_counted(labels: Iterable[Mapping[str, int | str]]) -> bool:
    """Whether all positions have the same letters and are counted from 0, such as P0 and P1."""
    found = [_COUNTED.fullmatch(str(label.get("position"))) for label in labels]
    counted = {(each[1], int(each[2])) for each in found if each is not None}
    return None not in found and len({letters for letters, _ in counted}) == 1 and min(counted)[1] == 0


def is_well(label: object) -> bool:
    """Whether a label names a well."""
    return _read(label) is not None


def _is_nearly_well(label: object) -> bool:
    return isinstance(label, str) and _NEARLY.fullmatch(label) is not None


class _Read(NamedTuple):
    """The parsed name of a well."""

    well: Well
    has_site: bool
    has_two_digits: bool


def _read(label: object) -> _Read | None:
    """Parse the name of a well on the largest plate."""
    if not isinstance(label, str):
        return None
    match = _ROW_AND_COLUMN.fullmatch(label)
    if match is not None:
        row, site = int(match["row"]) - 1, match["site"]
    else:
        match = _WELL.fullmatch(label)
        if match is None:
            return None
        row, site = _row(match["row"].upper()), match["site"] or match["number"] or match["bracketed"]
    column = int(match["column"]) - 1
    if not (0 <= row < _ROWS and 0 <= column < _COLUMNS):
        return None
    return _Read(Well(row, column, int(site or 0)), site is not None, len(match["column"]) == _TWO_DIGITS)


def _row(letters: str) -> int:
    """Return the row of its letters: A to Z, AA, AB and so on, like the columns of a spreadsheet."""
    row = 0
    for letter in letters:
        row = row * 26 + ord(letter) - ord("A") + 1
    return row - 1
