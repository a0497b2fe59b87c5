"""Paths that Windows refuses, changes or cannot open."""

import ntpath
import re
from pathlib import Path, PurePath, PureWindowsPath

_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])", re.IGNORECASE)
_FORBIDDEN = re.compile(r'[<>:"|?*\x00-\x1f]')
MAX_PATH = 259
"""Longest path in characters that any program can open."""
_MAX_FOLDER_PATH, _MAX_FILE_PATH = 120, 240
"""Longest paths of a dataset; the rest is for the names of its files and of temporary files."""


def check_windows_path(path: PurePath) -> None:
    """Refuse names that Windows interprets as a device or stream, or shortens.

    Raises
    ------
    ValueError
        A part of the path has such a name.
    """
    for part in path.parts[1:]:
        if part == "..":
            continue
        if _DEVICE.fullmatch(part.partition(".")[0].rstrip()):
            reason = "names a device"
        elif part.endswith((".", " ")):
            reason = "ends in a dot or a space, which Windows removes"
        elif found := _FORBIDDEN.search(part):
            reason = f"contains {found[0]!r}"
        else:
            continue
        raise ValueError(f"got the path {str(path)!r}, but {part!r} {reason}: choose another name")


def with_long_form(path: Path, *, is_folder: bool) -> Path:
    r"""Return a path in the form ``\\?\`` if it may be too long for Windows otherwise."""
    text = ntpath.normpath(path)  # the long form has no ".."
    if len(text) <= (_MAX_FOLDER_PATH if is_folder else _MAX_FILE_PATH) or text.startswith("\\\\?\\"):
        return path
    drive = PureWindowsPath(text).drive
    return type(path)(f"\\\\?\\UNC\\{text[2:]}" if drive.startswith("\\\\") else f"\\\\?\\{text}")


def label_room(path: PurePath, prefix: str, most: int) -> int:
    """Return the maximum length of a position label in a file name."""
    text = str(path)
    if text.startswith("\\\\?\\"):
        return most
    return min(most, MAX_PATH - len(text) - len(f"/{prefix}_-01234567.ome.tiff.part"))
