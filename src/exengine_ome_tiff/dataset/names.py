"""Names of numbered channels and positions, from the user, the summary and the frames."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from exengine_ome_tiff.coordinates.keys import FrameNumber, value_text
from exengine_ome_tiff.coordinates.layout import AxisValue, ImageLayout, ValueNames
from exengine_ome_tiff.dataset.frame_index import FrameIndex
from exengine_ome_tiff.dataset.header import Header
from exengine_ome_tiff.dataset.records import decode_tags
from exengine_ome_tiff.dataset.stored_images import StoredImage
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.findings import Findings
from exengine_ome_tiff.ome.user_values import Given
from exengine_ome_tiff.text_format import excerpt_text
from exengine_ome_tiff.translate.interpreter import Interpreter
from exengine_ome_tiff.translate.values import SummaryValues

_NO_NAMES = frozenset({"", "Default"})
"""Micro-Manager's values for unnamed channels and positions."""
FRAME_FACTS = {"channel": "channel_name", "position": "position_name"}
"""Fields of `FrameValues` with the name of a value, by axis."""
_FIXES = {
    "channel": "pass channels={0: ChannelInfo(name=...)}",
    "position": "use the names as positions in the coordinates",
}


NamesOfFrames: TypeAlias = Callable[[str, int | str, Sequence[ImageLayout]], Iterable[str]]
"""Returns the names that the frames of some images have for a value along an axis."""


def values_along(axis: str, layouts: Iterable[ImageLayout]) -> dict[int | str, list[ImageLayout]]:
    """Return all values of ``channel`` or ``position`` with the images that have them."""
    found: dict[int | str, list[ImageLayout]] = {}
    for layout in layouts:
        values = layout.values["C"] if axis == "channel" else (dict(layout.labels).get(axis),)
        for value in values:
            if value is not None:
                found.setdefault(value, []).append(layout)
    return found


def names_of(
    layouts: Sequence[ImageLayout],
    summary: SummaryValues,
    given: Given,
    names_in_frames: NamesOfFrames,
    findings: Findings,
) -> ValueNames:
    """Find the names of channels and positions.

    Parameters
    ----------
    layouts
        Layouts of all images.
    summary, given
        Values from the summary metadata and the user.
    names_in_frames
        Returns names from frames.
    findings
        Collects conflicting names.
    """
    names: dict[str, dict[int | str, str]] = {}
    for axis, of_summary in (("channel", summary.channel_names), ("position", summary.position_names)):
        images = values_along(axis, layouts)
        users = {value: info.name for value, info in given.channels.items() if info.name and value in images}
        of_user = users if axis == "channel" else {}
        found_names = {}
        for value, number in numbered(images).items():
            if value not in of_user:
                of_frames = names_in_frames(axis, value, images[value])
                found_names[value] = {*of_frames, of_summary.get(number, "")}
        found, conflicts = choose_names(axis, [*images], found_names)
        for conflict in conflicts:
            findings.add("name", axis, f"{conflict}, so the number is kept", _FIXES[axis])
        if found or of_user:
            names[axis] = found | of_user
    return names


def names_of_first_frames(
    header: Header, index: FrameIndex, images: Sequence[StoredImage], interpreter: Interpreter
) -> ValueNames:
    """Find names in the first frame of each channel and position only, because there may be many frames."""
    layouts = [image.layout for image in images]

    def names_in_first(axis: str, value: int | str, having: Sequence[ImageLayout]) -> Iterator[str]:
        layout = having[0]
        frame = layout.first_frame
        if axis == "channel":
            frame = FrameNumber(int(layout.frames_of_channel(layout.values["C"].index(value)).min()))
        tags = decode_tags(index.note(frame))
        yield getattr(interpreter.frame(tags), FRAME_FACTS[axis]) or ""

    if not any(numbered(values_along(axis, layouts)) for axis in FRAME_FACTS) and not header.given.channels:
        return {}
    summary = interpreter.summary(json.loads(header.summary_json))
    return names_of(layouts, summary, header.given, names_in_first, Findings())


def encode_names(names: ValueNames) -> bytes:
    """Return the names as JSON for a finished file; empty if there are none."""
    pairs = {axis: [*of_axis.items()] for axis, of_axis in names.items()}  # pairs, because JSON keys are text
    return json.dumps(pairs).encode("ascii") if pairs else b""


def decode_names(text: bytes) -> ValueNames:
    """Read the JSON made by `encode_names`; OmeTiffError if it is invalid."""
    try:
        names = {axis: dict(pairs) for axis, pairs in json.loads(text).items()}
        is_right = all(isinstance(name, str) for of_axis in names.values() for name in of_axis.values())
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise OmeTiffError(f"not the names of channels and positions: {excerpt_text(text)}") from error
    if not is_right:
        raise OmeTiffError(f"not the names of channels and positions: {excerpt_text(text)}")
    return names


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
