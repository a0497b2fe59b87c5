"""Axes that split a folder into files."""

from collections.abc import Container, Iterable, Mapping
from functools import lru_cache

from exengine_ome_tiff.coordinates.axis_names import standard_name, standard_names
from exengine_ome_tiff.coordinates.layout import PLANE_AXES

POSITION_ONLY = ("position",)
"""One file per position, or per field of a well."""


def split_axes(given: Iterable[str], folded: Container[str] = ()) -> tuple[str, ...]:
    """Check the axes that split a folder into files, and return their distinct standard names.

    Parameters
    ----------
    given
        Axis names; ``position`` includes ``well`` and ``field``.
    folded
        Axes folded into images.

    Raises
    ------
    TypeError
        `given` is not a sequence of strings.
    ValueError
        An axis is inside images, whose planes must be in one file.
    """
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise TypeError(f'got split_by={given!r}, expected a sequence of axes such as ("position", "camera")')
    axes = tuple(given)
    for axis in axes:
        if not isinstance(axis, str):
            raise TypeError(f"got split_by={axes!r}, expected names of axes")
        if standard_name(axis) in PLANE_AXES.values() or axis in folded:
            raise ValueError(
                f"got split_by={axes!r}, but {axis!r} lies inside an image, which is in one file"
            )
    return tuple(dict.fromkeys(map(standard_name, axes)))


@lru_cache(maxsize=256)
def _file_axes(axes: tuple[str, ...], split_by: tuple[str, ...]) -> tuple[str, ...]:
    spelling = {name: axis for axis, name in standard_names(axes).items()}
    wanted: list[str] = []
    for name in split_by:
        wanted.append(name)
        if name == "position" and "well" in spelling:
            wanted += ["well", "field"]
    return tuple(dict.fromkeys(spelling.get(name, name) for name in wanted))


def file_key(
    coordinates: Mapping[str, int | str],
    split_by: tuple[str, ...] = POSITION_ONLY,
    folded: Container[str] = (),
) -> tuple[int | str, ...]:
    """Return the values that select the file of a frame in a folder: those along the axes that split it.

    They depend only on the frame's own axes, and are the same for all frames of an image. An axis that the
    frame lacks adds no value.

    Parameters
    ----------
    coordinates
        Coordinates of the frame.
    split_by
        Result of `split_axes`.
    folded
        Axes folded into images.
    """
    axes = _file_axes(tuple(coordinates), split_by)
    return tuple([coordinates[axis] for axis in axes if axis in coordinates and axis not in folded])
