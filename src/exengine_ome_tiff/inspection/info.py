"""What a dataset is: its images, their calibration, what is missing, what is known."""

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from exengine_ome_tiff.coordinates.layout import AxisValue
from exengine_ome_tiff.dataset.facts import Facts, read_planes
from exengine_ome_tiff.dataset.loader import find_companion
from exengine_ome_tiff.findings import Finding
from exengine_ome_tiff.inspection.dataset import Opened, opened
from exengine_ome_tiff.inspection.key_coverage import KeyCoverage, coverage
from exengine_ome_tiff.translate import Interpreter


@dataclass(frozen=True, slots=True)
class ChannelSummary:
    """A channel of an image.

    Parameters
    ----------
    name
        The value along the axis ``channel``; None for frames without one.
    color
        As #RRGGBB; None where the OME-XML tells none.
    """

    name: AxisValue
    color: str | None


@dataclass(frozen=True, slots=True)
class ImageSummary:
    """An image, as the records and the OME-XML tell it; None where the OME-XML tells nothing.

    Parameters
    ----------
    name
        What readers show.
    coordinates
        Axis to value of all axes that tell this image from the others.
    file
        The file that it is in.
    sizes
        Planes along T, C and Z, pixels along Y and X, and samples S of an RGB image.
    dtype
        Name of the pixel type in the file.
    channels
        In order.
    pixel_size_um
        Height and width of a pixel in the sample.
    z_step_um, time_interval_s
        Distances of planes and of time points.
    duration_s
        From the first plane to the last one, by the times that the planes tell.
    acquired
        When the first frame of the dataset was taken, as it stands in the file.
    planes
        T * C * Z.
    n_frames
        How many of them were acquired; the others are black in readers.
    """

    name: str
    coordinates: dict[str, int | str]
    file: Path
    sizes: dict[str, int]
    dtype: str
    channels: tuple[ChannelSummary, ...]
    pixel_size_um: tuple[float | None, float | None]
    z_step_um: float | None
    time_interval_s: float | None
    duration_s: float | None
    acquired: str | None
    planes: int
    n_frames: int


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """What `info` finds out about a dataset.

    Parameters
    ----------
    path
        The file, or the folder of files.
    is_finished
        Whether all of its files are OME-TIFF; False while it is written, and after its writer was killed.
    n_files
        How many TIFF files it has.
    size_bytes
        What these, and the companion of a folder, take on the disk.
    n_frames
        How many frames there are; of those put at the same coordinates the last one counts.
    n_overwritten
        How many frames others were put in place of.
    images
        In the order in which they first came.
    metadata
        The keys that the metadata of frames has.
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
        What is there was not written by a `TiffStorage`, or is damaged.
    """
    with opened(path) as data:
        target = data.target
        companion = find_companion(target.path, data.header.dataset) if target.is_folder else None
        return DatasetInfo(
            path=target.path,
            is_finished=data.is_finished and target.is_folder == (companion is not None),
            n_files=len(data.paths),
            size_bytes=sum(each.stat().st_size for each in (*data.paths, companion) if each is not None),
            n_frames=len(data.dataset.numbers),
            n_overwritten=len(data.dataset) - len(data.dataset.numbers),
            images=tuple(_image(data, number) for number in range(len(data.images))),
            metadata=coverage(data),
            check=_check(data),
        )


def _check(data: Opened) -> tuple[Finding, ...]:
    """Find out once more what `finish` logs."""
    interpreter = Interpreter()
    facts = Facts(data.header, data.dataset, read_planes(data.dataset, interpreter), interpreter)
    facts.plate()
    for image in data.images:
        facts.described(image.layout, image.name)
    return tuple(facts.findings)


def _image(data: Opened, number: int) -> ImageSummary:
    image, text = data.images[number], data.told(number)
    facts = image.info()
    values = image.layout.values["C"]
    inside = image.layout.modulo.get("C", ("", (None,)))[1]
    times_s = [time_s for _, time_s in text.plane_times_s()]
    return ImageSummary(
        name=data.name(number),
        coordinates=facts.coordinates,
        file=data.paths[image.file],
        sizes=facts.sizes,
        dtype=facts.dtype,
        channels=tuple(
            ChannelSummary(value, text.color(index * len(inside))) for index, value in enumerate(values)
        ),
        pixel_size_um=(text.length_um("PhysicalSizeY"), text.length_um("PhysicalSizeX")),
        z_step_um=text.length_um("PhysicalSizeZ"),
        time_interval_s=text.time_interval_s(),
        duration_s=max(times_s) - min(times_s) if times_s else None,
        acquired=text.image.get("AcquisitionDate"),
        planes=len(image.layout.frames),
        n_frames=facts.n_frames,
    )
