"""An OME image as an xarray `DataArray`. Importing this needs xarray and dask."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates.layout import AxisValue
from exengine_ome_tiff.dataset.frame_index import FrameIndex
from exengine_ome_tiff.dataset.stored_images import StoredImage
from exengine_ome_tiff.reading.calibration import Calibration
from exengine_ome_tiff.reading.dask_array import lazy_array
from exengine_ome_tiff.reading.image_pages import ImagePages
from exengine_ome_tiff.reading.pixel_kind import FrameKind

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
_RESERVED = {
    *_PIXEL_DIMS,
    "time_value",
    "z_value",
    "channel_name",
    *(name for name, _ in _OF_PLANES.values()),
}

Coordinate = tuple[tuple[str, ...], npt.NDArray[Any], dict[str, str]]
Dims = Mapping[str, Sequence[AxisValue]]


def labelled_array(
    dataset: FrameIndex, image: StoredImage, calibration: Calibration, level: int = 0
) -> xr.DataArray:
    """Make the array of `TiffStorage.as_xarray`."""
    layout = image.layout
    dims = {_dim(name): values for name, values in layout.axes.items()}
    pages = ImagePages.of(dataset, image, level)
    kind = pages.kind
    pixel_dims = _PIXEL_DIMS[: len(kind.shape)]
    coords = (
        _along(dims, calibration) | _of_planes(dims, calibration) | _of_pixels(kind, calibration, 1 << level)
    )
    if "channel" in dims and "channel" in layout.names:
        coords["channel_name"] = ("channel",), np.array(layout.channel_names), {}
    taken = {*pixel_dims, *coords}
    for label, value in layout.labels:
        coords[f"{label}_label" if label in taken else label] = (), np.array(value), {}
        if layout.named_labels[label] != value:
            coords[f"{label}_name"] = (), np.array(layout.named_labels[label]), {}
    return xr.DataArray(
        lazy_array(dataset, pages.frames, pages.locations, kind),
        coords={name: xr.Variable(*coordinate) for name, coordinate in coords.items()},
        dims=(*dims, *pixel_dims),
        name=image.name,
        attrs={"path": str(dataset.files[image.file].path)},
    )


def _dim(axis: str) -> str:
    """Return the name of a dimension, distinct from the names of other coordinates."""
    return f"{axis}_axis" if axis in _RESERVED else axis


def _along(dims: Dims, calibration: Calibration) -> dict[str, Coordinate]:
    """Return the coordinates of axes: the values that were put, and physical ones for time and z."""
    coords: dict[str, Coordinate] = {dim: ((dim,), _index(values), {}) for dim, values in dims.items()}
    for dim, along, unit in (
        ("time", _times(dims, calibration), "s"),
        ("z", _heights(dims, calibration), "um"),
    ):
        if dim in dims:
            coords[f"{dim}_value"] = coords[dim]
        if along is not None:
            coords[dim] = (dim,), along, {"units": unit}
    return coords


def _of_planes(dims: Dims, calibration: Calibration) -> dict[str, Coordinate]:
    """Return the known quantities of each plane."""
    shape = [len(values) for values in dims.values()]
    return {
        coord: (tuple(dims), calibration.planes[name].reshape(shape), {"units": unit})
        for name, (coord, unit) in _OF_PLANES.items()
        if not np.isnan(calibration.planes[name]).all()
    }


def _of_pixels(kind: FrameKind, calibration: Calibration, step: int) -> dict[str, Coordinate]:
    """Return the centres of pixels, each as wide as `step` pixels of a frame, and the sample names."""
    coords: dict[str, Coordinate] = {}
    for dim, size_um, length in zip(_PIXEL_DIMS, calibration.pixel_size_um, kind.shape, strict=False):
        if size_um is not None:
            coords[dim] = (dim,), (np.arange(length) * step + (step - 1) / 2) * size_um, {"units": "um"}
    for samples in kind.shape[2:]:
        coords["sample"] = ("sample",), np.array(list("RGBA"[:samples])), {}
    return coords


def _index(values: Sequence[AxisValue]) -> npt.NDArray[Any]:
    """Return values as an array of numbers, of text, or of objects if they are mixed."""
    if len({type(value) for value in values}) == 1:
        return np.array(values)
    return np.fromiter(values, object, len(values))


def _times(dims: Dims, calibration: Calibration) -> npt.NDArray[Any] | None:
    """Return the time of the first plane of each time point, or else the planned times."""
    if "time" not in dims:
        return None
    count = len(dims["time"])
    of_planes = calibration.planes["delta_t_s"].reshape(count, -1)
    if not np.isnan(of_planes).all(axis=1).any():
        times: npt.NDArray[np.float64] = np.fmin.reduce(of_planes, axis=1)
        return times
    step_s = calibration.time_interval_s
    return None if step_s is None else np.arange(count) * step_s


def _heights(dims: Dims, calibration: Calibration) -> npt.NDArray[Any] | None:
    """Return the distance of each slice from the first one."""
    if "z" not in dims or calibration.z_step_um is None:
        return None
    return np.arange(len(dims["z"])) * calibration.z_step_um
