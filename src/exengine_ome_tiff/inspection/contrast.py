"""Contrast and colours of a preview: display limits per channel, and channels merged to RGB."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.inspection.preview_cells import Cell, Color, Row

Limits: TypeAlias = Mapping[tuple[str, str], tuple[float, float]]
"""Values shown as black and as brightest, by channel and pixel type."""

_PERCENTILES = (1.0, 99.8)
_LEAST_LUMINANCE = 0.2
_WEIGHTS = np.array([0.2126, 0.7152, 0.0722])


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
        if plane.ndim == 3:
            part = _of_colour(plane, row.dtype, limits[channel.name, row.dtype.str])
        else:
            part = _scaled(plane, limits[channel.name, row.dtype.str])[..., None] * light(channel.color)
        merged = part if merged is None else merged + part
    return None if merged is None else (np.clip(merged, 0, 1) * 255).round().astype(np.uint8)


def light(color: Color) -> npt.NDArray[np.float64]:
    """Return a colour as fractions of 1; add white to dark colours until they are visible on black."""
    parts = np.array(color) / 255
    luminance = float(_WEIGHTS @ parts)
    if luminance >= _LEAST_LUMINANCE:
        return parts
    white = (_LEAST_LUMINANCE - luminance) / (1 - luminance)
    lighter: npt.NDArray[np.float64] = parts * (1 - white) + white
    return lighter


def _of_colour(
    plane: npt.NDArray[np.float32], dtype: np.dtype[np.generic], limits: tuple[float, float]
) -> npt.NDArray[np.float64]:
    """Show 8-bit colours unchanged; scale others from 0, which preserves their hue."""
    high = 255.0 if dtype.itemsize == 1 else limits[1]
    return _scaled(plane[..., :3], (0.0, high))


def _scaled(plane: npt.NDArray[np.float32], limits: tuple[float, float]) -> npt.NDArray[np.float64]:
    low, high = limits
    known = np.nan_to_num(plane.astype(np.float64), nan=low, posinf=high, neginf=low)
    if high <= low:
        return np.full(plane.shape, 0.5 if high else 0.0)
    return np.clip((known - low) / (high - low), 0, 1)
