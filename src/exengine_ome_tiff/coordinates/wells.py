"""Labels that name wells of a multi-well plate."""

import re
from collections.abc import Mapping
from typing import NamedTuple

_WELL = re.compile(r"([A-Z]{1,2})(\d{1,2})(?:-Site_(\d+)|_(\d+))?")
_ROWS, _COLUMNS = 32, 48


class Well(NamedTuple):
    """A place on a plate."""

    row: int
    """From 0, for row A."""
    column: int
    """From 0, for column 1."""
    site: int
    """Number of the site in the well, 0 where there is only one."""


def well_of(labels: Mapping[str, int | str]) -> Well | None:
    """Tell the well that an image's labels name.

    Parameters
    ----------
    labels
        Axis to value. ``well`` names a well and ``field`` the site in it, or ``position`` names both, as
        Micro-Manager's ``A1-Site_0`` and useq's ``A1_0000`` do, or only a well, as ``B12`` or ``AF48``: up to
        the 32 rows and 48 columns of a plate of 1536 wells.

    Returns
    -------
    Well or None
        None where no well is named.
    """
    label = labels.get("well", labels.get("position"))
    match = _WELL.fullmatch(label) if isinstance(label, str) else None
    if match is None:
        return None
    letters, digits, *sites = match.groups()
    row, column = _row(letters), int(digits) - 1
    if row >= _ROWS or not 0 <= column < _COLUMNS:
        return None
    field = labels.get("field") if "well" in labels else None
    site = next((int(site) for site in sites if site), 0)
    return Well(row, column, field if isinstance(field, int) else site)


def _row(letters: str) -> int:
    """Count rows as spreadsheets count columns: A to Z, AA, AB and so on."""
    row = 0
    for letter in letters:
        row = row * 26 + ord(letter) - ord("A") + 1
    return row - 1
