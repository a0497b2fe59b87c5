"""Channel names and colours, from the OME-XML of finished files or else from the metadata of frames."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from exengine_ome_tiff.coordinates.layout import AxisValue
from exengine_ome_tiff.dataset.facts import Facts
from exengine_ome_tiff.dataset.stored_images import StoredImage
from exengine_ome_tiff.ome.colors import default_color, read_color
from exengine_ome_tiff.ome.xml_reader import ImageElement


class ChannelLook(NamedTuple):
    """Name of a channel, "" if it has none, and its colour as red, green and blue."""

    name: str
    rgb: tuple[int, int, int]


def channel_looks(
    images: Iterable[tuple[StoredImage, ImageElement | None]], facts: Callable[[], Facts]
) -> dict[AxisValue, ChannelLook]:
    """Return name and colour of each channel, by its value along the axis ``channel``.

    Parameters
    ----------
    images
        Images with their OME-XML elements; None if the file is not finished.
    facts
        Returns the facts from the metadata, for images without an element.
    """
    looks: dict[AxisValue, ChannelLook] = {}
    for image, element in images:
        layout = image.layout
        values = layout.values["C"]
        if all(value in looks for value in values):
            continue
        if element is None:
            described = facts().described(layout, image.name).channels
            colors = [each.info.rgb for each in described]
        else:
            inside = layout.sizes["C"] // len(values)
            texts = [element.color(index * inside) for index in range(len(values))]
            colors = [None if text is None else read_color(text) for text in texts]
        for value, name, rgb in zip(values, layout.channel_names, colors, strict=True):
            looks.setdefault(value, ChannelLook(name or "", rgb or default_color(name or "")))
    return looks
