"""Spellings of axes: which axis of a dataset is time, channel, z, position, well or field."""

from collections.abc import Iterable

STANDARD = ("time", "channel", "z", "position", "well", "field")
IMAGE_AXES = ("position", "well", "field", "row", "column")
"""Axes that separate images, in the order of their labels in names; others come after them."""
_SHORT = {"t": "time", "c": "channel", "p": "position"}


def standard_name(axis: str) -> str:
    """Return the axis that a spelling can stand for, such as "time" for "t" and "Time"; else the spelling."""
    folded = axis.casefold()
    name = _SHORT.get(folded, folded)
    return name if name in STANDARD else axis


def standard_names(axes: Iterable[str]) -> dict[str, str]:
    """Decide which axes of a dataset are standard ones.

    Where several spellings of an axis come together, ``time`` counts before ``t``, ``t`` before ``T``, and
    else the one that came first; the others are axes of their own.

    Parameters
    ----------
    axes
        Names of all axes, in order of arrival.

    Returns
    -------
    dict
        Spelling to standard name, of the spellings that count.
    """
    spellings: dict[str, list[str]] = {}
    for axis in dict.fromkeys(axes):
        name = standard_name(axis)
        if name in STANDARD:
            spellings.setdefault(name, []).append(axis)
    return {
        min(found, key=lambda axis, name=name: (axis != name, axis != axis.lower())): name  # type: ignore[misc]
        for name, found in spellings.items()
    }


def label_rank(axis: str, arrival: int) -> tuple[int, int]:
    """Sort key of the axes in the name of an image: position, well, field, row, column, others by arrival."""
    folded = axis.casefold()
    rank = IMAGE_AXES.index(folded) if folded in IMAGE_AXES else len(IMAGE_AXES)
    return rank, arrival
