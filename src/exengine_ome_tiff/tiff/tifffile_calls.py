"""Calls of tifffile on files that others wrote: one kind of error, and no lines in the log."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from exengine_ome_tiff.errors import OmeTiffError

NO_FLAVOR: Any = {"is_lsm": False, "is_ndpi": False, "is_scanimage": False}
"""For files of these kinds tifffile reads all pages at once."""

_is_quiet: ContextVar[bool] = ContextVar("_is_quiet", default=False)


@contextmanager
def tifffile_errors(what: str) -> Iterator[None]:
    """Raise what tifffile raises as an OmeTiffError, unless it is an OSError; keep it from logging.

    tifffile raises whatever wrong bytes lead to, and logs what it finds wrong.

    Parameters
    ----------
    what
        What the message of an error begins with.
    """
    token = _is_quiet.set(True)
    try:
        yield
    except (OmeTiffError, OSError):
        raise
    except Exception as error:
        raise OmeTiffError(f"{what}: {error}") from error
    finally:
        _is_quiet.reset(token)


logging.getLogger("tifffile").addFilter(lambda _record: not _is_quiet.get())
