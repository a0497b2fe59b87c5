"""Where a dataset lives: one file, or a folder with a file for each position."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from os import PathLike, fspath
from pathlib import Path

from exengine_ome_tiff.coordinates import file_label

TIFF_SUFFIXES = (".tif", ".tiff", ".tf2", ".tf8", ".btf")
"""What makes a path a single file."""
COMPANION_SUFFIX = ".companion.ome"
LOCK_NAME = "exengine-ome-tiff.lock"
"""In a folder; the same however the folder is called."""
_MAX_PREFIX_BYTES = 100
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff]")
"""What the companion, which is XML, cannot say."""


@dataclass(frozen=True, slots=True)
class Target:
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
    _labels: dict[int | str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, path: str | PathLike[str]) -> "Target":
        """Decide by its suffix what a path is."""
        absolute = Path(fspath(path)).absolute()
        try:
            absolute.name.encode()
        except UnicodeEncodeError:
            raise ValueError(f"got the path {absolute!r}, whose name is no text in UTF-8") from None
        return cls.at(absolute, is_folder=not is_tiff(absolute))

    @classmethod
    def at(cls, absolute: Path, *, is_folder: bool) -> "Target":
        """Take a path for what it is known to be."""
        stem = absolute.stem if is_tiff(absolute) else absolute.name
        if is_folder:
            stem = absolute.name
        elif stem.lower().endswith(".ome"):
            stem = stem[:-4]
        return cls(absolute, is_folder, stem)

    @classmethod
    def of_files(cls, paths: Sequence[Path], *, is_folder: bool) -> "Target":
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
        """The file that is held while the dataset is written."""
        return self.path / LOCK_NAME if self.is_folder else self.path

    def file(self, position: int | str | None) -> Path:
        """Return the path of the file for a position; always the same one for the same position."""
        if not self.is_folder:
            return self.path
        if position is None:
            return self.path / f"{self.prefix}.ome.tiff"
        if position not in self._labels:
            taken = {label.casefold() for label in self._labels.values()}
            self._labels[position] = file_label(position, taken)
        return self.path / f"{self.prefix}_{self._labels[position]}.ome.tiff"


def is_tiff(path: Path) -> bool:
    """Whether a path has the suffix of a TIFF file."""
    return path.suffix.lower() in TIFF_SUFFIXES
