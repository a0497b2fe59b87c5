"""Comments that Micro-Manager keeps in a file beside the images."""

import json
from pathlib import Path
from typing import Any

from exengine_ome_tiff.conversion.source_files import refusal

_NAMES = ("comments.txt", "display_and_comments.txt")
"""Of version 2, and of 1.4."""
_MOST_BYTES = 1 << 24


def read_comment(folder: Path) -> str | None:
    """Return the comment on a dataset in the files of its folder; None where there is none."""
    for name in _NAMES:
        path = folder / name
        if refusal(folder, path) is not None or path.stat().st_size > _MOST_BYTES:
            continue
        try:
            text = json.loads(path.read_bytes().decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            continue
        for keys in (
            ("map", "General annotation", "scalar", "comments", "scalar"),
            ("Comments", "Summary"),
        ):
            found = _inside(text, keys)
            if isinstance(found, str) and found:
                return found
    return None


def _inside(value: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
