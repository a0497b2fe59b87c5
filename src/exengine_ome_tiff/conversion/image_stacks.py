"""Image stacks, which Micro-Manager 1.4 and 2 write: a folder of multipage TIFF files."""

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy.typing as npt

from exengine_ome_tiff.conversion.sources import FileSource, SkippedFrame, files_in
from exengine_ome_tiff.coordinates.keys import Coordinates
from exengine_ome_tiff.dataset.foreign import STACK_MARK
from exengine_ome_tiff.dataset.loader import SeveralDatasetsError
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.tiff import ImageStack, StackPage
from exengine_ome_tiff.translate.parse import parse_time

_ELAPSED_MS = "ElapsedTime-ms"
_CLOCKS = (_ELAPSED_MS, "ReceivedTime", "receivedTime", "TimeReceivedByCore")


class ImageStackSource(FileSource[tuple[Path, StackPage]]):
    """Files with an index of their own, in the order of writing; OmeTiffError if none can be read."""

    def __init__(self, path: Path, files: Sequence[Path], skipped: Iterable[SkippedFrame]) -> None:
        super().__init__(path, ImageStack)
        self.comments: dict[str, Any] = {}
        """Comments in the files."""
        try:
            self._load(files)
        except BaseException:
            self.close()
            raise
        self.skipped += skipped

    def _load(self, files: Iterable[Path]) -> None:
        """Find all pages and their coordinates."""
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
            first = next(iter(self.skipped), SkippedFrame("it contains no image stack", ""))
            raise OmeTiffError(": ".join(filter(None, (str(self.path), first.what, first.reason))))
        self.summary_metadata = summary
        if len({each for each, _ in found}) > 1:
            found = self._in_recorded_order(found)
        used: set[tuple[Path, int]] = set()
        for each, page in found:
            place = each, page.ifd_at
            try:
                if place in used:
                    raise OmeTiffError("another entry of the index has the same page")  # noqa: TRY301
                used.add(place)
                self.add(self.coordinates_of(each, page), (each, page))
            except (OmeTiffError, OSError) as error:
                self.skipped.append(SkippedFrame(f"{each.name}, page at offset {page.ifd_at}", str(error), 1))

    def _in_recorded_order(self, pages: list[tuple[Path, StackPage]]) -> list[tuple[Path, StackPage]]:
        """Sort the pages of several files by the times in their metadata, if all have one."""
        readable, unreadable, metadata = [], [], []
        for path, page in pages:
            try:
                metadata.append(self.file(path).metadata(page))
                readable.append((path, page))
            except (OmeTiffError, OSError):
                unreadable.append((path, page))  # reading the frame reports why
        order = recorded_order(metadata)
        return pages if order is None else [*(readable[at] for at in order), *unreadable]

    def coordinates_of(self, path: Path, page: StackPage) -> Coordinates:
        """Return the coordinates of a page; raises OmeTiffError or OSError."""
        raise NotImplementedError

    def read_frame(self, frame: tuple[Path, StackPage]) -> tuple[npt.NDArray[Any], dict[str, Any]]:
        """Read pixels and metadata of a page."""
        path, page = frame
        pixels, metadata = self.file(path).read(page)
        return pixels, metadata


class MicroManagerSource(ImageStackSource):
    """A folder of image stacks, given by its path or by one of its files.

    The files index channels and positions by number. If the summary metadata has distinct names for them,
    these become the coordinates.

    Raises
    ------
    OmeTiffError
        There is no image stack, or there are several datasets.
    """

    def __init__(self, path: Path) -> None:
        skipped: list[SkippedFrame] = []
        super().__init__(path if path.is_dir() else path.parent, _files(path, skipped), skipped)

    def coordinates_of(self, path: Path, page: StackPage) -> Coordinates:  # noqa: ARG002 - the index suffices
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


def writing_order(path: Path) -> tuple[int, str]:
    """Sort the files of a dataset in the order of writing: names without a number come first."""
    return len(path.name), path.name


def _files(path: Path, skipped: list[SkippedFrame]) -> list[Path]:
    """Return the files of a dataset in the order of writing; `skipped` as for `files_in`."""
    folder = path if path.is_dir() else path.parent
    files = files_in(folder, (".tif", ".tiff"), skipped)
    if not path.is_dir():
        prefix = path.name.partition(STACK_MARK)[0]
        files = [path, *files] if STACK_MARK not in path.name else files
        files = [each for each in files if each == path or each.name.startswith(f"{prefix}{STACK_MARK}")]
    first = {each.name.partition(STACK_MARK)[0]: each.name for each in files[::-1] if STACK_MARK in each.name}
    if len(first) > 1:
        raise SeveralDatasetsError(path, first.values())
    return sorted(set(files), key=writing_order)


def _name(names: Sequence[str], number: int) -> int | str:
    return names[number] if number < len(names) else number


def position_labels(summary: Mapping[str, Any]) -> list[str]:
    """Return the position labels of version 2, 2.0-beta or 1.4; an empty list if two are equal."""
    for key in ("StagePositions", "InitialPositionList"):
        positions = summary.get(key)
        if isinstance(positions, list) and positions:
            plain = [each if isinstance(each, dict) else {} for each in positions]
            return distinct_names([each.get("Label") or each.get("label") for each in plain])
    return []


def distinct_names(names: object) -> list[str]:
    """Return a list of names if all differ, else an empty list."""
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        return []
    return names if len(set(names)) == len(names) else []


def recorded_order(metadata: Sequence[object]) -> list[int] | None:
    """Sort frames by the first clock that all of them have.

    Parameters
    ----------
    metadata
        Metadata of the frames, file by file.

    Returns
    -------
    list of int
        Indices of the frames in the order of recording; frames with the same time keep their order. None if
        the frames have no clock in common.
    """
    for key in _CLOCKS:
        times = [_time(each, key) for each in metadata]
        if all(map(math.isfinite, times)):
            return sorted(range(len(times)), key=times.__getitem__)
    return None


def _time(metadata: object, key: str) -> float:
    """Return the elapsed time or the time stamp under a key, NaN if there is none."""
    value = metadata.get(key) if isinstance(metadata, dict) else None
    try:
        if key == _ELAPSED_MS:
            return float(value) if isinstance(value, str | int | float) else math.nan
        stamp = parse_time(value)
        return math.nan if stamp is None else stamp.timestamp()
    except (ValueError, OverflowError, OSError):
        return math.nan
