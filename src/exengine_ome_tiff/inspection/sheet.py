"""The contact sheet: a picture with one row per image and one column per time point."""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Literal

from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.inspection.contrast import Limits, contrast, light, picture
from exengine_ome_tiff.inspection.fonts import Pen
from exengine_ome_tiff.inspection.open_dataset import OpenDataset
from exengine_ome_tiff.inspection.sheet_cells import Cell, Row, Z, read_row, thinned
from exengine_ome_tiff.text_format import count_text, length_text

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

_BACKGROUND, _TEXT, _DIM, _MISSING = "#15171c", "#f2f2f2", "#a8adb8", "#2a2e37"
_MARGIN, _GAP = 14, 6
_TITLE, _BODY, _SMALL = 20, 14, 12
_LEAST_WIDTH = 520
_LABEL_WIDTH = 90, 160
"""Pixels that the names of rows take, at the least and at the most."""
_BAR_PART = 0.4
"""How much of a cell's width a scale bar takes at the most."""
_STEPS = (5, 2, 1)


@dataclass(frozen=True, slots=True)
class ContactSheet:
    """A picture of a dataset.

    Parameters
    ----------
    encoded
        Contents of the picture file.
    width, height
        Size in pixels.
    images, times
        Number of images in the sheet, and of time points in its longest row.
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


def contact_sheet(
    path: str | PathLike[str],
    *,
    rows: int = 12,
    columns: int = 6,
    z: Z = "middle",
    cell_px: int = 192,
    format: Literal["PNG", "JPEG"] = "PNG",  # noqa: A002 - Pillow's name
) -> ContactSheet:
    """Draw a dataset: one row per image, one column per time point, channels in their colours.

    Each channel has the same contrast in all cells, computed from percentiles of the pixels in the sheet.

    Parameters
    ----------
    path
        A single file, a folder, or any file of a folder; finished or not.
    rows, columns
        Maximum number of images and time points (evenly sampled); at least 1.
    z
        "middle": the middle plane; "max": the maximum projection.
    cell_px
        Longer side of a cell in pixels, 32 to 1024.
    format
        "PNG" or "JPEG".

    Returns
    -------
    ContactSheet

    Raises
    ------
    ValueError
        An option has an invalid value.
    ImportError
        Pillow is not installed (extra `show`).
    OmeTiffError
        `path` was not written by `TiffStorage`, or contains no frame.
    """
    if min(rows, columns) < 1 or not 32 <= cell_px <= 1024:
        raise ValueError("a sheet has 1 row and column at least, and cells of 32 to 1024 pixels")
    try:
        import PIL  # noqa: F401 - fail before anything is read
    except ImportError as error:
        raise ImportError('drawing needs Pillow: pip install "exengine-ome-tiff[show]"') from error
    with OpenDataset(path) as data:
        if not data.images:
            raise OmeTiffError(f"{data.location.path}: no frame is in it")
        chosen = thinned(len(data.images), rows)
        drawn_rows = [read_row(data, data.images[number], columns, z, cell_px) for number in chosen]
        all_times = max(image.layout.sizes["T"] for image in data.images)
        times = max(len(row.cells) for row in drawn_rows)
        title = data.location.path.name, _subtitle(data, len(chosen), times, all_times, z)
    sheet = _drawn(title, drawn_rows)
    encoded = io.BytesIO()
    sheet.save(encoded, format)
    return ContactSheet(
        encoded.getvalue(), sheet.width, sheet.height, len(drawn_rows), times, len(data.images), all_times
    )


def _drawn(title: tuple[str, str], rows: Sequence[Row]) -> "Image.Image":
    """Draw the rows below a two-line title."""
    from PIL import Image, ImageDraw

    pen = Pen(ImageDraw.Draw(Image.new("RGB", (1, 1))))
    least, most = _LABEL_WIDTH
    label_width = max(least, min(most, max(pen.width(row.name, _BODY) for row in rows)))
    left = _MARGIN + label_width + _GAP * 2
    cell_width = max(row.size[0] for row in rows)
    times = max(len(row.cells) for row in rows)
    width = max(_LEAST_WIDTH, left + times * (cell_width + _GAP) - _GAP + _MARGIN)
    limits = contrast(rows)
    room = width - 2 * _MARGIN
    legend = _legend(rows, pen, room)
    top = _MARGIN + _TITLE + 6 + _BODY + 8 + len(legend) * (_BODY + 6) + _GAP
    heights = [_row_height(row) for row in rows]
    sheet = Image.new("RGB", (width, top + sum(heights) + _MARGIN), _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    pen = Pen(draw)
    pen.write((_MARGIN, _MARGIN), title[0], _TITLE, _TEXT, room)
    pen.write((_MARGIN, _MARGIN + _TITLE + 8), title[1], _BODY, _DIM, room)
    for line, entries in enumerate(legend):
        y = _MARGIN + _TITLE + 6 + _BODY + 10 + line * (_BODY + 6)
        for x, name, color in entries:
            draw.rectangle((_MARGIN + x, y + 3, _MARGIN + x + 10, y + 13), fill=color)
            pen.write((_MARGIN + x + 16, y), name, _BODY, _TEXT, room - 16)
    y = top
    for row, height in zip(rows, heights, strict=True):
        cells_at = y + _caption_height(row)
        pen.write((_MARGIN, cells_at), row.name, _BODY, _TEXT, label_width)
        for column, cell in enumerate(row.cells):
            x = left + column * (cell_width + _GAP)
            pen.write((x, y), cell.caption, _SMALL, _DIM, row.size[0])
            _draw_cell(sheet, draw, pen, (x, cells_at), row, cell, limits)
        _draw_bar(draw, pen, (_MARGIN, cells_at + _BODY + 16), row)
        y += height
    return sheet


def _subtitle(data: OpenDataset, images: int, times: int, all_times: int, z: Z) -> str:
    """Describe how much of the dataset the sheet shows."""

    def part(some: int, every: int, thing: str) -> str:
        return (f"{some:,} of " if some < every else "") + count_text(every, thing)

    parts = [part(images, len(data.images), "image"), part(times, all_times, "time point")]
    if max(image.layout.sizes["Z"] for image in data.images) > 1:
        parts.append("maximum along z" if z == "max" else "middle of z")
    if not data.is_finished:
        parts.append("not finished")
    return ", ".join(parts)


def _legend(rows: Sequence[Row], pen: Pen, room: int) -> list[list[tuple[int, str, str]]]:
    """Arrange channel names in lines: position, name and colour of each."""
    entries = {
        channel.name: "#" + "".join(f"{round(part * 255):02x}" for part in light(channel.color).tolist())
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


def _caption_height(row: Row) -> int:
    return _SMALL + 6 if any(cell.caption for cell in row.cells) else 0


def _row_height(row: Row) -> int:
    """Return the height of a row, including its name and scale bar."""
    beside = _BODY + (16 + _SMALL + 14 if row.pixel_um is not None else 6)
    return _caption_height(row) + max(row.size[1], beside) + _GAP * 2


def _draw_cell(
    sheet: "Image.Image",
    draw: "ImageDraw.ImageDraw",
    pen: Pen,
    place: tuple[int, int],
    row: Row,
    cell: Cell,
    limits: Limits,
) -> None:
    """Draw the pixels of a cell; name missing channels, and cross the cell out if all are missing."""
    from PIL import Image

    (x, y), (width, height) = place, row.size
    pixels = picture(row, cell, limits)
    if pixels is None:
        draw.rectangle((x, y, x + width - 1, y + height - 1), fill=_MISSING)
        draw.line((x, y, x + width - 1, y + height - 1), fill=_DIM)
        draw.line((x, y + height - 1, x + width - 1, y), fill=_DIM)
        return
    sheet.paste(Image.fromarray(pixels), place)
    missing = [
        channel.name for channel, plane in zip(row.channels, cell.planes, strict=True) if plane is None
    ]
    if missing:
        text = pen.fitting(f"without {', '.join(missing)}", _SMALL, width - 4)
        draw.rectangle((x, y + height - _SMALL - 6, x + width - 1, y + height - 1), fill=_MISSING)
        pen.write((x + 3, y + height - _SMALL - 4), text, _SMALL, _TEXT)


def _draw_bar(draw: "ImageDraw.ImageDraw", pen: Pen, place: tuple[int, int], row: Row) -> None:
    """Draw a scale bar of round length if the pixel size is known."""
    if row.pixel_um is None:
        return
    x, y = place
    length_um = round_length(min(_BAR_PART * row.size[0], _LABEL_WIDTH[0]) * row.pixel_um)
    length_px = max(1, round(length_um / row.pixel_um))
    draw.rectangle((x, y, x + length_px - 1, y + 3), fill=_TEXT)
    pen.write((x, y + 7), length_text(length_um), _SMALL, _TEXT)


def round_length(most: float) -> float:
    """Return the largest of 1, 2 and 5 times a power of ten that does not exceed a length."""
    power = 10.0 ** math.floor(math.log10(most))
    return next(step * power for step in _STEPS if step * power <= most * (1 + 1e-9))
