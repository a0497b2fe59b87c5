"""Turns labels into parts of file names."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Container

MAX_LABEL_BYTES = 120
"""Maximum length of a label in a file name, in UTF-8, without the digits that make it unique."""
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]')


def file_label(label: int | str, taken: Container[str] = (), max_bytes: int = MAX_LABEL_BYTES) -> str:
    """Turn a label into part of a file name that is valid on Windows, macOS and POSIX.

    Characters that are invalid in file names, separate paths, or are invalid in the OME-XML of a companion
    file become ``_``. If a label is changed or shortened, or its name is taken, eight hexadecimal digits of
    its SHA-256 follow, so that different labels have different names even on case-insensitive file systems.

    Parameters
    ----------
    label
        Value along an axis.
    taken
        Case-folded names in use.
    max_bytes
        Maximum length of the label.

    Returns
    -------
    str
        1 to 129 bytes in UTF-8; case-folded, it is not in `taken`.
    """
    text = str(label)
    clean = _FORBIDDEN.sub("_", unicodedata.normalize("NFC", text)).strip(" .")
    clean = clean.encode()[:max_bytes].decode(errors="ignore").strip(" .")
    name = clean if clean == text else ""
    seed = json.dumps(label)
    while not name or name.casefold() in taken:
        seed = hashlib.sha256(seed.encode()).hexdigest()
        name = f"{clean}-{seed[:8]}" if clean else seed[:8]
    return name
