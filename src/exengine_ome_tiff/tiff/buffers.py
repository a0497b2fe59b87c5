"""Memory for frames that wait for the rest of their block."""

import numpy as np
import numpy.typing as npt


class BufferPool:
    """Reused buffers of one size, bounded in number for a whole dataset however many files it has.

    Touching new memory costs more than the copy into it, so a buffer that is given back is handed out again.

    Parameters
    ----------
    buffer_bytes
        Size of each buffer.
    max_buffers
        How many may be taken at a time.
    """

    def __init__(self, buffer_bytes: int, max_buffers: int) -> None:
        self.buffer_bytes = buffer_bytes
        self._not_made = max_buffers
        self._free: list[npt.NDArray[np.uint8]] = []

    def take(self) -> npt.NDArray[np.uint8] | None:
        """Return a buffer of shape (buffer_bytes,), or None when all are taken."""
        if self._free:
            return self._free.pop()
        if self._not_made == 0:
            return None
        self._not_made -= 1
        return np.empty(self.buffer_bytes, np.uint8)

    def clear(self) -> None:
        """Let go of the memory that is not taken."""
        self._not_made += len(self._free)
        self._free.clear()

    def give_back(self, buffer: npt.NDArray[np.uint8]) -> None:
        """Return a buffer to the pool."""
        self._free.append(buffer)
