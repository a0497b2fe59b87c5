"""Numbers, times and lists as human-readable text."""

import os
import re
import shlex
from collections.abc import Sequence

_MOST_LISTED = 12
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def count_text(number: int, thing: str) -> str:
    """Format a count, such as "1 frame" or "12,000 frames"."""
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def list_text(texts: Sequence[str]) -> str:
    """Join the first few texts with commas."""
    return ", ".join(texts[:_MOST_LISTED]) + (", ..." if len(texts) > _MOST_LISTED else "")


def command_text(*words: object) -> str:
    """Join the words of a command, quoted for the shell of this system."""
    if os.name != "nt":
        return shlex.join(map(str, words))
    texts = [str(word) for word in words]
    return " ".join(text if re.fullmatch(r"[\w.:\\/-]+", text) else f'"{text}"' for text in texts)


def escaped(text: str) -> str:
    """Escape the control characters of text that may come from a file, except line ends."""
    return _CONTROL.sub(lambda match: repr(match[0])[1:-1], text)


def shortened(text: str, width: int) -> str:
    """Replace the middle of a long text by dots, keeping at most `width` characters (minimum 3)."""
    if len(text) <= width:
        return text
    kept = max(width - 3, 0)
    tail = kept // 2
    return f"{text[: kept - tail]}...{text[len(text) - tail :]}"


def error_text(error: BaseException) -> str:
    """Return the type and the message of an error."""
    return f"{type(error).__name__}: {error}"


def excerpt_text(data: bytes) -> str:
    """Return the start of data that should have been text, quoted, with unprintable characters escaped."""
    return f'"{data[:80].decode("latin-1").encode("unicode_escape").decode("ascii")}"'


def duration_text(seconds: float) -> str:
    """Format a duration in at most two units, such as "3 h 20 min"."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    if round(seconds) < 3600:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min" + (f" {rest} s" if rest else "")
    hours, rest = divmod(round(seconds / 60), 60)
    return f"{hours} h" + (f" {rest} min" if rest else "")


def size_text(size_bytes: int) -> str:
    """Format a number of bytes with a decimal prefix."""
    size, unit = float(size_bytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"


def length_text(length_um: float) -> str:
    """Format a length in nm, µm or mm."""
    factor, unit = (1e-3, "nm") if length_um < 1 else (1.0, "µm") if length_um < 1000 else (1e3, "mm")
    return f"{length_um / factor:.4g} {unit}"
