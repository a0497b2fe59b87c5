"""Sources of frames to convert: their base classes, their files, and storages as sources."""

import re
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
from exengine.kernel.data_storage_base import DataStorage

from exengine_ome_tiff.coordinates.file_names import POSITION_ONLY
from exengine_ome_tiff.coordinates.keys import Coordinates
from exengine_ome_tiff.dataset.header import Header
from exengine_ome_tiff.dataset.loader import find_dataset
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.ome.user_values import Given
from exengine_ome_tiff.text_format import error_text
from exengine_ome_tiff.tiff_storage import TiffStorage

Frame = TypeVar("Frame")

_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class SkippedFrame:
    """Something in a source that could not be converted.

    Parameters
    ----------
    what
        Coordinates of a frame, or name of a file.
    reason
        Why it could not be converted.
    n_frames
        How many frames the result lacks because of it; None if unknown.
    """

    what: str
    reason: str
    n_frames: int | None = 0


class UnreadableFrameError(OmeTiffError):
    """A frame of a source cannot be read."""


class Source:
    """Frames to convert, from files or from somewhere else."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.summary_metadata: Any = None
        self.options: Mapping[str, Any] = {}
        """How the source describes the dataset, as options of `TiffStorage`."""
        self.skipped: list[SkippedFrame] = []
        """What cannot be read, as far as opening the source shows it."""
        self.notes: list[str] = []
        """What stays in the original metadata only, because our OME-TIFF has no place for it."""
        self.superseded = 0
        """How many frames later ones at the same coordinates replaced."""

    def coordinates(self) -> list[Coordinates]:
        """Return the coordinates of all frames, in the order in which they were recorded."""
        raise NotImplementedError

    def read(self, coordinates: Coordinates) -> tuple[npt.NDArray[Any], Any]:
        """Read pixels and metadata of a frame; raises UnreadableFrameError."""
        raise NotImplementedError

    def close(self) -> None:
        """Close what the source has opened."""


class FileSource(Source, Generic[Frame]):
    """Frames in several files, one of which is open at a time.

    `Frame` is what a subclass knows of each frame.
    """

    def __init__(self, path: Path, open_file: Callable[[Path], Any]) -> None:
        super().__init__(path)
        self._open_file = open_file
        self.frames: dict[frozenset[tuple[str, int | str]], tuple[Coordinates, Frame]] = {}
        """In the order in which they were recorded."""
        self._file: tuple[Path, Any] | None = None

    def add(self, coordinates: Coordinates, frame: Frame) -> None:
        """Add a frame; it replaces an earlier one at the same coordinates."""
        key = frozenset(coordinates.items())
        self.superseded += key in self.frames
        self.frames[key] = coordinates, frame

    def coordinates(self) -> list[Coordinates]:
        """Return the coordinates of all frames, in the order in which they were recorded."""
        return [coordinates for coordinates, _ in self.frames.values()]

    def read(self, coordinates: Coordinates) -> tuple[npt.NDArray[Any], Any]:
        """Read pixels and metadata of a frame; raises UnreadableFrameError."""
        _, frame = self.frames[frozenset(coordinates.items())]
        try:
            return self.read_frame(frame)
        except (OmeTiffError, OSError) as error:
            raise UnreadableFrameError(str(error)) from error

    def read_frame(self, frame: Frame) -> tuple[npt.NDArray[Any], Any]:
        """Read pixels and metadata of a frame; raises OmeTiffError or OSError."""
        raise NotImplementedError

    def file(self, path: Path) -> Any:
        """Return one of the files, and close the one that was open before."""
        if self._file is None or self._file[0] != path:
            self.close()
            self._file = path, self._open_file(path)
        return self._file[1]

    def close(self) -> None:
        """Close the file that is open."""
        if self._file is not None:
            self._file[1].close()
            self._file = None


class StorageSource(Source):
    """All or some frames of an ExEngine storage, which stays open and takes no more frames."""

    def __init__(
        self, storage: DataStorage, coordinates: Iterable[Mapping[str, int | str]] | None = None
    ) -> None:
        super().__init__()
        if not isinstance(storage, DataStorage):
            raise TypeError(f"source: expected a path or a DataStorage, got {storage!r}")
        if coordinates is None:
            list_coordinates = getattr(storage, "get_image_coordinates_list", None)
            if list_coordinates is None:
                raise TypeError(f"{type(storage).__name__} cannot list its frames: pass their coordinates")
            coordinates = list_coordinates()
        self._storage = storage
        self._coordinates = [dict(each) for each in coordinates]
        self.summary_metadata = getattr(storage, "summary_metadata", None)

    def coordinates(self) -> list[Coordinates]:
        """Return the coordinates of the frames to convert."""
        return self._coordinates

    def read(self, coordinates: Coordinates) -> tuple[npt.NDArray[Any], Any]:
        """Read pixels and metadata of a frame."""
        try:
            return np.asarray(self._storage[coordinates]), self._storage.get_metadata(coordinates)
        except Exception as error:  # a storage may raise anything; ndstorage raises a plain Exception
            raise UnreadableFrameError(error_text(error)) from error


class OwnSource(StorageSource):
    """A dataset of `TiffStorage`, finished or not; OmeTiffError if there is none at the path."""

    def __init__(self, path: Path, coordinates: Iterable[Mapping[str, int | str]] | None = None) -> None:
        paths, header = find_dataset(path)
        self._own = TiffStorage.open(path, allow_unfinished=True)
        super().__init__(self._own, coordinates)
        self.path = paths[0].parent if header.is_folder else paths[0]
        self.options = _options(header)

    def read(self, coordinates: Coordinates) -> tuple[npt.NDArray[Any], Any]:
        """Read pixels and metadata of a frame."""
        try:
            return self._own[coordinates], self._own.get_metadata(coordinates)
        except (OmeTiffError, OSError, KeyError) as error:
            raise UnreadableFrameError(str(error)) from error

    def close(self) -> None:
        """Close the files."""
        self._own.close()


def _options(header: Header) -> dict[str, Any]:
    """Return the options that describe a dataset, without those of its page layout."""
    given = {each.name: getattr(header.given, each.name) for each in fields(Given)}
    split_by = None if header.split_by == POSITION_ONLY else header.split_by
    return {"fold_axes": header.fold_axes, "plate": header.plate or False, "split_by": split_by} | given


def files_in(folder: Path, suffixes: Iterable[str], skipped: list[SkippedFrame]) -> list[Path]:
    """Return the files in a folder with one of the suffixes, in natural order.

    Parameters
    ----------
    folder
        The folder.
    suffixes
        Suffixes in lower case, with their dots.
    skipped
        Receives what is left out although its name fits: links that lead out of the folder, pipes and
        devices. Their number of frames is unknown.
    """
    endings = tuple(suffixes)
    found = []
    for path in sorted(folder.iterdir(), key=natural_order):
        if path.name.lower().endswith(endings):
            reason = refusal(folder, path)
            if reason is None:
                found.append(path)
            elif reason:
                skipped.append(SkippedFrame(path.name, reason, None))
    return found


def folders_in(folder: Path) -> list[Path]:
    """Return the folders in a folder, without links to folders, in natural order."""
    return [
        path
        for path in sorted(folder.iterdir(), key=natural_order)
        if path.is_dir() and not path.is_symlink()
    ]


def refusal(folder: Path, path: Path) -> str | None:
    """Return why a file in a folder must not be opened; None if it may, "" for a folder."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return "the link has no target" if path.is_symlink() else "it is missing"
    except (OSError, ValueError) as error:  # an invalid name, or a link to itself
        return getattr(error, "strerror", None) or str(error)
    if stat.S_ISDIR(mode):
        return ""
    if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
        return "a link that leads out of the folder is not followed"
    return None if stat.S_ISREG(mode) else "not a regular file"


def require_own(folder: Path, path: Path) -> None:
    """Raise OmeTiffError if a file in a folder is missing or must not be opened."""
    reason = refusal(folder, path)
    if reason is not None:
        raise OmeTiffError(f"{path.name}: {reason or 'it is a folder'}")


def file_name(text: str) -> str:
    """Return the last part of a path in any notation, so that it cannot lead out of its folder."""
    return re.split(r"[/\\]", text.replace("\0", "_"))[-1] or "_"


def natural_order(path: Path) -> tuple[tuple[tuple[int, str], ...], str]:
    """Sort "Pos2" before "Pos10"."""
    parts = _DIGITS.split(path.name)
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts), path.name
