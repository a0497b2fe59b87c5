"""Comments of Micro-Manager's users: on a dataset, and on single frames."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from exengine_ome_tiff.conversion.source_files import refusal

KEY = "Comment"
"""What the comment on a frame is called in the metadata of the frame."""
_NAMES = ("comments.txt", "display_and_comments.txt")
"""Of version 2, and of 1.4."""
_MOST_BYTES = 1 << 24
_DATASET, _FRAME = "General annotation", "Image coordinates"
"""Keys of version 2: the latter has the coordinates after it, as "channel=0,z=1,"."""
_SUMMARY = "Summary"
_LABEL = re.compile(r"(\d{1,9})_(\d{1,9})_(\d{1,9})_(\d{1,9})", re.ASCII)
"""Key of 1.4: channel, z, time, position."""
_COORDINATE = re.compile(r"([A-Za-z]\w*)=(\d{1,9}),?", re.ASCII)
_AXES = ("channel", "z", "time", "position")
_SHORT = {axis[0]: axis for axis in _AXES}

Place: TypeAlias = frozenset[tuple[str, int]]
"""Numbers of a frame along the axes where they are not 0, as version 2 distinguishes frames."""


def place_of(numbers: Mapping[str, int]) -> Place:
    """Return what comments call a frame by its numbers."""
    return frozenset((axis, number) for axis, number in numbers.items() if number)


class Comments:
    """The comments on a dataset and on its frames.

    Parameters
    ----------
    folders
        Folders with files of comments, which may have been changed after the acquisition and so win.
    block
        Comments in an image stack: that on the dataset as "Summary", those on frames by their labels.
    """

    def __init__(self, folders: Iterable[Path], block: Mapping[str, Any] | None = None) -> None:
        self.dataset: str | None = None
        self._of_frames: dict[Place, str] = {}
        self._unknown: dict[str, None] = {}
        for place, text in _comments(block or {}):
            self._add(place, text)
        for folder in reversed([*folders]):
            for name in reversed(_NAMES):
                for place, text in _in_file(folder, folder / name):
                    self._add(place, text)

    def _add(self, place: Place | str | None, text: str) -> None:
        if place is None:
            self.dataset = text
        elif isinstance(place, str):
            self._unknown[place] = None
        else:
            self._of_frames[place] = text

    @property
    def options(self) -> dict[str, str]:
        """The comment on the dataset, as an option of `TiffStorage`."""
        return {} if self.dataset is None else {"description": self.dataset}

    def added(self, place: Place, metadata: dict[str, Any]) -> dict[str, Any]:
        """Return the metadata of a frame with the comment on it."""
        comment = self._of_frames.get(place)
        return metadata if comment is None else {**metadata, KEY: comment}

    def without_frame(self, places: Iterable[Place]) -> list[str]:
        """Return what comments are on that is none of the frames."""
        lost = self._of_frames.keys() - set(places)
        named = (",".join(f"{axis}={number}" for axis, number in sorted(place)) for place in lost)
        return [*self._unknown, *sorted(named)]


def _in_file(folder: Path, path: Path) -> Iterator[tuple[Place | str | None, str]]:
    """Yield the comments in a file of either version."""
    if refusal(folder, path) is not None or path.stat().st_size > _MOST_BYTES:
        return
    try:
        value = json.loads(path.read_bytes().decode("utf-8", "replace"))
        value = _plain(value) if isinstance(value, dict) else {}
    except (ValueError, RecursionError):
        return
    for comments in (value.get("map"), value.get("Comments"), value if _DATASET in value else None):
        if isinstance(comments, dict):
            yield from _comments(comments)


def _comments(comments: Mapping[str, Any]) -> Iterator[tuple[Place | str | None, str]]:
    """Yield comments, and what they are on: None for the dataset, the key itself where it is not known."""
    for key, value in comments.items():
        text = value.get("comments") if isinstance(value, dict) else value
        if not isinstance(text, str) or not text.strip():
            continue
        label = _LABEL.fullmatch(key)
        if key in (_SUMMARY, _DATASET):
            yield None, text
        elif label is not None:
            yield place_of(dict(zip(_AXES, map(int, label.groups()), strict=True))), text
        elif key.startswith(_FRAME):
            found = _COORDINATE.findall(re.sub(r"\s", "", key.removeprefix(_FRAME)))
            yield place_of({_SHORT.get(axis, axis): int(number) for axis, number in found}), text
        else:
            yield key, text


def _plain(value: Any) -> Any:
    """Return a property map without the types of its values, which the beta of version 2 calls otherwise."""
    if not isinstance(value, dict):
        return value
    for types, values in (("type", "scalar"), ("PropType", "PropVal")):
        if value.keys() == {types, values}:
            return _plain(value[values])
    return {key: _plain(each) for key, each in value.items()}
