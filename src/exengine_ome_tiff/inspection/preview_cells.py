"""Images and cells of a preview: the planes shown, their downsampled pixels, contrast and colours."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.inspection.open_dataset import OpenDataset, OpenImage
from exengine_ome_tiff.ome.colors import GREY, default_color, read_color
from exengine_ome_tiff.reading.image_pages import level_pages
from exengine_ome_tiff.text_format import duration_text
from exengine_ome_tiff.tiff import BAND_BYTES, PixelFormat, Window, read_page

Z: TypeAlias = Literal["middle", "max"]
Color: TypeAlias = tuple[int, int, int]

_SPARE = ((0, 255, 0), (255, 0, 255), (0, 255, 255), (255, 255, 0), (255, 128, 0), (80, 120, 255))
"""Colours for channels without a colour, if there are several."""

Limits: TypeAlias = Mapping[tuple[str, str], tuple[float, float]]
"""Values shown as black and as brightest, by channel and pixel type."""

_PERCENTILES = (1.0, 99.8)
_LEAST_LUMINANCE = 0.2
_WEIGHTS = np.array([0.2126, 0.7152, 0.0722])


@dataclass(frozen=True, slots=True)
class RowChannel:
    """A channel of a row: its name ("" for frames without a channel) and its colour in the preview."""

    name: str
    color: Color


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """A time point: its caption and the downsampled pixels of each channel, None for missing frames."""

    caption: str
    planes: tuple[npt.NDArray[np.float32] | None, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """An image of a preview; `size` is its cell size in pixels, `pixel_um` the size of a cell pixel."""

    name: str
    channels: tuple[RowChannel, ...]
    dtype: np.dtype[Any]
    size: tuple[int, int]
    pixel_um: float | None
    cells: tuple[Cell, ...]


def thinned(count: int, most: int) -> list[int]:
    """Choose at most `most` of `count` indices, evenly spaced, including the first and the last."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int)).tolist()  # type: ignore[no-any-return]


def read_times(data: OpenDataset, image: OpenImage, times: Sequence[int], z: Z, cell_px: int) -> Row:
    """Read time points of an image by their indices, the middle plane or the maximum along z."""
    layout, pixels = image.layout, image.pixels
    height, width = pixels.stored_shape[:2]
    scale = cell_px / max(height, width)
    if scale > 1:
        scale = int(scale)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    cube = layout.cube()
    calibration = data.calibration(image)
    times_s = calibration.time_points_s()
    cells = []
    for t in times:
        planes = tuple(_plane(data, pixels, numbers, z, size) for numbers in cube[t])
        cells.append(Cell(_caption(layout.label("T", t), times_s[t]), planes))
    pixel_um = calibration.pixel_size_um[1]
    return Row(
        image.name,
        row_channels(image),
        pixels.stored_dtype,
        size,
        None if pixel_um is None else pixel_um * width / size[0],
        tuple(cells),
    )


def _plane(
    data: OpenDataset, pixels: PixelFormat, numbers: npt.NDArray[np.int64], z: Z, size: tuple[int, int]
) -> npt.NDArray[np.float32] | None:
    """Project all planes of a channel, or read the available plane nearest to the middle."""
    there = np.flatnonzero(numbers >= 0)
    if not there.size:
        return None
    if z == "middle":
        there = there[[np.abs(there - (len(numbers) - 1) / 2).argmin()]]
    if pixels.nbytes > BAND_BYTES:
        return _reduced_in_bands(data, pixels, numbers[there], size)
    planes = (magnitudes(data.frames.stored(number)) for number in numbers[there].tolist())
    return _reduced(reduce(np.fmax, planes), size)


def _reduced_in_bands(
    data: OpenDataset, pixels: PixelFormat, numbers: npt.NDArray[np.int64], size: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """Downsample large planes, or the maximum of several, by bands of the smallest copies that serve."""
    copies = data.header.coding.smaller(pixels) if data.is_finished and len(numbers) == 1 else []
    level = sum(copy.stored_shape[1] >= size[0] and copy.stored_shape[0] >= size[1] for copy in copies)
    pages = level_pages(data.frames, data.frames.pages(numbers), level)
    formats = [pages.known_formats[number] for number in pages.formats.tolist()]
    files = [data.frames.files[number].file for number in pages.files.tolist()]
    height, width = formats[0].stored_shape[:2]
    step, bands = max(1, BAND_BYTES * size[1] // formats[0].nbytes), list[npt.NDArray[np.float32]]()
    for start in range(0, size[1], step):
        stop = min(size[1], start + step)
        first, last = start * height / size[1], stop * height / size[1]
        top = math.floor(first)
        window = Window(top, 0, math.ceil(last), width)
        planes = (
            magnitudes(read_page(file, at, form, window))
            for file, at, form in zip(files, pages.offsets.tolist(), formats, strict=True)
        )
        box = 0, first - top, width, last - top
        bands.append(_reduced(reduce(np.fmax, planes), (size[0], stop - start), box))
    return np.concatenate(bands)


def magnitudes(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the magnitudes of complex pixels, and other pixels unchanged."""
    return np.abs(pixels) if pixels.dtype.kind == "c" else pixels


def _reduced(
    pixels: npt.NDArray[Any], size: tuple[int, int], box: tuple[float, float, float, float] | None = None
) -> npt.NDArray[np.float32]:
    """Downsample the region `box` of a plane by averaging, or enlarge it by repeating pixels."""
    from PIL import Image

    plain = pixels.astype(np.float32)
    is_larger = size[0] > plain.shape[1]
    how = Image.Resampling.NEAREST if is_larger else Image.Resampling.BOX
    samples = plain[..., None] if plain.ndim == 2 else plain
    parts = [
        np.asarray(Image.fromarray(sample).resize(size, how, box)) for sample in np.moveaxis(samples, 2, 0)
    ]
    return parts[0] if plain.ndim == 2 else np.stack(parts, axis=2)


def _caption(label: str, time_s: float) -> str:
    """Describe a time point: its value and the time of its first plane."""
    return label if not label or np.isnan(time_s) else f"{label} ({duration_text(time_s)})"


def row_channels(image: OpenImage) -> tuple[RowChannel, ...]:
    """Return the channels of an image in distinct colours."""
    layout = image.layout
    names = [layout.label("C", index) for index in range(layout.sizes["C"])]
    colors = []
    for index, name in enumerate(names):
        known = image.color(index)
        colors.append(default_color(name) if known is None else read_color(known))
    return tuple(RowChannel(*pair) for pair in zip(names, distinct_colors(colors), strict=True))


def distinct_colors(colors: Sequence[Color]) -> list[Color]:
    """Replace white, the default colour, if several channels have it."""
    if colors.count(GREY) < 2:
        return [*colors]
    unused = [color for color in _SPARE if color not in colors] or _SPARE
    return [unused[index % len(unused)] if color == GREY else color for index, color in enumerate(colors)]


def contrast(rows: Sequence[Row]) -> Limits:
    """Compute display limits from percentiles over all cells, so that cells are comparable."""
    seen: dict[tuple[str, str], list[npt.NDArray[np.float32]]] = {}
    for row in rows:
        for cell in row.cells:
            for channel, plane in zip(row.channels, cell.planes, strict=True):
                if plane is not None:
                    seen.setdefault((channel.name, row.dtype.str), []).append(plane.ravel())
    return {key: display_limits(np.concatenate(planes)) for key, planes in seen.items()}


def display_limits(values: npt.NDArray[Any]) -> tuple[float, float]:
    """Return the values to show as black and as brightest; 0 and 1 where there is no finite value."""
    known = values[np.isfinite(values)]
    if not known.size:
        return 0.0, 1.0
    low, high = np.percentile(known, _PERCENTILES)
    if high <= low:  # nearly uniform: use the full range
        low, high = known.min(), known.max()
    return float(low), float(high)


def picture(row: Row, cell: Cell, limits: Limits) -> npt.NDArray[np.uint8] | None:
    """Merge the channels of a cell to RGB, shape (Y, X, 3); None if no channel has a plane."""
    merged = None
    for channel, plane in zip(row.channels, cell.planes, strict=True):
        if plane is None:
            continue
        low, high = limits[channel.name, row.dtype.str]
        if (
            plane.ndim == 3
        ):  # 8-bit colours stay as they are; others are scaled from 0, which preserves their hue
            part = _scaled(plane[..., :3], 0.0, 255.0 if row.dtype.itemsize == 1 else high)
        else:
            part = _scaled(plane, low, high)[..., None] * light(channel.color)
        merged = part if merged is None else merged + part
    return None if merged is None else (np.clip(merged, 0, 1) * 255).round().astype(np.uint8)


def light(color: Color) -> npt.NDArray[np.float64]:
    """Return a colour as fractions of 1; add white to dark colours until they are visible on black."""
    parts = np.array(color) / 255
    luminance = float(_WEIGHTS @ parts)
    if luminance >= _LEAST_LUMINANCE:
        return parts
    white = (_LEAST_LUMINANCE - luminance) / (1 - luminance)
    return parts * (1 - white) + white


def _scaled(plane: npt.NDArray[np.float32], low: float, high: float) -> npt.NDArray[np.float64]:
    known = np.nan_to_num(plane.astype(np.float64), nan=low, posinf=high, neginf=low)
    if high <= low:
        return np.full(plane.shape, 0.5 if high else 0.0)
    return np.clip((known - low) / (high - low), 0, 1)
