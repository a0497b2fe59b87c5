"""The reading half of `TiffStorage`: single frames, images and lazy arrays."""

import json
import logging
import reprlib
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from exengine.kernel.data_storage_base import DataStorage

from exengine_ome_tiff.coordinates.keys import Coordinates
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

logger = logging.getLogger(__name__)

_LOOK_S, _LOOK_AT_FILE_S = 0.05, 0.0002
"""Interval at which `follow` looks for frames of another process, and what each file adds to it."""
_LONG_SILENCE_S = 60.0
"""Time without a new frame after which `follow` without a timeout logs that the writer may have ended."""
_SILENT = (
    "%s: no new frame for %g s: if the writer has ended, recover() finishes the dataset; "
    "follow(timeout=...) stops waiting"
)

NO_COORDINATES: Mapping[str, int | str] = MappingProxyType({})
"""The coordinates of a frame that was put without any."""


class Reader(DataStorage):
    """Reading of a dataset, during the run and later; documented as part of `TiffStorage`."""

    def _read(self, path: Path, recording: Recording, growth: Growth | None = None) -> None:
        """Start reading a dataset; `growth` finds the frames that another process adds."""
        self._path = path
        self._recording = recording
        self._growth = growth
        self._refreshing = threading.RLock()
        self._is_closed = False
        self._laid_out: tuple[object, list[StoredImage]] = None, []
        """The images, and the frames that they were laid out for."""

    @property
    def path(self) -> Path:
        """Absolute path of the file or the folder."""
        return self._path

    @property
    def summary_metadata(self) -> Any:
        """Metadata of the whole dataset, decoded from JSON."""
        return json.loads(self._recording.header.summary_json)

    def __contains__(self, data_coordinates: object) -> bool:
        """Whether a frame was put at coordinates."""
        return self._readable().index.find(plain_coordinates(data_coordinates)) is not None

    def __getitem__(self, data_coordinates: Mapping[str, int | str]) -> npt.NDArray[Any]:
        """Read a frame, as `get_data` does."""
        return self.get_data(data_coordinates)

    def __iter__(self) -> Iterator[Coordinates]:
        """Iterate over the coordinates of the present frames, as a mapping iterates over its keys."""
        return iter(self.get_image_coordinates_list())

    def get_data(
        self, data_coordinates: Mapping[str, int | str] = NO_COORDINATES, **axes: int | str
    ) -> npt.NDArray[Any]:
        """Read a frame.

        Parameters
        ----------
        data_coordinates
            The coordinates of the frame, axes in any order.
        **axes
            Coordinates as keywords, such as ``get_data(time=3, channel="GFP")``; they add to a mapping.

        Returns
        -------
        numpy.ndarray
            A new array with the shape, type and byte order of the frame as it was put.

        Raises
        ------
        KeyError
            There is no frame at these coordinates.
        TypeError
            An axis is both in the mapping and a keyword.
        RuntimeError
            The storage is closed.
        """
        return self._readable().index.pixels(plain_coordinates(data_coordinates, axes))

    def get_metadata(
        self, data_coordinates: Mapping[str, int | str] = NO_COORDINATES, **axes: int | str
    ) -> Any:
        """Read the metadata of a frame, decoded from JSON; parameters and errors as for `get_data`."""
        return self._readable().index.metadata(plain_coordinates(data_coordinates, axes))

    def get_image_coordinates_list(self) -> list[Coordinates]:
        """Return the coordinates of all frames, in the order in which they were first put."""
        return self._readable().index.coordinates()

    @property
    def images(self) -> Images:
        """The OME images of the frames put so far, in the order in the file.

        A tuple of `Image` that also takes a name, or coordinates that only one image has:
        ``storage.images["A1"].asarray()``. Each access describes all images, which takes about 10 us
        per image: in a loop over many images, get the tuple once.
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
        """Return frames as one dask array, which reads pages when needed; needs the extra `dask`.

        The method corresponds to `NDStorageBase.as_array` of ndstorage. During a run, the array has the
        frames put so far, and the files contain them when it returns. The array can be pickled: workers of a
        cluster read their pages from the files. Missing frames are zeros.

        Parameters
        ----------
        axes
            Names of the axes that precede the pixel axes. By default all axes that are not selected:
            ``row``, ``column``, ``position``, ``time``, then ``channel`` and any others in order of arrival,
            then ``z``.
        stitched
            Place frames that differ in ``row`` and ``column`` side by side. Half of the overlap with the
            neighbours, ``GridPixelOverlapX`` and ``GridPixelOverlapY`` in the summary metadata, is cut off
            at each side.
        level
            0 for the frames, or the number of a pyramid level that `finish` added (`pyramid_levels`): each
            has half the height and width of the previous one, and the type in the file. Not with `stitched`.
        **selection
            A value for each axis that is not an axis of the array. If all values along an axis are text, a
            number counts them in order of arrival. None selects the frames without that axis.

        Returns
        -------
        dask.array.Array
            Shape (axes..., Y, X), for RGB (axes..., Y, X, 3) or (axes..., Y, X, 4), in the pixel type of the
            frames. Each axis has all its values in the dataset: None if a selected frame lacks the axis, then
            numbers by value, then text in alphabetical order. A chunk has about 4 MiB of small pages, one
            page, or a part of a large page: tiles, or a band of rows.

        Raises
        ------
        ImportError
            dask is not installed.
        TypeError
            `axes` is not a list of names, or a value is neither int nor str.
        ValueError
            There is no such axis or value; an axis with several values is neither named nor selected; frames
            differ in shape or type; tiles cannot be stitched; or there is no such level. The message says
            what to select.
        OSError
            Frames still in memory could not be written.
        RuntimeError
            The storage is closed.

        Notes
        -----
        In cases that this method refuses or handles, ndstorage fails silently: it returns zeros for a value
        that no frame has, or if an axis is neither named nor selected; assumes that all frames are like the
        first one; ignores a selected row or column when stitching; and returns empty tiles if tiles overlap
        along one side only. Its axes cannot mix numbers and text.
        """
        from exengine_ome_tiff.reading import dask_array

        dataset = self._readable().index
        if stitched and level:
            raise ValueError(
                f"got stitched=True with level={level}: pyramid levels cannot be stitched, use level=0"
            )
        if stitched:
            array = dask_array.stitched_array(dataset, axes, selection, self.summary_metadata)
        else:
            array = dask_array.frames_array(dataset, axes, selection, level)
        self.flush()  # last, because other threads may have put frames meanwhile
        return array

    def as_xarray(self, image: ImageChoice = None, level: int = 0) -> "xr.DataArray":
        """Return an OME image with its axes and units; needs the extra `xarray`.

        The array is lazy and can be pickled, as that of `as_array`.

        Parameters
        ----------
        image
            Its index in `images`, its name, or labels that only this image has. None if there is only one.
        level
            As for `as_array`; ``y`` and ``x`` are the centres of the larger pixels.

        Returns
        -------
        xarray.DataArray
            Dimensions ``time``, ``channel`` and ``z``, if frames have them, each followed by the axis that
            `fold_axes` folds into it; then ``y``, ``x``, and ``sample`` for RGB.

            ``z``, ``y`` and ``x`` are in micrometres from the first slice and pixel. ``time`` is in seconds:
            the time of the first plane of each time point, or else the planned time. If these are unknown,
            ``time`` and ``z`` have the values that were put, which are always in ``time_value`` and
            ``z_value``, and ``y`` and ``x`` have no coordinates. Further coordinates are the labels of the
            image (``..._label`` if the name is taken); ``channel_name`` and ``position_name``, if these are
            numbers with names; and, as far as they are known, ``delta_t``, ``exposure``, ``stage_x``,
            ``stage_y`` and ``stage_z`` of each plane. ``attrs["units"]`` of a coordinate is "um" or "s".

        Raises
        ------
        ImportError
            xarray or dask is not installed.
        TypeError
            `image` is neither an index, a name nor labels.
        ValueError
            There is no such image or level, or `image` is None and there are several.
        OSError
            Frames still in memory could not be written.
        RuntimeError
            The storage is closed.
        """
        recording = self._readable()
        stored = find_image(self._images(recording), image)
        return Image.of(stored, self._pixel_source(recording)).asxarray(level)

    def refresh(self) -> int:
        """Read what another process has added to a dataset that was opened with `allow_unfinished`.

        Frames, images and `is_finished` then are as if the dataset had been opened again, but only new frames
        are read. Existing images and arrays do not change. In the writing process, all frames are present
        anyway.

        Returns
        -------
        int
            Number of new frames, including those that overwrite others.

        Raises
        ------
        OSError
            A file was deleted, moved or replaced, or cannot be read. Known frames can still be read from
            files that are open.
        OmeTiffError
            A finished file is damaged.
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
        """Iterate over the coordinates of all frames, waiting for new ones until the run ends.

        This works in the writing process and, through `refresh`, in any other process that has opened the
        dataset with `allow_unfinished`.

        Parameters
        ----------
        timeout
            Maximum time in seconds to wait for the next frame. None waits indefinitely, even if the writer
            was killed, which this process cannot know; after 60 s without a frame, the log says so.

        Yields
        ------
        dict
            Coordinates of the present frames, then of each new frame, including those that overwrite others.
            Each frame can be read.

        Raises
        ------
        TimeoutError
            No frame arrived within `timeout` and the dataset is not finished: its writer is waiting or was
            killed.
        OSError, OmeTiffError, RuntimeError
            As for `refresh`.
        """
        seen, since_s, is_silent = 0, time.monotonic(), False
        while True:
            is_over = self._is_over()
            if found := self._found_from(seen):
                yield from found
                seen, since_s, is_silent = seen + len(found), time.monotonic(), False
                continue
            if is_over:
                return
            left_s = None if timeout is None else timeout - (time.monotonic() - since_s)
            if left_s is not None and left_s <= 0:
                raise TimeoutError(
                    f"{self._path}: no new frame within {timeout:g} s, and the dataset is not finished"
                )
            if timeout is None and not is_silent and time.monotonic() - since_s >= _LONG_SILENCE_S:
                is_silent = True
                logger.warning(_SILENT, self._path, _LONG_SILENCE_S)
            self._wait_beyond(seen, left_s)

    def flush(self, *, fsync: bool = False) -> None:
        """Write all frames that are still in memory; an opened dataset has none."""

    def is_finished(self) -> bool:
        """Whether the dataset is finished; for an opened dataset, whether it was when last read."""
        return self._recording.is_finished

    def __repr__(self) -> str:
        """Return one line; during a run it omits the images, whose layout takes 2 us per frame."""
        return self._display(None if self._is_growing() else self._images(self._recording)).line()

    def _repr_html_(self) -> str:
        """Return the HTML table for notebooks."""
        return self._display(self._images(self._recording), self._looks()).table()

    def _display(self, images: list[StoredImage] | None, looks: Sequence[ImageLook] = ()) -> DatasetDisplay:
        infos = None if images is None else [image.info() for image in images]
        return DatasetDisplay(str(self._path), self._state(), self._recording.index.n_distinct, infos, looks)

    def _looks(self) -> Sequence[ImageLook]:
        """Return thumbnails, pixel sizes and colours of the first images."""
        return ()

    def _state(self) -> str:
        """Return the state of the dataset in one word."""
        if not self.is_finished():
            return "unfinished"
        return "closed" if self._is_closed else "finished"

    def _is_growing(self) -> bool:
        """Whether this storage is writing."""
        return False

    def _is_over(self) -> bool:
        """Whether no more frames can arrive."""
        return self._recording.is_finished

    def _found_from(self, seen: int) -> list[Coordinates]:
        """Return the coordinates of all frames from the index `seen` on, in order of arrival."""
        self.refresh()
        if self._growth is None:
            return self._readable().index.coordinates()[seen:]
        axes = self._readable().index.axes
        return [axes.coordinates(key) for key in self._growth.keys[seen:]]

    def _wait_beyond(self, seen: int, timeout_s: float | None) -> None:  # noqa: ARG002 - subclasses use it
        """Wait until there may be more than `seen` frames."""
        look_s = max(_LOOK_S, len(self._recording.index.files) * _LOOK_AT_FILE_S)
        time.sleep(look_s if timeout_s is None else min(look_s, timeout_s))

    def _readable(self) -> Recording:
        if self._is_closed:
            raise RuntimeError(
                f"{self._path}: the storage is closed; TiffStorage.open() reads the dataset again"
            )
        return self._recording

    def _images(self, recording: Recording) -> list[StoredImage]:
        """Lay out the frames as images, again only if there are new ones."""
        index = recording.index
        of_frames = index, len(index), index.n_distinct, recording.is_finished
        known, images = self._laid_out
        if known != of_frames:
            images = recording.images()
            self._laid_out = of_frames, images
        return images

    def _pixel_source(self, recording: Recording) -> PixelSource:
        """Return the pixel source of a recording's images; frame numbers are valid in that recording only."""

        def frames() -> FrameIndex:
            self._readable()
            return recording.index

        def calibration(image: StoredImage) -> Calibration:
            return calibration_of(image, self._images(recording), recording, self._facts())

        return PixelSource(frames, calibration, self.flush)

    def _facts(self) -> Facts | None:
        """Return the facts of frames that are being written; None if none are."""
        return None


def plain_coordinates(
    coordinates: object, axes: Mapping[str, int | str] = NO_COORDINATES
) -> Mapping[str, int | str]:
    """Return the dict inside ExEngine's `DataCoordinates`, whose own methods are much slower.

    Keywords are merged into a copy.
    """
    if type(coordinates) is dict and not axes:
        return coordinates
    inner = getattr(coordinates, "coordinate_dict", None)
    mapping = inner if isinstance(inner, dict) else coordinates
    if not isinstance(mapping, Mapping):
        got = "an array" if isinstance(coordinates, np.ndarray) else reprlib.repr(coordinates)
        raise TypeError(f"coordinates: expected a mapping of axis names to values, got {got}")
    if not axes:
        return mapping
    twice = axes.keys() & mapping.keys()
    if twice:
        raise TypeError(
            f"got {', '.join(sorted(twice))} both in the mapping and as a keyword: give each axis once"
        )
    return {**mapping, **axes}
