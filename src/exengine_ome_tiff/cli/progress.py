"""Progress bars of commands that may fail before there is anything to show."""

import sys
from types import TracebackType
from typing import Never, Self

from tqdm import tqdm


class ProgressBar:
    """A bar with rate and remaining time, which is there from the first step on, and gone at the end.

    Parameters
    ----------
    unit
        What is counted.
    """

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._what = ""
        self._bar: tqdm[Never] | None = None

    def step(self, what: str, done: int, total: int) -> None:
        """Show how much is done of something; of something else than before in a new bar."""
        bar = self._bar
        if bar is None or what != self._what:
            self.close()
            disable = sys.stderr is None
            bar = tqdm(total=total, unit=self._unit, desc=what, disable=disable, leave=False)
            self._what, self._bar = what, bar
        bar.update(done - bar.n)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
