"""Text that XML and its readers can hold."""

import json
import re

RECORDS_ONLY = "(in the records only)"
"""Key for the names of metadata that is too long for the OME-XML."""
OTHER_KEYS = "(keys of frames whose metadata has others than most)"
"""Stands in that list for the keys of all frames beyond the first 256 sets of keys."""
BINNINGS = ("1x1", "2x2", "4x4", "8x8")
"""The binnings of a camera that OME has names for."""

# Bio-Formats also makes blanks of the control characters from 7F to 9F, which XML only discourages
_INVALID = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def valid_text(text: str) -> str:
    """Replace control characters and halves of characters by U+FFFD, and make all line ends the same."""
    return _INVALID.sub("\ufffd", re.sub("\r\n?", "\n", text))


def optional_name(name: str | None) -> str | None:
    """Do as `valid_name` does, where there is a name."""
    return None if name is None else valid_name(name)


def valid_name(name: str) -> str:
    """Also make blanks of tabs and line ends, as Bio-Formats does in names."""
    return re.sub(r"[\t\n\r]", " ", valid_text(name))


def valid_key(key: str) -> str:
    """Escape a key that XML cannot hold, so that it differs from all others."""
    return key if valid_text(key) == key else json.dumps(key)[1:-1]
