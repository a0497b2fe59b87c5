"""Findings about the images of a dataset that the user may not have intended."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import TypeAlias

import numpy as np

from exengine_ome_tiff.coordinates.acquisition_plan import AcquisitionPlan, MissingFrames
from exengine_ome_tiff.coordinates.file_names import POSITION_ONLY
from exengine_ome_tiff.coordinates.keys import IMAGE_AXES, standard_name, standard_names
from exengine_ome_tiff.coordinates.layout import PLANE_AXES, ImageLayout
from exengine_ome_tiff.dataset.frame_index import FrameIndex
from exengine_ome_tiff.dataset.header import Header
from exengine_ome_tiff.dataset.names import values_along
from exengine_ome_tiff.findings import Findings
from exengine_ome_tiff.ome import planes as ome_planes
from exengine_ome_tiff.ome.user_values import ChannelInfo, Given
from exengine_ome_tiff.pieces import pieces
from exengine_ome_tiff.text_format import count_text, list_text
from exengine_ome_tiff.translate.frame_facts import Group, first_values

_MANY_IMAGES = 10
_MANY_MIXED_PLANES = 300
"""Bio-Formats reopens a file with several sizes for each plane: 30 ms for 300 planes, 400 ms for 3,000."""
_ALIKE = 0.75
_PART = 1 << 14
"""How many frames are compared with a plan at a time."""
Kind: TypeAlias = tuple[tuple[int, ...], str]
"""Shape and data type of a frame."""
Kinds: TypeAlias = dict[int | str, set[Kind]]
_NO_MISSPELLINGS = ("tile",)


def add_findings(
    layouts: Sequence[ImageLayout], header: Header, index: FrameIndex, findings: Findings
) -> None:
    """Find axes that make many images, missing planes, and options that fit no frame.

    Parameters
    ----------
    layouts
        Layouts of all images, with the names of channels.
    header
        The options.
    index
        The frames.
    findings
        Collects the findings.
    """
    _add_axes(layouts, findings)
    _add_spellings(index, findings)
    _add_missing_planes(layouts, findings)
    _add_shared_values(layouts, findings)
    _add_channels(layouts, header.given.channels, findings)
    if header.plan is not None:
        _add_plan(header.plan, index, findings)
    _add_unused_axes(
        "split_by", (axis for axis in header.split_by if axis not in POSITION_ONLY), index, findings
    )
    _add_unused_axes("fold_axes", header.fold_axes, index, findings)
    _add_mixed_files(layouts, header.split_by, index, findings)


def _add_missing_planes(layouts: Sequence[ImageLayout], findings: Findings) -> None:
    planes = sum(len(layout.frames) for layout in layouts)
    missing = sum(int((layout.frames < 0).sum()) for layout in layouts)
    if missing:
        findings.add(
            "missing planes",
            "",
            f"{missing} of {count_text(planes, 'plane')} are missing, and readers show them as black",
            "put frames at all combinations of time, channel and z, unless they were skipped on purpose",
        )


def _add_shared_values(layouts: Sequence[ImageLayout], findings: Findings) -> None:
    """Find datasets of so many planes that the OME-XML does not repeat the values that planes share."""
    planes = sum(len(layout.frames) for layout in layouts)
    if planes > ome_planes.MOST_COMPLETE_PLANES:
        message = (
            f"{planes:,} planes: exposures and positions that planes share are written for the first of them "
            "only, so other readers do not show them for the others"
        )
        fix = "read them with TiffStorage.open, or record datasets of fewer planes"
        findings.add_once("many planes", "", message, fix)


def _add_channels(
    layouts: Sequence[ImageLayout], channels: Mapping[int | str, ChannelInfo], findings: Findings
) -> None:
    there = values_along("channel", layouts)
    known = {*there, *(name for layout in layouts for name in layout.names.get("channel", {}).values())}
    for key in channels:
        if key not in known:
            fix = f"put channel={key!r} in the coordinates"
            if there:
                fix = f"the channels are {list_text([*map(repr, there)])}"
            findings.add_once("channel", str(key), f"channels= has {key!r}, which no frame has", fix)


def add_filter_findings(given: Given, labels: Collection[str], findings: Findings) -> None:
    """Find labels in the option `filters` that neither a channel nor a device has."""
    known = {*labels, *(label for info in given.channels.values() for label in info.filters)}
    for label in given.filters:
        if label not in known:
            fix = "name it in ChannelInfo(filters=...)"
            there = (
                f", or use a device label: {list_text([*map(repr, dict.fromkeys(labels))])}" if labels else ""
            )
            message = f"filters= has {label!r}, which no channel or device uses"
            findings.add_once("filter", label, message, fix + there)


def missing_frames(plan: AcquisitionPlan, index: FrameIndex) -> MissingFrames:
    """Compare a plan with the frames of a dataset."""
    names = standard_names(axis for axes in index.axes.names for axis in axes)
    table, _ = index.latest()
    parts = (table.take(np.arange(piece.start, piece.stop)) for piece in pieces(len(table), _PART))
    return plan.missing((frame for part in parts for frame in part.coordinates()), names)


def _add_plan(plan: AcquisitionPlan, index: FrameIndex, findings: Findings) -> None:
    """Find planned frames that did not come."""
    n_planned, n_missing, values = missing_frames(plan, index)
    if not n_missing:
        return
    fix = "record them again, unless the run was stopped on purpose"
    if n_missing == n_planned:
        values, fix = [], _other_coordinates(plan, index) or fix
    all_of = f", including all of {list_text(values)}" if values else ""
    verb = "is" if n_missing == 1 else "are"
    message = f"{n_missing:,} of {count_text(n_planned, 'planned frame')} {verb} missing{all_of}"
    findings.add("plan", "", message, fix)


def _other_coordinates(plan: AcquisitionPlan, index: FrameIndex) -> str:
    """Return how the coordinates of all frames differ from a plan; empty if no single axis differs."""
    axes = dict.fromkeys(axis for names in index.axes.names for axis in names)
    names = standard_names(axes)
    there: dict[str, dict[int | str, None]] = {}
    for axis, _, column in index.latest()[0].along():
        there.setdefault(names.get(axis, axis), {}).update(dict.fromkeys(column.ranked()[0]))
    for axis in dict.fromkeys(axis for product in plan.products for axis in product):
        planned = dict.fromkeys(value for product in plan.products for value in product.get(axis, ()))
        came = there.get(standard_name(axis))
        if came is None:
            return f"no frame has the planned axis {axis!r}; the axes are {list_text([*map(repr, axes)])}"
        if planned.keys().isdisjoint(came):
            return (
                f"the plan has {axis} {list_text([*map(repr, planned)])}, "
                f"but the frames have {list_text([*map(repr, came)])}"
            )
    return ""


def _add_unused_axes(option: str, given: Iterable[str], index: FrameIndex, findings: Findings) -> None:
    """Find axes in an option that no frame has."""
    axes = {axis for names in index.axes.names for axis in names}
    for axis in given:
        if axis not in {*axes, *standard_names(axes).values()}:
            fix = f"the axes are {list_text([*map(repr, sorted(axes))])}"
            findings.add_once(option, axis, f"{option}= has {axis!r}, an axis that no frame has", fix)


def _add_mixed_files(
    layouts: Sequence[ImageLayout], split_by: Sequence[str], index: FrameIndex, findings: Findings
) -> None:
    """Find files that Bio-Formats reads slowly because their images differ in size or data type."""
    planes, kinds, kinds_along = (
        Counter[int](),
        defaultdict[int, set[Kind]](set),
        defaultdict[str, Kinds](dict),
    )
    for layout in layouts:
        file, _ = index.place(layout.first_frame)
        kind = index.format(layout.first_frame).stored
        planes[file] += len(layout.frames)
        kinds[file].add(kind)
        for axis, value in layout.labels:
            kinds_along[axis].setdefault(value, set()).add(kind)
    slow = [file for file, found in kinds.items() if len(found) > 1 and planes[file] >= _MANY_MIXED_PLANES]
    if not slow:
        return
    message = (
        f"frames of several sizes or pixel types share {count_text(len(slow), 'file')}, which Fiji reads "
        "slowly, because Bio-Formats reopens such a file for each plane"
    )
    splits = [
        axis
        for axis, found in kinds_along.items()
        if axis not in split_by and max(map(len, found.values())) == 1 < len(found)
    ]
    fix = (
        f"record a folder with split_by={(*split_by, splits[0])!r}"
        if splits
        else "record a separate dataset for each"
    )
    findings.add_once("mixed sizes", "", message, fix)


def _add_axes(layouts: Sequence[ImageLayout], findings: Findings) -> None:
    """Find unknown axes that make many images of few planes."""
    values: dict[str, set[int | str]] = {}
    images, planes = Counter[str](), Counter[str]()
    for layout in layouts:
        for axis, value in layout.labels:
            values.setdefault(axis, set()).add(value)
            images[axis] += 1
            planes[axis] += len(layout.frames)
    for axis, seen in values.items():
        of_each = planes[axis] / images[axis]
        if axis.casefold() in IMAGE_AXES or len(seen) < max(_MANY_IMAGES, of_each):
            continue
        count = "one plane" if of_each == 1 else f"{of_each:.3g} planes"
        alike = get_close_matches(axis.casefold(), PLANE_AXES.values(), 1, _ALIKE)
        fix = f"call it {PLANE_AXES['T']!r}, {PLANE_AXES['C']!r} or {PLANE_AXES['Z']!r}, or pass fold_axes="
        if alike and axis not in _NO_MISSPELLINGS:
            fix = f"call it {alike[0]!r}"
        findings.add_once("axis", axis, f"axis {axis!r} makes {images[axis]} images of {count} each", fix)


def _add_spellings(index: FrameIndex, findings: Findings) -> None:
    """Find second spellings of a standard axis, which are axes that separate images."""
    axes = dict.fromkeys(axis for names in index.axes.names for axis in names)
    spellings = {name: axis for axis, name in standard_names(axes).items()}
    for axis in axes:
        first = spellings.get(standard_name(axis), axis)
        if axis != first:
            message = f"axes {first!r} and {axis!r} are two, and {axis!r} makes separate images"
            findings.add_once("spelling", axis, message, f"call both {first!r} if they are the same axis")


def add_size_finding(name: str, groups: Iterable[Group], shape: Sequence[int], findings: Findings) -> None:
    """Find images whose metadata has a size that differs from the frames."""
    found = [first_values(group.facts) for group in groups]
    sizes = {(each["width"], each["height"]) for each in found if {"width", "height"} <= each.keys()}
    for width, height in sizes - {(shape[1], shape[0])}:
        metadata_size, size = f"{width} x {height}", f"{shape[1]} x {shape[0]}"
        message = f"{name}: the metadata has {metadata_size} pixels, but the frames have {size}"
        findings.add("frame size", "", message, "correct Width and Height, or remove both")
