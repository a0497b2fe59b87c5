"""A thread that makes checkpoints at intervals."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, TypeAlias

from exengine_ome_tiff.writing.error_log import ErrorLog
from exengine_ome_tiff.writing.worker import Worker

CheckpointOption: TypeAlias = Literal["auto", False] | float
"""Option that decides when checkpoints are made."""

_LEAST_S = 10.0
_GROWTH = 2
"""Each checkpoint describes all frames again; with this growth, all need less than twice the last one."""
_LOOK_S = 1.0
_LOCK_S = 0.05
"""Time after which the thread, while it waits for a lock, looks whether it should end."""


@dataclass(frozen=True, slots=True)
class CheckpointRule:
    """When a checkpoint is due.

    Parameters
    ----------
    option
        As `TiffStorage` takes it.

    Raises
    ------
    ValueError
        The option is invalid.
    """

    option: CheckpointOption = "auto"

    def __post_init__(self) -> None:
        option = self.option
        is_number = isinstance(option, int | float) and not isinstance(option, bool)
        is_seconds = is_number and 0 < float(option) < math.inf
        if option != "auto" and option is not False and not is_seconds:
            raise ValueError(f"got checkpoint={option!r}, expected 'auto', False or a number of seconds")

    @property
    def interval_s(self) -> float | None:
        """Minimum time between checkpoints in seconds; None for no checkpoints."""
        if self.option is False:
            return None
        return _LEAST_S if self.option == "auto" else float(self.option)

    def has_grown(self, before: int, now: int) -> bool:
        """Whether there are enough new frames since the last checkpoint."""
        return now > before and (self.option != "auto" or now >= _GROWTH * before)


class Checkpointer(Worker):
    """Makes checkpoints in its own thread, which starts with the first frame.

    Parameters
    ----------
    name
        Name of the dataset, for the log.
    rule
        Decides when a checkpoint is due.
    count
        Returns the number of frames.
    make
        Makes a checkpoint; returns False if another thread is making one.
    """

    def __init__(
        self, name: str, rule: CheckpointRule, count: Callable[[], int], make: Callable[[], bool]
    ) -> None:
        super().__init__("TiffStorage checkpoint")
        self._rule = rule
        self._count = count
        self._make = make
        self._interval_s = rule.interval_s or 0.0
        self.is_for_runs = rule.interval_s is not None
        self._due_s = 0.0
        self._count_before = 0
        """Number of frames in the last checkpoint."""
        self._errors = ErrorLog(name, "the checkpoint failed, so other programs show the previous one")

    def start(self) -> None:
        """Start the thread; the first checkpoint is due after one interval."""
        self._due_s = time.monotonic() + self._interval_s
        super().start()

    @contextmanager
    def holding(self, lock: threading.RLock) -> Iterator[None]:
        """Hold a lock if this is called in the worker's thread; RuntimeError if that should end.

        A signal handler inside a `put`, which holds the lock, may call `close`, which waits for the thread.
        """
        if not self.is_current_thread():
            yield  # in a thread that signals interrupt, only `with` never leaves a lock held
            return
        while not lock.acquire(timeout=_LOCK_S):
            if self._is_stopped:
                raise RuntimeError("the checkpoint was cancelled")
        try:
            yield
        finally:
            lock.release()

    def _work(self) -> None:
        self._wait(min(_LOOK_S, max(self._due_s - time.monotonic(), self._interval_s / 10)))
        count = self._count()
        is_due = time.monotonic() >= self._due_s and self._rule.has_grown(self._count_before, count)
        if self._is_stopped or not is_due:
            return
        try:
            if self._make():
                self._count_before = count
        except Exception as error:  # noqa: BLE001 - a run continues without checkpoints
            if not self._is_stopped:
                self._errors.log(error)
        self._due_s = time.monotonic() + self._interval_s
