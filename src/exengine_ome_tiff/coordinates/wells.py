"""Labels that name wells of a multi-well plate."""

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
"""Rows and columns as numbers, ``r02c11f03``, as plate readers name their files."""
_NEARLY = re.compile(
    r"well[ _.:#-]*[0-9]{1,4}"  # a number, counted by row or by column
    r"|[a-p][ _./:-]{1,2}[0-9]{1,2}|[0-9]{1,2}[ _./:-]?[a-p]"
    r"|r(?:ow)?[ _]?[0-9a-p]{1,2}[ _,-]{0,2}c(?:ol(?:umn)?)?[ _]?[0-9]{1,2}"
    r"(?:[ _,-]?f(?:ield)?[ _]?[0-9]{1,4})?"
    r"|(?:.*[^a-z0-9])?[a-p][0-9]{1,2}(?:[^a-z0-9].*)?",
    re.ASCII | re.IGNORECASE,
)
"""What people call wells that is no name of one: "well 3", "A-1", "1A", "row 2 col 3", "plate1_B3"."""
_TWO_DIGITS = 2
_ROWS, _COLUMNS = 32, 48


class Well(NamedTuple):
    """A place on a plate."""

    row: int
    """From 0, for row A."""
    column: int
    """From 0, for column 1."""
    site: int
    """Number of the site in the well, 0 where there is only one."""


@dataclass(frozen=True, slots=True)
class PlateInfo:
    """The multi-well plate that positions lie on, where their names do not say or it is larger than they do.

    Parameters
    ----------
    wells
        Position to the name of its well, "B12", or "B12-Site_3" where several positions lie in a well;
        positions that are left out lie in none. Empty if positions are named after their wells.
    name
        What readers show; by default the name of the dataset.
    rows, columns
        Size of the plate in wells; by default up to the last row and column that are used.

    Raises
    ------
    ValueError
        A name is none of a well on such a plate, or the plate has no wells.
    """

    wells: Mapping[int | str, str] = field(default_factory=dict)
    name: str | None = None
    rows: int | None = None
    columns: int | None = None

    def __post_init__(self) -> None:
        if self.name is not None and not isinstance(self.name, str):
            raise ValueError(f"got {self.name!r} as the name of a plate, expected text")
        for name in ("rows", "columns"):
            size = getattr(self, name)
            if size is not None:
                if isinstance(size, bool) or not hasattr(size, "__index__"):
                    raise ValueError(f"got a plate of {size!r} {name}, expected a whole number")
                object.__setattr__(self, name, operator.index(size))
        try:
            wells = {
                read_coordinates({"position": each})["position"]: well for each, well in self.wells.items()
            }
        except (TypeError, AttributeError) as error:
            raise ValueError(f"got wells={self.wells!r}, expected positions and names of wells") from error
        object.__setattr__(self, "wells", wells)
        for size, most in ((self.rows, _ROWS), (self.columns, _COLUMNS)):
            if size is not None and not 0 < size <= most:
                raise ValueError(f"got a plate of {self.rows} rows and {self.columns} columns")
        for position, label in self.wells.items():
            if self._named(label) is None:
                raise ValueError(f"position {position!r}: {label!r} is no well on {self!r}")

    def well_of(self, labels: Mapping[str, int | str]) -> Well | None:
        """Tell the well of an image.

        Parameters
        ----------
        labels
            Axis to value. ``well`` names a well and ``field`` the site in it, or ``position`` names both.
            "B12", "AF48", "b3" and "Well A1" name a well, "A1-Site_0", "A1_0000", "A01_s1", "A1 2", "A1/2",
            "A1:2", "A1f3" and "r01c02f03" also a site. A plate of 1536 wells, the largest, has 32 rows and 48
            columns.

        Returns
        -------
        Well or None
            None if no well of the plate is named.
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
    """Tell the well of an image, by the name of its position unless the plate names wells by positions."""
    return plate.well_of(dict(layout.labels) if plate.wells else layout.named_labels)


def misses_plate(plate: PlateInfo, layout: ImageLayout) -> bool:
    """Whether the labels of an image name a well, but none of the plate."""
    labels = layout.named_labels
    position = labels.get("position")
    is_on_none = isinstance(position, str) and _WELL.fullmatch(position) is not None
    names_well = "well" in labels or is_on_none or _read(position) is not None or _is_nearly_well(position)
    return names_well and not plate.wells and well_of_image(plate, layout) is None


def are_wells(labels: Iterable[Mapping[str, int | str]]) -> bool:
    """Decide whether labels of images can only be wells, where nobody told of a plate.

    They can if an axis is called ``well``; else if a position names a site in a well, if all numbers of
    columns have two digits, or if the wells are in several rows and in several columns. ``P1``, ``P2`` and
    ``P3`` may be any places.
    """
    every = [*labels]
    found = [each for each in (_read(label.get("position")) for label in every) if each is not None]
    rows, columns = ({each.well[axis] for each in found} for axis in (0, 1))
    return (
        any("well" in label for label in every)
        or any(each.has_site for each in found)
        or (bool(found) and all(each.has_two_digits for each in found))
        or (len(rows) > 1 and len(columns) > 1)
    )


def wells_named(labels: Iterable[Mapping[str, int | str]]) -> list[str]:
    """Return the positions that could be the names of wells."""
    positions = (label.get("position") for label in labels)
    return [each for each in dict.fromkeys(positions) if isinstance(each, str) and _read(each) is not None]


def nearly_wells(labels: Sequence[Mapping[str, int | str]]) -> list[str]:
    """Return the positions if all of them are called as people call wells, rightly or nearly."""
    positions = dict.fromkeys(label.get("position") for label in labels)
    texts = [each for each in positions if isinstance(each, str)]
    are_nearly = all(_read(each) is not None or _is_nearly_well(each) for each in texts)
    return texts if are_nearly and len(texts) == len(positions) else []


def is_well(label: object) -> bool:
    """Whether a label is the name of a well."""
    return _read(label) is not None


def _is_nearly_well(label: object) -> bool:
    return isinstance(label, str) and _NEARLY.fullmatch(label) is not None


class _Read(NamedTuple):
    """What a label says if it names a well."""

    well: Well
    has_site: bool
    has_two_digits: bool


def _read(label: object) -> _Read | None:
    """Read the name of a well on the largest plate, of 32 rows and 48 columns."""
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
    """Count rows as spreadsheets count columns: A to Z, AA, AB and so on."""
    row = 0
    for letter in letters:
        row = row * 26 + ord(letter) - ord("A") + 1
    return row - 1
