"""Formats coordinates and their values for people."""

from collections.abc import Mapping


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
