"""Finishing a dataset whose writer has ended before it could."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from exengine_ome_tiff.dataset.header import Header
from exengine_ome_tiff.dataset.loader import Progress, find_companion, find_dataset
from exengine_ome_tiff.dataset.location import Location, absolute_path
from exengine_ome_tiff.dataset.recording import Recording
from exengine_ome_tiff.errors import BeingWrittenError, OmeTiffError
from exengine_ome_tiff.ome import valid_text
from exengine_ome_tiff.tiff import read_head
from exengine_ome_tiff.translate import Interpreter, Translator
from exengine_ome_tiff.writing import replaced
from exengine_ome_tiff.writing.claim import Held, hold, hold_dataset
from exengine_ome_tiff.writing.finalize import finish_files


@dataclass(frozen=True, slots=True)
class RecoveryResult:
    """What `recover` found.

    Parameters
    ----------
    path
        The file, or the folder of files.
    n_files
        How many TIFF files it has; those in which no frame was found are left out.
    n_frames
        How many frames were found in them; those that were put again at the same coordinates count each
        time. None if the dataset had been finished before, so that there was nothing to do.
    """

    path: Path
    n_files: int
    n_frames: int | None


def recover(
    path: str | PathLike[str], *, translators: Iterable[Translator] = (), progress: Progress | None = None
) -> RecoveryResult:
    """Make of a dataset whose writer was killed what `finish` would have made of it.

    Every frame that was in the files is kept, with its coordinates and metadata. What was being written at
    that moment is left out. No pixel is changed: what is added goes after the end of the files, which stay
    as they were until that is on the disk. May be called again, also after it was killed itself.

    A dataset that ``overwrite=True`` had moved aside moves back if a killed process left no frame at `path`.
    It is deleted once the dataset that replaces it is finished.

    Parameters
    ----------
    path
        A single file, a folder, or any file of a folder.
    translators
        The dialects of metadata that the storage was given, which the files do not hold.
    progress
        Is told how many bytes have been looked through, and how many there are.

    Returns
    -------
    RecoveryResult

    Raises
    ------
    FileNotFoundError
        There is nothing at `path`.
    BeingWrittenError
        A `TiffStorage` is writing it, in this process or another one.
    OmeTiffError
        What is there was not written by a `TiffStorage`, or has no frame.
    OSError
        It cannot be written to. It is as it was before.
    """
    absolute, interpreter = absolute_path(path), Interpreter(translators)
    if not absolute.exists():
        with suppress(ValueError):  # nothing can be written there
            replaced.move_back(Location.of(absolute))
    try:
        paths, header = find_dataset(absolute)
    except OmeTiffError:
        if not _is_moved_back(absolute):
            raise
        paths, header = find_dataset(absolute)
    location = Location.of_files(paths, is_folder=header.is_folder)
    if _is_finished(location, paths, header) and not location.lock.exists():
        replaced.delete(location)
        return RecoveryResult(location.path, len(paths), None)
    _check_paths(location, paths)
    try:
        held = hold_dataset(absolute)
    except BlockingIOError as error:
        raise _being_written(location) from error
    try:
        if _is_finished(held.location, held.paths, held.header):
            return RecoveryResult(held.location.path, len(held.paths), None)
        return _finish(held, interpreter, progress)
    finally:
        held.lock.release()


def _is_moved_back(path: Path) -> bool:
    """Move back what was to be replaced by a dataset that has no frame; return whether there was any."""
    try:
        location = Location.of(path)
    except ValueError:
        return False  # nothing can be written there
    if not replaced.folder_of(location).is_dir():
        return False
    try:
        lock = hold(location)
    except BlockingIOError as error:
        raise _being_written(location) from error
    try:
        return replaced.move_back(location)
    finally:
        lock.release()


def _being_written(location: Location) -> BeingWrittenError:
    return BeingWrittenError(f"{location.path}: a TiffStorage is writing it at this moment")


def _check_paths(location: Location, paths: Iterable[Path]) -> None:
    """Refuse paths that OME-XML cannot name, and a link to a file that is in another folder."""
    for path in (location.path, *paths):
        has_halves = any("\ud800" <= character <= "\udfff" for character in path.name)
        if has_halves or (
            location.is_folder and path != location.path and valid_text(path.name) != path.name
        ):
            raise OmeTiffError(f"{path!r}: its name is no text that OME-XML could hold: rename it")
        if location.is_folder and path != location.path and path.is_symlink():
            raise OmeTiffError(f"{path}: a link; the file that it leads to can be recovered where it is")


def _is_finished(location: Location, paths: Iterable[Path], header: Header) -> bool:
    if location.is_folder and find_companion(location.path, header.dataset) is None:
        return False
    return all(read_head(path).is_finished for path in paths)


def _finish(held: Held, interpreter: Interpreter, progress: Progress | None) -> RecoveryResult:
    """Read the journals and finish the files that are not."""
    try:
        held.header.coding.require_codec()
    except ImportError as error:
        raise OmeTiffError(f"{held.location.path}: {error}") from error
    total = sum(path.stat().st_size for path in held.paths)
    recording = Recording(held.location, held.header, interpreter)
    recording.read_back(held.paths, progress)
    try:
        finish_files(recording, fsync=True)
        replaced.delete(held.location)
    finally:
        recording.close()
    if progress is not None:
        progress(total, total)
    return RecoveryResult(held.location.path, len(recording.index.files), len(recording.index))
