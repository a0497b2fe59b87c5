"""A source whose files have comments of Micro-Manager's users beside them."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt

from exengine_ome_tiff.conversion.comments import Comments, Place, place_of
from exengine_ome_tiff.conversion.image_stacks import distinct_names, position_labels
from exengine_ome_tiff.conversion.sources import SkippedFrame, Source
from exengine_ome_tiff.coordinates import Coordinates


class CommentedSource(Source):
    """Frames of another source with the comments on them; the comment on the dataset is its description.

    Comments are on numbers. A channel or position that has a name takes the number of that name in the
    summary metadata, or 0 where it is the only one.

    Parameters
    ----------
    source
        The source, which is closed with this one.
    folders
        Where the files of comments may be.
    """

    def __init__(self, source: Source, folders: Iterable[Path]) -> None:
        super().__init__(source.path)
        self._source = source
        self._comments = Comments(folders)
        self.summary_metadata = source.summary_metadata
        self.options = {**source.options, **self._comments.options}
        self.superseded, self.notes = source.superseded, source.notes
        summary = source.summary_metadata if isinstance(source.summary_metadata, dict) else {}
        all_coordinates = source.coordinates()
        self._names = {
            "channel": distinct_names(summary.get("ChNames")) or _only_name("channel", all_coordinates),
            "position": position_labels(summary) or _only_name("position", all_coordinates),
        }
        places = [self._place(coordinates) for coordinates in all_coordinates]
        lost = self._comments.without_frame(places)
        self.skipped = [
            *source.skipped,
            *(SkippedFrame(f"comment on {name}", "there is no such frame") for name in lost),
        ]

    def coordinates(self) -> list[Coordinates]:
        """Return the coordinates of all frames, in order of arrival."""
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
        """Return what comments call a frame."""
        numbers = {axis: _number(self._names.get(axis, ()), value) for axis, value in coordinates.items()}
        return place_of(numbers)


def _only_name(axis: str, all_coordinates: Iterable[Mapping[str, int | str]]) -> list[str]:
    """Return the name that all frames have along an axis, as a list; an empty one where they have several."""
    values = {each.get(axis) for each in all_coordinates}
    return [value for value in values if isinstance(value, str)] if len(values) == 1 else []


def _number(names: Sequence[str], value: int | str) -> int:
    """Return the number of a value along its axis: that of its name, and -1 where no number is known."""
    if isinstance(value, int):
        return value
    return names.index(value) if value in names else -1
