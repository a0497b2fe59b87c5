"""Forks of this process, and imports that a fork must not interrupt."""

import os
import threading
from importlib import import_module

_PATIENCE_S = 5.0


class Forks:
    """Counts forks, and delays a fork while another thread imports modules.

    A process forked during an import could never import the same modules.
    """

    def __init__(self) -> None:
        self.count = 0
        """Number of forks between this process and the one that imported this module."""
        self._lock = threading.RLock()
        """Held while a background thread imports modules."""
        self._is_held = False
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._before, after_in_parent=self._after, after_in_child=self._after_in_child
            )

    def import_whole(self, module: str) -> None:
        """Import a module; forks wait until the import has ended."""
        with self._lock:
            import_module(module)

    def _before(self) -> None:
        # not longer, because the import may wait for an import during which this thread forks
        self._is_held = self._lock.acquire(timeout=_PATIENCE_S)

    def _after(self) -> None:
        if self._is_held:
            self._lock.release()

    def _after_in_child(self) -> None:
        self.count += 1
        self._after()


FORKS = Forks()
