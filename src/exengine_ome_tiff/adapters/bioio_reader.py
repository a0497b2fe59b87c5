"""bioio: a reader for all images of a dataset, finished or not. Importing it requires bioio."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from functools import cached_property
from typing import Any, NamedTuple

import dask.array as da
import xarray as xr
from bioio_base import constants, types
from bioio_base import reader as bioio_reader
from bioio_base.exceptions import UnsupportedFileFormatError
from bioio_base.io import pathlike_to_fs
from fsspec.implementations.local import LocalFileSystem
from fsspec.spec import AbstractFileSystem
from ome_types import OME, from_xml

from exengine_ome_tiff.dataset.loader import find_dataset
from exengine_ome_tiff.dataset.location import absolute_path
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.inspection.open_dataset import OpenDataset
from exengine_ome_tiff.reading.calibration import Calibration
from exengine_ome_tiff.reading.dask_array import lazy_array
from exengine_ome_tiff.reading.image_pages import ImagePages

_NAME = "exengine-ome-tiff"


class _Scene(NamedTuple):
    """An image; its array has the axes T, C, Z, Y, X, and S for colour."""

    name: str
    array: da.Array
    calibration: Calibration
    channels: list[str]

    @property
    def steps(self) -> dict[str, float | None]:
        """Steps along axes, in seconds and micrometres."""
        height_um, width_um = self.calibration.pixel_size_um
        z_step_um, interval_s = self.calibration.z_step_um, self.calibration.time_interval_s
        return {"T": interval_s, "Z": z_step_um, "Y": height_um, "X": width_um}


class Reader(bioio_reader.Reader):
    """Reads the images of a dataset as scenes with the names of the images.

    Arrays have the axes T, C, Z, Y, X, and S for colour. Missing planes are zeros.

    Parameters
    ----------
    image
        A single file, a folder, or any file of a folder, on a local disk.
    fs_kwargs
        Options of fsspec, as for all bioio readers.

    Raises
    ------
    UnsupportedFileFormatError
        `TiffStorage` did not write the dataset, or it is not on a local disk.
    """

    NAME = _NAME

    def __init__(self, image: types.PathLike, fs_kwargs: dict[str, Any] | None = None, **_: Any) -> None:
        self._fs, self._path = pathlike_to_fs(image, enforce_exists=True, fs_kwargs=fs_kwargs or {})
        self._is_supported_image(self._fs, self._path)

    @staticmethod
    def _is_supported_image(fs: AbstractFileSystem, path: str, **_: Any) -> bool:
        if not isinstance(fs, LocalFileSystem):
            raise UnsupportedFileFormatError(_NAME, path, "it is not on a local disk")
        try:
            find_dataset(absolute_path(path))
        except (OmeTiffError, OSError) as error:
            raise UnsupportedFileFormatError(_NAME, path, str(error)) from error
        return True

    @cached_property
    def _content(self) -> tuple[list[_Scene], bytes]:
        """The images, and the OME-XML of the frames present at first use."""
        with OpenDataset(self._path) as data:
            return [*_scenes(data)], data.document()

    @property
    def _scene(self) -> _Scene:
        return self._content[0][self._current_scene_index]

    @property
    def scenes(self) -> tuple[str, ...]:
        """Names of the images; the number of the image follows a name that is not unique."""
        names = [scene.name for scene in self._content[0]]
        count = Counter(names)
        return tuple(name if count[name] == 1 else f"{name} ({at})" for at, name in enumerate(names))

    def _read_delayed(self) -> xr.DataArray:
        return self._labelled(self._scene.array)

    def _read_immediate(self) -> xr.DataArray:
        return self._labelled(self._scene.array.compute())  # type: ignore[no-untyped-call]

    def _labelled(self, array: Any) -> xr.DataArray:
        dims = "TCZYXS"[: array.ndim]
        coords: dict[str, Any] = {
            axis: self._generate_coord_array(0, array.shape[dims.index(axis)], step)
            for axis, step in self._scene.steps.items()
            if step is not None
        }
        coords["C"] = self._scene.channels
        return xr.DataArray(array, coords, [*dims], attrs={constants.METADATA_PROCESSED: self.ome_metadata})

    @cached_property
    def _document(self) -> OME:
        return from_xml(self._content[1])

    @property
    def ome_metadata(self) -> OME:
        """The OME document of all images; if unfinished, as `TiffStorage.finish` would write it."""
        return self._document

    @property
    def physical_pixel_sizes(self) -> types.PhysicalPixelSizes:
        """Sizes along Z, Y and X in micrometres; None where unknown."""
        steps = self._scene.steps
        return types.PhysicalPixelSizes(*(steps[axis] for axis in "ZYX"))

    @property
    def time_interval(self) -> timedelta | None:
        """Frame interval; None if unknown."""
        interval_s = self._scene.steps["T"]
        return None if interval_s is None else timedelta(seconds=interval_s)

    @property
    def dimension_properties(self) -> types.DimensionProperties:
        """Types and units of the axes: seconds and micrometres where the step is known."""
        units = {"T": types.ureg.second, **dict.fromkeys("ZYX", types.ureg.micrometer)}
        kinds = {"T": "time", "C": "channel", **dict.fromkeys("ZYX", "space")}
        steps = self._scene.steps
        return types.DimensionProperties(
            **{
                axis: types.DimensionProperty(kind, None if steps.get(axis) is None else units[axis])
                for axis, kind in kinds.items()
            }
        )


def _scenes(data: OpenDataset) -> Iterator[_Scene]:
    """Yield the images in the order of the OME-XML."""
    for image in data.images_of_document():
        pages, sizes = ImagePages.of(data.frames, image), image.layout.sizes
        array = lazy_array(data.frames, pages.frames, pages.locations, pages.kind)
        shape = [*(sizes[axis] for axis in "TCZ"), *pages.kind.shape]
        channels = [image.layout.label("C", at) or f"Channel:{at}" for at in range(sizes["C"])]
        array = array.reshape(shape)  # type: ignore[no-untyped-call]
        yield _Scene(image.name, array, data.calibration(image), channels)
