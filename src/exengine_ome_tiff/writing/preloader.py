"""Importing the modules that `finish` needs during a run."""

import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec

from exengine_ome_tiff.writing.forks import FORKS
from exengine_ome_tiff.writing.worker import Worker

_DOCUMENT = "exengine_ome_tiff.ome.document"
"""Imports ome-types, which takes half a second."""
QUIET_S = 0.005
"""The import starts after this time without a frame."""
_LOOK_S = 0.05


def is_loaded() -> bool:
    """Whether all modules for `finish` are imported."""
    return hasattr(sys.modules.get(_DOCUMENT), "ome_xml")


class Preloader(Worker):
    """Imports ome-types in its own thread, in the first gap between frames.

    Parameters
    ----------
    is_quiet
        Whether no frame has come for `QUIET_S`.
    """

    def __init__(self, is_quiet: Callable[[], bool]) -> None:
        super().__init__("TiffStorage import")
        self._is_quiet = is_quiet
        self.is_for_runs = not is_loaded()

    def _work(self) -> None:
        self._wait(_LOOK_S)
        if self._is_stopped or not self._is_quiet():
            return
        with suppress(ImportError, RuntimeError):  # `finish` raises it, too; Python is ending
            # ome-types imports pint, which imports dask.base. Another thread that is importing dask just then
            # would get an incomplete dask.base, unless both begin with dask.
            if find_spec("pint") and find_spec("dask"):
                FORKS.import_whole("dask")
            FORKS.import_whole(_DOCUMENT)
        self._is_stopped = True  # not `stop`, which clears a task from the garbage collector
