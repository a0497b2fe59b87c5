"""Display of a dataset: one line for a console, a table for a notebook."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from exengine_ome_tiff.coordinates.axis_text import value_text
from exengine_ome_tiff.coordinates.layout import AxisValue
from exengine_ome_tiff.dataset.stored_images import ImageInfo
from exengine_ome_tiff.text_format import count_text

_IMAGES_OF_LINE, _IMAGES_OF_TABLE, _VALUES = 3, 50, 8
_HEADS = ("", "image", "axes", "pixels", "type", "frames")


@dataclass(frozen=True, slots=True)
class DatasetDisplay:
    """What a console or a notebook shows of a dataset; `images` is None to leave them out."""

    path: str
    state: str
    frames: int
    images: Sequence[ImageInfo] | None

    def line(self) -> str:
        """Return one line, with the first ones of many images."""
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
        """Return a table in HTML, with a row for each image, and the first ones of many."""
        images = self.images or ()
        head = f"{count_text(self.frames, 'frame')} in {count_text(len(images), 'image')}, {self.state}"
        caption = f"<b>TiffStorage</b> {_text(self.path)}<br>{head}"
        rows = [
            _row("td", (str(number), *_cells(image)))
            for number, image in enumerate(images[:_IMAGES_OF_TABLE])
        ]
        left = len(images) - _IMAGES_OF_TABLE
        if left > 0:
            rows.append(f'<tr><td colspan="{len(_HEADS)}">and {count_text(left, "more image")}</td></tr>')
        return (
            f'<table><caption style="text-align: left">{caption}</caption>'
            f"<thead>{_row('th', _HEADS)}</thead><tbody>{''.join(rows)}</tbody></table>"
        )


def _cells(image: ImageInfo) -> tuple[str, ...]:
    labels = ", ".join(f"{axis} = {value_text(value)}" for axis, value in image.coordinates.items())
    axes = [f"{axis} {len(values)}: {_values(values)}" for axis, values in image.axes.items()]
    pixels = " x ".join(str(image.sizes[axis]) for axis in "YXS" if axis in image.sizes)
    frames = (f"{image.n_frames} of " if image.n_frames < image.n_planes else "") + str(image.n_planes)
    name = f"<b>{_text(image.name)}</b>" + (f"<br>{_text(labels)}" if labels else "")
    return name, "<br>".join(map(_text, axes)), pixels, image.dtype, frames


def _row(kind: str, cells: Sequence[str]) -> str:
    start = f'<{kind} style="text-align: left; vertical-align: top">'
    return f"<tr>{''.join(f'{start}{cell}</{kind}>' for cell in cells)}</tr>"


def _sizes(image: ImageInfo) -> str:
    planes = {axis: len(values) for axis, values in image.axes.items()}
    pixels = {axis.lower(): image.sizes[axis] for axis in "YXS" if axis in image.sizes}
    return " ".join(f"{axis}={length}" for axis, length in (planes | pixels).items())


def _values(values: Sequence[AxisValue]) -> str:
    texts = [value_text(value) for value in values]
    return ", ".join(texts if len(texts) <= _VALUES else [*texts[: _VALUES - 2], "...", texts[-1]])


def _text(text: str) -> str:
    """Return text as HTML, without characters that a page cannot have."""
    return escape("".join("\ufffd" if unicodedata.category(each) in ("Cc", "Cs") else each for each in text))
