"""Text in pictures: the font that has the most of it, and what no font here has by its number."""

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

    Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont

_FILES = (
    *("DejaVuSans.ttf", "segoeui.ttf", "arial.ttf", "Arial Unicode.ttf", "NotoSans-Regular.ttf"),
    *("NotoSansCJK-Regular.ttc", "msyh.ttc", "YuGothM.ttc", "malgun.ttf", "Hiragino Sans GB.ttc"),
)
"""What Linux, Windows and macOS have, in their folders of fonts."""
_NOTHING = "\U0010fffe"
"""No font has it: shows as what a font shows for what it does not have."""


class Pen:
    """Writes text into a picture.

    Parameters
    ----------
    draw
        Draws into the picture.
    """

    def __init__(self, draw: "ImageDraw.ImageDraw") -> None:
        self._draw = draw

    def width(self, text: str, size: int) -> int:
        """Return how many pixels wide text is; `size` is its height in pixels."""
        shown, font = _shown(text, size)
        return int(self._draw.textlength(shown, font=font)) + 1

    def write(
        self, place: tuple[float, float], text: str, size: int, color: str, most: int | None = None
    ) -> None:
        """Write text with its left upper corner at a place, in at most so many pixels of width."""
        shown, font = _shown(text if most is None else self.fitting(text, size, most), size)
        self._draw.text(place, shown, font=font, fill=color)

    def fitting(self, text: str, size: int, most: int) -> str:
        """Leave out the middle of text so that it is at most so many pixels wide."""
        if self.width(text, size) <= most:
            return text
        low, high = 0, len(text)  # how many characters are kept
        while low < high:
            kept = (low + high + 1) // 2
            if self.width(_without_middle(text, kept), size) <= most:
                low = kept
            else:
                high = kept - 1
        return _without_middle(text, low)


def _without_middle(text: str, kept: int) -> str:
    tail = kept // 2
    return f"{text[: kept - tail]}...{text[len(text) - tail :]}"


def _shown(text: str, size: int) -> tuple[str, "Font"]:
    """Choose the font that has the most of a text; characters that it does not have become numbers."""
    plain = "".join(character if character.isprintable() else " " for character in text)
    best = None
    for font in _fonts(size):
        missing = {character for character in set(plain) if not _has(font, character)}
        if best is None or len(missing) < len(best[0]):
            best = missing, font
        if not missing:
            break
    if best is None:
        raise OSError("Pillow has no font: it was built without FreeType")
    missing, font = best
    escaped = (
        character.encode("ascii", "backslashreplace").decode() if character in missing else character
        for character in plain
    )
    return "".join(escaped), font


def _fonts(size: int) -> Iterator["Font"]:
    for name in (*_FILES, None):
        font = _font(name, size)
        if font is not None:
            yield font


@cache
def _font(name: str | None, size: int) -> "Font | None":
    from PIL import ImageFont

    if name is None:
        return ImageFont.load_default(size)
    try:
        return ImageFont.truetype(name, size)
    except OSError:
        return None


@cache
def _has(font: "Font", character: str) -> bool:
    if character == " ":
        return True
    try:
        return bytes(font.getmask(character)) != bytes(font.getmask(_NOTHING))
    except UnicodeEncodeError:  # a bitmap font has Latin-1 only
        return False
