"""Where a dataset lives: one file, or a folder with several."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from os import PathLike, fspath
from pathlib import Path
from typing import TypeAlias

from exengine_ome_tiff.coordinates import MAX_LABEL_BYTES, file_label
from exengine_ome_tiff.dataset.windows_paths import check_windows_path, label_room, with_long_form
from exengine_ome_tiff.text_format import command_text

TIFF_SUFFIXES = (".tif", ".tiff", ".tf2", ".tf8", ".btf")
"""What makes a path a single file."""
COMPANION_SUFFIX = ".companion.ome"
LOCK_SUFFIX = ".lock"
PART_SUFFIX = ".part"
"""Of the hidden folder that the result of a conversion grows in."""
REPLACED_SUFFIX = ".replaced"
"""Of the hidden folder beside a dataset that the one which it replaces waits in."""
FOLDER_LOCK_NAME = f"exengine-ome-tiff{LOCK_SUFFIX}"
"""In a folder; the same however the folder is called."""
_MAX_NAME_BYTES = 255

FileKey: TypeAlias = tuple[int | str, ...]
"""What tells the file of a frame in a folder: its values of the axes that split it, if it has any."""
_MAX_PREFIX_BYTES = 100
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff]")
"""What the companion, which is XML, cannot say."""


@dataclass(frozen=True, slots=True)
class Location:
    """Path of a dataset.

    Parameters
    ----------
    path
        Absolute path of the file or the folder.
    is_folder
        Which of the two.
    name
        Name of the dataset: that of the file or the folder, without suffixes.
    """

    path: Path
    is_folder: bool
    name: str
    _labels: dict[FileKey, str] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, path: str | PathLike[str]) -> "Location":
        """Decide by its suffix what a path is; ValueError for one that cannot be written to."""
        absolute = new_path(path)
        return cls.at(absolute, is_folder=not is_tiff(absolute))

    @classmethod
    def at(cls, absolute: Path, *, is_folder: bool) -> "Location":
        """Take a path for what it is known to be."""
        stem = absolute.stem if is_tiff(absolute) else absolute.name
        if is_folder:
            stem = absolute.name
        elif stem.lower().endswith(".ome"):
            stem = stem[:-4]
        return cls(absolute, is_folder, stem)

    @classmethod
    def of_files(cls, paths: Sequence[Path], *, is_folder: bool) -> "Location":
        """Take all files of a dataset, which is one of them or their folder."""
        return cls.at(paths[0].parent if is_folder else paths[0], is_folder=is_folder)

    @property
    def folder(self) -> Path:
        """The folder that the files are in."""
        return self.path if self.is_folder else self.path.parent

    @property
    def prefix(self) -> str:
        """What the names of files in the folder begin with."""
        return _CONTROL.sub("_", self.name).encode()[:_MAX_PREFIX_BYTES].decode(errors="ignore")

    @property
    def companion(self) -> Path:
        """The file that lists all files of the folder."""
        return self.path / f"{self.prefix}{COMPANION_SUFFIX}"

    @property
    def lock(self) -> Path:
        """The file that is locked while the dataset is changed: beside its files, wherever links lead."""
        if self.is_folder:
            return self.path / FOLDER_LOCK_NAME
        file = Path(os.path.realpath(self.path)) if self.path.is_symlink() else self.path
        name = f"{file.name}{LOCK_SUFFIX}"
        if len(os.fsencode(name)) > _MAX_NAME_BYTES:
            name = f"{sha256(os.fsencode(file.name)).hexdigest()}{LOCK_SUFFIX}"
        return file.with_name(name)

    def beside(self, suffix: str) -> Path:
        """Return the path of a hidden folder beside the dataset."""
        path = self.path
        if self.is_folder and path.is_symlink():
            path = Path(os.path.realpath(path))
        name = f".{path.name}{suffix}"
        if len(os.fsencode(name)) > _MAX_NAME_BYTES:
            name = f".{sha256(os.fsencode(path.name)).hexdigest()}{suffix}"
        return absolute_path(path.with_name(name))

    def file(self, *place: int | str) -> Path:
        """Return the path of the file for a place; always the same one for the same place.

        Parameters
        ----------
        place
            Values of the axes that split the folder, such as position, or well and field; nothing for
            frames that have none.
        """
        if not self.is_folder:
            return self.path
        if not place:
            return self.path / f"{self.prefix}.ome.tiff"
        if place not in self._labels:
            label = place[0] if len(place) == 1 else "_".join(map(str, place))
            room = label_room(self.path, self.prefix, MAX_LABEL_BYTES) if os.name == "nt" else MAX_LABEL_BYTES
            self._labels[place] = file_label(label, self._taken, room)
            self._taken.add(self._labels[place].casefold())
        return self.path / f"{self.prefix}_{self._labels[place]}.ome.tiff"

    def other_file(self, *place: int | str) -> Path:
        """Return another path for a place, from now on: the one that it had is taken by something else."""
        self._labels.pop(place, None)
        return self.file(*place)


def is_tiff(path: Path) -> bool:
    """Whether a path has the suffix of a TIFF file."""
    return path.suffix.lower() in TIFF_SUFFIXES


def absolute_path(path: str | PathLike[str]) -> Path:
    """Return the absolute path of a dataset, in a form that Windows opens however long it is."""
    absolute = Path(fspath(path)).absolute()
    return with_long_form(absolute, is_folder=not is_tiff(absolute)) if os.name == "nt" else absolute


def new_path(path: str | PathLike[str]) -> Path:
    """Return the absolute path of what will be written; ValueError for a name that cannot be written."""
    if os.name == "nt":
        check_windows_path(Path(fspath(path)).absolute())
    absolute = absolute_path(path)
    try:
        absolute.name.encode()
    except UnicodeEncodeError:
        raise ValueError(f"got the path {absolute!r}, whose name is no text in UTF-8") from None
    return absolute


def check_new_file(file: Path, *, overwrite: bool) -> None:
    """Raise FileExistsError if there is something that will not be replaced by a file."""
    if file.exists() and not (overwrite and file.is_file()):
        raise FileExistsError(f"{file} exists")


def leftover_text(path: Path) -> str | None:
    """Say what a killed process has left beside a path, and what to do; None if there is nothing."""
    try:
        location = Location.of(path)
    except ValueError:
        return None  # nothing can be written there
    replaced, part = (location.beside(suffix) for suffix in (REPLACED_SUFFIX, PART_SUFFIX))
    if part.is_dir():
        return f"{part.name} is the result of an interrupted conversion to it. To resume, convert again"
    if not replaced.is_dir():
        return None
    recover = command_text("exengine-ome-tiff", "recover", path)
    if path.exists():
        return f"{replaced.name} has the dataset that it replaces. Move that, or delete it: {recover}"
    return f"{replaced.name} has a dataset that was to be replaced. To move it back: {recover}"
