"""The reading half of `TiffStorage`: frames one by one, and as lazy arrays."""

import json
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy.typing as npt
from exengine.kernel.data_storage_base import DataStorage

from exengine_ome_tiff.coordinates import Coordinates
from exengine_ome_tiff.dataset.facts import Facts
from exengine_ome_tiff.dataset.frame_index import FrameIndex
from exengine_ome_tiff.dataset.growth import Growth
from exengine_ome_tiff.dataset.recording import Recording
from exengine_ome_tiff.dataset.stored_images import ImageChoice, StoredImage, find_image
from exengine_ome_tiff.reading.calibration import Calibration, calibration_of
from exengine_ome_tiff.reading.display import DatasetDisplay, ImageLook
from exengine_ome_tiff.reading.images import Image, Images, PixelSource

if TYPE_CHECKING:
    import dask.array as da
    import xarray as xr

_LOOK_S, _LOOK_AT_FILE_S = 0.05, 0.0002
"""How often `follow` looks for frames of another process: so many seconds, and more with many files."""

NO_COORDINATES: Mapping[str, int | str] = MappingProxyType({})
"""Of a frame that was put without any."""


class Reader(DataStorage):
    """What can be read of a dataset, while it is written and later; documented as part of `TiffStorage`."""

    def _read(self, path: Path, recording: Recording, growth: Growth | None = None) -> None:
        """Begin to read a dataset; `growth` finds the frames that another process adds."""
        self._path = path
        self._recording = recording
        self._growth = growth
        self._refreshing = threading.RLock()
        self._is_closed = False
        self._laid_out: tuple[object, list[StoredImage]] = None, []
        """The images, and of which frames."""

    @property
    def path(self) -> Path:
        """Absolute path of the file or the folder."""
        return self._path

    @property
    def summary_metadata(self) -> Any:
        """What describes the whole dataset, as JSON gives it back."""
        return json.loads(self._recording.header.summary_json)

    def __contains__(self, data_coordinates: object) -> bool:
        """Whether a frame was put at coordinates."""
        return self._readable().index.find(plain_coordinates(data_coordinates)) is not None

    def __getitem__(self, data_coordinates: Mapping[str, int | str]) -> npt.NDArray[Any]:
        """Read a frame, as `get_data` does."""
        return self.get_data(data_coordinates)

    def __iter__(self) -> Iterator[Coordinates]:
        """Iterate over the coordinates of the frames that are there now, as a mapping does over its keys."""
        return iter(self.get_image_coordinates_list())

    def get_data(
        self, data_coordinates: Mapping[str, int | str] = NO_COORDINATES, **axes: int | str
    ) -> npt.NDArray[Any]:
        """Read a frame.

        Parameters
        ----------
        data_coordinates
            The coordinates it was put at, axes in any order.
        **axes
            The same by keywords, such as ``get_data(time=3, channel="GFP")``; with a mapping, further axes.

        Returns
        -------
        numpy.ndarray
            A new array of the shape, type and byte order that was put.

        Raises
        ------
        KeyError
            No frame was put there.
        TypeError
            An axis is both in the mapping and a keyword.
        RuntimeError
            The storage is closed.
        """
        return self._readable().index.pixels(_all_coordinates(data_coordinates, axes))

    def get_metadata(
        self, data_coordinates: Mapping[str, int | str] = NO_COORDINATES, **axes: int | str
    ) -> Any:
        """Read the metadata of a frame, as JSON gives it back; parameters and errors as for `get_data`."""
        return self._readable().index.metadata(_all_coordinates(data_coordinates, axes))

    def get_image_coordinates_list(self) -> list[Coordinates]:
        """Return the coordinates of all frames, in the order in which they first came."""
        return self._readable().index.coordinates()

    @property
    def images(self) -> Images:
        """The OME images that the frames put so far make, in their order in the file.

        A tuple of `Image` that also takes a name, or coordinates that only one image has:
        ``storage.images["A1"].asarray()``.
        """
        recording = self._readable()
        return Images.of(self._images(recording), self._pixel_source(recording))

    def as_array(
        self,
        axes: Iterable[str] | None = None,
        stitched: bool = False,
        level: int = 0,
        **selection: int | str | None,
    ) -> "da.Array":
        """Look at frames as one dask array, which reads pages when they are needed; needs the extra `dask`.

        It does what `NDStorageBase.as_array` of ndstorage does. During a run it has the frames put so far,
        which are in the files when it returns. It can be pickled: a worker of a cluster that sees the files
        reads its pages itself. Where no frame was put there are zeros.

        Parameters
        ----------
        axes
            Names of the axes of the array, before those of the pixels. By default all that are not selected:
            ``row``, ``column``, ``position``, ``time``, then ``channel`` and any others in the order in which
            they came, then ``z``.
        stitched
            Lay frames that differ in ``row`` and ``column`` out beside each other, without the pixels that
            they share with their neighbours by ``GridPixelOverlapX`` and ``GridPixelOverlapY`` of the summary
            metadata: half of them is cut off at each side.
        level
            0 for the frames, or the number of a smaller copy that `finish` made (`pyramid_levels`): each has
            half the height and width of the one before, and the type in the file. Not with `stitched`.
        **selection
            A value of each axis that is no axis of the array. On an axis of which all values are text, a
            number counts them in the order in which they came. None selects the frames without that axis.

        Returns
        -------
        dask.array.Array
            Shape (axes..., Y, X), and (axes..., Y, X, 3) or (axes..., Y, X, 4) for RGB, in the type that was
            put. Along an axis lie all values of the dataset: None if a selected frame lacks the axis, then
            numbers by value, then text by the alphabet. A chunk has about 4 MiB of small pages, one page, or
            a part of a large page: its tiles, or a band of its rows.

        Raises
        ------
        ImportError
            dask is not installed.
        TypeError
            `axes` is no list of names, or a value is neither int nor str.
        ValueError
            There is no such axis or value; an axis of several values is neither named nor selected; frames
            differ in shape or type; tiles cannot be stitched; or there is no such level. The message says
            what to select.
        OSError
            Frames that wait in memory could not be written.
        RuntimeError
            The storage is closed.

        Notes
        -----
        Where this refuses or does better, ndstorage continues silently: it gives zeros for a value that
        no frame has, and where an axis is neither named nor selected; takes all frames for such as the first
        one is; ignores a selected row or column where tiles are stitched; and gives empty tiles where they
        overlap along one side only. It has no axes of both numbers and text.
        """
        from exengine_ome_tiff.reading import dask_array

        dataset = self._readable().index
        if stitched and level:
            raise ValueError("smaller copies cannot be stitched: ask for level=0")
        if stitched:
            array = dask_array.stitched_array(dataset, axes, selection, self.summary_metadata)
        else:
            array = dask_array.frames_array(dataset, axes, selection, level)
        self.flush()  # now, as other threads may have put frames until a moment ago
        return array

    def as_xarray(self, image: ImageChoice = None, level: int = 0) -> "xr.DataArray":
        """Look at an OME image with its axes and units; needs the extra `xarray`.

        Lazy, and to be pickled, as `as_array`.

        Parameters
        ----------
        image
            Its number in `images`, its name, or labels that only it has. The only one there is by default.
        level
            As for `as_array`; ``y`` and ``x`` are the centers of the larger pixels.

        Returns
        -------
        xarray.DataArray
            Dimensions ``time``, ``channel`` and ``z``, each where frames had it, and after each the axis
            of `modulo` that is inside it; then ``y``, ``x``, and ``sample`` for RGB.

            Coordinates of ``z``, ``y`` and ``x`` are in micrometres from the first plane and pixel, those of
            ``time`` in seconds: when the first plane of each time point was taken, or else by the planned
            interval. Where that is not known, ``time`` and ``z`` have the values that were put, which are
            always in ``time_value`` and ``z_value``, and ``y`` and ``x`` have none. Further coordinates are
            the labels of the image (``..._label`` where the name is taken), ``channel_name`` and
            ``position_name`` where these are numbers with names, and of each plane ``delta_t``,
            ``exposure``, ``stage_x``, ``stage_y`` and ``stage_z``, where they are known. ``attrs["units"]``
            of a coordinate is "um" or "s".

        Raises
        ------
        ImportError
            xarray or dask is not installed.
        TypeError
            `image` is neither number, name nor labels.
        ValueError
            There is no such image or level, or there are several images.
        OSError
            Frames that wait in memory could not be written.
        RuntimeError
            The storage is closed.
        """
        recording = self._readable()
        stored = find_image(self._images(recording), image)
        return Image.of(stored, self._pixel_source(recording)).asxarray(level)

    def refresh(self) -> int:
        """Read what another process has added to a dataset that was opened with `allow_unfinished`.

        Frames, images and `is_finished` are then as if it was opened again, but only what is new is read.
        Images and arrays made before stay as they are. In the process that writes, all frames are there.

        Returns
        -------
        int
            How many frames are new. A frame that replaces another one counts.

        Raises
        ------
        OSError
            A file was deleted, moved or replaced, or cannot be read. Frames known so far can still be read
            from a file that stays open.
        OmeTiffError
            A file was finished, and is damaged.
        RuntimeError
            The storage is closed, or was opened before this process was forked.
        """
        self._readable()
        if self._growth is None:
            return 0
        with self._refreshing:
            try:
                return self._growth.refresh()
            finally:
                self._recording = self._growth.recording

    def follow(self, timeout: float | None = None) -> Iterator[Coordinates]:
        """Iterate over the coordinates of all frames, waiting for those to come, until the end of the run.

        It works in the process that writes and, by `refresh`, in any other that has opened the dataset with
        `allow_unfinished`.

        Parameters
        ----------
        timeout
            Seconds to wait for the next frame at most; None forever.

        Yields
        ------
        dict
            Coordinates of the frames that are there, then of each one that comes, also of one that replaces
            another. Each frame can be read.

        Raises
        ------
        TimeoutError
            No frame came for so long, and the dataset is not finished: its writer waits, or was killed.
        OSError, OmeTiffError, RuntimeError
            As for `refresh`.
        """
        seen, since_s = 0, time.monotonic()
        while True:
            is_over = self._is_over()
            if found := self._found_from(seen):
                yield from found
                seen, since_s = seen + len(found), time.monotonic()
                continue
            if is_over:
                return
            left_s = None if timeout is None else timeout - (time.monotonic() - since_s)
            if left_s is not None and left_s <= 0:
                raise TimeoutError(f"{self._path}: no new frame for {timeout:g} s, and it is not finished")
            self._wait_beyond(seen, left_s)

    def flush(self, *, fsync: bool = False) -> None:
        """Write all frames that wait in memory; in a dataset that was opened none do."""

    def is_finished(self) -> bool:
        """Whether `finish` is done; of a dataset that was opened, whether it was when last read."""
        return self._recording.is_finished

    def __repr__(self) -> str:
        """Return one line, during a run without the images: laying out all frames takes 2 us for each."""
        return self._display(None if self._is_growing() else self._images(self._recording)).line()

    def _repr_html_(self) -> str:
        """Return the table that a notebook shows."""
        return self._display(self._images(self._recording), self._looks()).table()

    def _display(self, images: list[StoredImage] | None, looks: Sequence[ImageLook] = ()) -> DatasetDisplay:
        infos = None if images is None else [image.info() for image in images]
        return DatasetDisplay(str(self._path), self._state(), self._recording.index.n_distinct, infos, looks)

    def _looks(self) -> Sequence[ImageLook]:
        """Return how the first images look."""
        return ()

    def _state(self) -> str:
        """Return in a word what becomes of the dataset."""
        if not self.is_finished():
            return "unfinished"
        return "closed" if self._is_closed else "finished"

    def _is_growing(self) -> bool:
        """Whether frames may come."""
        return False

    def _is_over(self) -> bool:
        """Whether no frame can come any more."""
        return self._recording.is_finished

    def _found_from(self, seen: int) -> list[Coordinates]:
        """Return the coordinates of all frames but so many first ones, in the order in which they came."""
        self.refresh()
        if self._growth is None:
            return self._readable().index.coordinates()[seen:]
        axes = self._readable().index.axes
        return [axes.coordinates(key) for key in self._growth.keys[seen:]]

    def _wait_beyond(self, seen: int, timeout_s: float | None) -> None:  # noqa: ARG002 - of those who know more
        """Wait until there may be more than so many frames."""
        look_s = max(_LOOK_S, len(self._recording.index.files) * _LOOK_AT_FILE_S)
        time.sleep(look_s if timeout_s is None else min(look_s, timeout_s))

    def _readable(self) -> Recording:
        if self._is_closed:
            raise RuntimeError(f"{self._path}: closed; TiffStorage.open() reads it again")
        return self._recording

    def _images(self, recording: Recording) -> list[StoredImage]:
        """Lay out the frames; again only where some have come."""
        index = recording.index
        of_frames = index, len(index), index.n_distinct, recording.is_finished
        known, images = self._laid_out
        if known != of_frames:
            images = recording.images()
            self._laid_out = of_frames, images
        return images

    def _pixel_source(self, recording: Recording) -> PixelSource:
        """Return the source of images of a recording: its frames have other numbers than those of another."""

        def frames() -> FrameIndex:
            self._readable()
            return recording.index

        def calibration(image: StoredImage) -> Calibration:
            return calibration_of(image, self._images(recording), recording, self._facts())

        return PixelSource(frames, calibration, self.flush)

    def _facts(self) -> Facts | None:
        """Return what is known of frames that are being written; None if none are."""
        return None


def _all_coordinates(coordinates: object, axes: Mapping[str, int | str]) -> Mapping[str, int | str]:
    """Merge a mapping and keywords."""
    mapping = plain_coordinates(coordinates)
    if not axes:
        return mapping
    twice = axes.keys() & mapping.keys()
    if twice:
        raise TypeError(f"got {', '.join(sorted(twice))} both in the mapping and as a keyword")
    return {**mapping, **axes}


def plain_coordinates(coordinates: object) -> Mapping[str, int | str]:
    """Take the dict out of ExEngine's `DataCoordinates`, whose own methods are many times slower."""
    if type(coordinates) is dict:
        return coordinates
    inner = getattr(coordinates, "coordinate_dict", None)
    if isinstance(inner, dict):
        return inner
    if not isinstance(coordinates, Mapping):
        raise TypeError(f"got {coordinates!r} as coordinates, expected a mapping of axis names to values")
    return coordinates
