"""Summary of a dataset: images, calibration, missing planes and metadata keys."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from exengine_ome_tiff.dataset.layout_findings import missing_frames
from exengine_ome_tiff.dataset.stored_images import ImageInfo
from exengine_ome_tiff.findings import Finding
from exengine_ome_tiff.inspection.key_coverage import KeyCoverage, coverage
from exengine_ome_tiff.inspection.open_dataset import OpenDataset, OpenImage
from exengine_ome_tiff.inspection.preview_plate import PlateMap, plate_map
from exengine_ome_tiff.ome.image_values import ImageValues
from exengine_ome_tiff.ome.user_values import ObjectiveInfo
from exengine_ome_tiff.reading.calibration import Calibration


@dataclass(frozen=True, slots=True)
class ImageSummary(ImageInfo):
    """An image, with calibration from its OME-XML or, while the file is unfinished, from its metadata.

    Parameters
    ----------
    file
        File that contains the image.
    colors
        Channel colours as #RRGGBB, None if the OME-XML has none. One entry for frames without a channel.
    pixel_size_um
        Height and width of a pixel in the sample plane. This and the values below are None if unknown.
    z_step_um, time_interval_s
        Spacing between slices, and between time points.
    time_intervals_s
        Shortest and longest time between neighbouring time points.
    duration_s
        Time from the first plane to the last.
    acquired
        Time of the dataset's first frame, from the OME-XML.
    objective
        Objective of all its frames.
    """

    file: Path
    colors: tuple[str | None, ...]
    pixel_size_um: tuple[float | None, float | None]
    z_step_um: float | None
    time_interval_s: float | None
    time_intervals_s: tuple[float, float] | None
    duration_s: float | None
    acquired: str | None
    objective: ObjectiveInfo | None


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """Summary of a dataset.

    Parameters
    ----------
    path
        The file or folder.
    is_finished
        Whether all files are OME-TIFF; False during an acquisition, and after the writer was killed.
    n_files
        Number of TIFF files.
    size_bytes
        Size on disk of the TIFF files and, in a folder, the companion file.
    n_frames
        Number of frames; frames put at the same coordinates count once.
    n_overwritten
        Number of frames that were overwritten by later ones at the same coordinates.
    n_planned, n_missing
        Number of frames that the option `plan` announced, and of those that are missing; None without it.
    images
        In the order of `TiffStorage.images`.
    plate
        Wells of the plate with the images; None without one.
    description
        Description of the dataset, from the option or the metadata; None without one.
    summary
        Summary metadata, decoded from JSON.
    metadata
        Keys in the frames' metadata.
    options
        Options that describe the dataset (microscope, channels, filters ...), as stored in the file.
    check
        What was not understood or omitted, one line each, with its fix.
    """

    path: Path
    is_finished: bool
    n_files: int
    size_bytes: int
    n_frames: int
    n_overwritten: int
    n_planned: int | None
    n_missing: int | None
    images: tuple[ImageSummary, ...]
    plate: PlateMap | None
    description: str | None
    summary: Any
    metadata: tuple[KeyCoverage, ...]
    options: dict[str, Any]
    check: tuple[Finding, ...]

    def __str__(self) -> str:
        """Return the text that the command `info` prints."""
        from exengine_ome_tiff.inspection.text_table import table

        return "\n".join(table(self))

    def _repr_pretty_(self, printer: Any, _: bool) -> None:
        """Show the same text as the result of a notebook cell."""
        printer.text(str(self))


def info(path: str | PathLike[str]) -> DatasetInfo:
    """Summarize a dataset, finished or not, from its records and OME-XML.

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
        location, frames, companion = data.location, data.frames, data.companion
        keys, plan = coverage(data), data.header.plan
        missing = None if plan is None else missing_frames(plan, frames)
        described = [data.facts.described(image.layout, image.name) for image in data.images]
        return DatasetInfo(
            path=location.path,
            is_finished=data.is_finished and location.is_folder == (companion is not None),
            n_files=len(data.paths),
            size_bytes=sum(each.stat().st_size for each in (*data.paths, companion) if each is not None),
            n_frames=frames.n_distinct,
            n_overwritten=len(frames) - frames.n_distinct,
            n_planned=missing and missing.n_planned,
            n_missing=missing and missing.n_missing,
            images=tuple(map(partial(_summary, data), data.images, described)),
            plate=plate_map(data),
            description=next((values.description for values in described), None),
            summary=json.loads(data.header.summary_json),
            metadata=keys,
            options=data.header.options(),
            check=_check(data, keys),
        )


def _check(data: OpenDataset, keys: Sequence[KeyCoverage]) -> tuple[Finding, ...]:
    """Repeat the checks whose findings `finish` logs."""
    layouts = [image.layout for image in data.images]
    data.facts.names(layouts)
    data.facts.check(layouts)
    data.facts.plate(layouts)
    for image in data.images:
        data.facts.values(image.layout, image.name)
    translated = {key.key for key in keys if key.written_to == ("ome",)}  # by a translator not installed here
    return tuple(each for each in data.facts.findings if each.subject not in translated)


def _summary(data: OpenDataset, image: OpenImage, described: ImageValues) -> ImageSummary:
    known, calibration = image.info(), data.calibration(image)
    times_s = calibration.planes["delta_t_s"]
    values = image.layout.values["C"]
    inside = image.layout.sizes["C"] // len(values)
    facts = {each.name: getattr(known, each.name) for each in fields(known)}
    return ImageSummary(
        **facts,
        file=image.path,
        colors=tuple(image.color(index * inside) for index in range(len(values))),
        pixel_size_um=calibration.pixel_size_um,
        z_step_um=calibration.z_step_um,
        time_interval_s=calibration.time_interval_s,
        time_intervals_s=_time_intervals(calibration),
        duration_s=None if np.isnan(times_s).all() else float(np.nanmax(times_s) - np.nanmin(times_s)),
        acquired=None if image.element is None else image.element.image.get("AcquisitionDate"),
        objective=described.objective,
    )


def _time_intervals(calibration: Calibration) -> tuple[float, float] | None:
    """Return the shortest and the longest interval between known time points."""
    times_s = calibration.time_points_s()
    intervals_s = np.diff(times_s[~np.isnan(times_s)])
    return (float(intervals_s.min()), float(intervals_s.max())) if intervals_s.size else None
