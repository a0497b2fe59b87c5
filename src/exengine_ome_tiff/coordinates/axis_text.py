"""Coordinates and their values as text for people."""

from collections.abc import Mapping


def value_text(value: object) -> str:
    """Write a value as text: a string of digits in quotes, as it is not the number."""
    if value is None:
        return "(none)"
    return f'"{value}"' if isinstance(value, str) and value.lstrip("-").isdigit() else str(value)


def coordinates_text(coordinates: Mapping[str, object]) -> str:
    """Format coordinates as ``time=3,channel=DAPI``; quote strings of digits, which are not numbers."""
    text = ",".join(f"{axis}={value_text(value)}" for axis, value in coordinates.items())
    return text.replace("\n", "\\n")


def place_text(given: object) -> str:
    """Format coordinates for a message: none as such, and what is no mapping as Python writes it."""
    if not isinstance(given, Mapping):
        return repr(given)
    return coordinates_text(given) or "no coordinates"
