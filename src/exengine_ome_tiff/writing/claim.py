"""The right to write a dataset at a path."""

import logging
import os
import re
from collections.abc import Collection, Iterable
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import NamedTuple

from exengine_ome_tiff.dataset.header import Header
from exengine_ome_tiff.dataset.loader import datasets_in, find_companion, find_dataset, read_header
from exengine_ome_tiff.dataset.location import UNREADABLE_SUFFIX, Location
from exengine_ome_tiff.dataset.recording import Recording
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.text_format import list_text
from exengine_ome_tiff.tiff import OPEN_FILES, is_begun, patiently, read_head, sync_folder
from exengine_ome_tiff.translate.interpreter import Interpreter
from exengine_ome_tiff.writing import replacement
from exengine_ome_tiff.writing.lock import Lock

logger = logging.getLogger(__name__)


class Claim(NamedTuple):
    """The right to change a dataset, and the folders created for it, the innermost first."""

    lock: Lock
    new_folders: list[Path]

    def give_back(self, location: Location) -> None:
        """Restore a location: move back the replaced dataset, and remove empty new folders."""
        is_moved_back = replacement.move_back(location)
        self.lock.release()
        for folder in () if is_moved_back else self.new_folders:
            if any(folder.iterdir()):
                break
            folder.rmdir()


def hold(location: Location) -> Lock:
    """Lock a dataset; examine it after this call.

    Raises
    ------
    BlockingIOError
        This process or another one is changing the dataset.
    """
    return Lock(location.lock)


class Held(NamedTuple):
    """A locked dataset: its location, files and header."""

    lock: Lock
    location: Location
    paths: list[Path]
    header: Header


def hold_dataset(path: Path, *, is_logged: bool = True) -> Held:
    """Find and lock a dataset; `is_logged` and errors as for `find_dataset`, and errors as for `hold`."""
    paths, header = find_dataset(path, is_logged=is_logged)
    location = Location.of_files(paths, is_folder=header.is_folder)
    lock = hold(location)
    try:
        return Held(
            lock, location, *find_dataset(path, is_logged=False)
        )  # again, because it may have changed before the lock was held
    except (OmeTiffError, OSError):
        lock.release()
        raise


def read_held(held: Held, interpreter: Interpreter) -> Recording:
    """Read a locked dataset, so that a recorder can continue it.

    Raises
    ------
    FileExistsError
        It is finished.
    OmeTiffError
        It has no frames, or is damaged.
    ImportError
        Its compression needs the extra `codecs`.
    """
    if any(read_head(path).is_finished for path in held.paths):
        raise FileExistsError(f"{held.location.path} is finished: it accepts no more frames")
    held.header.coding.require_codec()
    recording = Recording(held.location, held.header, interpreter)
    recording.read_back(held.paths)
    set_unreadable_aside(held, recording)
    return recording


def set_unreadable_aside(held: Held, recording: Recording) -> None:
    """Rename the files that `Recording.read_back` left out: a folder does not open if it has such a file."""
    for path in sorted({*held.paths}.difference(file.path for file in recording.index.files)):
        names = (f"{path.name}{UNREADABLE_SUFFIX}{number or ''}" for number in count())
        aside = next(each for each in map(path.with_name, names) if not os.path.lexists(each))
        patiently(partial(path.rename, aside))
        logger.warning("%s has no readable frame; it is kept as %s, and the folder opens", path, aside.name)


def sync_names(location: Location, new_folders: Iterable[Path] = ()) -> None:
    """Wait until the names of a dataset's files and of its new folders are safe on the disk."""
    for folder in {location.folder, *(folder.parent for folder in new_folders)}:
        sync_folder(folder)


def claim(location: Location, *, overwrite: bool) -> Claim:
    """Lock the location of a new dataset and create its folder.

    Parameters
    ----------
    location
        Location of the new dataset.
    overwrite
        Move an existing dataset aside until `replacement.delete` or `replacement.move_back`: its file, or
        its files in the folder. Other files stay.

    Raises
    ------
    FileExistsError
        Something exists that must not be overwritten, or another storage is still writing there.
    """
    replacement.move_back(location)  # what a killed process moved aside
    is_new = not location.path.exists()
    if not is_new:
        _check_replaceable(location, overwrite=overwrite)
    folder = location.folder
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    lock = _held(location)
    try:
        if overwrite:
            lock = _moved_aside(location, lock)
        elif is_new and _is_taken(location):
            raise FileExistsError(f"{location.path} was created by another process a moment ago")
    except (OmeTiffError, OSError):
        if overwrite:
            with suppress(OSError):  # the first error is more informative
                replacement.move_back(location)
        lock.release()
        raise
    return Claim(lock, missing)


def claim_numbered(location: Location, *, overwrite: bool) -> tuple[Location, Claim]:
    """Claim the next free number for a dataset, such as run_003.ome.tiff beside run_002.ome.tiff.

    Numbers that other processes claim at the same time are skipped. Errors as for `claim` if the parent is
    not a folder; ValueError together with `overwrite`.
    """
    if overwrite:
        raise ValueError("expected one of numbered=True and overwrite=True, got both")
    folder, name = location.path.parent, location.name
    suffix = location.path.name.removeprefix(name)
    pattern = re.compile(rf"{re.escape(name)}_([0-9]{{1,9}}){re.escape(suffix)}", re.IGNORECASE)
    others = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    taken = [int(found[1]) for found in map(pattern.fullmatch, others) if found]
    for number in count(max(taken, default=0) + 1):
        numbered = Location.of(folder / f"{name}_{number:03d}{suffix}")
        try:
            return numbered, claim(numbered, overwrite=False)
        except FileExistsError:
            if not folder.is_dir():
                raise
    raise AssertionError("numbers do not end")


def _check_movable(files: Collection[Path]) -> None:
    """Check that Windows can move the files; FileExistsError names a file that another program has open."""
    OPEN_FILES.release(files)  # this process may be reading them, for example if a notebook cell runs twice
    for file in files:
        if os.name == "nt" and file.exists():
            try:
                patiently(partial(file.rename, file))  # fails if moving it would fail
            except PermissionError as error:
                raise FileExistsError(
                    f"{file} is open in another program, or in this one: close it there, then "
                    "try again (nothing was moved)"
                ) from error


def _held(location: Location) -> Lock:
    try:
        return hold(location)
    except BlockingIOError as error:
        raise FileExistsError(
            f"{location.path} is still being written by another TiffStorage: close that first"
        ) from error


def _moved_aside(location: Location, lock: Lock) -> Lock:
    """Move the dataset at a location aside; return the lock that is held afterwards."""
    files = _files(location)
    others = _others(location, files)
    whole = location.is_folder and not others and not location.path.is_symlink() and os.name != "nt"
    if others:
        logger.warning("%s: files of other programs are kept: %s", location.path, list_text(others))
    _check_movable(files)
    moved = replacement.move_aside(location, files, whole=whole)
    if moved is None:
        return lock
    lock.follow(moved)
    try:
        return _held(location)
    finally:
        lock.release()


def _others(location: Location, files: Iterable[Path]) -> list[str]:
    """Return the names of other files in the folder of a dataset."""
    if not location.is_folder:
        return []
    own = {*files, location.lock}
    return sorted(path.name for path in location.path.iterdir() if path not in own)


def _check_replaceable(location: Location, *, overwrite: bool) -> None:
    """Raise FileExistsError if the path must not be replaced."""
    path = location.path
    if not overwrite:
        raise FileExistsError(f"{path} exists: numbered=True adds a number, overwrite=True replaces it")
    if path.is_dir() != location.is_folder:
        kinds = ("a folder", "a file") if path.is_dir() else ("a file", "a folder")
        raise FileExistsError(f"{path} is {kinds[0]}: overwrite=True cannot replace it with {kinds[1]}")


def _is_taken(location: Location) -> bool:
    """Whether a dataset appeared before the lock was held."""
    return bool(datasets_in(location.path)) if location.is_folder else location.path.exists()


def _files(location: Location) -> list[Path]:
    """Return the files of the dataset at a location, its companion included."""
    if not location.is_folder:
        if location.path.exists() and not _is_own(location.path):
            raise FileExistsError(
                f"{location.path} was not written by TiffStorage: delete it, or choose another path"
            )
        return [location.path]
    datasets = datasets_in(location.path)
    if len(datasets) > 1:
        raise FileExistsError(
            f"{location.path} contains {len(datasets)} datasets, expected one at most: delete them first"
        )
    files = [file for files in datasets.values() for file in files]
    companions = filter(None, (find_companion(location.path, dataset) for dataset in datasets))
    return [*files, *companions]


def _is_own(path: Path) -> bool:
    """Whether a `TiffStorage` wrote a file, or started to."""
    try:
        read_header(path)
    except OmeTiffError:
        return is_begun(path)
    return True
