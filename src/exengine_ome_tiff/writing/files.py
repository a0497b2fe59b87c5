"""The files that a recorder writes: one, or one for each value of the axes that split a folder."""

import logging
from pathlib import Path

from exengine_ome_tiff.coordinates.file_names import file_key
from exengine_ome_tiff.coordinates.keys import Coordinates
from exengine_ome_tiff.dataset.location import FileKey
from exengine_ome_tiff.dataset.recording import Recording
from exengine_ome_tiff.tiff import Algorithm, BufferPool, FileGoneError, JournalFile, WriteSettings
from exengine_ome_tiff.writing.rescue import rescue

logger = logging.getLogger(__name__)

BUFFER_BYTES = 2 << 20
MAX_BUFFERS = 16


class WrittenFiles:
    """Creates the files of a recording with their first frame; for one thread at a time.

    Parameters
    ----------
    recording
        The recording to which files are added.
    checksums
        Checksum in the record of each frame.
    """

    def __init__(self, recording: Recording, checksums: Algorithm | None) -> None:
        self._recording = recording
        self._settings = WriteSettings(recording.header.coding, checksums)
        self._pool = BufferPool(BUFFER_BYTES, MAX_BUFFERS)
        self._numbers: dict[FileKey, int] = {}
        self._gone: dict[int, FileGoneError] = {}
        """Errors of files that another program has deleted or replaced."""
        self._making: Path | None = None
        """The file that is being created."""
        self._is_cut_off = False
        self._shared = 0
        """How many more places than files there are: earlier versions wrote several places to one file."""

    def number(self, coordinates: Coordinates) -> int:
        """Return the number of the file for a frame; the first frame creates it.

        Raises
        ------
        OSError
            The file could not be created, and does not exist.
        RuntimeError
            This call may not change files any more.
        """
        key = self._key(coordinates)
        number = self._numbers.get(key)
        if number is None:
            path, files = self._free_path(*key), self._recording.index.files
            number = len(self._numbers) - self._shared
            self._making = path
            try:
                file = self._created(path)
                files[number:] = [file]
                self._numbers[key] = number
            except FileExistsError:
                raise
            except BaseException:
                path.unlink(missing_ok=True)  # or it would block the next attempt
                raise
            self._making = None
        return number

    def cut_off(self) -> None:
        """Prevent an interrupted call of this thread, which will continue, from changing files.

        Its further calls raise; `commit` and `left` are for the interrupting call.
        """
        self._is_cut_off = True
        files = self._recording.index.files
        for file in files:
            file.file.cut_off()
        if self._making is not None and all(file.path != self._making for file in files):
            self._making.unlink(missing_ok=True)

    def _free_path(self, *place: int | str) -> Path:
        """Return an unused path for a place; the folder may have files of other programs."""
        location = self._recording.location
        path = location.file(*place)
        while location.is_folder and place and path.exists():
            other = location.other_file(*place)
            logger.warning(
                "%s already exists, so %s contains the frames at %s",
                path,
                other.name,
                ", ".join(map(repr, place)),
            )
            path = other
        return path

    def _created(self, path: Path) -> JournalFile:
        file = JournalFile.create(path, self._recording.header.encode(), self._settings, self._pool)
        if self._is_cut_off:
            raise RuntimeError(f"{path} was not created, because the dataset has been finished")
        return file

    def resume(self) -> None:
        """Prepare the files that the recording has read for more pages."""
        index = self._recording.index
        for file in index.files:
            file.write_on(self._settings, self._pool)
            file.reopen()
        coordinates, frames = index.latest()
        for each, frame in zip(coordinates.coordinates(), frames.tolist(), strict=True):
            place = self._key(each)
            if place not in self._numbers:
                self._numbers[place], _ = index.place(frame)
                self._recording.location.file(*place)  # reserves its name
        self._shared = len(self._numbers) - len(index.files)

    def commit(self, *, fsync: bool) -> list[OSError]:
        """Write all waiting frames; return the errors of files that could not be written."""
        errors: list[OSError] = []
        for number, file in enumerate(self._recording.index.files):
            try:
                if file.is_written:
                    file.file.check_in_place()
                if file.has_waiting:
                    file.commit()
                if fsync:
                    file.sync()
            except FileGoneError:
                errors.append(self.rescued(number))
            except OSError as error:
                errors.append(error)
        return errors

    def rescued(self, number: int) -> OSError:
        """Save the frames of a file that is gone, once; return an error with their path."""
        if number not in self._gone:
            try:
                self._gone[number] = rescue(self._recording.index, number, self._recording.location)
            except OSError as other:
                return other
        return self._gone[number]

    def waiting(self) -> set[int]:
        """Return the numbers of files with waiting frames, and of files that are gone."""
        files = enumerate(self._recording.index.files)
        return {number for number, file in files if file.has_waiting or number in self._gone}

    def way_to_finish(self) -> str:
        """Say how to finish the files after an error; empty if all of them are gone."""
        files = self._recording.index.files
        left = [each for number, each in enumerate(files) if number not in self._gone and each.path.exists()]
        what = "it" if len(left) == len(files) else "the other files"
        return f" (use recover() to finish {what})" if left else ""

    def left(self) -> list[Path]:
        """Close the files and return their paths; delete files without frames."""
        paths = []
        for file in self._recording.index.files:
            if file.n_linked:
                file.close()
                paths.append(file.path)
            else:
                file.discard()
        return paths

    def discard(self) -> None:
        """Delete the files, which have no frames."""
        for file in self._recording.index.files:
            file.discard()
        self._recording.index.files.clear()

    def free(self) -> None:
        """Free the buffers."""
        self._pool.clear()

    def _key(self, coordinates: Coordinates) -> FileKey:
        header = self._recording.header
        return file_key(coordinates, header.split_by, header.fold_axes) if header.is_folder else ()
