"""The progress bar of the commands."""

import sys
from types import TracebackType
from typing import Never, Self

from tqdm import tqdm


class ProgressBar:
    """A bar with rate and remaining time, shown from the first step on if stderr is a terminal.

    Numbers of the unit "B" get prefixes.
    """

    def __init__(self, unit: str, *, leave: bool = False) -> None:
        self._unit = unit
        self._leave = leave
        self._activity = ""
        self._bar: tqdm[Never] | None = None

    def step(self, activity: str, done: int, total: int) -> None:
        """Show the progress of an activity; a new activity gets a new bar at its first progress."""
        if not done:
            return
        if self._bar is None or activity != self._activity:
            self.close()
            self._activity = activity
            self._bar = tqdm(
                total=total,
                unit=self._unit,
                unit_scale=self._unit == "B",
                desc=activity,
                leave=self._leave,
                disable=sys.stderr is None or not sys.stderr.isatty(),
            )
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
