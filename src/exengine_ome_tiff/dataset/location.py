"""The location of a dataset: one file, or a folder with several."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from os import PathLike, fspath
from pathlib import Path
from typing import TypeAlias

from exengine_ome_tiff.coordinates.file_names import MAX_LABEL_BYTES, file_label
from exengine_ome_tiff.dataset.windows_paths import check_windows_path, label_room, with_long_form
from exengine_ome_tiff.text_format import command_text

TIFF_SUFFIXES = (".tif", ".tiff", ".tf2", ".tf8", ".btf")
"""Suffixes of a single file."""
_OTHER_FORMAT = re.compile(
    r"""\.(?:png|jpe?g?|jp2|jpx|jx[lr]|bmp|gif|webp|svg|eps|psd?|ico|heic|raw|dng|fits?|dcm|nii|nrrd|mh[ad]
    |ome|czi|zvi|l[io]f|xlef|lsm|nd2|i[cd]s|oi[bfr]|vsi|ets|svs|ndpi|scn|mrxs|bif|qptiff|ims|dv|r3d|sld|stk|spe
    |sif|sdt|flex|mrc|tvips|dm[34]|zarr|n5|h5|hdf5?|he5|nc|np[yz]|mat|pkl|parquet|avi|mp[4g]|mpeg|mov|mkv|wmv
    |txt|[ct]sv|log|md|rst|xml|jsonl?|ya?ml|toml|ini|cfg|html?|pdf|docx?|od[ts]|xlsx?|pptx?|py|ipynb
    |zip|t?gz|tar|bz2|xz|7z|rar|zst
    |[tif]{3,})""",  # misspelled TIFF
    re.IGNORECASE | re.VERBOSE,
)
"""Suffix of another file format; a folder may have others, such as run.2 or sample.A1."""
COMPANION_SUFFIX = ".companion.ome"
LOCK_SUFFIX = ".lock"
PART_SUFFIX = ".part"
"""Suffix of the hidden folder with an incomplete conversion."""
REPLACED_SUFFIX = ".replaced"
"""Suffix of the hidden folder with the dataset that a new one replaces."""
UNREADABLE_SUFFIX = ".unreadable"
"""Suffix that a file of a folder gets if it has no readable frame; a number may follow it."""
FOLDER_LOCK_NAME = f"exengine-ome-tiff{LOCK_SUFFIX}"
"""Name of the lock file in a folder, whatever the name of the folder."""
_MAX_NAME_BYTES = 255

FileKey: TypeAlias = tuple[int | str, ...]
"""Identifies the file of a frame in a folder: its values along the axes that split the folder."""
_MAX_PREFIX_BYTES = 100
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff]")
"""Characters that the companion, which is XML, cannot contain."""


@dataclass(frozen=True, slots=True)
class Location:
    """Path of a dataset.

    Parameters
    ----------
    path
        Absolute path of the file or the folder.
    is_folder
        Whether it is a folder.
    name
        Name of the dataset: the name of the file or folder without suffixes.
    """

    path: Path
    is_folder: bool
    name: str
    _labels: dict[FileKey, str] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)

    @classmethod
    def new(cls, path: str | PathLike[str]) -> "Location":
        """Return the location of a new dataset; ValueError as for `of` and `check_dataset_name`."""
        check_dataset_name(path)
        return cls.of(path)

    @classmethod
    def of(cls, path: str | PathLike[str]) -> "Location":
        """Decide by its suffix whether a path is a folder; ValueError if it cannot be written to."""
        absolute = new_path(path)
        return cls.at(absolute, is_folder=not is_tiff(absolute))

    @classmethod
    def at(cls, absolute: Path, *, is_folder: bool) -> "Location":
        """Return the location of a path that is known to be a file or a folder."""
        stem = absolute.stem if is_tiff(absolute) else absolute.name
        if is_folder:
            stem = absolute.name
        elif stem.lower().endswith(".ome"):
            stem = stem[:-4]
        return cls(absolute, is_folder, stem)

    @classmethod
    def of_files(cls, paths: Sequence[Path], *, is_folder: bool) -> "Location":
        """Return the location of a dataset, given all its files."""
        return cls.at(paths[0].parent if is_folder else paths[0], is_folder=is_folder)

    @property
    def folder(self) -> Path:
        """The folder of the files."""
        return self.path if self.is_folder else self.path.parent

    @property
    def prefix(self) -> str:
        """Prefix of the names of files in the folder."""
        return _CONTROL.sub("_", self.name).encode()[:_MAX_PREFIX_BYTES].decode(errors="ignore")

    @property
    def companion(self) -> Path:
        """The file that lists all files of the folder."""
        return self.path / f"{self.prefix}{COMPANION_SUFFIX}"

    @property
    def lock(self) -> Path:
        """The lock file, beside the files of the dataset even if its path is a link."""
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
        """Return the path of the file for a place, always the same for the same place.

        Parameters
        ----------
        place
            Values along the axes that split the folder, such as position, or well and field; empty for
            frames without these axes.
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
        """Return another path for a place, also from now on, because its path is taken."""
        self._labels.pop(place, None)
        return self.file(*place)


def is_tiff(path: Path) -> bool:
    """Whether a path has the suffix of a TIFF file."""
    return path.suffix.lower() in TIFF_SUFFIXES


def absolute_path(path: str | PathLike[str]) -> Path:
    """Return the absolute path of a dataset, in a form that Windows can open even if it is long."""
    absolute = Path(fspath(path)).absolute()
    return with_long_form(absolute, is_folder=not is_tiff(absolute)) if os.name == "nt" else absolute


def check_dataset_name(path: str | PathLike[str]) -> None:
    """Refuse a path for a new dataset that is empty or ends like a file of another format; ValueError."""
    name = Path(fspath(path))
    if not fspath(path):
        raise ValueError("got an empty path, expected one such as run.ome.tiff")
    stem, after_ome, _ = name.name.lower().partition(".ome.")
    if is_tiff(name) or not (after_ome or _OTHER_FORMAT.fullmatch(name.suffix)):
        return
    stem = name.name[: len(stem)] if after_ome else name.stem
    raise ValueError(
        f"{name} ends in {name.suffix}: expected a file name ending in .ome.tiff, such as {stem}.ome.tiff, "
        f"or the name of a folder, such as {stem}"
    )


def new_path(path: str | PathLike[str]) -> Path:
    """Return the absolute path of a new dataset; ValueError if its name cannot be written."""
    if os.name == "nt":
        check_windows_path(Path(fspath(path)).absolute())
    absolute = absolute_path(path)
    try:
        absolute.name.encode()
    except UnicodeEncodeError:
        raise ValueError(
            f"got the path {absolute!r}, whose name is not valid UTF-8: choose another name"
        ) from None
    return absolute


def check_new_file(file: Path, *, overwrite: bool) -> None:
    """Raise FileExistsError if there is something that a file must not replace."""
    if file.exists() and not (overwrite and file.is_file()):
        raise FileExistsError(f"{file} exists")


def leftover_text(path: Path) -> str | None:
    """Describe what a killed process left beside a path, and what to do; None if there is nothing."""
    try:
        location = Location.of(path)
    except ValueError:
        return None  # nothing can be written there
    replaced, part = (location.beside(suffix) for suffix in (REPLACED_SUFFIX, PART_SUFFIX))
    if part.is_dir():
        return f"{part.name} contains an interrupted conversion. To resume it, convert again"
    if not replaced.is_dir():
        return None
    recover = command_text("exengine-ome-tiff", "recover", path)
    if path.exists():
        return f"{replaced.name} contains the previous dataset. To keep it, move it; to delete it: {recover}"
    return f"{replaced.name} contains a dataset whose replacement was interrupted. To move it back: {recover}"
