"""The files that a session writes: one, or one for each position."""

from pathlib import Path

from exengine_ome_tiff.coordinates import Coordinates
from exengine_ome_tiff.dataset.frame_index import Dataset
from exengine_ome_tiff.dataset.header import Header
from exengine_ome_tiff.dataset.location import Target
from exengine_ome_tiff.dataset.recording import Found
from exengine_ome_tiff.tiff import Algorithm, BufferPool, PageFinisher, PageWriter

BUFFER_BYTES = 2 << 20
MAX_BUFFERS = 16


class WrittenFiles:
    """Makes files when their first frame comes; for one thread at a time.

    Parameters
    ----------
    target
        Where they live.
    header
        What they say of the dataset.
    dataset
        Reads frames from them.
    checksums
        Which checksum the record of each frame has.
    """

    def __init__(
        self,
        target: Target,
        header: Header,
        dataset: Dataset,
        checksums: Algorithm | None,
    ) -> None:
        self.writers: list[PageWriter] = []
        self.finishers: list[PageFinisher] = []
        self._target = target
        self._header = header
        self._dataset = dataset
        self._checksums = checksums
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
            path = self._target.file(position)
            number = len(self._numbers)
            try:
                writer = PageWriter.create(
                    path,
                    self._header.encode(),
                    self._pool,
                    self._header.coding,
                    self._checksums,
                )
                self.writers[number:] = [writer]
                self.finishers[number:] = [writer.finisher]
                self._dataset.files[number:] = [writer]
                self._numbers[position] = number
            except FileExistsError:
                raise
            except BaseException:
                path.unlink(missing_ok=True)  # or the file would be in the way of the next attempt
                raise
        return number

    def go_on(self, found: Found) -> None:
        """Add pages to files that are there, whose frames the dataset takes over."""
        self.finishers = found.files
        self.writers = [
            PageWriter.go_on(finisher, self._pool, self._header.coding, self._checksums)
            for finisher in found.files
        ]
        self._dataset.become(found.dataset)
        self._dataset.files[:] = self.writers
        for key, frame in self._dataset.numbers.items():
            position = self._position(self._dataset.axes.coordinates(key))
            if position not in self._numbers:
                self._numbers[position], _ = self._dataset.place(frame)
                self._target.file(position)  # no other position gets its name

    def commit(self, *, fsync: bool) -> list[OSError]:
        """Write all frames that wait; return what went wrong with files, the others are written."""
        errors = []
        for writer in self.writers:
            try:
                writer.commit()
                if fsync:
                    writer.sync()
            except OSError as error:
                errors.append(error)
        return errors

    def waiting(self) -> set[int]:
        """Return the numbers of the files that frames wait for."""
        return {number for number, writer in enumerate(self.writers) if writer.has_waiting}

    def left(self) -> list[Path]:
        """Close the files as they are and return their paths, without those that have no frame, which go."""
        paths = []
        for finisher in self.finishers:
            if finisher.has_pages:
                finisher.close()
                paths.append(finisher.path)
            else:
                finisher.discard()
        return paths

    def discard(self) -> None:
        """Delete the files, none of which has a frame."""
        for finisher in self.finishers:
            finisher.discard()
        self._dataset.files.clear()

    def close(self) -> None:
        """Close the files as they are."""
        for finisher in self.finishers:
            finisher.close()
        self.free()

    def free(self) -> None:
        """Give back the memory in which frames wait."""
        self._pool.clear()

    def _position(self, coordinates: Coordinates) -> int | str | None:
        return coordinates.get("position") if self._target.is_folder else None
