"""Memory in which bytes wait until there are more of them."""


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
        self._free: list[memoryview] = []

    def take(self) -> memoryview | None:
        """Return a buffer of `buffer_bytes`, or None when all are taken."""
        if self._free:
            return self._free.pop()
        if self._not_made == 0:
            return None
        self._not_made -= 1
        return memoryview(bytearray(self.buffer_bytes))

    def clear(self) -> None:
        """Let go of the memory that is not taken."""
        self._not_made += len(self._free)
        self._free.clear()

    def give_back(self, buffer: memoryview) -> None:
        """Return a buffer to the pool."""
        self._free.append(buffer)
