"""Printing for commands."""

import errno
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from exengine_ome_tiff.dataset.location import leftover_text
from exengine_ome_tiff.text_format import escaped


class UsageError(Exception):
    """The arguments are invalid."""


@contextmanager
def usage_errors(how_to_replace: str = "") -> Iterator[None]:
    """Report the errors of a call that its arguments cause as UsageError."""
    try:
        yield
    except FileExistsError as error:
        raise UsageError(f"{error}{how_to_replace}") from error
    except (ValueError, ImportError) as error:
        raise UsageError(error) from error


def say(text: str, stream: TextIO | None = None) -> None:
    """Print text that may come from a file; escape control characters and what the console cannot show."""
    stream = stream or sys.stdout
    plain = escaped(text)
    encoding = getattr(stream, "encoding", None) or "utf-8"
    print(plain.encode(encoding, "backslashreplace").decode(encoding), file=stream)


def print_json(value: object) -> None:
    """Print a value as JSON, for programs; paths become text."""
    print(json.dumps(value, indent=2, default=str))


def warn_of_leftovers(path: Path) -> None:
    """Report on stderr what a killed process has left beside a dataset, if anything."""
    leftover = leftover_text(path.absolute())
    if leftover is not None:
        say(f"{path}: {leftover}", sys.stderr)


def is_closed_pipe(error: Exception) -> bool:
    """Whether an error means that nobody reads the output any more; Windows has no error number for it."""
    if isinstance(error, BrokenPipeError):
        return True
    if os.name != "nt" or not isinstance(error, OSError):
        return False
    return error.errno == errno.EINVAL and error.filename is None
