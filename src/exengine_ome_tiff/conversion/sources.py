"""Where frames come from that are converted: what all sources have in common, and those that are storages."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from exengine.kernel.data_storage_base import DataStorage

from exengine_ome_tiff.coordinates import Coordinates
from exengine_ome_tiff.dataset.header import Header
from exengine_ome_tiff.dataset.loader import find_dataset
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.ome import Given
from exengine_ome_tiff.text_format import error_text
from exengine_ome_tiff.tiff_storage import TiffStorage


@dataclass(frozen=True, slots=True)
class SkippedFrame:
    """Something of a source that could not be carried over.

    Parameters
    ----------
    what
        Coordinates of a frame, or name of a file.
    reason
        Why not.
    """

    what: str
    reason: str


class UnreadableFrameError(OmeTiffError):
    """A frame of a source cannot be read."""


class Source(Protocol):
    """Frames that are converted."""

    path: Path | None
    """Where they are, if anywhere."""
    summary_metadata: Any
    options: Mapping[str, Any]
    """What the source says of the dataset, as options of `TiffStorage`."""
    skipped: list[SkippedFrame]
    """What cannot be read of it, as far as is known beforehand."""
    superseded: int
    """How many frames others have replaced that came later at the same coordinates."""

    def coordinates(self) -> list[Coordinates]:
        """Return the coordinates of all frames, in order of arrival."""
        ...

    def read(self, coordinates: Coordinates) -> tuple[npt.NDArray[Any], Any]:
        """Read pixels and metadata of a frame; raises UnreadableFrameError."""
        ...

    def close(self) -> None:
        """Close what was opened."""
        ...


class OwnSource:
    """A dataset of a `TiffStorage`, finished or not.

    Parameters
    ----------
    path
        A single file, a folder, or any file of a folder.
    coordinates
        Of the frames to take; None for all.

    Raises
    ------
    OmeTiffError
        It is none.
    """

    superseded = 0

    def __init__(self, path: Path, coordinates: Iterable[Mapping[str, int | str]] | None = None) -> None:
        paths, header = find_dataset(path)
        self.path: Path | None = paths[0].parent if header.is_folder else paths[0]
        self._storage = TiffStorage.open(path, allow_unfinished=True)
        self.summary_metadata = self._storage.summary_metadata
        self.options: Mapping[str, Any] = _options(header)
        self.skipped: list[SkippedFrame] = []
        self._chosen = None if coordinates is None else [dict(each) for each in coordinates]

    def coordinates(self) -> list[Coordinates]:
        """Return the coordinates of all frames, in order of arrival, or of those to take."""
        return self._storage.get_image_coordinates_list() if self._chosen is None else self._chosen

    def read(self, coordinates: Coordinates) -> tuple[npt.NDArray[Any], Any]:
        """Read pixels and metadata of a frame."""
        try:
            return self._storage[coordinates], self._storage.get_metadata(coordinates)
        except (OmeTiffError, OSError, KeyError) as error:
            raise UnreadableFrameError(str(error)) from error

    def close(self) -> None:
        """Close the files."""
        self._storage.close()


def _options(header: Header) -> dict[str, Any]:
    """Return what a header says of a dataset, other than how it lies in the file."""
    given = {each.name: getattr(header.given, each.name) for each in fields(Given)}
    return {"fold_axes": header.fold_axes, "plate": header.plate} | given


class StorageSource:
    """Any storage of ExEngine that takes no more frames.

    Parameters
    ----------
    storage
        Stays open.
    coordinates
        Of its frames; None where it tells them itself.

    Raises
    ------
    TypeError
        It does not, or is no storage.
    """

    path: Path | None = None
    superseded = 0

    def __init__(
        self, storage: DataStorage, coordinates: Iterable[Mapping[str, int | str]] | None = None
    ) -> None:
        if not isinstance(storage, DataStorage):
            raise TypeError(f"got {storage!r} as source, expected a path or a DataStorage")
        if coordinates is None:
            tell = getattr(storage, "get_image_coordinates_list", None)
            if tell is None:
                raise TypeError(f"{type(storage).__name__} does not tell its frames: give their coordinates")
            coordinates = tell()
        self._storage = storage
        self._coordinates = [dict(each) for each in coordinates]
        self.summary_metadata = getattr(storage, "summary_metadata", None)
        self.options: Mapping[str, Any] = {}
        self.skipped: list[SkippedFrame] = []

    def coordinates(self) -> list[Coordinates]:
        """Return the coordinates of all frames, as they were given."""
        return self._coordinates

    def read(self, coordinates: Coordinates) -> tuple[npt.NDArray[Any], Any]:
        """Read pixels and metadata of a frame."""
        try:
            return np.asarray(self._storage[coordinates]), self._storage.get_metadata(coordinates)
        except Exception as error:  # a storage may raise what it likes, ndstorage's a plain Exception
            raise UnreadableFrameError(error_text(error)) from error

    def close(self) -> None:
        """Leave the storage as it is."""
