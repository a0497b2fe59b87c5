"""Frames of the image stacks that Micro-Manager 1.4 and 2 write: a folder of multipage TIFF files."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy.typing as npt

from exengine_ome_tiff.conversion.comments import Comments, Place, place_of
from exengine_ome_tiff.conversion.recorded_order import recorded_order
from exengine_ome_tiff.conversion.source_files import files_in
from exengine_ome_tiff.conversion.sources import (
    FileSource,
    SkippedFrame,
    UnreadableFrameError,
)
from exengine_ome_tiff.coordinates import Coordinates
from exengine_ome_tiff.dataset.loader import SeveralDatasetsError
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.tiff import ImageStack, StackPage

_STACK = "_MMStack"


class ImageStackSource(FileSource):
    """Files with an index of their own, in the order of writing; OmeTiffError if none can be read."""

    def __init__(self, path: Path, files: Sequence[Path]) -> None:
        super().__init__(path)
        self.comments: dict[str, Any] = {}
        """Those in the files."""
        self._pages: dict[frozenset[tuple[str, int | str]], tuple[Coordinates, Path, StackPage]] = {}
        try:
            self._load(files)
        except BaseException:
            self.close()
            raise

    def _load(self, files: Iterable[Path]) -> None:
        """Find all pages, and their coordinates."""
        found: list[tuple[Path, StackPage]] = []
        summary: dict[str, Any] | None = None
        for each in files:
            try:
                stack = self.file(each)
                found += [(each, page) for page in stack.pages()]
            except (OmeTiffError, OSError) as error:
                self.skipped.append(SkippedFrame(each.name, str(error), None))
                continue
            summary = stack.summary if summary is None else summary
            self.comments |= stack.comments
        if summary is None:
            first = next(iter(self.skipped), SkippedFrame("no image stack is in it", ""))
            raise OmeTiffError(": ".join(filter(None, (str(self.path), first.what, first.reason))))
        self.summary_metadata = summary
        if len({each for each, _ in found}) > 1:
            found = self._in_recorded_order(found)
        used: set[tuple[Path, int]] = set()
        for each, page in found:
            try:
                if (each, page.ifd_at) in used:
                    raise UnreadableFrameError("another entry of the index has the same page")  # noqa: TRY301
                used.add((each, page.ifd_at))
                coordinates = self.coordinates_of(each, page)
            except UnreadableFrameError as error:
                self.skipped.append(SkippedFrame(f"{each.name}, page at offset {page.ifd_at}", str(error), 1))
                continue
            key = frozenset(coordinates.items())
            self.superseded += key in self._pages
            self._pages[key] = coordinates, each, page

    def _in_recorded_order(self, pages: list[tuple[Path, StackPage]]) -> list[tuple[Path, StackPage]]:
        """Sort the pages of several files by the times in their metadata, where all have one."""
        readable, unreadable, metadata = [], [], []
        for path, page in pages:
            try:
                metadata.append(self.file(path).metadata(page))
                readable.append((path, page))
            except (OmeTiffError, OSError):
                unreadable.append((path, page))  # which reading the frame tells
        order = recorded_order(metadata)
        return pages if order is None else [*(readable[at] for at in order), *unreadable]

    def coordinates_of(self, path: Path, page: StackPage) -> Coordinates:
        """Return the coordinates of a page; raises UnreadableFrameError."""
        raise NotImplementedError

    def coordinates(self) -> list[Coordinates]:
        """Return the coordinates of all frames, in the order in which they were recorded."""
        return [coordinates for coordinates, _, _ in self._pages.values()]

    def read(self, coordinates: Coordinates) -> tuple[npt.NDArray[Any], Any]:
        """Read pixels and metadata of a frame."""
        _, path, page = self._pages[frozenset(coordinates.items())]
        return self.read_page(path, page)

    def read_page(self, path: Path, page: StackPage) -> tuple[npt.NDArray[Any], dict[str, Any]]:
        """Read pixels and metadata of a page; raises UnreadableFrameError."""
        try:
            pixels, metadata = self.file(path).read(page)
        except (OmeTiffError, OSError) as error:
            raise UnreadableFrameError(str(error)) from error
        return pixels, metadata

    def open_file(self, path: Path) -> ImageStack:
        """Open an image stack."""
        return ImageStack(path)


class MicroManagerSource(ImageStackSource):
    """A folder of image stacks, given by its path or by a file of it.

    The index in the files has numbers: those of channels and positions become the names that the summary
    metadata has for them, where each name is there once.

    Raises
    ------
    OmeTiffError
        There is none, or the files of several datasets.
    """

    def __init__(self, path: Path) -> None:
        skipped: list[SkippedFrame] = []
        super().__init__(path if path.is_dir() else path.parent, _files(path, skipped))
        self.skipped += skipped
        self._comments = Comments([path if path.is_dir() else path.parent], self.comments)
        self.options = self._comments.options
        places = [_place(page) for _, _, page in self._pages.values()]
        for name in self._comments.without_frame(places):
            self.skipped.append(SkippedFrame(f"comment on {name}", "there is no such frame"))

    def read(self, coordinates: Coordinates) -> tuple[npt.NDArray[Any], Any]:
        """Read pixels and metadata of a frame, and the comment on it."""
        _, path, page = self._pages[frozenset(coordinates.items())]
        pixels, metadata = self.read_page(path, page)
        return pixels, self._comments.added(_place(page), metadata)

    def coordinates_of(self, path: Path, page: StackPage) -> Coordinates:  # noqa: ARG002 - the index tells
        """Return the coordinates of a page."""
        channels, positions = self._names
        return {
            "time": page.time,
            "position": _name(positions, page.position),
            "channel": _name(channels, page.channel),
            "z": page.z,
        }

    @cached_property
    def _names(self) -> tuple[list[str], list[str]]:
        """Names of channels and positions."""
        return distinct_names(self.summary_metadata.get("ChNames")), position_labels(self.summary_metadata)


def _place(page: StackPage) -> Place:
    return place_of({axis: getattr(page, axis) for axis in ("channel", "z", "time", "position")})


def writing_order(path: Path) -> tuple[int, str]:
    """Sort the files of a dataset as they were written: those with a number after those without."""
    return len(path.name), path.name


def _files(path: Path, skipped: list[SkippedFrame]) -> list[Path]:
    """Return the files of a dataset in the order in which they were written; as `files_in` does."""
    folder = path if path.is_dir() else path.parent
    files = files_in(folder, (".tif", ".tiff"), skipped)
    if not path.is_dir():
        prefix = path.name.partition(_STACK)[0]
        files = [path, *files] if _STACK not in path.name else files
        files = [each for each in files if each == path or each.name.startswith(f"{prefix}{_STACK}")]
    first = {each.name.partition(_STACK)[0]: each.name for each in files[::-1] if _STACK in each.name}
    if len(first) > 1:
        raise SeveralDatasetsError(path, first.values())
    return sorted(set(files), key=writing_order)


def _name(names: Sequence[str], number: int) -> int | str:
    return names[number] if number < len(names) else number


def position_labels(summary: Mapping[str, Any]) -> list[str]:
    """Return the labels of all positions: of version 2, of 2.0-beta or of 1.4; none if two are equal."""
    for key in ("StagePositions", "InitialPositionList"):
        positions = summary.get(key)
        if isinstance(positions, list) and positions:
            plain = [each if isinstance(each, dict) else {} for each in positions]
            return distinct_names([each.get("Label") or each.get("label") for each in plain])
    return []


def distinct_names(names: object) -> list[str]:
    """Return names that are all different, else none."""
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        return []
    return names if len(set(names)) == len(names) else []
