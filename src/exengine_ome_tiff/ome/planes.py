"""Plane and TiffData elements as text: with ome-types they would take longer than writing the pixels."""

import json
import math
from collections.abc import Iterator, Mapping
from html import escape
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates.layout import ImageLayout
from exengine_ome_tiff.ome.image_values import OmeImage
from exengine_ome_tiff.translate.values import Frames, is_unknown, taken

QUANTITIES = {
    "delta_t_s": ("DeltaT", "s"),
    "exposure_s": ("ExposureTime", "s"),
    "x_um": ("PositionX", "µm"),
    "y_um": ("PositionY", "µm"),
    "z_um": ("PositionZ", "µm"),
}
"""Attribute and unit of each value of a plane."""

MOST_COMPLETE_PLANES = 100_000
"""Largest number of planes with all attributes in each: Bio-Formats opens that many in a second."""

_PART = 4096
_MANY_PLANES = 1 << 16
"""How many planes are compared at a time."""
_ALONG = ("", "C", "Z", "T", "ZC", "CT", "ZT")
"""Axes along which a quantity may differ; in most images, those with the fewest values come first."""


class Shared(NamedTuple):
    """A quantity that several planes share.

    Parameters
    ----------
    axes
        Those of Z, C and T along which it differs.
    is_first
        Whether a plane is the first one with its indices along these axes, shape (acquired planes,).
    """

    axes: str
    is_first: npt.NDArray[np.bool_]


def shared_quantities(image: OmeImage) -> dict[str, Shared]:
    """Find the quantities that planes of an image share; never the time, which distinguishes planes."""
    shared: dict[str, Shared] = {}
    for name in _known(image):
        if name != "delta_t_s":
            found = (_first_of_equals(image.planes[name], image.layout, axes) for axes in _ALONG)
            known = next(filter(None, found), None)
            shared |= {} if known is None else {name: known}
    return shared


class _Part(NamedTuple):
    """Some of the acquired planes of an image."""

    start: int
    """Number of acquired planes before these."""
    planes: npt.NDArray[np.int64]
    """Their positions in the layout."""
    frames: Frames


def _parts(layout: ImageLayout, count: int) -> Iterator[_Part]:
    """Split the acquired planes of an image into parts of at most some planes."""
    start = 0
    for first in range(0, len(layout.frames), count):
        frames = layout.frames[first : first + count]
        planes = np.flatnonzero(frames >= 0)
        if planes.size:
            yield _Part(start, first + planes, frames[planes])
        start += planes.size


def _known(image: OmeImage) -> list[str]:
    """Return the quantities that any plane has."""
    return [
        name
        for name in QUANTITIES
        if not is_unknown(image.planes[name])
        and not all(
            np.isnan(taken(image.planes[name], part.frames)).all()
            for part in _parts(image.layout, _MANY_PLANES)
        )
    ]


def _first_of_equals(column: npt.NDArray[np.float64], layout: ImageLayout, axes: str) -> Shared | None:
    """Find the first plane of each set of indices along axes; None if the others differ, or are too few."""
    count, sets = len(layout.acquired), math.prod(layout.sizes[axis] for axis in axes)
    if count == len(layout.frames) and 2 * sets > count:
        return None
    first_frames = np.full(sets, -1, layout.frames.dtype)
    is_first = np.zeros(count, np.bool_)
    for start, planes, frames in _parts(layout, _MANY_PLANES):
        keys = np.zeros(len(planes), np.int64)
        for axis in axes:
            keys *= layout.sizes[axis]
            keys += layout.index_along(axis, planes)
        new = np.flatnonzero(first_frames[keys] < 0)
        first_frames[keys[new][::-1]] = frames[new][::-1]  # the last assignment wins
        firsts = first_frames[keys]
        is_first[start : start + len(planes)] = firsts == frames
        if not np.array_equal(taken(column, frames), taken(column, firsts), equal_nan=True):
            return None
    return None if 2 * np.count_nonzero(is_first) > count else Shared(axes, is_first)


def plane_elements(image: OmeImage, shared: Mapping[str, Shared] | None = None) -> Iterator[str]:
    """Yield Plane elements for the acquired planes of an image, as text with many elements each.

    Parameters
    ----------
    image
        The image.
    shared
        Quantities that only the first of several equal planes gets; units that are the schema's default are
        omitted, too. None if each plane gets all quantities.
    """
    known = _known(image)
    for start, planes, frames in _parts(image.layout, _PART):
        columns = [
            _indices(f' The{axis}="', column)
            for axis, column in zip("ZCT", image.layout.zct(planes).T, strict=True)
        ]
        for name in known:
            attribute, unit = QUANTITIES[name]
            values = taken(image.planes[name], frames) + 0.0  # -0.0 becomes 0.0
            if shared is not None and name in shared:
                is_first = shared[name].is_first[start : start + len(frames)]
                if not is_first.any():
                    continue
                values[~is_first] = np.nan
            is_default = shared is not None and unit == "s"
            unit_text = "" if is_default else f' {attribute}Unit="{unit}"'
            columns.append(_quantities(f' {attribute}="', values, f'"{unit_text}'))
        columns.append(_plane_ends(image, frames))
        yield "".join(f"<Plane{''.join(parts)}" for parts in zip(*columns, strict=True))


def _plane_ends(image: OmeImage, frames: Frames) -> list[str]:
    """Return the ends of Plane elements, with the hash of the pixels if there is one."""
    if image.hashes is None:
        return ["/>"] * len(frames)
    digests = image.hashes[frames].astype(str).tolist()
    return [f"><HashSHA1>{digest}</HashSHA1></Plane>" if digest else "/>" for digest in digests]


def page_elements(layout: ImageLayout, first_ifd: int, file_name: str, file_uuid: str) -> Iterator[str]:
    """Yield a TiffData element for each plane of an image in another file, as text with many elements each.

    Bio-Formats accepts one for all planes, but Viv, and so Avivator and Vitessce, need one for each.
    """
    # no numeric character references, such as &#x27; for an apostrophe: Bio-Formats does not decode them
    name = escape(file_name, quote=False).replace('"', "&quot;")
    end = f' PlaneCount="1"><UUID FileName="{name}">{file_uuid}</UUID></TiffData>'
    count = len(layout.frames)
    for start in range(0, count, _PART):
        part = layout.zct(np.arange(start, min(start + _PART, count))).tolist()
        yield "".join(
            f'<TiffData FirstZ="{z}" FirstC="{c}" FirstT="{t}" IFD="{ifd}"{end}'
            for ifd, (z, c, t) in enumerate(part, first_ifd + start)
        )


def _indices(start: str, values: npt.NDArray[np.int64]) -> list[str]:
    """Format an attribute of many planes; most values repeat."""
    text = {value: f'{start}{value}"' for value in np.unique(values).tolist()}
    return [text[value] for value in values.tolist()]


def _quantities(start: str, values: npt.NDArray[np.float64], end: str) -> list[str]:
    if (values == values[0]).all():
        return [f"{start}{values[0].item()!r}{end}"] * len(values)
    return [f"{start}{value!r}{end}" if value == value else "" for value in values.tolist()]


def not_acquired(layout: ImageLayout) -> str:
    """List the planes without a frame, as runs in dimension order: Z, C, T of the first, and their number.

    Returns
    -------
    str
        JSON; empty if all planes have a frame.
    """
    missing = np.flatnonzero(layout.frames < 0)
    starts = np.flatnonzero(np.diff(missing, prepend=-2) != 1)
    lengths = np.diff(starts, append=missing.size)
    texts = []
    for start in range(0, len(starts), _PART):
        part = slice(start, start + _PART)
        runs = np.column_stack([layout.zct(missing[starts[part]]), lengths[part]])
        texts.append(json.dumps(runs.tolist())[1:-1])
    return f"[{', '.join(texts)}]" if texts else ""
