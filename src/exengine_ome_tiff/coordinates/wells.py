"""Labels that name wells of a multi-well plate."""

import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from exengine_ome_tiff.coordinates.keys import read_coordinates

_WELL = re.compile(r"([A-Z]{1,2})([0-9]{1,2})(?:-Site_([0-9]{1,9})|_([0-9]{1,9}))?")
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
    """The multi-well plate that positions lie on, where their names do not tell or it is larger than they do.

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
            Axis to value. ``well`` names a well and ``field`` the site in it, or ``position`` names both, as
            Micro-Manager's ``A1-Site_0`` and useq's ``A1_0000`` do, or only a well, as ``B12`` or ``AF48``:
            up to the 32 rows and 48 columns of a plate of 1536 wells.

        Returns
        -------
        Well or None
            None where no well of the plate is named.
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
        match = _WELL.fullmatch(label) if isinstance(label, str) else None
        if match is None:
            return None
        letters, digits, *sites = match.groups()
        row, column = _row(letters), int(digits) - 1
        if row >= (self.rows or _ROWS) or not 0 <= column < (self.columns or _COLUMNS):
            return None
        return Well(row, column, next((int(site) for site in sites if site), 0))


def _row(letters: str) -> int:
    """Count rows as spreadsheets count columns: A to Z, AA, AB and so on."""
    row = 0
    for letter in letters:
        row = row * 26 + ord(letter) - ord("A") + 1
    return row - 1
