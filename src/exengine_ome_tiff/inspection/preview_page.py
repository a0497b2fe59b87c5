"""The preview: one picture of a dataset, with title, legend and scale bar."""

import io
import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from os import PathLike
from typing import TYPE_CHECKING, Literal, TypeAlias

from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.inspection.open_dataset import OpenDataset
from exengine_ome_tiff.inspection.preview_cells import Cell, Limits, Row, Z, contrast, light, picture
from exengine_ome_tiff.inspection.preview_layout import PreviewLayout, how_many, in_grid, in_mosaic, in_rows
from exengine_ome_tiff.inspection.preview_plate import on_plate
from exengine_ome_tiff.ome.colors import hex_color
from exengine_ome_tiff.text_format import length_text, shortened

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

_BACKGROUND, _TEXT, _DIM, _MISSING, _FAILED = "#15171c", "#f2f2f2", "#a8adb8", "#2a2e37", "#ff9a3c"
_MARGIN, _GAP = 14, 6
_TITLE, _BODY, _SMALL = 20, 14, 12
_LEAST_WIDTH = 520
_BAR_PX = 160
_BAR_PART = 0.4
"""Largest width of a scale bar, as a fraction of a cell."""
_STEPS = (5, 2, 1)


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


@dataclass(frozen=True, slots=True)
class Preview:
    """A picture of a dataset.

    Parameters
    ----------
    encoded
        Contents of the picture file.
    width, height
        Size in pixels.
    images, times
        Number of images in the picture, and of time points in its longest row.
    all_images, all_times
        Number of images and time points in the dataset.
    """

    encoded: bytes
    width: int
    height: int
    images: int
    times: int
    all_images: int
    all_times: int


def preview(
    path: str | PathLike[str],
    *,
    images: int | None = None,
    columns: int = 6,
    z: Z = "middle",
    cell_px: int = 192,
    format: Literal["PNG", "JPEG"] = "PNG",  # noqa: A002 - Pillow's name
) -> Preview:
    """Draw a dataset on one page, channels merged in their colours.

    Images in wells form a plate map. Tiles that touch, by their stage positions or else by ``row`` and
    ``column``, form a mosaic. Other images with one time point form a grid. Otherwise each image is a row,
    and each time point a column, empty for images without it. Plate maps and mosaics show the first time
    point. Each channel has the same contrast in all cells, computed from percentiles of the pixels in the
    picture.

    Parameters
    ----------
    path
        A single file, a folder, or any file of a folder; finished or not.
    images
        Maximum number of images, evenly chosen, at least 1: by default 12 rows, or 60 in a grid. A plate and
        a mosaic show all.
    columns
        Maximum number of time points, evenly chosen, or of images side by side; at least 1.
    z
        "middle": the middle plane; "max": the maximum projection.
    cell_px
        Longer side of a cell in pixels, 32 to 1024; smaller in a large plate or mosaic.
    format
        "PNG" or "JPEG".

    Returns
    -------
    Preview

    Raises
    ------
    ValueError
        An option has an invalid value.
    ImportError
        Pillow is not installed (extra `preview`).
    OmeTiffError
        `path` was not written by `TiffStorage`, or contains no frame.
    """
    if min(1 if images is None else images, columns) < 1 or not 32 <= cell_px <= 1024:
        raise ValueError("images and columns must be at least 1, and cells 32 to 1024 pixels")
    try:
        import PIL  # noqa: F401 - fail before anything is read
    except ImportError as error:
        raise ImportError('drawing needs Pillow: pip install "exengine-ome-tiff[preview]"') from error
    with OpenDataset(path) as data:
        if not data.images:
            raise OmeTiffError(f"{data.location.path} contains no frame")
        all_times = max(image.layout.sizes["T"] for image in data.images)
        body = on_plate(data, z, cell_px) or in_mosaic(data, data.images, z, cell_px)
        if body is None:
            body = (in_grid if all_times == 1 else in_rows)(data, data.images, images, columns, z, cell_px)
        all_times = max(all_times, body.all_times)  # images may have different time points
        title = data.location.path.name, _subtitle(data, body, all_times, z)
    page = _drawn(title, body)
    encoded = io.BytesIO()
    page.save(encoded, format)
    return Preview(
        encoded.getvalue(), page.width, page.height, body.images, body.times, len(data.images), all_times
    )


def _drawn(title: tuple[str, str], body: PreviewLayout) -> "Image.Image":
    """Draw the cells below a title, and a scale bar below them."""
    from PIL import Image

    rows = list({id(placed.row): placed.row for placed in body.cells}.values())
    limits = contrast(rows)
    body_width, body_height = body.size
    width = max(_LEAST_WIDTH, body_width + 2 * _MARGIN)
    room = width - 2 * _MARGIN
    legend = _legend(rows, Pen(Image.new("RGB", (1, 1))), room)
    top = _MARGIN + _TITLE + 6 + _BODY + 8 + len(legend) * (_BODY + 6) + _GAP
    bar_at = top + body_height + _GAP
    pen = Pen(Image.new("RGB", (width, bar_at + 7 + _SMALL + _MARGIN), _BACKGROUND))
    pen.write((_MARGIN, _MARGIN), title[0], _TITLE, _TEXT, room)
    pen.write((_MARGIN, _MARGIN + _TITLE + 8), title[1], _BODY, _DIM, room)
    for line, entries in enumerate(legend):
        y = _MARGIN + _TITLE + 6 + _BODY + 10 + line * (_BODY + 6)
        for x, name, color in entries:
            pen.draw.rectangle((_MARGIN + x, y + 3, _MARGIN + x + 10, y + 13), fill=color)
            pen.write((_MARGIN + x + 16, y), name, _BODY, _TEXT, room - 16)
    _draw_body(pen, (_MARGIN, top), body, limits)
    _draw_bar(pen, (_MARGIN, bar_at), rows)
    return pen.page


def _draw_body(pen: Pen, corner: tuple[int, int], body: PreviewLayout, limits: Limits) -> None:
    left, top = corner
    for row, cell, (x, y) in body.cells:
        _draw_cell(pen, (left + x, top + y), row, cell, limits)
    for boxes, color, width in ((body.outlines, _MISSING, 1), (body.failed, _FAILED, 2)):
        for x0, y0, x1, y1 in boxes:
            pen.draw.rectangle((left + x0, top + y0, left + x1, top + y1), outline=color, width=width)
    for note in body.notes:
        color = _TEXT if note.size > _SMALL else _DIM
        pen.write((left + note.at[0], top + note.at[1]), note.text, note.size, color, note.width)


def _subtitle(data: OpenDataset, body: PreviewLayout, all_times: int, z: Z) -> str:
    """Describe how much of the dataset the preview shows."""
    parts = [how_many(body.images, len(data.images), "image"), how_many(body.times, all_times, "time point")]
    if max(image.layout.sizes["Z"] for image in data.images) > 1:
        parts.append("maximum along z" if z == "max" else "middle of z")
    if not data.is_finished:
        parts.append("not finished")
    return ", ".join([*parts, *body.details])


def _legend(rows: Sequence[Row], pen: Pen, room: int) -> list[list[tuple[int, str, str]]]:
    """Arrange channel names in lines: position, name and colour of each."""
    entries = {
        channel.name: hex_color([round(part * 255) for part in light(channel.color).tolist()])
        for row in rows
        for channel in row.channels
        if channel.name
    }
    lines: list[list[tuple[int, str, str]]] = []
    x = 0
    for name, color in entries.items():
        fitting = pen.fitting(name, _BODY, room - 16)
        width = pen.width(fitting, _BODY) + 16
        if not lines or x + width > room:
            lines.append([])
            x = 0
        lines[-1].append((x, fitting, color))
        x += width + 18
    return lines


def _draw_cell(pen: Pen, place: tuple[int, int], row: Row, cell: Cell, limits: Limits) -> None:
    """Draw the pixels of a cell; name missing channels, and cross the cell out if all are missing."""
    from PIL import Image

    (x, y), (width, height), draw = place, row.size, pen.draw
    pixels = picture(row, cell, limits)
    if pixels is None:
        draw.rectangle((x, y, x + width - 1, y + height - 1), fill=_MISSING)
        draw.line((x, y, x + width - 1, y + height - 1), fill=_DIM)
        draw.line((x, y + height - 1, x + width - 1, y), fill=_DIM)
        return
    pen.page.paste(Image.fromarray(pixels), place)
    missing = [
        channel.name for channel, plane in zip(row.channels, cell.planes, strict=True) if plane is None
    ]
    if missing:
        text = pen.fitting(f"without {', '.join(missing)}", _SMALL, width - 4)
        draw.rectangle((x, y + height - _SMALL - 6, x + width - 1, y + height - 1), fill=_MISSING)
        pen.write((x + 3, y + height - _SMALL - 4), text, _SMALL, _TEXT)


def _draw_bar(pen: Pen, place: tuple[int, int], rows: Sequence[Row]) -> None:
    """Draw one scale bar of round length if all images have the same known scale."""
    scales = {None if row.pixel_um is None else float(f"{row.pixel_um:.6g}") for row in rows}
    scale = scales.pop() if len(scales) == 1 else None
    x, y = place
    if scale is None:
        if scales:
            pen.write((x, y), "no scale bar: scales differ", _SMALL, _DIM)
        return
    widest = max(row.size[0] for row in rows)
    length_um = round_length(min(_BAR_PART * widest, _BAR_PX) * scale)
    length_px = max(1, round(length_um / scale))
    pen.draw.rectangle((x, y, x + length_px - 1, y + 3), fill=_TEXT)
    pen.write((x, y + 7), length_text(length_um), _SMALL, _TEXT)


def round_length(most: float) -> float:
    """Return the largest of 1, 2 and 5 times a power of ten that does not exceed a length."""
    power = 10.0 ** math.floor(math.log10(most))
    return next(step * power for step in _STEPS if step * power <= most * (1 + 1e-9))
