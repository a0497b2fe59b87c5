"""Conversion of other datasets to datasets of `TiffStorage`, which can be interrupted and resumed."""

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from exengine.kernel.data_storage_base import DataStorage

from exengine_ome_tiff.conversion.frame_copy import Conversion, Progress
from exengine_ome_tiff.conversion.image_stacks import MicroManagerSource
from exengine_ome_tiff.conversion.ndtiff import is_ndtiff, ndtiff_of, open_ndtiff
from exengine_ome_tiff.conversion.ome_tiff import OmeTiffSource, has_ome_tiff
from exengine_ome_tiff.conversion.partial_result import PartialResult
from exengine_ome_tiff.conversion.separate_files import has_separate_images
from exengine_ome_tiff.conversion.separate_images import SeparateImageSource
from exengine_ome_tiff.conversion.sources import (
    OwnSource,
    SkippedFrame,
    Source,
    StorageSource,
)
from exengine_ome_tiff.dataset.foreign import foreign_kind
from exengine_ome_tiff.dataset.loader import SeveralDatasetsError
from exengine_ome_tiff.dataset.location import absolute_path, is_tiff, new_path
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.tiff_storage import TiffStorage


@dataclass(frozen=True, slots=True)
class ConversionResult:
    """What `convert` did.

    Parameters
    ----------
    path
        The result. A result that differs from its source stays beside the destination.
    n_frames
        How many frames it has.
    n_source_frames
        How many frames the source has, without those that later ones replaced. At least so many where one of
        `skipped` has an unknown number of frames.
    n_resumed
        How many of the result's frames an earlier, interrupted conversion had written.
    n_images
        How many OME images they make.
    frame_bytes
        Bytes of pixels that were copied by this call.
    disk_bytes
        Size of the result on the disk.
    seconds
        Time that copying and finishing took.
    skipped
        What could not be converted.
    n_overwritten
        How many frames of the source were replaced by later ones, and so left out.
    differences
        What `verify` found; None without `verify`.
    notes
        What is kept in the original OME-XML only, which is part of the summary metadata: kinds of elements
        that OME-TIFF of this package does not have, each with its count.
    """

    path: Path
    n_frames: int
    n_source_frames: int
    n_resumed: int
    n_images: int
    frame_bytes: int
    disk_bytes: int
    seconds: float
    skipped: tuple[SkippedFrame, ...]
    n_overwritten: int
    differences: tuple[str, ...] | None
    notes: tuple[str, ...] = ()

    @property
    def megabytes_per_s(self) -> float:
        """Rate of copying."""
        return self.frame_bytes / 1e6 / self.seconds if self.seconds else 0.0

    @property
    def is_complete(self) -> bool:
        """Whether all of the source was carried over."""
        return not self.skipped and not self.differences and self.n_frames == self.n_source_frames


def convert(
    source: str | PathLike[str] | DataStorage,
    dest: str | PathLike[str],
    *,
    coordinates: Iterable[Mapping[str, int | str]] | None = None,
    overwrite: bool = False,
    verify: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> ConversionResult:
    """Convert a dataset to one of `TiffStorage`.

    Frames are copied one by one, with their coordinates, their metadata and the summary metadata. The result
    grows in a folder ``.NAME.part`` beside `dest`, and moves to `dest` when it is complete. A second call
    resumes a conversion that was interrupted, even by SIGKILL.

    Parameters
    ----------
    source
        Path of an NDTiff dataset (versions 1 to 3; needs the extra `ndtiff`), of a folder of image stacks or
        separate image files of Micro-Manager 1.4 or 2, of OME-TIFF of another program, or of a dataset of
        `TiffStorage`, finished or not; or a storage that takes no more frames. Of pyramids only the full
        resolution is carried over.
    dest
        The result: one file if the path has the suffix of a TIFF file, else a folder.
    coordinates
        Coordinates of the frames to take from a storage; None for all, if the storage lists them.
    overwrite
        Replace a dataset at `dest` when the result is complete.
    verify
        Read source and result back frame by frame, and compare pixels, metadata and summary metadata. A
        result that differs does not move to `dest`.
    progress
        Called with the activity, the number of frames that are done, and the number of all frames.
    **options
        Options of `TiffStorage`, such as `compression`. Descriptions in a dataset of `TiffStorage` (pixel
        size, channels, plate, ...) are kept where no option replaces them, and so is `split_by` from folder
        to folder; compression, tiles, pyramids and checksums are not.

    Returns
    -------
    ConversionResult
        Lists what could not be converted: a frame that cannot be read is left out.

    Raises
    ------
    FileNotFoundError
        There is nothing at `source`.
    FileExistsError
        There is something at `dest`, or an unfinished result of another request beside it.
    OmeTiffError
        `source` is not a dataset that can be converted, or none of its frames can be read.
    TypeError, ValueError
        An option has a value that it cannot have, `coordinates` come with a path, or source and destination
        are the same.
    ImportError
        NDTiff or a compression needs an extra.
    OSError
        Reading or writing failed, or the disk is full; a second call resumes.
    """
    if "on_error" in options:
        raise TypeError("got on_error, but a conversion reports the frames that it skips")
    path = new_path(dest)
    opened = _open_source(source, coordinates)
    try:
        if opened.path is not None and _is_within(path, opened.path):
            raise ValueError(f"the destination {path} must not be the source or inside it")
        wanted = _storage_options(opened, options, path)
        names = [type(translator).__qualname__ for translator in wanted["translators"]]
        request = {
            "source": str(opened.path or type(source).__qualname__),
            "options": wanted | {"translators": names},
        }
        part = PartialResult(path, request, overwrite=overwrite)
        conversion = Conversion(opened, part, wanted, progress)
        start_s = time.monotonic()
        conversion.copy()
        seconds = time.monotonic() - start_s
        with TiffStorage.open(part.path) as result:
            n_frames, n_images = len(result.get_image_coordinates_list()), len(result.images)
            differences = tuple(conversion.differences(result)) if verify else None
    finally:
        opened.close()
    path = part.path if differences else part.publish()
    return ConversionResult(
        path,
        n_frames,
        conversion.n_source_frames,
        conversion.n_resumed,
        n_images,
        conversion.copied_bytes,
        sum(file.stat().st_size for file in (path.iterdir() if path.is_dir() else [path])),
        seconds,
        conversion.skipped,
        opened.superseded,
        differences,
        tuple(opened.notes),
    )


def _is_within(path: Path, folder: Path) -> bool:
    """Whether a path is a file or folder, or is in it, however the two are spelled."""
    real = Path(os.path.normpath(path)) if os.name == "nt" else path.resolve()
    return any(each.exists() and each.samefile(folder) for each in (real, *real.parents))


def _storage_options(source: Source, options: Mapping[str, Any], dest: Path) -> dict[str, Any]:
    """Return what the user specifies, and what the source says where the user says nothing."""
    known = {name: value for name, value in source.options.items() if value is not None}
    if is_tiff(dest):
        known.pop("split_by", None)
    return {**known, **options, "translators": [*options.get("translators", ())]}


def _open_source(
    source: str | PathLike[str] | DataStorage, coordinates: Iterable[Mapping[str, int | str]] | None
) -> Source:
    """Recognize a source and open it."""
    if isinstance(source, TiffStorage):
        source.flush()
        return OwnSource(source.path, coordinates)
    if not isinstance(source, str | PathLike):
        return StorageSource(source, coordinates)
    if coordinates is not None:
        raise TypeError(f"got coordinates of frames of {fspath(source)!r}, expected those of a storage")
    path = absolute_path(source)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder")
    if path.is_dir() and is_ndtiff(path):
        return open_ndtiff(path)
    try:
        return OwnSource(path)
    except SeveralDatasetsError:
        raise
    except OmeTiffError as not_own:
        folder = ndtiff_of(path)
        if folder is not None:
            return open_ndtiff(folder)
        try:
            return MicroManagerSource(path)
        except SeveralDatasetsError:
            raise
        except OmeTiffError as error:
            if has_separate_images(path):
                return SeparateImageSource(path)
            if has_ome_tiff(path):
                return OmeTiffSource(path)
            kind = foreign_kind(path)
            if kind is None and path.is_file():
                raise OmeTiffError(str(not_own)) from error  # a damaged file of ours, or of nobody known
            if kind is not None and kind.source is not None:
                raise
            what = f"it is {kind.name}" if kind else "in this folder"
            raise OmeTiffError(
                f"{path}: no dataset of NDTiff, TiffStorage or Micro-Manager, and no OME-TIFF: {what}"
            ) from error
