"""Paths given on the command line."""

import argparse
import os
from contextlib import suppress
from pathlib import Path

from exengine_ome_tiff.cli.output import UsageError, usage_errors
from exengine_ome_tiff.dataset.location import check_dataset_name


def path_argument(text: str) -> Path:
    """Read a path, in which ``~`` is the user's home folder in every shell; the type of such arguments."""
    path = Path(text)
    with suppress(RuntimeError):  # no such user: a file may have this name
        path = path.expanduser()
    return path


def add_dataset(parser: argparse.ArgumentParser) -> None:
    """Add the argument `path`, the dataset of a command that reads one."""
    parser.add_argument("path", type=path_argument, help="file, folder, or any file of a folder")


def check_output(path: Path) -> None:
    """Refuse a path for a new dataset that ends like another format, or whose folder is not writable."""
    with usage_errors():
        check_dataset_name(path)
    check_folder(path)


def check_folder(path: Path) -> None:
    """Refuse a path whose folder does not exist or is not writable."""
    folder = path.absolute().parent
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "there is no such folder; create it first"
        raise UsageError(f"{folder}: {what}")
    if not os.access(folder, os.W_OK):
        raise UsageError(f"{folder}: no permission to write in this folder")
