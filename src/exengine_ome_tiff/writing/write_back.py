"""Writing to the disk during a run, so that `finish` does not wait long for the disk."""

from collections.abc import Sequence
from contextlib import suppress

from exengine_ome_tiff.tiff import CAN_WRITE_BACK, JournalFile
from exengine_ome_tiff.writing.worker import Worker

STEP_BYTES = 64 << 20
"""Number of bytes of a file that are written to the disk at a time."""
_LOOK_S = 0.1


class WriteBack(Worker):
    """Asks the system to write files to the disk, in its own thread.

    By default a system keeps data in memory for up to 30 seconds, which may be gigabytes, before it starts
    to write. A request may wait for the disk, so no lock is held. It guarantees nothing: `finish` and `flush`
    wait for the whole file and report errors.

    Parameters
    ----------
    files
        The files of the recording; more may be added.
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
