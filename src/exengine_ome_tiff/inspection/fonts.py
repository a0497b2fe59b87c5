"""Drawing on pictures, with text in the installed font that covers most of it.

Pillow's built-in font lacks the micro sign and umlauts, so it is the last resort.
"""

from bisect import bisect_right
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from exengine_ome_tiff.text_format import shortened

if TYPE_CHECKING:
    from PIL import Image, ImageFont

    Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont

_BUILT_IN = ""
_FILES = (
    *("DejaVuSans.ttf", "segoeui.ttf", "arial.ttf", "Arial Unicode.ttf", "NotoSans-Regular.ttf"),
    *("NotoSansCJK-Regular.ttc", "msyh.ttc", "YuGothM.ttc", "malgun.ttf", "Hiragino Sans GB.ttc"),
    _BUILT_IN,
)
"""Common fonts on Linux, Windows and macOS, and Pillow's own."""
_IN_NO_FONT = "\U0010fffe"


class Pen:
    """Draws on a picture; characters without a glyph become their Unicode numbers."""

    def __init__(self, page: "Image.Image") -> None:
        from PIL import ImageDraw

        self.page, self.draw = page, ImageDraw.Draw(page)

    def width(self, text: str, size: int) -> int:
        """Return the width of text in pixels; `size` is the text height in pixels."""
        glyphs, font = _glyphs(text, size)
        return int(self.draw.textlength(glyphs, font=font)) + 1

    def write(
        self, place: tuple[float, float], text: str, size: int, color: str, most: int | None = None
    ) -> None:
        """Write text with its upper left corner at `place`, shortened to at most `most` pixels."""
        glyphs, font = _glyphs(text if most is None else self.fitting(text, size, most), size)
        self.draw.text(place, glyphs, font=font, fill=color)

    def fitting(self, text: str, size: int, most: int) -> str:
        """Replace the middle of a text with dots so that it fits a width in pixels."""
        if self.width(text, size) <= most:
            return text
        lengths = range(3, len(text))
        fits = bisect_right(lengths, most, key=lambda length: self.width(shortened(text, length), size))
        return shortened(text, lengths[fits - 1] if fits else 3)


def _glyphs(text: str, size: int) -> tuple[str, "Font"]:
    """Choose the font that covers most of a text, and replace the characters that it lacks."""
    plain = "".join(character if character.isprintable() else " " for character in text)
    fonts = [font for name in _FILES if (font := _font(name, size)) is not None]
    lacking = [({character for character in plain if not _has(font, character)}, font) for font in fonts]
    missing, font = min(lacking, key=lambda each: len(each[0]))
    escaped = (
        character.encode("ascii", "backslashreplace").decode() if character in missing else character
        for character in plain
    )
    return "".join(escaped), font


@cache
def _font(name: str, size: int) -> "Font | None":
    from PIL import ImageFont

    if name == _BUILT_IN:
        return ImageFont.load_default(size)
    try:
        return ImageFont.truetype(name, size)
    except (OSError, ImportError):  # the font is not installed, or Pillow was built without FreeType
        return None


@cache
def _has(font: "Font", character: str) -> bool:
    if character == " ":
        return True
    try:
        return bytes(font.getmask(character)) != bytes(font.getmask(_IN_NO_FONT))
    except UnicodeEncodeError:  # a bitmap font covers Latin-1 only
        return False
