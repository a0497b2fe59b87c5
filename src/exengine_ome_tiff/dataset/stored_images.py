"""The images of a dataset."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

import numpy as np

from exengine_ome_tiff.coordinates.grouping import lay_out
from exengine_ome_tiff.coordinates.keys import place_text
from exengine_ome_tiff.coordinates.layout import ImageLayout, ValueNames
from exengine_ome_tiff.dataset.frame_index import FrameIndex
from exengine_ome_tiff.text_format import list_text
from exengine_ome_tiff.tiff import PixelFormat

ImageChoice: TypeAlias = int | str | Mapping[str, int | str] | None
"""Number, name or coordinates of an image."""


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """One OME image of a dataset.

    Parameters
    ----------
    name
        Name shown by readers.
    coordinates
        Values by axis that identify this image.
    sizes
        Number of planes along T, C and Z, of pixels along Y and X, and of samples S in an RGB image.
    dtype
        Name of the pixel type in the file.
    axes
        Values along each axis inside the image, in order: time, channel and z, each followed by the axis
        folded into it. Axes that no frame had are omitted.
    channels
        Names of the channels; empty if frames had no channel.
    folded_axes
        For T, C or Z with an axis folded into it: name of that axis and its values in order. They vary faster
        than the values of T, C or Z.
    n_frames
        Number of acquired planes.
    n_planes
        T * C * Z.
    """

    name: str
    coordinates: dict[str, int | str]
    sizes: dict[str, int]
    dtype: str
    axes: dict[str, tuple[int | str | None, ...]]
    channels: tuple[str, ...]
    folded_axes: dict[str, tuple[str, tuple[int | str | None, ...]]]
    n_frames: int
    n_planes: int


@dataclass(frozen=True, slots=True, eq=False)
class StoredImage:
    """The layout of an image, and the file and format of its frames."""

    layout: ImageLayout
    name: str
    file: int
    pixels: PixelFormat

    @property
    def coordinates(self) -> dict[str, int | str]:
        """Values by axis that identify this image."""
        return dict(self.layout.labels)

    def info(self) -> ImageInfo:
        """Return the public description."""
        planes = self.layout.sizes
        sizes = {axis: planes[axis] for axis in "TCZ"}
        sizes |= dict(zip("YXS", self.pixels.stored_shape, strict=False))
        channels = tuple(name for name in self.layout.channel_names if name is not None)
        frames = len(self.layout.acquired)
        dtype = self.pixels.stored_dtype.name
        return ImageInfo(
            self.name,
            self.coordinates,
            sizes,
            dtype,
            {axis: tuple(values) for axis, values in self.layout.axes.items()},
            channels,
            {axis: (name, tuple(values)) for axis, (name, values) in self.layout.modulo.items()},
            frames,
            len(self.layout.frames),
        )


Found = TypeVar("Found", bound=ImageInfo | StoredImage)


def find_image(images: Sequence[Found], wanted: ImageChoice) -> Found:
    """Find an image by its number, its name, or coordinates that only it has; None finds the only image.

    Digits are a number, unless an image has them as its name.

    Raises
    ------
    TypeError
        The choice has another type.
    ValueError
        No image matches, or several do.
    """
    if isinstance(wanted, str) and wanted.isdecimal() and all(image.name != wanted for image in images):
        wanted = int(wanted)
    if isinstance(wanted, int | np.integer) and not isinstance(wanted, bool):
        found = list(images[wanted : wanted + 1]) if wanted >= 0 else []
    elif isinstance(wanted, str):
        found = [image for image in images if image.name == wanted]
    elif wanted is None or isinstance(wanted, Mapping):
        coordinates = dict(wanted or {}).items()
        found = [image for image in images if coordinates <= image.coordinates.items()]
    else:
        raise TypeError(f"got image={wanted!r}, expected a number, a name or coordinates")
    if len(found) == 1:
        return found[0]
    if not images:
        raise ValueError("there is no frame yet, so there is no image")
    listed = list_text([f"{number} {image.name!r}" for number, image in enumerate(images)])
    if wanted is None:
        what = f"there are {len(images)} images"
    elif not found:
        what = f"there is no image {place_text(wanted)}"
    else:
        what = f"several images match {place_text(wanted)}"
    raise ValueError(f"{what}, choose one: {listed}")


def stored_images(dataset: FrameIndex, modulo: Mapping[str, str]) -> list[StoredImage]:
    """Lay out all frames in images, which have no names yet.

    Grey images come first, because ImageJ shows a grey image after an RGB image as black.

    Parameters
    ----------
    dataset
        The frames.
    modulo
        Extra axes inside images, each with "Z", "C" or "T", into which it is folded.
    """
    coordinates, numbers = dataset.latest()
    images = []
    for layout in lay_out(numbers, coordinates, *dataset.kinds(numbers), modulo):
        file, _ = dataset.place(layout.first_frame)
        pixels = dataset.format(layout.first_frame)
        images.append(StoredImage(layout, "", file, pixels))
    return sorted(images, key=lambda image: image.pixels.samples > 1)


def named_images(
    images: Sequence[StoredImage], names: ValueNames, dataset: str, prefix: str | None = None
) -> list[StoredImage]:
    """Give images and their channels names.

    Parameters
    ----------
    images
        As `stored_images` returns them.
    names
        Names of channels and positions.
    dataset
        Name of an image without labels.
    prefix
        Prefix of all image names.
    """
    named = []
    for image in images:
        layout = replace(image.layout, names=names)
        name = layout.name(dataset, str(image.pixels), prefix)
        named.append(replace(image, layout=layout, name=name))
    return named
