"""Making one of our datasets of any other one, so that it can be interrupted and gone on with."""

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
from exengine_ome_tiff.conversion.partial import Part
from exengine_ome_tiff.conversion.separate_files import has_separate_images
from exengine_ome_tiff.conversion.separate_images import SeparateImageSource
from exengine_ome_tiff.conversion.sources import OwnSource, SkippedFrame, Source, StorageSource
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.tiff_storage import TiffStorage


@dataclass(frozen=True, slots=True)
class ConversionResult:
    """What `convert` did.

    Parameters
    ----------
    path
        The result. Where it differs from the source it has not got its name.
    n_frames
        How many frames it has.
    n_resumed
        How many of these an earlier, interrupted conversion had written.
    n_images
        How many OME images they make.
    frame_bytes
        Of the pixels of the frames that were copied now.
    disk_bytes
        Of the result.
    seconds
        That copying took, and finishing.
    skipped
        What could not be carried over.
    n_overwritten
        How many frames of the source others had replaced, and were left out.
    differences
        What `verify` found; None where it was not asked for.
    """

    path: Path
    n_frames: int
    n_resumed: int
    n_images: int
    frame_bytes: int
    disk_bytes: int
    seconds: float
    skipped: tuple[SkippedFrame, ...]
    n_overwritten: int
    differences: tuple[str, ...] | None

    @property
    def megabytes_per_s(self) -> float:
        """Rate of copying."""
        return self.frame_bytes / 1e6 / self.seconds if self.seconds else 0.0

    @property
    def is_complete(self) -> bool:
        """Whether all of the source was carried over."""
        return not self.skipped and not self.differences


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
    """Make a dataset of `TiffStorage` of another one.

    Frames are read and written one after the other. Coordinates, the metadata of frames and the summary
    metadata stay what they are. Until all are written the result is in a folder ``.NAME.part`` beside `dest`;
    then it gets its name at once. Calling this again after it was interrupted, even by SIGKILL, goes on where
    it was.

    Parameters
    ----------
    source
        Path of an NDTiff dataset (versions 1 to 3; needs the extra `ndtiff`), of a folder of image stacks of
        Micro-Manager 1.4 or 2, or of a dataset of `TiffStorage`, finished or not; or a storage that takes no
        more frames. Of NDTiff pyramids only the full resolution is carried over.
    dest
        With the suffix of a TIFF file one file, else a folder.
    coordinates
        Of the frames of a storage that does not tell them, or of those to take.
    overwrite
        Replace a dataset at `dest`, when the result is whole.
    verify
        Read source and result back frame by frame, and compare pixels, metadata and summary metadata. A
        result that differs does not get its name.
    progress
        Is told what is done, with how many frames, and how many there are.
    **options
        Of `TiffStorage`, such as `compression`. What a dataset of `TiffStorage` says of itself (pixel size,
        channels, plate, ...) is taken over where no option says otherwise; compression, tiles, pyramids and
        checksums are not.

    Returns
    -------
    ConversionResult
        Tells what could not be carried over: a frame that cannot be read is left out.

    Raises
    ------
    FileNotFoundError
        There is nothing at `source`.
    FileExistsError
        There is something at `dest`, or part of a conversion that was asked for otherwise beside it.
    OmeTiffError
        What is at `source` is nothing that can be converted, or no frame of it can be read.
    TypeError, ValueError
        An option has a value that it cannot have, `coordinates` come with a path, or source and destination
        are the same.
    ImportError
        NDTiff or a compression needs an extra.
    OSError
        Reading or writing failed, or the disk is full; calling this again goes on.
    """
    if "on_error" in options:
        raise TypeError("got on_error, but a conversion tells what could not be carried over")
    path = Path(fspath(dest)).absolute()
    opened = _open(source, coordinates)
    try:
        if opened.path is not None and path.resolve().is_relative_to(opened.path.resolve()):
            raise ValueError(f"the destination {path} is the source, or in it")
        said = {name: value for name, value in opened.options.items() if value is not None}
        wanted = said | options | {"translators": [*options.get("translators", ())]}
        names = [type(translator).__qualname__ for translator in wanted["translators"]]
        request = {
            "source": str(opened.path or type(source).__qualname__),
            "options": wanted | {"translators": names},
        }
        part = Part(path, request, overwrite=overwrite)
        conversion = Conversion(opened, part, wanted, progress)
        start_s = time.monotonic()
        conversion.copy()
        seconds = time.monotonic() - start_s
        with TiffStorage.open(part.path) as result:
            frames, images = len(result.get_image_coordinates_list()), len(result.images)
            differences = tuple(conversion.differences(result)) if verify else None
    finally:
        opened.close()
    if differences:
        path = part.path
    else:
        part.publish()
    files = path.iterdir() if path.is_dir() else [path]
    return ConversionResult(
        path,
        frames,
        conversion.resumed,
        images,
        conversion.copied_bytes,
        sum(file.stat().st_size for file in files),
        seconds,
        conversion.skipped,
        opened.superseded,
        differences,
    )


def _open(
    source: str | PathLike[str] | DataStorage, coordinates: Iterable[Mapping[str, int | str]] | None
) -> Source:
    """Find out what a source is, and open it."""
    if isinstance(source, TiffStorage):
        source.flush()
        return OwnSource(source.path, coordinates)
    if not isinstance(source, str | PathLike):
        return StorageSource(source, coordinates)
    if coordinates is not None:
        raise TypeError(f"got coordinates of frames of {fspath(source)!r}, expected those of a storage")
    path = Path(fspath(source)).absolute()
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder")
    if path.is_dir() and is_ndtiff(path):
        return open_ndtiff(path)
    try:
        return OwnSource(path)
    except OmeTiffError as not_own:
        folder = ndtiff_of(path)
        if folder is not None:
            return open_ndtiff(folder)
        try:
            return MicroManagerSource(path)
        except OmeTiffError as error:
            if has_separate_images(path):
                return SeparateImageSource(path)
            raise OmeTiffError(
                f"{path}: no dataset of NDTiff, TiffStorage or Micro-Manager ({not_own}; {error})"
            ) from error
