"""Reader of the napari plugin: a layer for each channel, with all positions."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from exengine_ome_tiff.dataset.loader import find_dataset
from exengine_ome_tiff.dataset.location import absolute_path
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.inspection.open_dataset import OpenDataset, OpenImage
from exengine_ome_tiff.inspection.preview_cells import magnitudes, row_channels
from exengine_ome_tiff.ome.colors import hex_color
from exengine_ome_tiff.reading.calibration import Calibration
from exengine_ome_tiff.reading.image_pages import ImagePages

if TYPE_CHECKING:
    import dask.array as da

Layer: TypeAlias = tuple[Any, dict[str, Any], str]
"""Data, keyword arguments and type of a layer for napari."""

_PERCENTILES = (0.5, 99.8)
_NO_UNIT = "pixel"


class _Stack(NamedTuple):
    """Images of one shape that share layers; a slider selects one."""

    images: list[OpenImage]
    levels: list[list[ImagePages]]
    """Pages of each image, then those of its smaller copies."""
    calibration: Calibration


def get_reader(path: str | Sequence[str]) -> Callable[[str | Sequence[str]], list[Layer]] | None:
    """Return the reader if `TiffStorage` wrote every path; None leaves them to other plugins."""
    try:
        for each in _paths(path):
            find_dataset(absolute_path(each))
    except (OmeTiffError, OSError):
        return None
    return read_layers


def read_layers(path: str | Sequence[str]) -> list[Layer]:
    """Make the layers of datasets, finished or not.

    Parameters
    ----------
    path
        One or more paths, each a single file, a folder, or any file of a folder.

    Returns
    -------
    list of tuple
        A lazy layer for each channel, with name, colour, contrast, scale and units; a pyramid if `finish`
        added one. Images of one shape share layers, with a first axis "image", or the axis that separates
        them if there is only one.
    """
    layers = []
    for each in _paths(path):
        with OpenDataset(each) as data:
            layers += layers_of(data)
    return layers


def layers_of(data: OpenDataset) -> list[Layer]:
    """Make the layers of a dataset; see `read_layers`."""
    layers, stacks = list[Layer](), _stacks(data)
    for stack in stacks:
        layers += _layers(data, stack, stack.images[0].name if len(stacks) > 1 else "")
    return layers


def newest_place(data: OpenDataset) -> tuple[int, ...]:
    """Return the indices of the newest frame along the sliders."""
    newest = data.frames.latest()[1].max()
    for stack in _stacks(data):
        for image, (pages, *_) in enumerate(stack.levels):
            found = np.argwhere(pages.frames == newest)
            if len(found):
                axes = stack.images[0].layout.axes
                inside = [number for number, axis in zip(found[0], axes, strict=True) if axis != "channel"]
                return (*((image,) if len(stack.images) > 1 else ()), *map(int, inside))
    return ()


def _paths(path: str | Sequence[str]) -> list[Path]:
    return [Path(each) for each in ([path] if isinstance(path, str) else path)]


def _stacks(data: OpenDataset) -> list[_Stack]:
    """Group images that fit into one array."""
    stacks: dict[object, _Stack] = {}
    for image in data.images:
        levels, calibration = _levels(data, image), data.calibration(image)
        names = tuple(channel.name for channel in row_channels(image))
        kinds = tuple(pages.kind for pages in levels)
        key = levels[0].frames.shape, kinds, tuple(image.layout.axes), names, calibration.pixel_size_um
        stack = stacks.setdefault(key, _Stack([], [], calibration))
        stack.images.append(image)
        stack.levels.append(levels)
    return list(stacks.values())


def _levels(data: OpenDataset, image: OpenImage) -> list[ImagePages]:
    """Return the pages of an image, then those of the smaller copies that all of them have."""
    levels = [ImagePages.of(data.frames, image)]
    if data.header.coding.pyramid_levels:
        with suppress(ValueError):  # raised by the first missing level
            while True:
                levels.append(ImagePages.of(data.frames, image, len(levels)))
    return levels


def _array(data: OpenDataset, pages: Sequence[ImagePages]) -> "da.Array":
    """Make an array of images, with a first axis if there are several."""
    import dask.array as da

    from exengine_ome_tiff.reading.dask_array import lazy_array

    arrays = [lazy_array(data.frames, each.frames, each.locations, each.kind) for each in pages]
    stacked: da.Array = da.stack(arrays) if len(arrays) > 1 else arrays[0]  # type: ignore[no-untyped-call]
    return stacked


def _layers(data: OpenDataset, stack: _Stack, prefix: str) -> list[Layer]:
    """Make the layers of a stack."""
    first = stack.images[0]
    arrays = [_array(data, pages) for pages in zip(*stack.levels, strict=True)]
    axes, scale, units = _axes(first, stack.calibration)
    if len(stack.images) > 1:
        labels = {axis for image in stack.images for axis in image.coordinates}
        axes = [labels.pop() if len(labels) == 1 else "image", *axes]
        scale, units = [1.0, *scale], [_NO_UNIT, *units]
    is_rgb = len(stack.levels[0][0].kind.shape) > 2
    settings = {"blending": "additive", "rgb": is_rgb, "multiscale": len(arrays) > 1}
    at = axes.index("channel") if "channel" in axes else None
    along = [kept for kept in range(len(axes)) if kept != at]
    settings |= {
        "axis_labels": [axes[kept] for kept in along],
        "scale": [scale[kept] for kept in along],
        "units": [units[kept] for kept in along],
        "metadata": {"path": str(data.location.path), "images": [image.name for image in stack.images]},
    }
    layers: list[Layer] = []
    for number, channel in enumerate(row_channels(first)):
        parts = arrays if at is None else [array[(slice(None),) * at + (number,)] for array in arrays]
        name = ", ".join(filter(None, (prefix, channel.name))) or first.name
        own = {"name": name, "contrast_limits": _contrast(data, stack, number)}
        if not is_rgb:
            own["colormap"] = hex_color(channel.color)
        layers.append((parts if len(parts) > 1 else parts[0], settings | own, "image"))
        if at is None:
            break
    return layers


def _axes(image: OpenImage, calibration: Calibration) -> tuple[list[str], list[float], list[str]]:
    """Return names, steps and units of the axes of an image."""
    known = {
        "time": (calibration.time_interval_s, "s"),
        "z": (calibration.z_step_um, "um"),
        "y": (calibration.pixel_size_um[0], "um"),
        "x": (calibration.pixel_size_um[1], "um"),
    }
    axes = [*image.layout.axes, "y", "x"]
    steps = [known.get(axis, (None, "")) for axis in axes]
    units = [_NO_UNIT if step is None else unit for step, unit in steps]
    return axes, [1.0 if step is None else step for step, _ in steps], units


def _contrast(data: OpenDataset, stack: _Stack, channel: int) -> tuple[float, float]:
    """Return percentiles of the middle frame of a channel."""
    for image in stack.images:
        numbers = image.layout.cube()[:, channel]
        numbers = numbers[numbers >= 0]
        if numbers.size:
            plane = magnitudes(data.frames.stored(numbers[len(numbers) // 2])).astype(np.float64)
            low, high = np.percentile(plane[np.isfinite(plane)], _PERCENTILES) if plane.size else (0, 1)
            return float(low), float(max(high, low + 1))
    return 0.0, 1.0
