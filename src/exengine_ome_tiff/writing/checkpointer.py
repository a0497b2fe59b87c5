"""Making checkpoints in time, in a thread of their own."""

import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Literal, TypeAlias

from exengine_ome_tiff.writing.error_log import ErrorLog

CheckpointOption: TypeAlias = Literal["auto", False] | float
"""When checkpoints are made."""

_LEAST_S = 10.0
_GROWTH = 2
"""Each checkpoint takes room for all frames: with this growth, together less than twice the last one."""
_LOOK_S = 1.0
_PAUSE_S = 0.002


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
        It is none.
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
        """Seconds between checkpoints at least; None for no checkpoints."""
        if self.option is False:
            return None
        return _LEAST_S if self.option == "auto" else float(self.option)

    def has_grown(self, before: int, now: int) -> bool:
        """Whether there are enough frames more than at the checkpoint before."""
        return now > before and (self.option != "auto" or now >= _GROWTH * before)


class Checkpointer:
    """Makes checkpoints in a thread of its own, which starts with the first frame; see `Flusher`.

    Parameters
    ----------
    name
        Of the dataset, for the log.
    rule
        When they are due.
    count
        Returns how many frames there are.
    make
        Makes a checkpoint; returns False where somebody else makes one at the moment.
    """

    def __init__(
        self, name: str, rule: CheckpointRule, count: Callable[[], int], make: Callable[[], bool]
    ) -> None:
        self._rule = rule
        self._count = count
        self._make = make
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        """The thread that makes checkpoints; any other one ends."""
        self._has_begun = False
        self._is_stopped = False
        self._is_over = False
        self._then: Callable[[], None] | None = None
        self._errors = ErrorLog(name, "no checkpoint, so other programs show the one before")

    def begin(self) -> None:
        """Start, while the recorder's lock is held; nothing happens where it has started."""
        if self._has_begun or self._rule.interval_s is None:
            return
        # an exception of a signal handler may come while a thread starts: the next frame starts another one
        self._thread = threading.Thread(target=self._run, name="TiffStorage checkpoint", daemon=True)
        self._thread.start()
        self._has_begun = True

    def stop(self, then: Callable[[], None] | None = None) -> None:
        """Begin no other checkpoint; the thread ends by itself, and before that does `then`."""
        self._then = then
        self._is_stopped = True
        self._wake.put(None)

    def join(self) -> None:
        """Wait until the thread has ended, after `stop`."""
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return
        # a signal handler that calls `close` may come inside of a join, and a second join would not return
        while thread.is_alive() and not self._is_over:
            time.sleep(_PAUSE_S)
        if thread.is_alive():
            thread.join(_LOOK_S)

    def is_current_thread(self) -> bool:
        """Whether its own thread asks."""
        return threading.current_thread() is self._thread

    def _run(self) -> None:
        interval_s = self._rule.interval_s or 0.0
        due_s, before = time.monotonic() + interval_s, 0
        while not self._is_stopped and self.is_current_thread():
            with suppress(Empty):
                self._wake.get(timeout=min(_LOOK_S, max(due_s - time.monotonic(), interval_s / 10)))
            count = self._count()
            if self._is_stopped or time.monotonic() < due_s or not self._rule.has_grown(before, count):
                continue
            try:
                if self._make():
                    before = count
            except Exception as error:  # noqa: BLE001 - a run goes on without checkpoints
                if not self._is_stopped:
                    self._errors.tell(error)
            due_s = time.monotonic() + interval_s
        self._wake.put(None)  # for the other one, where there are two
        if not self.is_current_thread():
            return
        self._is_over = True
        if self._then is not None:
            self._then()
