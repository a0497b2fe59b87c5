"""The files that a recorder writes: one, or one for each position."""

import logging
from pathlib import Path

from exengine_ome_tiff.coordinates import Coordinates
from exengine_ome_tiff.dataset.recording import Recording
from exengine_ome_tiff.tiff import Algorithm, BufferPool, JournalFile, WriteSettings

logger = logging.getLogger(__name__)

BUFFER_BYTES = 2 << 20
MAX_BUFFERS = 16


class WrittenFiles:
    """Makes the files of a recording when their first frame comes; for one thread at a time.

    Parameters
    ----------
    recording
        Gets the files.
    checksums
        Which checksum the record of each frame has.
    """

    def __init__(self, recording: Recording, checksums: Algorithm | None) -> None:
        self._recording = recording
        self._settings = WriteSettings(recording.header.coding, checksums)
        self._pool = BufferPool(BUFFER_BYTES, MAX_BUFFERS)
        self._numbers: dict[int | str | None, int] = {}

    def number(self, coordinates: Coordinates) -> int:
        """Return the number of the file for a frame, which is created for the first one.

        Raises
        ------
        OSError
            It could not be created, and is not there.
        """
        position = self._position(coordinates)
        number = self._numbers.get(position)
        if number is None:
            path = self._free_path(position)
            number = len(self._numbers)
            try:
                file = self._created(path)
                self._recording.index.files[number:] = [file]
                self._numbers[position] = number
            except FileExistsError:
                raise
            except BaseException:
                path.unlink(missing_ok=True)  # or the file would be in the way of the next attempt
                raise
        return number

    def _free_path(self, position: int | str | None) -> Path:
        """Return the path for a position, past files in its folder that somebody else has written."""
        location = self._recording.location
        path = location.file(position)
        while location.is_folder and position is not None and path.exists():
            other = location.other_file(position)
            logger.warning("%s was there before: %s has position %r", path, other.name, position)
            path = other
        return path

    def _created(self, path: Path) -> JournalFile:
        return JournalFile.create(path, self._recording.header.encode(), self._settings, self._pool)

    def go_on(self) -> None:
        """Add pages to the files that the recording has read back."""
        index = self._recording.index
        for file in index.files:
            file.write_on(self._settings, self._pool)
            file.reopen()
        for key, frame in index.numbers.items():
            position = self._position(index.axes.coordinates(key))
            if position not in self._numbers:
                self._numbers[position], _ = index.place(frame)
                self._recording.location.file(position)  # no other position gets its name

    def commit(self, *, fsync: bool) -> list[OSError]:
        """Write all frames that wait; return what went wrong with files, the others are written."""
        errors = []
        for file in self._recording.index.files:
            try:
                file.commit()
                if fsync:
                    file.sync()
            except OSError as error:
                errors.append(error)
        return errors

    def waiting(self) -> set[int]:
        """Return the numbers of the files that frames wait for."""
        return {number for number, file in enumerate(self._recording.index.files) if file.has_waiting}

    def left(self) -> list[Path]:
        """Close the files as they are and return their paths, without those that have no frame, which go."""
        paths = []
        for file in self._recording.index.files:
            if len(file.pages):
                file.close()
                paths.append(file.path)
            else:
                file.discard()
        return paths

    def discard(self) -> None:
        """Delete the files, none of which has a frame."""
        for file in self._recording.index.files:
            file.discard()
        self._recording.index.files.clear()

    def free(self) -> None:
        """Give back the memory in which frames wait."""
        self._pool.clear()

    def _position(self, coordinates: Coordinates) -> int | str | None:
        return coordinates.get("position") if self._recording.location.is_folder else None
