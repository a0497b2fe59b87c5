"""Images in the HTML table of a dataset: thumbnail, pixel size and channel colours."""

import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates.keys import FrameNumber
from exengine_ome_tiff.coordinates.layout import AxisValue
from exengine_ome_tiff.dataset.facts import Facts
from exengine_ome_tiff.dataset.frame_index import FrameIndex
from exengine_ome_tiff.dataset.stored_images import StoredImage
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.inspection.preview_cells import (
    Cell,
    Row,
    RowChannel,
    contrast,
    distinct_colors,
    magnitudes,
    picture,
)
from exengine_ome_tiff.ome.colors import GREY, hex_color
from exengine_ome_tiff.ome.xml_reader import ImageElement
from exengine_ome_tiff.reading.calibration import image_elements
from exengine_ome_tiff.reading.channel_look import ChannelLook, channel_looks
from exengine_ome_tiff.reading.display import ImageLook
from exengine_ome_tiff.tiff import BAND_BYTES, read_bands
from exengine_ome_tiff.viewers.viewed_dataset import ViewedDataset

_SIDE_PX = 64
_MOST_CHANNELS = 6
_MOST_FRAMES = 20_000
"""With more frames, reading the OME-XML and metadata would take seconds."""
_MOST_BYTES = 64 << 20
"""Pixel data read for all thumbnails except the first."""


def image_looks(dataset: ViewedDataset, most: int) -> list[ImageLook]:
    """Return the looks of the first images; without colours and pixel sizes if the dataset is huge.

    Parameters
    ----------
    dataset
        An open dataset.
    most
        Maximum number of images.
    """
    recording = dataset.recording()
    every = dataset.images(recording)
    images, index = every[:most], recording.index
    looks: Mapping[AxisValue, ChannelLook] = {}
    sizes: list[tuple[float | None, float | None]] = [(None, None)] * len(images)
    if len(index) <= _MOST_FRAMES:
        written = dataset.facts()
        facts = cache(recording.facts if written is None else lambda: written)
        elements = [None] * len(every) if written is not None else image_elements(recording, every)
        looks = channel_looks(zip(images, elements, strict=False), facts)
        sizes = [_pixel_size(*each, facts) for each in zip(images, elements, strict=False)]
    found: list[ImageLook] = []
    left = _MOST_BYTES
    for image, size in zip(images, sizes, strict=True):
        channels = _channels(image, looks)
        cost = image.pixels.nbytes * min(len(channels), _MOST_CHANNELS)
        thumbnail = _thumbnail(index, image, channels) if cost <= left or not found else None
        left -= cost
        colors = {
            value: hex_color(channel.color)
            for value, channel in zip(image.layout.values["C"], channels, strict=True)
            if value in looks
        }
        found.append(ImageLook(thumbnail, size, colors))
    return found


def _pixel_size(
    image: StoredImage, element: ImageElement | None, facts: Callable[[], Facts]
) -> tuple[float | None, float | None]:
    if element is not None:
        return element.length_um("PhysicalSizeY"), element.length_um("PhysicalSizeX")
    values = facts().described(image.layout, image.name)
    return values.pixel_size_y_um, values.pixel_size_x_um


def _channels(image: StoredImage, looks: Mapping[AxisValue, ChannelLook]) -> list[RowChannel]:
    layout = image.layout
    colors = distinct_colors([looks[each].rgb if each in looks else GREY for each in layout.values["C"]])
    return [RowChannel(str(number), color) for number, color in enumerate(colors)]


def _thumbnail(index: FrameIndex, image: StoredImage, channels: Sequence[RowChannel]) -> bytes | None:
    """Draw the first time point in the middle of z; None if a page cannot be read."""
    layout = image.layout
    inside = layout.sizes["C"] // len(channels)
    numbers = layout.cube()[0, ::inside, layout.sizes["Z"] // 2]
    step = -(-max(image.pixels.stored_shape[:2]) // _SIDE_PX)
    shown = tuple(channels[:_MOST_CHANNELS])
    try:
        planes = [
            None if number < 0 else _thinned(index, number, step) for number in numbers[: len(shown)].tolist()
        ]
    except (OSError, OmeTiffError):  # reported when the frame itself is read
        return None
    row = Row("", shown, image.pixels.stored_dtype, (0, 0), None, (Cell("", tuple(planes)),))
    merged = picture(row, row.cells[0], contrast([row]))
    return None if merged is None else png(merged)


def _thinned(index: FrameIndex, number: FrameNumber, step: int) -> npt.NDArray[np.float32]:
    """Read a frame, and return each `step`-th pixel of each `step`-th row."""
    file, handle = index.place(number)
    journal = index.files[file]
    pixels, at = journal.pages.place(handle)
    is_large = pixels.nbytes > BAND_BYTES  # then it does not wait in memory
    bands = read_bands(journal.file, at, pixels) if is_large else [journal.stored(handle)]
    top, parts = 0, []
    for band in bands:
        parts.append(magnitudes(band[-top % step :: step, ::step]).astype(np.float32))
        top += len(band)
    return np.concatenate(parts)


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Encode RGB pixels, shape (Y, X, 3), as PNG."""
    height, width = pixels.shape[:2]
    rows = np.zeros((height, 1 + width * 3), np.uint8)  # each row starts with its filter type, 0 for none
    rows[:, 1:] = pixels.reshape(height, -1)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows.tobytes())),
        (b"IEND", b""),
    )
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
