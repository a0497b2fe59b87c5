"""Names for channels and positions whose coordinates are numbers."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeAlias

from exengine_ome_tiff.coordinates.keys import value_text
from exengine_ome_tiff.coordinates.layout import AxisValue

ValueNames: TypeAlias = Mapping[str, Mapping[int | str, str]]
"""Names of values, by axis."""
_NO_NAMES = frozenset({"", "Default"})
"""Micro-Manager's values for unnamed channels and positions."""


def numbered(values: Iterable[AxisValue]) -> dict[int | str, int]:
    """Return the numbers of values that are not names: integers, and text that counts "0", "1", "2", ...

    Other digits, such as "488", are a name.
    """
    known = [*values]
    numbers: dict[int | str, int] = {value: value for value in known if isinstance(value, int)}
    texts = {value for value in known if isinstance(value, str)}
    counted: dict[int | str, int] = {str(number): number for number in range(len(texts))}
    return numbers | counted if texts == {*counted} else numbers


def choose_names(
    axis: str, values: Sequence[AxisValue], found_names: Mapping[int | str, Collection[str]]
) -> tuple[dict[int | str, str], list[str]]:
    """Choose the names of numbered values.

    A value keeps its number if the metadata gives it two names, or gives the same name to two values.

    Parameters
    ----------
    axis
        "channel" or "position".
    values
        All values of the axis in the dataset.
    found_names
        Names of each value in the metadata.

    Returns
    -------
    dict
        Names by value.
    list of str
        Reasons why names are not used.
    """
    names: dict[int | str, str] = {}
    conflicts = []
    for value in numbered(values):
        found = sorted({name.strip() for name in found_names.get(value, ())} - _NO_NAMES)
        if len(found) > 1:
            listed = " and ".join(map(repr, found[:3]))
            conflicts.append(f"{axis} {value_text(value)} is called {listed}")
        elif found:
            names[value] = found[0]
    taken: dict[str, list[int | str]] = {
        value: [value] for value in values if isinstance(value, str) and value not in names
    }
    for value, name in names.items():
        taken.setdefault(name, []).append(value)
    for name, owners in taken.items():
        if len(owners) > 1:
            listed = " and ".join(map(value_text, owners[:3]))
            conflicts.append(f"{axis}s {listed} are all called {name!r}")
            names = {value: each for value, each in names.items() if each != name}
    return names, conflicts
