"""Which bytes of a file belong to which of its pages."""

from bisect import bisect_right


class Extents:
    """Ranges of bytes, none of which overlaps another one.

    A file whose pages share their bytes may hold many times what its size allows. Each range therefore
    belongs to the first owner that claims it.
    """

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []
        self._owners: list[int] = []

    def claim(self, start: int, stop: int, owner: int) -> int | None:
        """Claim a range.

        Parameters
        ----------
        start, stop
            Offset of the first byte, and of the first byte behind the range.
        owner
            Who claims it. An owner may claim a range again.

        Returns
        -------
        int or None
            Who owns some of it already; None where the claim holds.
        """
        if stop <= start:
            return None
        at = bisect_right(self._starts, start)
        if at and self._stops[at - 1] > start:
            return None if self._owners[at - 1] == owner else self._owners[at - 1]
        if at < len(self._starts) and self._starts[at] < stop:
            return None if self._owners[at] == owner else self._owners[at]
        self._starts.insert(at, start)
        self._stops.insert(at, stop)
        self._owners.insert(at, owner)
        return None
