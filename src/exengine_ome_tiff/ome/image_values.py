"""What is known of one OME image before it becomes XML."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates import ImageLayout
from exengine_ome_tiff.ome.user_values import (
    ChannelInfo,
    ExperimenterInfo,
    FilterInfo,
    MicroscopeInfo,
    ObjectiveInfo,
)
from exengine_ome_tiff.translate import CameraValues, SummaryValues

OME_TYPES = {
    "|u1": "uint8",
    "<u2": "uint16",
    "<u4": "uint32",
    "|i1": "int8",
    "<i2": "int16",
    "<i4": "int32",
    "<f4": "float",
    "<f8": "double",
    "<c8": "complex",
    "<c16": "double-complex",
}


@dataclass(frozen=True, slots=True)
class ChannelValues:
    """One channel of an image; None if nothing is known."""

    name: str | None = None
    info: ChannelInfo = field(default_factory=ChannelInfo)
    camera: CameraValues | None = None
    filters: tuple[str, ...] = ()
    """Labels of filters and of a dichroic."""


@dataclass(frozen=True, slots=True)
class ImageValues:
    """What is known of all planes of an image; None if nothing is.

    Parameters
    ----------
    channels
        For each index along C.
    pixel_size_x_um, pixel_size_y_um, z_step_um
        Distances of pixels and planes in the sample.
    time_interval_s
        Planned between time points.
    significant_bits
        Of a sample.
    acquired
        When the dataset began, to which the times of planes relate; with a zone only where one is known.
    description
        Of the dataset.
    stage_label
        Name of the place on the stage.
    objective
        That it was taken with.
    tags
        Metadata that OME has no place for and all planes have alike, as JSON by key.
    columns
        Such metadata that differs between planes: a JSON list by key, one value per acquired plane; empty
        where the values are too long.
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
    """What is known of a dataset as a whole.

    Parameters
    ----------
    experimenter
        Who recorded it.
    summary
        Its summary metadata, flat, as JSON by key.
    microscope
        That recorded it.
    filters
        Filters and dichroics, by label.
    annotations
        What the user says in own words, by name.
    told
        What the summary says of the plate, among other things.
    started, ended
        When the first and the last frame were taken.
    """

    experimenter: ExperimenterInfo | None = None
    summary: Mapping[str, str] = field(default_factory=dict)
    microscope: MicroscopeInfo | None = None
    filters: Mapping[str, FilterInfo] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    told: SummaryValues = field(default_factory=SummaryValues)
    started: datetime | None = None
    ended: datetime | None = None


@dataclass(frozen=True, slots=True, eq=False)
class OmeImage:
    """One image of a dataset.

    Parameters
    ----------
    layout
        Its place among the others and its planes.
    name
        What readers show.
    shape
        Shape of a plane in pixels: (Y, X), or (Y, X, samples) for RGB.
    dtype
        Pixel type in the file as NumPy's `dtype.str`.
    values
        What is known of all of it.
    planes
        What is known of each plane, as arrays by frame number, shape (frames,): ``delta_t_s``,
        ``exposure_s``, ``x_um``, ``y_um``, ``z_um``; NaN where unknown.
    hashes
        SHA-1 of the pixels of each plane in 40 hexadecimal digits, by frame number, shape (frames,), empty
        where there is none; None if no plane has one.
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
        """Samples of a pixel: 1, or 3 and 4 for RGB and RGBA."""
        return self.shape[2] if len(self.shape) == 3 else 1

    @property
    def bits(self) -> int:
        """Bits of a sample."""
        return np.dtype(self.dtype).itemsize * 8

    @property
    def ome_type(self) -> str:
        """Name of the pixel type in OME."""
        return OME_TYPES[self.dtype]
