"""Recovery of a dataset whose writer ended before `finish`."""

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
from exengine_ome_tiff.ome.text import valid_text
from exengine_ome_tiff.tiff import read_head
from exengine_ome_tiff.translate.interpreter import Interpreter
from exengine_ome_tiff.translate.translator import Translator
from exengine_ome_tiff.writing import replacement
from exengine_ome_tiff.writing.claim import Held, hold, hold_dataset, set_unreadable_aside
from exengine_ome_tiff.writing.finalize import finish_files


@dataclass(frozen=True, slots=True)
class RecoveryResult:
    """What `recover` found.

    Parameters
    ----------
    path
        The file or the folder.
    n_files
        Number of TIFF files, without files that contain no frame.
    n_frames
        Number of frames in them, including overwritten ones. None if the dataset was finished already.
    """

    path: Path
    n_files: int
    n_frames: int | None


def recover(
    path: str | PathLike[str], *, translators: Iterable[Translator] = (), progress: Progress | None = None
) -> RecoveryResult:
    """Finish a dataset whose writer was killed, as `finish` would have done.

    Every frame in the files is kept, with its coordinates and metadata. A write that the crash interrupted
    is left out. Recovery appends to the files and changes no pixel; until the appended data is on the disk,
    the files stay as they were. An interrupted recovery can be repeated. A file of a folder without any
    readable frame gets the suffix ``.unreadable``, which the log reports, and the folder opens without it.

    If ``overwrite=True`` had moved a dataset aside and the killed process left no frame at `path`, that
    dataset moves back. It is deleted once the dataset that replaces it is finished.

    Parameters
    ----------
    path
        A single file, a folder, or any file of a folder.
    translators
        The storage's translators, which the files do not contain.
    progress
        Called with the number of bytes examined, and the number of all bytes.

    Returns
    -------
    RecoveryResult

    Raises
    ------
    FileNotFoundError
        `path` does not exist.
    BeingWrittenError
        A `TiffStorage` is writing the dataset, in this process or another one.
    OmeTiffError
        `path` was not written by a `TiffStorage`, or contains no frame.
    OSError
        The files cannot be written to, and are unchanged.
    """
    absolute, interpreter = absolute_path(path), Interpreter(translators)
    if not absolute.exists():
        with suppress(ValueError):  # no dataset can be written there
            replacement.move_back(Location.of(absolute))
    try:
        paths, header = find_dataset(absolute)
    except OmeTiffError:
        if not _is_moved_back(absolute):
            raise
        paths, header = find_dataset(absolute)
    location = Location.of_files(paths, is_folder=header.is_folder)
    if _is_finished(location, paths, header) and not location.lock.exists():
        replacement.delete(location)
        return RecoveryResult(location.path, len(paths), None)
    _check_paths(location, paths)
    try:
        held = hold_dataset(absolute, is_logged=False)
    except BlockingIOError as error:
        raise _being_written(location) from error
    try:
        if _is_finished(held.location, held.paths, held.header):
            return RecoveryResult(held.location.path, len(held.paths), None)
        return _finish(held, interpreter, progress)
    finally:
        held.lock.release()


def _is_moved_back(path: Path) -> bool:
    """Move back the dataset that one without a frame was to replace; return whether there was any."""
    try:
        location = Location.of(path)
    except ValueError:
        return False  # no dataset can be written there
    if not replacement.folder_of(location).is_dir():
        return False
    try:
        lock = hold(location)
    except BlockingIOError as error:
        raise _being_written(location) from error
    try:
        return replacement.move_back(location)
    finally:
        lock.release()


def _being_written(location: Location) -> BeingWrittenError:
    return BeingWrittenError(f"{location.path}: a TiffStorage is still writing this dataset")


def _check_paths(location: Location, paths: Iterable[Path]) -> None:
    """Refuse file names that OME-XML cannot contain, and links in a folder."""
    for path in (location.path, *paths):
        has_halves = any("\ud800" <= character <= "\udfff" for character in path.name)
        if has_halves or (
            location.is_folder and path != location.path and valid_text(path.name) != path.name
        ):
            raise OmeTiffError(f"{str(path)!r}: OME-XML cannot contain this file name: rename it")
        if location.is_folder and path != location.path and path.is_symlink():
            raise OmeTiffError(f"{path}: expected a file, got a link: recover the file where it is")


def _is_finished(location: Location, paths: Iterable[Path], header: Header) -> bool:
    if location.is_folder and find_companion(location.path, header.dataset) is None:
        return False
    return all(read_head(path).is_finished for path in paths)


def _finish(held: Held, interpreter: Interpreter, progress: Progress | None) -> RecoveryResult:
    """Read the journals and finish the files."""
    try:
        held.header.coding.require_codec()
    except ImportError as error:
        raise OmeTiffError(f"{held.location.path}: {error}") from error
    total = sum(path.stat().st_size for path in held.paths)
    recording = Recording(held.location, held.header, interpreter)
    recording.read_back(held.paths, progress)
    try:
        set_unreadable_aside(held, recording)
        finish_files(recording, fsync=True)
        replacement.delete(held.location)
    finally:
        recording.close()
    if progress is not None:
        progress(total, total)
    return RecoveryResult(held.location.path, len(recording.index.files), len(recording.index))
