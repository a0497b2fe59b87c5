"""Export of a dataset as OME-Zarr, plane by plane; an interrupted export can be resumed."""

import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path

from exengine_ome_tiff.dataset.location import PART_SUFFIX, new_path
from exengine_ome_tiff.export.ngff_metadata import VERSIONS, NgffVersion
from exengine_ome_tiff.inspection.open_dataset import OpenDataset
from exengine_ome_tiff.tiff import patiently, sync_folder, write_whole

_METADATA = ("zarr.json", ".zgroup")


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


class PartialZarr:
    """The unfinished result of an export, with a list of the planes written.

    Only an export with the same request resumes it.

    Parameters
    ----------
    dest
        Folder of the result.
    request
        Dataset and options of the export, as JSON.
    overwrite
        Whether to replace a Zarr hierarchy at `dest`.

    Raises
    ------
    FileExistsError
        `dest` exists and must not be replaced, or there is an unfinished result of another request.
    """

    def __init__(self, dest: Path, request: Mapping[str, object], *, overwrite: bool) -> None:
        self._dest, self._overwrite = dest, overwrite
        self._folder = dest.with_name(f".{dest.name}{PART_SUFFIX}")
        self.path = self._folder / dest.name
        """Path of the unfinished result."""
        self._done = self._folder / "done.txt"
        self._replaced = self._folder / "replaced"
        if self._replaced.exists() and not dest.exists():
            patiently(partial(self._replaced.rename, dest))  # moved by a process that was killed
        self._check()
        asked = json.dumps(request, sort_keys=True).encode()
        note = self._folder / "request.json"
        if not self._folder.exists():
            self._folder.mkdir(parents=True)
            write_whole(note, asked, fsync=False)
        elif not note.is_file() or note.read_bytes() != asked:
            raise FileExistsError(
                f"{self._folder} contains an interrupted export with different options, or of another "
                "dataset: rerun with the same options to resume, or delete it"
            )

    def done(self) -> set[tuple[int, int]]:
        """Return image and frame number of each plane written."""
        if not self._done.exists():
            return set()
        lines = self._done.read_text().split("\n")[:-1]  # without an incomplete last line
        return {(int(image), int(frame)) for image, frame in (line.split() for line in lines)}

    def add_done(self, image: int, frames: Iterable[int]) -> None:
        """Record that planes were written."""
        with self._done.open("a", newline="\n") as file:
            file.write("".join(f"{image} {frame}\n" for frame in frames))

    def publish(self) -> None:
        """Move the result to its destination, and delete what it replaces."""
        self._check()
        if self._dest.exists():
            patiently(partial(self._dest.rename, self._replaced))
        patiently(partial(self.path.rename, self._dest))
        sync_folder(self._dest.parent)
        patiently(partial(shutil.rmtree, self._folder))

    def _check(self) -> None:
        """Check that the result may be moved to its destination."""
        if not self._dest.exists():
            return
        if not self._overwrite:
            raise FileExistsError(f"{self._dest} exists")
        if not any((self._dest / name).is_file() for name in _METADATA):
            raise FileExistsError(f"{self._dest} is not a Zarr hierarchy, so it is not replaced")
