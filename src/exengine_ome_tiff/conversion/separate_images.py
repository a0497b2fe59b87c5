"""Frames that Micro-Manager 1.4 and 2 save as "separate image files": a folder for each position."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import numpy.typing as npt

from exengine_ome_tiff.conversion.comments import Comments, Place, place_of
from exengine_ome_tiff.conversion.image_stacks import distinct_names, position_labels
from exengine_ome_tiff.conversion.metadata_text import NAME, read_metadata_text
from exengine_ome_tiff.conversion.recorded_order import recorded_order
from exengine_ome_tiff.conversion.separate_files import (
    TIFF_SUFFIXES,
    ImageFile,
    dataset_folders,
    identity,
    listed_images,
    own_metadata,
    place_of_name,
)
from exengine_ome_tiff.conversion.source_files import files_in, require_own
from exengine_ome_tiff.conversion.sources import (
    SkippedFrame,
    Source,
    UnreadableFrameError,
)
from exengine_ome_tiff.coordinates import Coordinates
from exengine_ome_tiff.dataset.loader import SeveralDatasetsError
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.text_format import count_text
from exengine_ome_tiff.tiff import ForeignTiff

_Folders: TypeAlias = list[tuple[Path, list[ImageFile]]]
"""Folders of positions, and the images in them."""
_USUAL_AXES = ("time", "position", "channel", "z")


class SeparateImageSource(Source):
    """A dataset of separate image files, one of which is open at a time.

    Where a frame belongs is in ``metadata.txt``. Frames that a crash has kept out of it are placed by the
    names of their files; their metadata are those in the files.

    Parameters
    ----------
    path
        The folder of the dataset or of a position, or a file in one. A file stands for its whole dataset.

    Raises
    ------
    OmeTiffError
        There is no such dataset, or there are several.
    """

    def __init__(self, path: Path) -> None:
        root, folders = dataset_folders(path)
        super().__init__(root)
        self.summary_metadata = {}
        self._comments = Comments((root, *folders))
        self.options = self._comments.options
        self._places: set[Place] = set()
        """What comments call the frames."""
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
        self._images: dict[frozenset[tuple[str, int | str]], tuple[Coordinates, ImageFile]] = {}
        for coordinates, image in self._placed(images):
            key = frozenset(coordinates.items())
            self.superseded += key in self._images
            self._images[key] = coordinates, image
        if not self._images:
            raise OmeTiffError(f"{self.path}: no image file of Micro-Manager is in it")
        for name in self._comments.without_frame(self._places):
            self.skipped.append(SkippedFrame(f"comment on {name}", "there is no such frame"))

    def _read_folder(self, folder: Path) -> tuple[dict[str, Any], list[ImageFile]]:
        """Read the metadata of a folder; return the summary metadata, and all images."""
        entries, damage = self._entries(folder)
        summary = entries.get("Summary")
        found: dict[str, ImageFile] = {}
        for image in listed_images(folder, entries):
            name = image.path.name
            if found.setdefault(name, image) is not image:
                self.skipped.append(SkippedFrame(f"{folder.name}/{name}", f"{NAME} names it again", 1))
        refused: list[SkippedFrame] = []
        for path in files_in(folder, TIFF_SUFFIXES, refused):
            if path.name not in found and (place := place_of_name(path)) is not None:
                found[path.name] = ImageFile(path, *place, {})
        self.skipped += [
            replace(each, n_frames=int(place_of_name(folder / each.what) is not None))
            for each in refused
            if each.what not in found  # reading those tells why
        ]
        without = 0
        for name, image in found.items():
            if not image.metadata:
                found[name] = image._replace(metadata=own_metadata(image.path))
                without += not found[name].metadata
        if without:
            why = damage or f"{NAME} does not list them"
            what = f"metadata of {count_text(without, 'frame')} in {folder.name}"
            self.skipped.append(SkippedFrame(what, why))
        if not isinstance(summary, dict):
            why = damage or f"{NAME} has none"
            self.skipped.append(SkippedFrame(f"summary metadata in {folder.name}", why))
        return summary if isinstance(summary, dict) else {}, [*found.values()]

    @staticmethod
    def _entries(folder: Path) -> tuple[dict[str, Any], str | None]:
        """Read the metadata of a folder; return what is wrong with them, too."""
        path = folder / NAME
        if not path.exists() and not path.is_symlink():
            return {}, f"{NAME} is missing"
        try:
            return read_metadata_text(path)
        except (OmeTiffError, OSError) as error:
            return {}, str(error)

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
        """Name the positions, which are the folders; none where nothing but a number tells them."""
        told = [{str(image.metadata.get("PositionName", "")) for image in found} for _, found in images]
        if all(len(names) == 1 for names in told):
            names = distinct_names([*chain.from_iterable(told)])
            if names:
                return names
        if [folder for folder, _ in images] == [self.path]:
            labels = position_labels(self.summary_metadata)
            return labels if len(labels) == 1 else []
        return [folder.name for folder, _ in images]

    def coordinates(self) -> list[Coordinates]:
        """Return the coordinates of all frames, in the order in which they were recorded."""
        return [coordinates for coordinates, _ in self._images.values()]

    def read(self, coordinates: Coordinates) -> tuple[npt.NDArray[Any], Any]:
        """Read pixels and metadata of a frame; raises UnreadableFrameError."""
        _, image = self._images[frozenset(coordinates.items())]
        try:
            require_own(image.path.parent, image.path)
            tiff = ForeignTiff(image.path)
            try:
                return tiff.read(0), image.metadata
            finally:
                tiff.close()
        except (OmeTiffError, OSError) as error:
            raise UnreadableFrameError(f"{image.path.parent.name}/{error}") from error


def _place(folder_number: int, image: ImageFile, summary: Mapping[str, Any]) -> Place:
    """Return what comments call an image."""
    numbers = dict(image.numbers)
    position = image.metadata.get("PositionIndex")
    numbers.setdefault("position", position if isinstance(position, int) else folder_number)
    names = summary.get("ChNames")
    if isinstance(names, list) and image.channel in names:
        numbers.setdefault("channel", names.index(image.channel))
    return place_of(numbers)


def _channel_names(summary: Mapping[str, Any], images: Sequence[ImageFile]) -> dict[int, str]:
    """Return the names of channels by their numbers: those in the summary metadata, else those of frames."""
    names = distinct_names(summary.get("ChNames"))
    if names:
        return dict(enumerate(names))
    told: dict[int, set[object]] = {}
    for image in images:
        if "channel" in image.numbers:
            told.setdefault(image.numbers["channel"], set()).add(str(image.metadata.get("Channel") or ""))
    names = distinct_names([*chain.from_iterable(told.values())])
    return dict(zip(told, names, strict=True)) if len(names) == len(told) else {}
