"""bioio: a reader of all images of a dataset, finished or not."""

from datetime import timedelta
from functools import cached_property
from typing import Any

import xarray as xr
from bioio_base import constants, types
from bioio_base import reader as bioio_reader
from bioio_base.exceptions import UnsupportedFileFormatError
from bioio_base.io import pathlike_to_fs
from fsspec.implementations.local import LocalFileSystem
from fsspec.spec import AbstractFileSystem
from ome_types import OME, from_xml

from exengine_ome_tiff.dataset.loader import find_companion
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.inspection.open_dataset import OpenDataset
from exengine_ome_tiff.reading.calibration import Calibration
from exengine_ome_tiff.tiff import read_description
from exengine_ome_tiff.tiff_storage import TiffStorage

_NAME = "exengine-ome-tiff"
_DIMS = ("T", "C", "Z", "Y", "X")


class Reader(bioio_reader.Reader):
    """Read the images of a dataset as scenes, named as the images are.

    Arrays have the axes T, C, Z, Y, X, and S for colour. Planes that were never acquired are zeros.

    Parameters
    ----------
    image
        A single file, a folder, or any file of a folder, on a disk of this computer.
    fs_kwargs
        As for all readers of bioio.

    Raises
    ------
    UnsupportedFileFormatError
        No `TiffStorage` wrote it, or it is not on a disk of this computer.
    """

    NAME = _NAME

    def __init__(self, image: types.PathLike, fs_kwargs: dict[str, Any] | None = None, **_: Any) -> None:
        self._fs, self._path = pathlike_to_fs(image, enforce_exists=True, fs_kwargs=fs_kwargs or {})
        self._is_supported_image(self._fs, self._path)
        self._storage = TiffStorage.open(self._path, allow_unfinished=True)
        self._images = self._storage.images

    @staticmethod
    def _is_supported_image(fs: AbstractFileSystem, path: str, **_: Any) -> bool:
        if not isinstance(fs, LocalFileSystem):
            raise UnsupportedFileFormatError(_NAME, path, "it is not on a disk of this computer")
        try:
            TiffStorage.open(path, allow_unfinished=True).close()
        except (OmeTiffError, OSError) as error:
            raise UnsupportedFileFormatError(_NAME, path, str(error)) from error
        return True

    @cached_property
    def _known(self) -> list[tuple[Calibration, list[str]]]:
        """Calibration and names of channels of each image."""
        with OpenDataset(self._path) as data:
            return [
                (
                    data.calibration(image),
                    [image.layout.label("C", c) for c in range(image.layout.sizes["C"])],
                )
                for image in data.images
            ]

    @property
    def scenes(self) -> tuple[str, ...]:
        """Names of the images; one that several have also has its number."""
        names = [image.name for image in self._images]
        return tuple(
            name if names.count(name) == 1 else f"{name} ({number})" for number, name in enumerate(names)
        )

    def _read_delayed(self) -> xr.DataArray:
        return self._labelled(self._images[self._current_scene_index].asdask())

    def _read_immediate(self) -> xr.DataArray:
        return self._labelled(self._images[self._current_scene_index].asarray())

    def _labelled(self, array: Any) -> xr.DataArray:
        image = self._images[self._current_scene_index]
        calibration, channels = self._known[self._current_scene_index]
        height_um, width_um = calibration.pixel_size_um
        steps = {"Z": calibration.z_step_um, "Y": height_um, "X": width_um, "T": calibration.time_interval_s}
        dims = [*_DIMS, *image.sizes.keys() & {"S"}]
        coords: dict[str, Any] = {
            axis: self._generate_coord_array(0, image.sizes[axis], step)
            for axis, step in steps.items()
            if step is not None
        }
        coords["C"] = [name or f"Channel:{number}" for number, name in enumerate(channels)]
        array = array.reshape([image.sizes[axis] for axis in dims])
        try:
            metadata: object = self.ome_metadata
        except NotImplementedError:
            metadata = self._storage.summary_metadata
        return xr.DataArray(array, coords, dims, attrs={constants.METADATA_PROCESSED: metadata})

    @property
    def ome_metadata(self) -> OME:
        """The OME metadata of the file, or of the companion of a folder.

        Raises
        ------
        NotImplementedError
            The dataset is not finished, so it has none yet.
        """
        with OpenDataset(self._path) as data:
            if not data.is_finished:
                raise NotImplementedError(f"{self._path} is not finished, and has no OME-XML yet")
            folder = data.location.path if data.location.is_folder else None
            companion = None if folder is None else find_companion(folder, data.header.dataset)
            xml = read_description(data.paths[0]) if companion is None else companion.read_bytes()
        return from_xml(xml)

    @property
    def physical_pixel_sizes(self) -> types.PhysicalPixelSizes:
        """Sizes along Z, Y and X in um; None where they are not known."""
        calibration, _ = self._known[self._current_scene_index]
        return types.PhysicalPixelSizes(calibration.z_step_um, *calibration.pixel_size_um)

    @property
    def time_interval(self) -> timedelta | None:
        """Time from one time point to the next; None where it is not known."""
        interval_s = self._known[self._current_scene_index][0].time_interval_s
        return None if interval_s is None else timedelta(seconds=interval_s)

    @property
    def dimension_properties(self) -> types.DimensionProperties:
        """The units of steps: seconds and um."""
        known, units = self.scale, {"T": types.ureg.second, **dict.fromkeys("ZYX", types.ureg.micrometer)}
        kinds = {"T": "time", "C": "channel", **dict.fromkeys("ZYX", "space")}
        return types.DimensionProperties(
            **{
                axis: types.DimensionProperty(
                    type=kind, unit=units.get(axis) if getattr(known, axis) is not None else None
                )
                for axis, kind in kinds.items()
            }
        )
