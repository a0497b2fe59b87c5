"""The file of a frame in a folder, and labels as parts of file names."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Container, Iterable, Mapping
from functools import lru_cache

from exengine_ome_tiff.coordinates.keys import standard_name, standard_names
from exengine_ome_tiff.coordinates.layout import PLANE_AXES

MAX_LABEL_BYTES = 120
"""Maximum length of a label in a file name, in UTF-8, without the digits that make it unique."""
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]')
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


def file_label(label: int | str, taken: Container[str] = (), max_bytes: int = MAX_LABEL_BYTES) -> str:
    """Turn a label into part of a file name that is valid on Windows, macOS and POSIX.

    Characters that are invalid in file names, separate paths, or are invalid in the OME-XML of a companion
    file become ``_``. If a label is changed or shortened, or its name is taken, eight hexadecimal digits of
    its SHA-256 follow, so that different labels have different names even on case-insensitive file systems.

    Parameters
    ----------
    label
        Value along an axis.
    taken
        Case-folded names in use.
    max_bytes
        Maximum length of the label.

    Returns
    -------
    str
        1 to 129 bytes in UTF-8; case-folded, it is not in `taken`.
    """
    text = str(label)
    clean = _FORBIDDEN.sub("_", unicodedata.normalize("NFC", text)).strip(" .")
    clean = clean.encode()[:max_bytes].decode(errors="ignore").strip(" .")
    name = clean if clean == text else ""
    seed = json.dumps(label)
    while not name or name.casefold() in taken:
        seed = hashlib.sha256(seed.encode()).hexdigest()
        name = f"{clean}-{seed[:8]}" if clean else seed[:8]
    return name
