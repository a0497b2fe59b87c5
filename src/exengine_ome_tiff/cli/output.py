"""Printing for commands."""

import errno
import os
import re
import sys
from pathlib import Path
from typing import TextIO

from exengine_ome_tiff.dataset.location import leftover_text

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


class UsageError(Exception):
    """The arguments ask for what cannot be."""


def say(text: str, stream: TextIO | None = None) -> None:
    """Print text that may come from a file: control characters and what the console lacks are escaped."""
    stream = stream or sys.stdout
    plain = _CONTROL.sub(lambda match: repr(match[0])[1:-1], text)
    encoding = getattr(stream, "encoding", None) or "utf-8"
    print(plain.encode(encoding, "backslashreplace").decode(encoding), file=stream)


def tell_leftovers(path: Path) -> None:
    """Say on stderr what a killed process has left beside a dataset, if anything."""
    leftover = leftover_text(path.absolute())
    if leftover is not None:
        say(f"{path}: {leftover}", sys.stderr)


def is_closed_pipe(error: Exception) -> bool:
    """Whether an error says that nobody reads what is printed any more; Windows has no number for it."""
    if isinstance(error, BrokenPipeError):
        return True
    if os.name != "nt" or not isinstance(error, OSError):
        return False
    return error.errno == errno.EINVAL and error.filename is None
