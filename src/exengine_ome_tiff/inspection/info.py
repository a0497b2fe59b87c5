"""Facts about a dataset: its images, their calibration, their gaps, and the keys of their metadata."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from exengine_ome_tiff.dataset.images import ImageInfo
from exengine_ome_tiff.dataset.loader import find_companion
from exengine_ome_tiff.findings import Finding
from exengine_ome_tiff.inspection.key_coverage import KeyCoverage, coverage
from exengine_ome_tiff.inspection.open_dataset import OpenDataset, OpenImage


@dataclass(frozen=True, slots=True)
class ImageSummary(ImageInfo):
    """An image, and what its OME-XML says of it, or its metadata as long as its file is not finished.

    Parameters
    ----------
    file
        The file that it is in.
    colors
        Colours of the channels as #RRGGBB; None where the OME-XML has none. One for frames without a channel.
    pixel_size_um
        Height and width of a pixel in the sample; None where nothing tells, as below.
    z_step_um, time_interval_s
        Distances of planes and of time points.
    duration_s
        Time from the first plane to the last one.
    acquired
        When the first frame of the dataset was taken, as the OME-XML has it.
    """

    file: Path
    colors: tuple[str | None, ...]
    pixel_size_um: tuple[float | None, float | None]
    z_step_um: float | None
    time_interval_s: float | None
    duration_s: float | None
    acquired: str | None


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """What a dataset is.

    Parameters
    ----------
    path
        The file, or the folder of files.
    is_finished
        Whether all of its files are OME-TIFF; False during a run, and after the writer was killed.
    n_files
        Number of its TIFF files.
    size_bytes
        Size on the disk of these, and of the companion of a folder.
    n_frames
        Number of frames; of several at the same coordinates only the last one counts.
    n_overwritten
        Number of frames that were replaced by later ones at the same coordinates.
    images
        In the order of `TiffStorage.images`.
    metadata
        Keys of the metadata of frames.
    options
        What the user said of it: microscope, channels, filters, annotations and so on, as the file keeps it.
    check
        What was not understood, or left out, each with its fix.
    """

    path: Path
    is_finished: bool
    n_files: int
    size_bytes: int
    n_frames: int
    n_overwritten: int
    images: tuple[ImageSummary, ...]
    metadata: tuple[KeyCoverage, ...]
    options: dict[str, Any]
    check: tuple[Finding, ...]


def info(path: str | PathLike[str]) -> DatasetInfo:
    """Find out what a dataset is, finished or not, from its records and its OME-XML.

    Parameters
    ----------
    path
        A single file, a folder, or any file of a folder.

    Returns
    -------
    DatasetInfo

    Raises
    ------
    FileNotFoundError
        There is nothing at `path`.
    OmeTiffError
        No `TiffStorage` wrote it, or it is damaged.
    """
    with OpenDataset(path) as data:
        location, frames = data.location, data.frames
        companion = find_companion(location.path, data.header.dataset) if location.is_folder else None
        keys = coverage(data)
        return DatasetInfo(
            path=location.path,
            is_finished=data.is_finished and location.is_folder == (companion is not None),
            n_files=len(data.paths),
            size_bytes=sum(each.stat().st_size for each in (*data.paths, companion) if each is not None),
            n_frames=len(frames.numbers),
            n_overwritten=len(frames) - len(frames.numbers),
            images=tuple(_summary(data, image) for image in data.images),
            metadata=keys,
            options={name: value for name, value in data.header.to_dict()["given"].items() if value},
            check=_check(data, keys),
        )


def _check(data: OpenDataset, keys: Sequence[KeyCoverage]) -> tuple[Finding, ...]:
    """Find out again what `finish` logs."""
    data.facts.plate([image.stored.layout for image in data.images])
    for image in data.images:
        data.facts.values(image.stored.layout, image.stored.name)
    translated = {key.key for key in keys if key.places == ("ome",)}  # by translators that are not known here
    return tuple(each for each in data.facts.findings if each.subject not in translated)


def _summary(data: OpenDataset, image: OpenImage) -> ImageSummary:
    known, calibration = image.stored.info(), data.calibration(image)
    times_s = calibration.planes["delta_t_s"]
    values = image.stored.layout.values["C"]
    inside = image.stored.layout.sizes["C"] // len(values)
    facts = {each.name: getattr(known, each.name) for each in fields(known)} | {"name": image.name}
    return ImageSummary(
        **facts,
        file=image.path,
        colors=tuple(image.color(index * inside) for index in range(len(values))),
        pixel_size_um=calibration.pixel_size_um,
        z_step_um=calibration.z_step_um,
        time_interval_s=calibration.time_interval_s,
        duration_s=None if np.isnan(times_s).all() else float(np.nanmax(times_s) - np.nanmin(times_s)),
        acquired=None if image.element is None else image.element.image.get("AcquisitionDate"),
    )
