"""Export of a dataset as OME-Zarr, plane by plane; an interrupted export can be resumed."""

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from exengine_ome_tiff.dataset.location import new_path
from exengine_ome_tiff.export.ngff_metadata import VERSIONS, NgffVersion
from exengine_ome_tiff.export.partial_zarr import PartialZarr
from exengine_ome_tiff.inspection.open_dataset import OpenDataset


@dataclass(frozen=True, slots=True)
class ZarrExportResult:
    """Result of `export_ome_zarr`.

    Parameters
    ----------
    path
        The folder.
    version
        Version of NGFF.
    images
        Name of each image by its path in the folder, in the order of the OME-XML.
    n_planes
        Number of acquired planes; all others are zeros.
    n_resumed
        Number of planes written by an earlier, interrupted export.
    """

    path: Path
    version: NgffVersion
    images: dict[str, str]
    n_planes: int
    n_resumed: int


def export_ome_zarr(
    path: str | PathLike[str],
    dest: str | PathLike[str],
    *,
    version: NgffVersion = "0.5",
    overwrite: bool = False,
    progress: Callable[[int, int], object] | None = None,
) -> ZarrExportResult:
    """Write a dataset as OME-Zarr in the layout of bioformats2raw, with pyramids, and plates as HCS.

    Planes are written one by one with the scheduler of dask: threads, or a cluster if a
    `distributed.Client` is active. The result grows in a folder ``.NAME.part`` beside `dest`, and is moved to
    `dest` when it is complete and passes the validation of yaozarrs. A second call resumes an interrupted
    export, even after SIGKILL. Needs the extra `zarr`.

    Pixels keep the type that they have in the file. Samples of RGB pixels become channels.

    Parameters
    ----------
    path
        A single file, a folder, or any file of a folder, finished or not.
    dest
        The folder to write, ending in .zarr.
    version
        Version of NGFF: "0.5" with Zarr 3, or "0.4" with Zarr 2.
    overwrite
        Replace an existing Zarr hierarchy when the result is complete.
    progress
        Called with the number of planes written and the total.

    Returns
    -------
    ZarrExportResult

    Raises
    ------
    FileNotFoundError
        There is nothing at `path`.
    FileExistsError
        `dest` exists, or an unfinished export with another request is beside it.
    ValueError
        The version is unknown, or `dest` does not end in .zarr.
    OmeTiffError
        There is no dataset at `path`, or a page of it is damaged.
    ImportError
        The extra `zarr` is missing.
    OSError
        Reading or writing failed; a second call resumes.
    """
    from exengine_ome_tiff.export.zarr_images import ZarrImages

    target = new_path(dest)
    if target.suffix.lower() != ".zarr":
        raise ValueError(f"{target}: the name of an OME-Zarr folder must end in .zarr")
    if version not in VERSIONS:
        raise ValueError(f"got version={version!r}, expected {' or '.join(VERSIONS)}")
    with OpenDataset(path) as data:
        frames = [len(data.frames), sum(len(file.pages) for file in data.frames.files)]
        request = {"dataset": data.header.dataset, "frames": frames, "version": version}
        part = PartialZarr(target, request, overwrite=overwrite)
        images = ZarrImages(data, part, version)
        n_resumed = images.write(progress or (lambda _done, _total: None))
        part.publish()
        return ZarrExportResult(target, version, images.names(), images.n_planes, n_resumed)
