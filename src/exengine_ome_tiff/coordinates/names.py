"""Labels as parts of file names."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Container

MAX_LABEL_BYTES = 120
"""Length of a label in a file name, in UTF-8, without the digits that tell it from others."""
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]')


def file_label(label: int | str, taken: Container[str] = (), max_bytes: int = MAX_LABEL_BYTES) -> str:
    """Turn a label into part of a file name that Windows, macOS and POSIX all keep as it is.

    Characters that one of them refuses or takes for part of a path, and those that the OME-XML of a companion
    cannot hold, become ``_``. A label that had to be
    changed or shortened, or whose name is taken, also gets eight hexadecimal digits of its SHA-256, so
    that different labels have different names even where case does not count.

    Parameters
    ----------
    label
        Value of an axis.
    taken
        Names in use, case-folded.
    max_bytes
        How much of the label is kept at most.

    Returns
    -------
    str
        1 to 129 bytes in UTF-8, not in `taken` when case-folded.
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
