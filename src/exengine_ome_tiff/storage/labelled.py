"""An OME image as an xarray `DataArray`. Importing this needs xarray and dask."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates.layout import AxisValue
from exengine_ome_tiff.storage.calibration import Calibration
from exengine_ome_tiff.storage.dataset import Dataset, PageTable
from exengine_ome_tiff.storage.images import StoredImage
from exengine_ome_tiff.storage.lazy import FrameKind, lazy_array

try:
    import xarray as xr
except ImportError as error:
    raise ImportError('as_xarray needs xarray: pip install "exengine-ome-tiff[xarray]"') from error

_PIXEL_DIMS = ("y", "x", "sample")
_OF_PLANES = {
    "delta_t_s": ("delta_t", "s"),
    "exposure_s": ("exposure", "s"),
    "x_um": ("stage_x", "um"),
    "y_um": ("stage_y", "um"),
    "z_um": ("stage_z", "um"),
}
Coordinate = tuple[tuple[str, ...], npt.NDArray[Any], dict[str, str]]


def labelled_array(dataset: Dataset, image: StoredImage, calibration: Calibration) -> xr.DataArray:
    """Make the array of `TiffStorage.as_xarray`."""
    layout = image.layout
    dims = {_dim(name): values for name, values in layout.axes.items()}
    shape = tuple(len(values) for values in dims.values())
    frames = layout.cube().reshape(shape)
    pages = dataset.pages(frames[frames >= 0])
    kind = _kind(pages)
    data = lazy_array(dataset, frames, pages, kind)
    coords: dict[str, Coordinate] = {}
    for dim, values in dims.items():
        coords[dim] = (dim,), _index(values), {}
    outer = [dim for dim in dims if dim in ("time", "z")]
    physical = {"time": (_times(calibration, dims), "s"), "z": (_heights(calibration, dims), "um")}
    for dim in outer:
        coords[f"{dim}_value"] = coords[dim]
        along, unit = physical[dim]
        if along is not None:
            coords[dim] = (dim,), along, {"units": unit}
    for name, (coord, unit) in _OF_PLANES.items():
        of_planes = calibration.planes[name]
        if not np.isnan(of_planes).all():
            coords[coord] = tuple(dims), of_planes.reshape(shape), {"units": unit}
    for dim, size_um, length in zip(_PIXEL_DIMS, calibration.pixel_size_um, kind.shape, strict=False):
        if size_um is not None:
            coords[dim] = (dim,), np.arange(length) * size_um, {"units": "um"}
    pixel_dims = _PIXEL_DIMS[: len(kind.shape)]
    if len(kind.shape) > 2:
        coords["sample"] = ("sample",), np.array(list("RGBA"[: kind.shape[2]])), {}
    taken = {*dims, *pixel_dims, *coords}
    for label, value in layout.labels:
        coords[f"{label}_label" if label in taken else label] = (), np.array(value), {}
    return xr.DataArray(
        data,
        coords={name: xr.Variable(*coordinate) for name, coordinate in coords.items()},
        dims=(*dims, *pixel_dims),
        name=image.name,
        attrs={"path": str(dataset.files[image.file].path)},
    )


def _dim(axis: str) -> str:
    """Return the name of a dimension; modulo axes may be called as the pixels' are."""
    return f"{axis}_axis" if axis in _PIXEL_DIMS else axis


def _kind(pages: PageTable) -> FrameKind:
    """Return what frames are: what was put, unless that was several things or packed pixels."""
    formats = [pages.known_formats[number] for number in np.unique(pages.formats).tolist()]
    kinds = {FrameKind.as_put(pixels) for pixels in formats}
    if len(kinds) > 1 or any(pixels.packing for pixels in formats):
        kinds = {FrameKind.as_stored(pixels) for pixels in formats}
    (kind,) = kinds
    return kind


def _index(values: Sequence[AxisValue]) -> npt.NDArray[Any]:
    """Return values as an array: of numbers, of text, or of both as they are."""
    if len({type(value) for value in values}) == 1:
        return np.array(values)
    return np.fromiter(values, object, len(values))


def _times(calibration: Calibration, dims: Mapping[str, Sequence[AxisValue]]) -> npt.NDArray[Any] | None:
    """Return when the first plane of each time point was taken, or the planned times."""
    if "time" not in dims:
        return None
    count = len(dims["time"])
    of_planes = calibration.planes["delta_t_s"].reshape(count, -1)
    if not np.isnan(of_planes).all(axis=1).any():
        times: npt.NDArray[np.float64] = np.fmin.reduce(of_planes, axis=1)
        return times
    step_s = calibration.time_interval_s
    return None if step_s is None else np.arange(count) * step_s


def _heights(calibration: Calibration, dims: Mapping[str, Sequence[AxisValue]]) -> npt.NDArray[Any] | None:
    """Return the distances of planes from the first one."""
    if "z" not in dims or calibration.z_step_um is None:
        return None
    return np.arange(len(dims["z"])) * calibration.z_step_um
