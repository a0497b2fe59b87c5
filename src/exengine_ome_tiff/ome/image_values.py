"""Values of OME images and of the dataset, before they become XML."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates.layout import ImageLayout
from exengine_ome_tiff.ome.user_values import ChannelInfo, Given, ObjectiveInfo
from exengine_ome_tiff.translate.values import CameraValues, SummaryValues

OME_TYPES = {"|u1": "uint8", "<u2": "uint16", "<u4": "uint32", "|i1": "int8", "<i2": "int16", "<i4": "int32"}
OME_TYPES |= {"<f4": "float", "<f8": "double", "<c8": "complex", "<c16": "double-complex"}
"""OME's names of pixel types, by NumPy's `dtype.str` in files."""


@dataclass(frozen=True, slots=True)
class ChannelValues:
    """Values of a channel; None if unknown."""

    name: str | None = None
    info: ChannelInfo = field(default_factory=ChannelInfo)
    camera: CameraValues | None = None
    filters: tuple[str, ...] = ()
    """Labels of the filters and the dichroic."""


@dataclass(frozen=True, slots=True)
class ImageValues:
    """Values of an image; None if unknown.

    Parameters
    ----------
    channels
        One channel for each index along C.
    pixel_size_x_um, pixel_size_y_um, z_step_um
        Pixel size in the sample plane, and spacing between planes.
    time_interval_s
        Interval between time points.
    significant_bits
        Significant bits of a sample.
    acquired
        Start of the acquisition, from which plane times count; with a time zone only if one is known.
    description
        Description of the dataset.
    stage_label
        Name of the stage position.
    objective
        Objective that recorded the image.
    tags
        Metadata without a place in OME that is the same for all planes, as JSON by key.
    columns
        Metadata that differs between planes: a JSON list by key, one value per acquired plane; empty if the
        values are too long.
    """

    channels: tuple[ChannelValues, ...] = ()
    pixel_size_x_um: float | None = None
    pixel_size_y_um: float | None = None
    z_step_um: float | None = None
    time_interval_s: float | None = None
    significant_bits: int | None = None
    acquired: datetime | None = None
    description: str | None = None
    stage_label: str | None = None
    objective: ObjectiveInfo | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DatasetValues:
    """Values of a dataset.

    Parameters
    ----------
    given
        Options of the user; an empty experimenter has the user name of the summary metadata.
    summary
        Summary metadata without nesting, as JSON by key.
    summary_values
        Values from the summary metadata, such as those of the plate.
    started, ended
        Times of the first and the last frame.
    """

    given: Given
    summary: Mapping[str, str]
    summary_values: SummaryValues
    started: datetime | None
    ended: datetime | None


@dataclass(frozen=True, slots=True, eq=False)
class OmeImage:
    """One image of a dataset.

    Parameters
    ----------
    layout
        Labels of the image, and the frames of its planes.
    name
        Name shown by readers.
    shape
        Shape of a plane in pixels: (Y, X), or (Y, X, samples) for RGB.
    dtype
        Pixel type in the file as NumPy's `dtype.str`.
    values
        Values of the image.
    planes
        Values of the planes, as arrays by frame number, shape (frames,): ``delta_t_s``, ``exposure_s``,
        ``x_um``, ``y_um``, ``z_um``; NaN if unknown.
    hashes
        SHA-1 of the pixels of each plane in 40 hexadecimal digits, by frame number, shape (frames,), empty
        without a hash; None if no plane has one.
    """

    layout: ImageLayout
    name: str
    shape: tuple[int, ...]
    dtype: str
    values: ImageValues
    planes: Mapping[str, npt.NDArray[np.float64]]
    hashes: npt.NDArray[np.bytes_] | None = None

    @property
    def samples(self) -> int:
        """Samples per pixel: 1, or 3 and 4 for RGB and RGBA."""
        return self.shape[2] if len(self.shape) == 3 else 1
