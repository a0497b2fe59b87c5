"""The images that the frames of a dataset make."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from exengine_ome_tiff.coordinates import ImageLayout, lay_out
from exengine_ome_tiff.dataset.frame_index import Dataset
from exengine_ome_tiff.text_format import list_text
from exengine_ome_tiff.tiff import PixelFormat

ImageChoice: TypeAlias = int | str | Mapping[str, int | str] | None
"""Number, name or labels of an image."""


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """One OME image of a dataset.

    Parameters
    ----------
    name
        What readers show.
    labels
        Axis to value of all axes that tell this image from the others.
    sizes
        Planes along T, C and Z, pixels along Y and X, and samples S of an RGB image.
    dtype
        Name of the pixel type in the file.
    axes
        Values along each axis inside the image, in order: time, channel and z, each before the one of
        `modulo`; None where a frame lacked it. An axis that no frame had is left out.
    channels
        Names of the channels; empty where frames had no channel.
    modulo
        For those of T, C and Z that another axis was kept inside of: name of that axis, and its values in
        order; they vary faster than those of the axis that they are inside of.
    frames
        How many planes were acquired, of T * C * Z.
    """

    name: str
    coordinates: dict[str, int | str]
    sizes: dict[str, int]
    dtype: str
    axes: dict[str, tuple[int | str | None, ...]]
    channels: tuple[str, ...]
    folded_axes: dict[str, tuple[str, tuple[int | str | None, ...]]]
    n_frames: int


class StoredImage(NamedTuple):
    """The layout of an image, and where and what its frames are."""

    layout: ImageLayout
    name: str
    file: int
    pixels: PixelFormat

    def info(self) -> ImageInfo:
        """Return what a user wants to know."""
        sizes = {axis: self.layout.sizes[axis] for axis in "TCZ"}
        sizes |= dict(zip("YXS", self.pixels.stored_shape, strict=False))
        channels = tuple(str(value) for value in self.layout.values["C"] if value is not None)
        frames = int((self.layout.frames >= 0).sum())
        dtype = self.pixels.stored_dtype.name
        return ImageInfo(
            self.name,
            dict(self.layout.labels),
            sizes,
            dtype,
            self.layout.axes,
            channels,
            dict(self.layout.modulo),
            frames,
        )


def find_image(images: Sequence[StoredImage], wanted: ImageChoice) -> StoredImage:
    """Find an image by its number, its name, or labels that only it has; None means the only one there is.

    Raises
    ------
    TypeError
        It is nothing that chooses an image.
    ValueError
        There is no such image, or there are several.
    """
    if isinstance(wanted, int | np.integer) and not isinstance(wanted, bool):
        found = list(images[wanted : wanted + 1]) if wanted >= 0 else []
    elif isinstance(wanted, str):
        found = [image for image in images if image.name == wanted]
    elif wanted is None or isinstance(wanted, Mapping):
        labels = dict(wanted or {}).items()
        found = [image for image in images if labels <= dict(image.layout.labels).items()]
    else:
        raise TypeError(f"got image={wanted!r}, expected a number, a name or labels")
    if len(found) == 1:
        return found[0]
    if not images:
        raise ValueError("there is no frame yet, and so no image")
    some = list_text([repr(image.name) for image in images])
    what = "several images" if found else "no image"
    raise ValueError(f"got image={wanted!r}, which is {what}; there are {len(images)}: {some}")


def stored_images(
    dataset: Dataset, name: str, modulo: Mapping[str, str], prefix: str | None = None
) -> list[StoredImage]:
    """Lay out all frames; gray images first, as ImageJ shows a gray one black behind an RGB one.

    Parameters
    ----------
    dataset
        The frames.
    name
        For an image without labels.
    modulo
        Axes that are kept inside of images, and the one of Z, C and T that each of them is inside of.
    prefix
        What all names of images begin with.
    """
    keys, numbers = dataset.latest()
    images = []
    for layout in lay_out(numbers, keys, dataset.kinds(numbers), dataset.axes, modulo):
        file, _ = dataset.place(layout.first_frame)
        pixels = dataset.format(layout.first_frame)
        images.append(StoredImage(layout, layout.name(name, str(pixels), prefix), file, pixels))
    return sorted(images, key=lambda image: image.pixels.samples > 1)
