"""Text that XML and its readers accept, and names that OME-XML uses."""

import json
import re

PREFIX = "urn:exengine-ome-tiff:"
"""Start of the namespaces of this package's annotations."""
RECORDS_ONLY = "(in the records only)"
"""Key that lists the names of metadata too long for the OME-XML."""
OTHER_KEYS = "(keys of frames whose metadata has others than most)"
"""Entry of that list for the keys of all frames beyond the first 256 sets of keys."""
BINNINGS = ("1x1", "2x2", "4x4", "8x8")
"""Camera binnings that OME has names for."""

# Bio-Formats also turns the control characters from 7F to 9F, which XML only discourages, into blanks
_INVALID = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def valid_text(text: str) -> str:
    """Replace control characters and surrogates by U+FFFD, and normalize line ends."""
    return _INVALID.sub("\ufffd", re.sub("\r\n?", "\n", text))


def valid_name(name: str) -> str:
    """Also replace tabs and line ends by blanks, as Bio-Formats does in names."""
    return re.sub(r"[\t\n\r]", " ", valid_text(name))


def optional_name(name: str | None) -> str | None:
    """Apply `valid_name` unless the name is None."""
    return None if name is None else valid_name(name)


def valid_key(key: str) -> str:
    """Escape a key that XML cannot contain; different keys stay different."""
    return key if valid_text(key) == key else json.dumps(key)[1:-1]


def folded(name: str) -> str:
    """Return a name without case, blanks, hyphens and underscores, for comparison."""
    return re.sub(r"[\s_-]", "", name.casefold())
