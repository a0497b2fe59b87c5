"""Spellings of the standard axes: time, channel, z, position, well and field."""

from collections.abc import Iterable

STANDARD = ("time", "channel", "z", "position", "well", "field")
IMAGE_AXES = ("position", "well", "field", "row", "column")
"""Axes that separate images, in the order of their labels; others follow."""
_SHORT = {"t": "time", "c": "channel", "p": "position"}


def standard_name(axis: str) -> str:
    """Return the standard axis of a spelling, such as "time" for "t" and "Time"; else the spelling."""
    folded = axis.casefold()
    name = _SHORT.get(folded, folded)
    return name if name in STANDARD else axis


def standard_names(axes: Iterable[str]) -> dict[str, str]:
    """Find the standard axes of a dataset.

    Of several spellings of one axis, ``time`` takes precedence over ``t``, ``t`` over ``T``, and otherwise
    the first to arrive; the others are separate axes.

    Parameters
    ----------
    axes
        All axis names, in order of arrival.

    Returns
    -------
    dict
        Standard name of each spelling that counts.
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
    """Return a sort key for axes in image names: position, well, field, row, column, others by arrival."""
    folded = axis.casefold()
    rank = IMAGE_AXES.index(folded) if folded in IMAGE_AXES else len(IMAGE_AXES)
    return rank, arrival
