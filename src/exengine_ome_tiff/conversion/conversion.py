"""Conversion of other datasets to datasets of `TiffStorage`, which resumes after interruptions."""

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from exengine.kernel.data_storage_base import DataStorage

from exengine_ome_tiff.conversion.comments import CommentedSource
from exengine_ome_tiff.conversion.frame_copy import Conversion, Progress
from exengine_ome_tiff.conversion.image_stacks import MicroManagerSource
from exengine_ome_tiff.conversion.ndtiff import is_ndtiff, ndtiff_of, open_ndtiff
from exengine_ome_tiff.conversion.ome_tiff import OmeTiffSource, has_ome_tiff
from exengine_ome_tiff.conversion.partial_result import PartialResult
from exengine_ome_tiff.conversion.separate_files import has_separate_images
from exengine_ome_tiff.conversion.separate_images import SeparateImageSource
from exengine_ome_tiff.conversion.sources import OwnSource, SkippedFrame, Source, StorageSource
from exengine_ome_tiff.dataset.foreign import foreign_kind
from exengine_ome_tiff.dataset.loader import SeveralDatasetsError
from exengine_ome_tiff.dataset.location import absolute_path, check_dataset_name, is_tiff, new_path
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
        Number of frames in the result.
    n_source_frames
        Number of frames in the source, without those that later ones replaced. A lower bound if one of
        `skipped` has an unknown number of frames.
    n_resumed
        Number of frames in the result that an earlier, interrupted conversion had written.
    n_images
        Number of OME images in the result.
    frame_bytes
        Bytes of pixel data copied in this call.
    disk_bytes
        Size of the result on the disk.
    seconds
        Time that copying and finishing took.
    skipped
        What could not be converted.
    n_overwritten
        Number of frames in the source that later ones replaced, and that were therefore skipped.
    differences
        What `verify` found; None without `verify`.
    notes
        Kinds of elements, with their counts, that are kept only in the original OME-XML, which is part of
        the summary metadata.
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
        """Copying speed."""
        return self.frame_bytes / 1e6 / self.seconds if self.seconds else 0.0

    @property
    def is_complete(self) -> bool:
        """Whether everything in the source was converted."""
        return not self.skipped and not self.differences and self.n_frames == self.n_source_frames


def convert(
    source: str | PathLike[str] | DataStorage,
    output: str | PathLike[str],
    *,
    coordinates: Iterable[Mapping[str, int | str]] | None = None,
    overwrite: bool = False,
    verify: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> ConversionResult:
    """Convert a dataset to a dataset of `TiffStorage`.

    Frames are copied one by one, with their coordinates, their metadata and the summary metadata. The result
    grows in a folder ``.NAME.part`` beside `output`, and moves to `output` when it is complete. A second call
    resumes a conversion that was interrupted, even by SIGKILL.

    Parameters
    ----------
    source
        A path, or a storage that takes no more frames. The path is that of an NDTiff dataset (versions 1 to
        3; needs the extra `ndtiff`), of a folder of Micro-Manager 1.4 or 2 image stacks or separate image
        files, of OME-TIFF of another program, or of a dataset of `TiffStorage`, finished or not. From
        pyramids, only the full resolution is converted.
    output
        The result: one file if the path has the suffix of a TIFF file, else a folder.
    coordinates
        Coordinates of the frames to take from a storage; None for all, if the storage lists them.
    overwrite
        Replace a dataset at `output` when the result is complete.
    verify
        Read source and result back frame by frame, and compare pixels, metadata and summary metadata. A
        result that differs does not move to `output`.
    progress
        Called with the activity, the number of frames done, and the number of all frames.
    **options
        Options of `TiffStorage`, such as `compression`. The descriptions in a dataset of `TiffStorage` (pixel
        size, channels, plate, ...) are kept unless an option replaces them, and so is `split_by` from folder
        to folder; compression, tiles, pyramids and checksums are not.

    Returns
    -------
    ConversionResult
        Lists what could not be converted; frames that cannot be read are skipped.

    Raises
    ------
    FileNotFoundError
        `source` does not exist.
    FileExistsError
        `output` exists, or an interrupted conversion with other options is beside it.
    OmeTiffError
        `source` is not a dataset that can be converted, or none of its frames can be read.
    TypeError, ValueError
        An option has an invalid value, `coordinates` come with a path, or source and destination are the
        same.
    ImportError
        NDTiff or a compression needs an extra.
    OSError
        Reading or writing failed, or the disk is full; a second call resumes.
    """
    if "on_error" in options:
        raise TypeError("got on_error, but a conversion reports the frames that it skips: leave it out")
    check_dataset_name(output)
    path = new_path(output)
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
    """Whether a path is a file or folder or inside it, however the two are spelled."""
    real = Path(os.path.normpath(path)) if os.name == "nt" else path.resolve()
    return any(each.exists() and each.samefile(folder) for each in (real, *real.parents))


def _storage_options(source: Source, options: Mapping[str, Any], output: Path) -> dict[str, Any]:
    """Return the options of the user, and those of the source that the user does not give."""
    known = {name: value for name, value in source.options.items() if value is not None}
    if is_tiff(output):
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
        raise TypeError(
            f"coordinates select frames of a storage, but the source is a path: {fspath(source)!r}"
        )
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
            stacks = MicroManagerSource(path)
            return CommentedSource(stacks, stacks.comments)
        except SeveralDatasetsError:
            raise
        except OmeTiffError as error:
            if has_separate_images(path):
                return SeparateImageSource(path)
            if has_ome_tiff(path):
                return OmeTiffSource(path)
            kind = foreign_kind(path)
            if kind is None and path.is_file():
                raise OmeTiffError(str(not_own)) from error  # a damaged file of ours, or an unknown one
            if kind is not None and kind.source is not None:
                raise
            what = kind.name if kind else "none in this folder"
            raise OmeTiffError(
                f"{path}: expected data of NDTiff, Micro-Manager, TiffStorage or OME-TIFF, found {what}"
            ) from error
