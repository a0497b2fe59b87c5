"""The files of a source, all inside its folder."""

import re
import stat
from collections.abc import Iterable
from pathlib import Path

from exengine_ome_tiff.conversion.sources import SkippedFrame
from exengine_ome_tiff.errors import OmeTiffError

_DIGITS = re.compile(r"(\d+)")


def files_in(folder: Path, suffixes: Iterable[str], skipped: list[SkippedFrame]) -> list[Path]:
    """Return the files in a folder with one of the suffixes, in natural order.

    Parameters
    ----------
    folder
        The folder.
    suffixes
        Suffixes in lower case, with their dots.
    skipped
        Receives what is left out although its name fits: links that lead out of the folder, pipes and
        devices. Their number of frames is unknown.
    """
    endings = tuple(suffixes)
    found = []
    for path in sorted(folder.iterdir(), key=natural_order):
        if path.name.lower().endswith(endings):
            reason = refusal(folder, path)
            if reason is None:
                found.append(path)
            elif reason:
                skipped.append(SkippedFrame(path.name, reason, None))
    return found


def folders_in(folder: Path) -> list[Path]:
    """Return the folders in a folder, without links to folders, in natural order."""
    return [path for path in sorted(folder.iterdir(), key=natural_order) if is_own_folder(path)]


def is_own_folder(path: Path) -> bool:
    """Whether a path is a folder, and not a link to one."""
    return path.is_dir() and not path.is_symlink()


def refusal(folder: Path, path: Path) -> str | None:
    """Return why a file in a folder must not be opened; None if it may, "" for a folder."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return "the link has no target" if path.is_symlink() else "it is missing"
    except (OSError, ValueError) as error:  # an invalid name, or a link to itself
        return getattr(error, "strerror", None) or str(error)
    if stat.S_ISDIR(mode):
        return ""
    if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
        return "a link that leads out of the folder is not followed"
    return None if stat.S_ISREG(mode) else "not a regular file"


def require_own(folder: Path, path: Path) -> None:
    """Raise OmeTiffError if a file in a folder is missing or must not be opened."""
    reason = refusal(folder, path)
    if reason is not None:
        raise OmeTiffError(f"{path.name}: {reason or 'it is a folder'}")


def file_name(text: str) -> str:
    """Return the last part of a path in any notation, so that it cannot lead out of its folder."""
    return re.split(r"[/\\]", text.replace("\0", "_"))[-1] or "_"


def natural_order(path: Path) -> tuple[tuple[tuple[int, str], ...], str]:
    """Sort "Pos2" before "Pos10"."""
    parts = _DIGITS.split(path.name)
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts), path.name
