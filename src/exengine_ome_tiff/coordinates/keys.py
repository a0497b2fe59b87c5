"""Coordinates: names of axes, validation, compact keys for the index, and text for people."""

from collections.abc import Iterable, Mapping
from datetime import date
from enum import Enum
from typing import Any, NewType, TypeAlias

import numpy as np

STANDARD = ("time", "channel", "z", "position", "well", "field")
IMAGE_AXES = ("position", "well", "field", "row", "column")
"""Axes that separate images, in the order of their labels; others follow."""
_SHORT = {"t": "time", "c": "channel", "p": "position"}

Coordinates: TypeAlias = dict[str, int | str]
Key = NewType("Key", tuple[int | str, ...])
"""Coordinates in the form of the index, made by `Axes`."""
FrameNumber = NewType("FrameNumber", int)
"""Number of a frame in a dataset, from 0 in order of arrival."""

_INT64 = 1 << 63


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


def read_coordinates(given: Mapping[Any, Any]) -> Coordinates:
    """Validate coordinates and convert them to a dict of Python values.

    Parameters
    ----------
    given
        Axis values by axis name. NumPy integers and strings become Python's.

    Returns
    -------
    dict
        The same axes in the same order, with `int` or `str` values.

    Raises
    ------
    TypeError
        An axis name is not a string, or a value is neither int nor str (bool does not count as int).
    ValueError
        An integer needs more than 64 bits.
    """
    coordinates: Coordinates = {}
    for axis, value in given.items():
        kind = type(value)
        if type(axis) is str and axis.isascii():
            if kind is int and -_INT64 <= value < _INT64:
                coordinates[axis] = value
                continue
            if kind is str and value.isascii():
                coordinates[axis] = value
                continue
        if not isinstance(axis, str):
            raise TypeError(
                f"coordinates {dict(given)!r}: axis name {axis!r} is of type {_kind(axis)}, expected str"
            )
        if kind is int:
            plain = value
        elif isinstance(value, np.integer) or (isinstance(value, int) and kind is not bool):
            plain = int(value)
        elif isinstance(value, str):
            plain = plain_str(value)
        else:
            raise TypeError(
                f"coordinates {dict(given)!r}: axis {axis!r} has value {value!r} of type {_kind(value)}, "
                f"expected int or str{_way_out(axis, value)}"
            )
        if isinstance(plain, int) and not -_INT64 <= plain < _INT64:
            bits = plain.bit_length()
            raise ValueError(f"coordinates: axis {axis!r} has an integer of {bits} bits, expected at most 64")
        coordinates[plain_str(axis)] = plain
    return coordinates


def read_new_coordinates(given: Mapping[Any, Any]) -> Coordinates:
    """Validate coordinates of a new frame, whose axes need names; earlier versions stored blank names, too.

    Raises
    ------
    TypeError, ValueError
        As for `read_coordinates`, or an axis name is blank.
    """
    coordinates = read_coordinates(given)
    if not all(map(str.strip, coordinates)):
        check_axis_names(f"coordinates {dict(given)!r}", coordinates)
    return coordinates


def check_axis_names(what: str, names: Iterable[object]) -> None:
    """Raise ValueError, whose message begins with `what`, if the name of an axis is blank."""
    for name in names:
        if isinstance(name, str) and not name.strip():
            raise ValueError(f"{what}: axis name {name!r} is blank, expected a name such as 'time'")


def _way_out(axis: str, value: object) -> str:
    """Return a hint about what to put instead of a value."""
    if isinstance(value, Enum):
        return f"; put {value}.value or {value}.name"
    if isinstance(value, bool | np.bool_):
        return f"; put {int(value)}"
    if isinstance(value, tuple | list):
        return "; put each number under an axis of its own, such as row and column"
    if isinstance(value, date):
        return f'; put the index as {axis} and the time as "timestamp" in the metadata'
    if value is None:
        return f"; leave {axis} out"
    if not isinstance(value, float | np.floating):
        return ""
    name = standard_name(axis)
    if name == "z":
        return f'; put the index as {axis} and the height as "z_um" in the metadata'
    if name == "time":
        return f'; put the index as {axis} and the seconds as "elapsed_s" in the metadata'
    return f"; put the index as {axis} and the number in the metadata"


def plain_str(text: str) -> str:
    """Return a string as `str`, even of an enumeration, with surrogate pairs joined."""
    if text.isascii():
        return text if type(text) is str else str.__str__(text)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _kind(value: object) -> str:
    """Return the name of the type of a value."""
    return type(value).__name__


class Axes:
    """Converts coordinates to compact tuples and back, by the sets of axis names in a dataset.

    A key is the number of the set of axes, followed by the values in the order in which the axes of that set
    first arrived, so ``{"z": 1, "time": 2}`` and ``{"time": 2, "z": 1}`` have the same key.
    """

    def __init__(self) -> None:
        self.names: list[tuple[str, ...]] = []
        """Axis names of each set, by the first item of a key."""
        self._number: dict[frozenset[str], int] = {}
        self._same_order: dict[tuple[str, ...], int] = {}

    def key(self, coordinates: Coordinates) -> Key:
        """Return the key of coordinates and register a new set of axes; not thread-safe."""
        given = tuple(coordinates)
        number = self._same_order.get(given)
        if number is not None:
            return (number, *coordinates.values())  # type: ignore[return-value] # no call for each frame
        return self._key(self.register(given), coordinates)

    def register(self, given: tuple[str, ...]) -> int:
        """Return the number of a set of axes, and register a new one."""
        axes = frozenset(given)
        number = self._number.get(axes)
        if number is None:
            number = len(self.names)
            self.names.append(given)
            self._same_order[given] = number
            self._number[axes] = number  # last, because `find` looks here
        return number

    def find(self, coordinates: Coordinates) -> Key | None:
        """Return the key of coordinates, or None if no frame has this set of axes; thread-safe."""
        number = self._number.get(frozenset(coordinates))
        return None if number is None else self._key(number, coordinates)

    def _key(self, number: int, coordinates: Coordinates) -> Key:
        return Key((number, *map(coordinates.__getitem__, self.names[number])))

    def coordinates(self, key: Key) -> Coordinates:
        """Return the coordinates of a key."""
        return dict(zip(self.names[int(key[0])], key[1:], strict=True))


def value_text(value: object) -> str:
    """Format a value; a string of digits is quoted, because it is not the number."""
    if value is None:
        return "(none)"
    return f'"{value}"' if isinstance(value, str) and value.lstrip("-").isdigit() else str(value)


def coordinates_text(coordinates: Mapping[str, object]) -> str:
    """Format coordinates as ``time=3,channel=DAPI``, with strings of digits in quotes."""
    text = ",".join(f"{axis}={value_text(value)}" for axis, value in coordinates.items())
    return text.replace("\n", "\\n")


def place_text(given: object) -> str:
    """Format coordinates for a message; anything but a mapping is shown as its repr."""
    if not isinstance(given, Mapping):
        return repr(given)
    return coordinates_text(given) or "no coordinates"
