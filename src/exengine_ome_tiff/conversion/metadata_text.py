"""The file metadata.txt of Micro-Manager: one JSON object, which a crash may have cut off."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from exengine_ome_tiff.conversion.source_files import require_own

NAME = "metadata.txt"
_decode = json.JSONDecoder().raw_decode
_BLANKS = " \t\r\n"


def read_metadata_text(path: Path) -> tuple[dict[str, Any], str | None]:
    """Read the entries of a file.

    Parameters
    ----------
    path
        Path of the file.

    Returns
    -------
    dict
        The entries of the object, as far as they can be read.
    str or None
        What is wrong with the file; None if it is complete.

    Raises
    ------
    OmeTiffError
        It is no regular file, or is a link that leads out of its folder.
    """
    require_own(path.parent, path)
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")  # Java's default on Windows
    entries: dict[str, Any] = {}
    try:
        entries.update(_entries(text))  # keeps those before an error
    except (ValueError, RecursionError) as error:
        return entries, f"it ends after {len(entries)} entries: {error}"
    return entries, None


def _entries(text: str) -> Iterator[tuple[str, Any]]:
    """Yield the entries of an object one by one; raises ValueError if the text goes wrong."""
    at = _after_blanks(text, 0)
    if text[at : at + 1] != "{":
        raise ValueError("no JSON object")
    at = _after_blanks(text, at + 1)
    while text[at : at + 1] != "}":
        key, at = _decode(text, at)
        at = _after_blanks(text, at)
        if not isinstance(key, str) or text[at : at + 1] != ":":
            raise ValueError(f"expected a key at character {at}")
        value, at = _decode(text, _after_blanks(text, at + 1))
        yield key, value
        at = _after_blanks(text, at)
        if text[at : at + 1] == ",":
            at = _after_blanks(text, at + 1)
        elif text[at : at + 1] != "}":
            raise ValueError(f"expected a comma at character {at}")


def _after_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    return at
