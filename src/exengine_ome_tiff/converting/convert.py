"""Making one of our datasets of any other one, so that it can be interrupted and gone on with."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Literal

import numpy as np
from exengine.kernel.data_storage_base import DataStorage

from exengine_ome_tiff.converting.micromanager import MicroManagerSource
from exengine_ome_tiff.converting.ndtiff import INDEX, is_ndtiff, open_ndtiff
from exengine_ome_tiff.converting.part import Part
from exengine_ome_tiff.converting.sources import Lost, OwnSource, Source, StorageSource, UnreadableFrameError
from exengine_ome_tiff.coordinates import Coordinates, read_coordinates
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.looking.record import coordinates_text
from exengine_ome_tiff.storage import TiffStorage
from exengine_ome_tiff.storage.records import to_json

Progress = Callable[[Literal["converting", "verifying"], int, int], object]
"""Is told what is done, with how many frames, and how many there are."""


@dataclass(frozen=True, slots=True)
class Converted:
    """What `convert` did.

    Parameters
    ----------
    path
        The result. Where it differs from the source it has not got its name.
    frames
        How many frames it has.
    resumed
        How many of these an earlier, interrupted conversion had written.
    images
        How many OME images they make.
    frame_bytes
        Of the pixels of the frames that were copied now.
    disk_bytes
        Of the result.
    seconds
        That copying took, and finishing.
    lost
        What could not be carried over.
    superseded
        How many frames of the source others had replaced, and were left out.
    differences
        What `verify` found; None where it was not asked for.
    """

    path: Path
    frames: int
    resumed: int
    images: int
    frame_bytes: int
    disk_bytes: int
    seconds: float
    lost: tuple[Lost, ...]
    superseded: int
    differences: tuple[str, ...] | None

    @property
    def megabytes_per_s(self) -> float:
        """Rate of copying."""
        return self.frame_bytes / 1e6 / self.seconds if self.seconds else 0.0

    @property
    def is_whole(self) -> bool:
        """Whether all of the source was carried over."""
        return not self.lost and not self.differences


def convert(
    source: str | PathLike[str] | DataStorage,
    dest: str | PathLike[str],
    *,
    coordinates: Iterable[Mapping[str, int | str]] | None = None,
    overwrite: bool = False,
    verify: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> Converted:
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
        Of the frames of a storage that does not tell them.
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
    Converted
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
        An option has a value that it cannot have, or source and destination are the same.
    ImportError
        NDTiff or a compression needs an extra.
    OSError
        Reading or writing failed, or the disk is full; calling this again goes on.
    """
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
        return _Conversion(opened, Part(path, request, overwrite=overwrite), wanted, progress).run(
            path, verify=verify
        )
    finally:
        opened.close()


def _open(
    source: str | PathLike[str] | DataStorage, coordinates: Iterable[Mapping[str, int | str]] | None
) -> Source:
    """Find out what a source is, and open it."""
    if not isinstance(source, str | PathLike):
        return StorageSource(source, coordinates)
    path = Path(fspath(source)).absolute()
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder")
    folder = path if path.is_dir() else path.parent
    if is_ndtiff(folder) and (path.is_dir() or path.name == INDEX):
        return open_ndtiff(folder)
    try:
        return OwnSource(path)
    except OmeTiffError as not_own:
        try:
            return MicroManagerSource(path)
        except OmeTiffError as error:
            raise OmeTiffError(
                f"{path}: no dataset of NDTiff, TiffStorage or Micro-Manager ({not_own}; {error})"
            ) from error


class _Conversion:
    """One run of `convert`."""

    def __init__(
        self, source: Source, part: Part, options: Mapping[str, Any], progress: Progress | None
    ) -> None:
        self._source = source
        self._part = part
        self._options = options
        self._progress = progress
        self._places = source.coordinates()
        self._lost = list(source.lost)
        self._copied_bytes = 0
        self._resumed = 0

    def run(self, dest: Path, *, verify: bool) -> Converted:
        start_s = time.monotonic()
        self._copy_into(self._part.begin(self._source.summary_metadata, self._options))
        seconds = time.monotonic() - start_s
        with TiffStorage.open(self._part.path) as result:
            frames, images = len(result.get_image_coordinates_list()), len(result.images)
            differences = tuple(self._differences(result)) if verify else None
        self._source.close()  # Windows replaces no file that is open
        if not differences:
            self._part.publish()
        path = self._part.path if differences else dest
        files = path.iterdir() if path.is_dir() else [path]
        return Converted(
            path,
            frames,
            self._resumed,
            images,
            self._copied_bytes,
            sum(file.stat().st_size for file in files),
            seconds,
            tuple(self._lost),
            self._source.superseded,
            differences,
        )

    def _copy_into(self, storage: TiffStorage) -> None:
        """Copy the frames that are not there yet, and finish; leave what is there for another time if not."""
        try:
            self._check_last(storage)
            self._resumed = len(storage.get_image_coordinates_list())
            if storage.is_finished() and any(self._readable_but_missing(storage)):
                # a process that ended in a hurry has finished it before it was whole
                storage.close()
                storage = self._part.begin_anew(self._source.summary_metadata, self._options)
                self._resumed, self._lost = 0, list(self._source.lost)
            for done, place in enumerate(self._places):
                self._tell("converting", done)
                if not storage.is_finished():
                    self._copy(place, storage)
            if not storage.get_image_coordinates_list():
                storage.suspend()
                self._part.discard()
                reason = self._lost[0].reason if self._lost else "it has none"
                raise OmeTiffError(f"{self._source.path}: no frame can be read: {reason}")
            storage.finish()
            self._tell("converting", len(self._places))
        finally:
            storage.suspend()

    def _copy(self, place: Coordinates, storage: TiffStorage) -> None:
        try:
            if read_coordinates(place) in storage:
                return
        except (TypeError, ValueError) as error:
            self._lost.append(Lost(str(place), str(error)))
            return
        try:
            pixels, metadata = self._source.read(place)
        except UnreadableFrameError as error:
            self._lose(place, error)
            return
        try:
            storage.put(place, pixels, metadata)
        except (TypeError, ValueError) as error:
            self._lose(place, error)
            return
        self._copied_bytes += pixels.nbytes

    def _lose(self, place: Coordinates, error: Exception) -> None:
        """Note that a frame is lost, if it is not the whole source that is."""
        path = self._source.path
        if path is not None and not path.exists():
            raise FileNotFoundError(f"{path} is not there any more") from error
        self._lost.append(Lost.frame(place, error))

    def _readable_but_missing(self, storage: TiffStorage) -> Iterator[bool]:
        for place in self._places:
            try:
                if read_coordinates(place) not in storage:
                    self._source.read(place)
                    yield True
            except (UnreadableFrameError, TypeError, ValueError) as error:
                self._lose(place, error)

    def _check_last(self, storage: TiffStorage) -> None:
        """Make sure that the last frame that is there is the source's."""
        last = storage.get_image_coordinates_list()[-1:]
        if any(place not in self._places or [*self._differing(place, storage)] for place in last):
            raise FileExistsError(
                f"{self._part.folder} has part of a conversion of other frames: delete it to begin anew"
            )

    def _differences(self, result: TiffStorage) -> Iterator[str]:
        """Compare source and result."""
        if to_json(self._source.summary_metadata)[0] != to_json(result.summary_metadata)[0]:
            yield "summary metadata"
        lost = {lost.what for lost in self._lost}
        for done, place in enumerate(self._places):
            self._tell("verifying", done)
            name = coordinates_text(place)
            if name not in lost:
                yield from (f"{name}: {what}" for what in self._differing(place, result))
        self._tell("verifying", len(self._places))
        more = len(result.get_image_coordinates_list()) - len(self._places)
        if more > 0:
            yield f"{more} frames that the source does not have"

    def _differing(self, place: Coordinates, result: TiffStorage) -> Iterator[str]:
        """Tell in what a frame of the source and of the result differ."""
        try:
            pixels, metadata = self._source.read(place)
            copy, copied = result[place], result.get_metadata(place)
        except (OmeTiffError, KeyError) as error:
            yield str(error)
            return
        if (pixels.shape, pixels.dtype) != (copy.shape, copy.dtype):
            yield f"{pixels.shape} {pixels.dtype} became {copy.shape} {copy.dtype}"
        elif not np.array_equal(pixels.view(f"V{pixels.itemsize}"), copy.view(f"V{copy.itemsize}")):
            yield "pixels"
        if to_json(metadata)[0] != to_json(copied)[0]:
            yield "metadata"

    def _tell(self, what: Literal["converting", "verifying"], done: int) -> None:
        if self._progress is not None:
            self._progress(what, done, len(self._places))
