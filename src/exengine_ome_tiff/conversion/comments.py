"""Comments that users wrote in Micro-Manager: on a dataset, and on single frames."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import numpy.typing as npt

from exengine_ome_tiff.conversion.image_stacks import distinct_names, position_labels
from exengine_ome_tiff.conversion.sources import SkippedFrame, Source, refusal
from exengine_ome_tiff.coordinates.keys import Coordinates

KEY = "Comment"
"""Key of a comment in the metadata of its frame."""
_NAMES = ("display_and_comments.txt", "comments.txt")
"""Files of version 1.4 and of 2, which overrides the former."""
_MOST_BYTES = 1 << 24
_DATASET, _FRAME = "General annotation", "Image coordinates"
"""Keys of version 2; coordinates such as "channel=0,z=1," follow the second one."""
_SUMMARY = "Summary"
_LABEL = re.compile(r"(\d{1,9})_(\d{1,9})_(\d{1,9})_(\d{1,9})", re.ASCII)
"""Key of 1.4: channel, z, time, position."""
_COORDINATE = re.compile(r"([A-Za-z]\w*)=(\d{1,9}),?", re.ASCII)
_AXES = ("channel", "z", "time", "position")
_SHORT = {axis[0]: axis for axis in _AXES}

Place: TypeAlias = frozenset[tuple[str, int]]
"""The indices of a frame that are not 0, by axis: version 2 identifies frames by them."""


def place_of(numbers: Mapping[str, int]) -> Place:
    """Return the place of a frame in comments, from its index along each axis."""
    return frozenset((axis, number) for axis, number in numbers.items() if number)


class Comments:
    """The comments on a dataset and on its frames.

    Parameters
    ----------
    folders
        Folders with comment files. These override `block`, because users may edit them later.
    block
        Comments in an image stack: on the dataset under "Summary", on frames under their labels.
    """

    def __init__(self, folders: Iterable[Path], block: Mapping[str, Any] | None = None) -> None:
        self.dataset: str | None = None
        self._of_frames: dict[Place, str] = {}
        self._unknown: dict[str, None] = {}
        files = [_in_file(folder, folder / name) for folder in reversed([*folders]) for name in _NAMES]
        for place, text in chain(_comments(block or {}), *files):
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

    def skipped(self, places: Iterable[Place]) -> list[SkippedFrame]:
        """Return the comments on frames that do not exist, given the places of all frames."""
        lost = self._of_frames.keys() - set(places)
        named = (",".join(f"{axis}={number}" for axis, number in sorted(place)) for place in lost)
        names = [*self._unknown, *sorted(named)]
        return [SkippedFrame(f"comment on {name}", "there is no such frame") for name in names]


class CommentedSource(Source):
    """Frames of another source with their comments; the comment on the dataset is its description.

    Comments identify frames by indices. A named channel or position has the index of its name in the
    summary metadata, or 0 if it is the only one.

    Parameters
    ----------
    source
        The source, whose path is a folder with comment files; closing this one closes it.
    block
        Comments in the files of the source.
    """

    def __init__(self, source: Source, block: Mapping[str, Any] | None = None) -> None:
        super().__init__(source.path)
        self._source = source
        self._comments = Comments([] if source.path is None else [source.path], block)
        self.summary_metadata = source.summary_metadata
        self.options = {**source.options, **self._comments.options}
        self.superseded, self.notes = source.superseded, source.notes
        summary = source.summary_metadata if isinstance(source.summary_metadata, dict) else {}
        all_coordinates = source.coordinates()
        self._names = {
            "channel": distinct_names(summary.get("ChNames")) or _only_name("channel", all_coordinates),
            "position": position_labels(summary) or _only_name("position", all_coordinates),
        }
        self.skipped = source.skipped + self._comments.skipped(map(self._place, all_coordinates))

    def coordinates(self) -> list[Coordinates]:
        """Return the coordinates of all frames, in the order in which they were recorded."""
        return self._source.coordinates()

    def read(self, coordinates: Coordinates) -> tuple[npt.NDArray[Any], Any]:
        """Read pixels and metadata of a frame, and the comment on it."""
        pixels, metadata = self._source.read(coordinates)
        if isinstance(metadata, dict):
            metadata = self._comments.added(self._place(coordinates), metadata)
        return pixels, metadata

    def close(self) -> None:
        """Close what the source has opened."""
        self._source.close()

    def _place(self, coordinates: Mapping[str, int | str]) -> Place:
        """Return the place of a frame in comments."""
        numbers = {axis: _number(self._names.get(axis, ()), value) for axis, value in coordinates.items()}
        return place_of(numbers)


def _only_name(axis: str, all_coordinates: Iterable[Mapping[str, int | str]]) -> list[str]:
    """Return the name that all frames share along an axis, as a list; an empty one if there are several."""
    values = {each.get(axis) for each in all_coordinates}
    return [value for value in values if isinstance(value, str)] if len(values) == 1 else []


def _number(names: Sequence[str], value: int | str) -> int:
    """Return the index of a value along its axis; -1 for an unknown name."""
    if isinstance(value, int):
        return value
    return names.index(value) if value in names else -1


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
    """Yield comments with their places: None for the dataset, the key itself if it is unknown."""
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
    """Return a property map without its value types, whose keys differ in the beta of version 2."""
    if not isinstance(value, dict):
        return value
    for types, values in (("type", "scalar"), ("PropType", "PropVal")):
        if value.keys() == {types, values}:
            return _plain(value[values])
    return {key: _plain(each) for key, each in value.items()}
