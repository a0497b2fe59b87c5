"""Text that XML can hold."""

import re

_INVALID_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def valid_text(text: str) -> str:
    """Replace what XML cannot hold."""
    return _INVALID_IN_XML.sub("\ufffd", text)
