"""Datasets that Micro-Manager 1.4 and 2 save as "separate image files", with one folder per position."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import numpy.typing as npt

from exengine_ome_tiff.conversion.comments import Comments, Place, place_of
from exengine_ome_tiff.conversion.image_stacks import distinct_names, position_labels, recorded_order
from exengine_ome_tiff.conversion.separate_files import (
    TIFF_SUFFIXES,
    ImageFile,
    dataset_folders,
    identity,
    listed_images,
    own_metadata,
    place_of_name,
    read_metadata_text,
)
from exengine_ome_tiff.conversion.sources import (
    FileSource,
    SkippedFrame,
    UnreadableFrameError,
    files_in,
    require_own,
)
from exengine_ome_tiff.coordinates.keys import Coordinates
from exengine_ome_tiff.dataset.foreign import METADATA_TEXT
from exengine_ome_tiff.dataset.loader import SeveralDatasetsError
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.text_format import count_text
from exengine_ome_tiff.tiff import ForeignTiff

_Folders: TypeAlias = list[tuple[Path, list[ImageFile]]]
"""Folders of positions, with the images in each."""
_USUAL_AXES = ("time", "position", "channel", "z")


class SeparateImageSource(FileSource[ImageFile]):
    """A dataset of separate image files.

    The coordinates of the frames are in ``metadata.txt``. Frames that a crash has kept out of it get those
    in their file names, and the metadata in their files.

    Parameters
    ----------
    path
        The folder of the dataset or of a position, or a file in one. A file stands for its whole dataset.

    Raises
    ------
    OmeTiffError
        There is no image file, or there are several datasets.
    """

    def __init__(self, path: Path) -> None:
        root, folders = dataset_folders(path)
        super().__init__(root, ForeignTiff)
        self.summary_metadata = {}
        self._comments = Comments((root, *folders))
        self.options = self._comments.options
        self._places: set[Place] = set()
        """Places of the frames in comments."""
        summaries: dict[str, Path] = {}
        images: _Folders = []
        for folder in folders:
            summary, found = self._read_folder(folder)
            images.append((folder, found))
            if summary:
                summaries.setdefault(identity(summary), folder)
                self.summary_metadata = self.summary_metadata or summary
        if len(summaries) > 1:
            raise SeveralDatasetsError(root, [folder.name for folder in summaries.values()])
        for coordinates, image in self._placed(images):
            self.add(coordinates, image)
        if not self.frames:
            raise OmeTiffError(f"{self.path} contains no image file of Micro-Manager")
        self.skipped += self._comments.skipped(self._places)

    def _read_folder(self, folder: Path) -> tuple[dict[str, Any], list[ImageFile]]:
        """Read the metadata of a folder; return the summary metadata and all images."""
        entries, damage = read_metadata_text(folder / METADATA_TEXT)
        summary = entries.get("Summary")
        found: dict[str, ImageFile] = {}
        for image in listed_images(folder, entries):
            name = image.path.name
            if found.setdefault(name, image) is not image:
                self.skipped.append(
                    SkippedFrame(f"{folder.name}/{name}", f"{METADATA_TEXT} lists it more than once", 1)
                )
        refused: list[SkippedFrame] = []
        for path in files_in(folder, TIFF_SUFFIXES, refused):
            if path.name not in found and (place := place_of_name(path)) is not None:
                found[path.name] = ImageFile(path, *place, {})
        self.skipped += [
            replace(each, n_frames=int(place_of_name(folder / each.what) is not None))
            for each in refused
            if each.what not in found  # reading those reports why
        ]
        without = 0
        for name, image in found.items():
            if not image.metadata:
                found[name] = image._replace(metadata=own_metadata(image.path))
                without += not found[name].metadata
        if without:
            why = damage or f"{METADATA_TEXT} does not list them"
            what = f"metadata of {count_text(without, 'frame')} in {folder.name}"
            self.skipped.append(SkippedFrame(what, why))
        if not isinstance(summary, dict):
            why = damage or f"{METADATA_TEXT} contains none"
            self.skipped.append(SkippedFrame(f"summary metadata in {folder.name}", why))
        return summary if isinstance(summary, dict) else {}, [*found.values()]

    def _placed(self, images: _Folders) -> Iterator[tuple[Coordinates, ImageFile]]:
        """Yield the coordinates of all images, in the order in which they were recorded."""
        flat = [(number, image) for number, (_, found) in enumerate(images) for image in found]
        order = recorded_order([image.metadata for _, image in flat])
        if order is None:
            order = sorted(range(len(flat)), key=lambda at: flat[at][1].numbers.get("time", 0))
        flat = [flat[at] for at in order]
        channels = _channel_names(self.summary_metadata, [image for _, image in flat])
        positions = self._position_names(images)
        for number, image in flat:
            numbers = image.numbers
            channel: int | str | None = image.channel
            if "channel" in numbers:
                channel = channels.get(numbers["channel"], numbers["channel"])
            position = positions[number] if positions else numbers.get("position", 0)
            place = _place(number, image, self.summary_metadata)
            self._places.add(place)
            others = {axis: value for axis, value in numbers.items() if axis not in _USUAL_AXES}
            yield (
                {"time": numbers.get("time", 0), "position": position}
                | others
                | {"channel": 0 if channel is None else channel, "z": numbers.get("z", 0)},
                image._replace(metadata=self._comments.added(place, image.metadata)),
            )

    def _position_names(self, images: _Folders) -> list[str]:
        """Return a name for each position, which is a folder; an empty list if they have only numbers."""
        seen = [{str(image.metadata.get("PositionName", "")) for image in found} for _, found in images]
        if all(len(names) == 1 for names in seen):
            names = distinct_names([*chain.from_iterable(seen)])
            if names:
                return names
        if [folder for folder, _ in images] == [self.path]:
            labels = position_labels(self.summary_metadata)
            return labels if len(labels) == 1 else []
        return [folder.name for folder, _ in images]

    def read_frame(self, frame: ImageFile) -> tuple[npt.NDArray[Any], Any]:
        """Read pixels and metadata of an image."""
        folder = frame.path.parent
        try:
            require_own(folder, frame.path)
            return self.file(frame.path).read(0), frame.metadata
        except (OmeTiffError, OSError) as error:
            raise UnreadableFrameError(f"{folder.name}/{error}") from error


def _place(folder_number: int, image: ImageFile, summary: Mapping[str, Any]) -> Place:
    """Return the place of an image in comments."""
    numbers = dict(image.numbers)
    position = image.metadata.get("PositionIndex")
    numbers.setdefault("position", position if isinstance(position, int) else folder_number)
    names = summary.get("ChNames")
    if isinstance(names, list) and image.channel in names:
        numbers.setdefault("channel", names.index(image.channel))
    return place_of(numbers)


def _channel_names(summary: Mapping[str, Any], images: Sequence[ImageFile]) -> dict[int, str]:
    """Return channel names by index: those in the summary metadata, else those of the frames."""
    names = distinct_names(summary.get("ChNames"))
    if names:
        return dict(enumerate(names))
    seen: dict[int, set[object]] = {}
    for image in images:
        if "channel" in image.numbers:
            seen.setdefault(image.numbers["channel"], set()).add(str(image.metadata.get("Channel") or ""))
    names = distinct_names([*chain.from_iterable(seen.values())])
    return dict(zip(seen, names, strict=True)) if len(names) == len(seen) else {}
