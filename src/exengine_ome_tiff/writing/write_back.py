"""Having the disk write during a run, so that `finish`, which waits for the disk, waits for little."""

from collections.abc import Sequence
from contextlib import suppress

from exengine_ome_tiff.tiff import CAN_WRITE_BACK, JournalFile
from exengine_ome_tiff.writing.worker import Worker

STEP_BYTES = 64 << 20
"""A file is written to the disk in steps of so many bytes."""
_LOOK_S = 0.1


class WriteBack(Worker):
    """Asks the system for the writing of files to the disk, in a thread of its own.

    A system keeps what is written in memory, up to gigabytes and 30 seconds, before it begins by itself.
    A request may wait for the disk, so no lock is held. It promises nothing: `finish` and `flush` wait for
    the whole file, and meet the errors.

    Parameters
    ----------
    files
        The files of the recording, which gets more of them.
    fsync
        Whether `finish` waits for the disk.
    """

    def __init__(self, files: Sequence[JournalFile], *, fsync: bool) -> None:
        super().__init__("TiffStorage write-back")
        self._files = files
        self.is_for_runs = fsync and CAN_WRITE_BACK

    def _work(self) -> None:
        self._wait(_LOOK_S)
        for file in [*self._files]:
            if self._is_stopped:
                break
            with suppress(
                OSError, RuntimeError
            ):  # closed meanwhile, or on a file system that has no such call
                file.tail.write_back(STEP_BYTES)
