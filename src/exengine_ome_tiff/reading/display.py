"""Display of a dataset: one line on a console, a table in a notebook."""

import unicodedata
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import zip_longest
from typing import NamedTuple

from exengine_ome_tiff.coordinates.keys import value_text
from exengine_ome_tiff.coordinates.layout import AxisValue
from exengine_ome_tiff.dataset.stored_images import ImageInfo
from exengine_ome_tiff.text_format import count_text

IMAGES_OF_TABLE = 50
_IMAGES_OF_LINE, _VALUES = 3, 8
_HEADS = ("", "image", "axes", "pixels", "type", "frames")


class ImageLook(NamedTuple):
    """Thumbnail, pixel size and channel colours of an image, for the table.

    Parameters
    ----------
    thumbnail
        PNG, or None.
    pixel_size_um
        Height and width of a pixel, None if unknown.
    colors
        Colours as #rrggbb, by values along the axis ``channel``.
    """

    thumbnail: bytes | None
    pixel_size_um: tuple[float | None, float | None]
    colors: Mapping[AxisValue, str]


@dataclass(frozen=True, slots=True)
class DatasetDisplay:
    """Contents of the display; `images` is None to leave them out, `looks` describe the first ones."""

    path: str
    state: str
    frames: int
    images: Sequence[ImageInfo] | None
    looks: Sequence[ImageLook] = ()

    def line(self) -> str:
        """Return one line, with the first few images."""
        parts = [repr(self.path), self.state, count_text(self.frames, "frame")]
        if self.images is not None:
            some = [
                f"{image.name!r} {_sizes(image)} {image.dtype}" for image in self.images[:_IMAGES_OF_LINE]
            ]
            more = ["..."] if len(self.images) > _IMAGES_OF_LINE else []
            count = count_text(len(self.images), "image")
            parts.append(": ".join(filter(None, (count, "; ".join(some + more)))))
        return f"<TiffStorage {', '.join(parts)}>"

    def table(self) -> str:
        """Return an HTML table with one row per image, for the first images."""
        images = self.images or ()
        head = f"{count_text(self.frames, 'frame')} in {count_text(len(images), 'image')}, {self.state}"
        caption = f"<b>TiffStorage</b> {_text(self.path)}<br>{head}"
        looks = self.looks[: min(len(images), IMAGES_OF_TABLE)]
        rows = [
            _row("td", (str(number) + _thumbnail(look), *_cells(image, look)))
            for number, (image, look) in enumerate(zip_longest(images[:IMAGES_OF_TABLE], looks))
        ]
        left = len(images) - IMAGES_OF_TABLE
        if left > 0:
            rows.append(f'<tr><td colspan="{len(_HEADS)}">and {count_text(left, "more image")}</td></tr>')
        return (
            f'<table><caption style="text-align: left">{caption}</caption>'
            f"<thead>{_row('th', _HEADS)}</thead><tbody>{''.join(rows)}</tbody></table>"
        )


def _cells(image: ImageInfo, look: ImageLook | None) -> tuple[str, ...]:
    named = image.name.split(", ")
    texts = [(axis, value_text(value)) for axis, value in image.coordinates.items()]
    labels = ", ".join(f"{axis} = {text}" for axis, text in texts if f"{axis} {text}" not in named)
    colors = look.colors if look is not None else {}
    axes = [
        f"{_text(axis)} {len(values)}: {_values(values, colors if axis == 'channel' else {})}"
        for axis, values in image.axes.items()
    ]
    pixels = " x ".join(str(image.sizes[axis]) for axis in "YXS" if axis in image.sizes)
    sizes = [f"{size:g}" for size in (look.pixel_size_um if look is not None else ()) if size is not None]
    if sizes:
        pixels += f"<br>{' x '.join(dict.fromkeys(sizes))} µm"
    frames = (f"{image.n_frames} of " if image.n_frames < image.n_planes else "") + str(image.n_planes)
    name = f"<b>{_text(image.name)}</b>" + (f"<br>{_text(labels)}" if labels else "")
    return name, "<br>".join(axes), pixels, image.dtype, frames


def _thumbnail(look: ImageLook | None) -> str:
    if look is None or look.thumbnail is None:
        return ""
    return f'<br><img alt="" src="data:image/png;base64,{b64encode(look.thumbnail).decode()}" />'


def _row(kind: str, cells: Sequence[str]) -> str:
    start = f'<{kind} style="text-align: left; vertical-align: top">'
    return f"<tr>{''.join(f'{start}{cell}</{kind}>' for cell in cells)}</tr>"


def _sizes(image: ImageInfo) -> str:
    planes = {axis: len(values) for axis, values in image.axes.items()}
    pixels = {axis.lower(): image.sizes[axis] for axis in "YXS" if axis in image.sizes}
    return " ".join(f"{axis}={length}" for axis, length in (planes | pixels).items())


def _values(values: Sequence[AxisValue], colors: Mapping[AxisValue, str]) -> str:
    """List values in HTML, underlined in their colours."""
    texts = [
        f'<b style="border-bottom: 3px solid {colors[value]}">{_text(value_text(value))}</b>'
        if value in colors
        else _text(value_text(value))
        for value in values
    ]
    return ", ".join(texts if len(texts) <= _VALUES else [*texts[: _VALUES - 2], "...", texts[-1]])


def _text(text: str) -> str:
    """Escape text for HTML, without characters that HTML does not allow."""
    return escape("".join("\ufffd" if unicodedata.category(each) in ("Cc", "Cs") else each for each in text))
