"""Forks of this process: how many led to it, and imports that none may cut in two."""

import os
import threading
from importlib import import_module

_PATIENCE_S = 5.0


class Forks:
    """Counts forks, and lets a fork wait for an import of another thread.

    A process that is forked in the middle of an import could never import the same modules.
    """

    def __init__(self) -> None:
        self.count = 0
        """How many forks lie between this process and the one that imported this module."""
        self._lock = threading.RLock()
        """Held while another thread than the program's imports."""
        self._is_held = False
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._before, after_in_parent=self._after, after_in_child=self._after_in_child
            )

    def import_whole(self, module: str) -> None:
        """Import a module, and have forks wait meanwhile."""
        with self._lock:
            import_module(module)

    def _before(self) -> None:
        # not longer, as the import may wait for one in whose middle this thread forks
        self._is_held = self._lock.acquire(timeout=_PATIENCE_S)

    def _after(self) -> None:
        if self._is_held:
            self._lock.release()

    def _after_in_child(self) -> None:
        self.count += 1
        self._after()


FORKS = Forks()
