"""The storage backend for ExEngine's `DataHandler`."""

import threading
import weakref
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy.typing as npt

from exengine_ome_tiff.coordinates.keys import Coordinates, FrameNumber, place_text, read_coordinates
from exengine_ome_tiff.coordinates.wells import PlateInfo
from exengine_ome_tiff.dataset.facts import Facts
from exengine_ome_tiff.dataset.growth import Growth
from exengine_ome_tiff.dataset.header import Header
from exengine_ome_tiff.dataset.location import Location, absolute_path
from exengine_ome_tiff.dataset.privacy import names_to_exclude
from exengine_ome_tiff.dataset.recording import Recording, open_dataset
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.ome.user_values import (
    ChannelInfo,
    ExperimenterInfo,
    FilterInfo,
    Given,
    MicroscopeInfo,
    ObjectiveInfo,
    read_mapping,
)
from exengine_ome_tiff.reading.display import IMAGES_OF_TABLE, ImageLook
from exengine_ome_tiff.reading.reader import Reader, plain_coordinates
from exengine_ome_tiff.tiff import PageCoding
from exengine_ome_tiff.translate.interpreter import Interpreter
from exengine_ome_tiff.translate.translator import Translator
from exengine_ome_tiff.viewers.viewed_dataset import ViewedDataset
from exengine_ome_tiff.writing.claim import Claim, claim, claim_numbered, hold_dataset, read_held
from exengine_ome_tiff.writing.put_errors import OnError, PutErrors, is_no_room
from exengine_ome_tiff.writing.recorder import Recorder
from exengine_ome_tiff.writing.safety import Safety

if TYPE_CHECKING:
    import ndv


class TiffStorage(Reader):
    """Write frames with any coordinates, shape and metadata, in any order, to OME-TIFF.

    Every frame can be read, from any thread, as soon as `put` returns. Until `finish`, the files are BigTIFF
    files that contain all frames; `finish` turns them into OME-TIFF. All methods are thread-safe. If a signal
    handler interrupts `put` or `flush` and calls `close` or `finish`, the dataset is finished and the
    interrupted call raises a RuntimeError; `put` and `flush` in such a handler raise one and change nothing.
    A storage is finished when it is garbage-collected or when Python exits.

    The options are in groups:

    - **location**: `path`, `summary_metadata`, `overwrite`, `numbered`;
    - **safety**: `on_error`, `checksums`, `checkpoint`, `fsync`;
    - **page layout**: `compression`, `compression_level`, `predictor`, `tile`, `pyramid_levels`,
      `fold_axes`, `split_by`;
    - **description**, which overrides the metadata: `plate`, `pixel_size_um`, `z_step_um`,
      `time_interval_s`, `channels`, `objective`, `image_name`, `description`, `experimenter`,
      `microscope`, `filters`, `annotations`;
    - **metadata**: `exclude_metadata`, `translators`;
    - **expectation**: `plan`.

    Parameters
    ----------
    path
        With a TIFF suffix (``run.ome.tiff``), one file with all images. Any other path is a folder with one
        self-contained OME-TIFF per position, or per field of a well (see `split_by`), and a
        ``.companion.ome`` that lists them all. Suffixes of other formats (``run.zarr``) are refused. Missing
        parent folders are created.
    summary_metadata
        Metadata of the whole dataset; anything that `put` takes as metadata.
    overwrite
        Replace the dataset at `path`, but no files of other programs. Without it, an existing path is
        refused. The old dataset is kept in a hidden folder beside it, ``.NAME.replaced``, until the new one
        is finished.
    numbered
        Add the next free number to the name: ``run_001.ome.tiff``, ``run_002.ome.tiff``, ... Every run then
        has its own dataset. The property `path` is the numbered path.
    on_error
        "raise": `put` raises errors. They end ExEngine's `DataHandler` thread silently, so `close` raises the
        error again unless that thread has put another frame since. "collect": `put` logs errors and returns,
        and the acquisition continues. A frame for which the disk had no space is tried once more, before the
        next frame or at the end. `close` raises all errors as an `ExceptionGroup`.
    checksums
        Record a checksum of each frame's pixels, which `validate` compares: "crc32" (or True), which is fast
        and detects damage, or "sha256", for archives that require it. "sha1" is also written to the OME-XML,
        as HashSHA1 of each plane: that of its pixels row by row, little-endian, with interleaved samples.
    checkpoint
        When the files become OME-TIFF during a run, so that any program shows the frames put so far: seconds
        between checkpoints, or False for never. "auto": after 10 s, then whenever the number of frames has
        doubled and 10 s have passed. `checkpoint()` makes an additional one.
    fsync
        Whether `finish` waits until all data is on the disk, so that it survives a power failure.
    compression
        "zlib", or with the extra `codecs` "lzw" or "zstd": lossless, and readable by Bio-Formats.
    compression_level
        0 to 9 for zlib, 1 to 22 for zstd; 1 if None, because higher levels gain little on camera images.
    predictor
        Whether to store integers as differences between neighbouring pixels, which often compress better.
    tile
        Height and width of tiles in pixels, multiples of 16, for larger frames.
    pyramid_levels
        Number of pyramid levels in addition to each frame, each downsampled by 2 for viewers of large images.
        `put` makes those of frames that come after a pause, and `finish` those of the others. "auto": levels
        down to 1024 pixels for frames of more than 3192 x 3192 pixels (OMERO's bound, which is an area).
        Tiles are then (512, 512) if `tile` is None.
    fold_axes
        Extra axes to fold into "Z", "C" or "T" instead of creating one image per value, such as
        ``{"angle": "T"}``. OME calls this modulo: ModuloAlongT.
    split_by
        Axes that split a folder into files: one file for each combination of their values, such as
        ``("position", "camera")``. "position" includes "well" and "field". ("position",) if None.
    plate
        The multi-well plate that contains the positions; False for none. By default, positions form a plate
        if their names can only be wells, such as "A01" or "B12-Site_3".
    pixel_size_um
        Pixel size in the sample plane, in micrometres.
    z_step_um
        Spacing between slices, in micrometres.
    time_interval_s
        Frame interval, in seconds.
    channels
        Description of each channel, by its value on the axis ``channel``.
    objective
        The objective of all frames.
    image_name
        Prefix of image names.
    description
        Text about the dataset.
    experimenter
        The person who recorded the dataset. ``ExperimenterInfo()`` takes the user name of the summary
        metadata; None writes none.
    microscope
        The microscope that recorded the dataset.
    filters
        Filters and dichroics, by their labels in the metadata of filter wheels and cubes, or in
        ``ChannelInfo(filters=...)``: they become Filter, Dichroic and LightPath.
    annotations
        Further text, by name: sample, protocol, ... "licence" is also the document's Rights.
    exclude_metadata
        Names of metadata keys to remove from the whole file, records and summary included; "private" for
        keys that name people, computers and folders.
    translators
        Translators for additional metadata dialects; they are tried before the built-in ones.
    plan
        The planned frames: a `useq.MDASequence`, or a dict of axes with their numbers of values, or the
        values, such as ``{"time": 10, "channel": ["DAPI", "GFP"]}``. The end of the run and `info` report
        planned frames that are missing. Frames outside the plan are stored as well.

    Raises
    ------
    FileExistsError
        `path` exists and must not be replaced, or another storage is writing it.
    TypeError, ValueError
        An option has an invalid value, or `path` ends like a file of another format.
    ImportError
        A compression needs the extra `codecs`.

    Examples
    --------
    >>> storage = TiffStorage("run.ome.tiff")
    >>> storage.put({"time": 0, "channel": "DAPI"}, np.zeros((512, 512), np.uint16), {"exposure_ms": 10})
    >>> storage.finish()
    """

    _recorder: Recorder | None

    def __init__(
        self,
        path: str | PathLike[str],
        summary_metadata: object = None,
        *,
        overwrite: bool = False,
        numbered: bool = False,
        on_error: OnError = "raise",
        compression: str | None = None,
        compression_level: int | None = None,
        predictor: bool = False,
        tile: tuple[int, int] | None = None,
        pyramid_levels: int | Literal["auto"] | None = None,
        fold_axes: Mapping[str, Literal["Z", "C", "T"]] | None = None,
        split_by: Iterable[str] | None = None,
        plate: PlateInfo | Literal[False] | None = None,
        pixel_size_um: float | None = None,
        z_step_um: float | None = None,
        time_interval_s: float | None = None,
        channels: Mapping[Any, ChannelInfo] | None = None,
        objective: ObjectiveInfo | None = None,
        image_name: str | None = None,
        description: str | None = None,
        experimenter: ExperimenterInfo | None = None,
        microscope: MicroscopeInfo | None = None,
        filters: Mapping[str, FilterInfo] | None = None,
        annotations: Mapping[str, str] | None = None,
        exclude_metadata: Iterable[str] | Literal["private"] = (),
        translators: Iterable[Translator] = (),
        checksums: bool | Literal["crc32", "sha256", "sha1"] = False,
        checkpoint: Literal["auto", False] | float = "auto",
        fsync: bool = True,
        plan: object = None,
    ) -> None:
        safety = Safety(on_error, checksums, fsync=fsync, checkpoint=checkpoint)
        coding = PageCoding(compression, compression_level, predictor, tile, pyramid_levels)
        scale = pixel_size_um, z_step_um, time_interval_s, read_mapping("channels", channels), objective
        described = image_name, description, experimenter, names_to_exclude(exclude_metadata), microscope
        names = read_mapping("filters", filters), read_mapping("annotations", annotations)
        given = Given(*scale, *described, *names)
        location = Location.new(path)
        header = Header.new(
            summary_metadata, fold_axes, plate, coding, given, plan, split_by, is_folder=location.is_folder
        )
        recording = Recording.new(location, header, translators)
        if numbered:
            recording.location, claimed = claim_numbered(location, overwrite=overwrite)
        else:
            claimed = claim(location, overwrite=overwrite)
        self._record(recording, claimed, safety)

    def _record(self, recording: Recording, claimed: Claim, safety: Safety) -> None:
        """Start or resume writing."""
        errors = PutErrors(safety.on_error)
        try:
            recorder = Recorder(recording, claimed, errors, safety)
        except (OmeTiffError, OSError):
            claimed.lock.release()
            raise
        self._read(recording.location.path, recording)
        self._recorder = recorder
        self._errors = errors
        self._awaited = threading.local()
        self._frames_before = recorder.frame_count
        self._finalizer = weakref.finalize(self, recorder.abandon)

    @classmethod
    def open(cls, path: str | PathLike[str], *, allow_unfinished: bool = False) -> Self:
        """Open a dataset for reading.

        Parameters
        ----------
        path
            A single file, a folder, or any file of a folder, including its companion. Files and folders may
            have been moved or renamed.
        allow_unfinished
            Also open a dataset that is not finished, with the frames that are in its files now; `refresh` and
            `follow` read later ones.

        Returns
        -------
        TiffStorage
            Read-only: `put` raises.

        Raises
        ------
        FileNotFoundError
            `path` does not exist.
        OmeTiffError
            `path` was not written by a `TiffStorage`.
        NotFinishedError
            The dataset is not finished and `allow_unfinished` is False.
        """
        absolute = absolute_path(path)
        recording = open_dataset(absolute, allow_unfinished=allow_unfinished)
        growth = None if recording.is_finished else Growth(recording)
        self = cls.__new__(cls)
        self._read(absolute, recording, growth)
        self._recorder = None
        self._errors = PutErrors("raise")
        self._finalizer = weakref.finalize(self, recording.close if growth is None else growth.close)
        return self

    @classmethod
    def resume(
        cls,
        path: str | PathLike[str],
        *,
        translators: Iterable[Translator] = (),
        checksums: bool | Literal["crc32", "sha256", "sha1"] = False,
        checkpoint: Literal["auto", False] | float = "auto",
        fsync: bool = True,
    ) -> Self:
        """Continue an unfinished dataset: its writer was killed, or called `suspend`.

        Existing frames stay unchanged. All other options are those of the original storage.

        Parameters
        ----------
        path
            A single file, a folder, or any file of a folder.
        translators, checksums, checkpoint, fsync
            As for the class: the files do not record them.

        Returns
        -------
        TiffStorage
            Ready for `put`.

        Raises
        ------
        FileNotFoundError
            `path` does not exist.
        FileExistsError
            The dataset is finished, or another storage is writing it.
        OmeTiffError
            `path` was not written by a `TiffStorage`, or contains no frame.
        """
        interpreter = Interpreter(translators)
        safety = Safety(checksums=checksums, fsync=fsync, checkpoint=checkpoint)
        absolute = absolute_path(path)
        try:
            held = hold_dataset(absolute)
        except BlockingIOError as error:
            raise FileExistsError(f"{absolute} is being written by another TiffStorage") from error
        self = cls.__new__(cls)
        try:
            recording = read_held(held, interpreter)
        except (OmeTiffError, OSError, ImportError):
            held.lock.release()
            raise
        self._record(recording, Claim(held.lock, []), safety)
        return self

    def put(
        self, data_coordinates: Mapping[str, int | str], data: npt.ArrayLike, metadata: object = None
    ) -> None:
        """Store a frame.

        Parameters
        ----------
        data_coordinates
            Axis name to value, `int` or `str`; `DataCoordinates` or any mapping. ``time``, ``channel`` and
            ``z`` are the axes inside an image; all others separate images. Coordinates may arrive in any
            order and with gaps. Of several frames at the same coordinates, the last one counts.
        data
            Array of shape (Y, X), or (Y, X, 3) and (Y, X, 4) for RGB and RGBA, in any byte order and memory
            layout. The caller may overwrite it as soon as this method returns.
        metadata
            Any object, preferably a dict. Values that JSON does not know become the nearest JSON, at worst
            their `repr`. None counts as ``{}``.

        Raises
        ------
        TypeError
            An axis value is neither int nor str, or OME-TIFF does not support the pixel type.
        ValueError
            The array is empty or not a single image, or an axis name is blank.
        RuntimeError
            The storage is finished or closed. If a signal handler did that during this call, the frame may
            be missing.
        OSError
            Writing failed. This frame is not stored; earlier frames are, and later ones may succeed.
        """
        recorder, errors = self._recorder, self._errors
        if recorder is None or self._is_closed or recorder.state.is_over:
            raise RuntimeError(
                f"{self._path} accepts no more frames: got one at {place_text(data_coordinates)}"
            )
        errors.try_again(recorder.put)
        try:
            recorder.put(plain_coordinates(data_coordinates), data, metadata)
        except (TypeError, ValueError, OSError) as error:
            if errors.is_collecting and is_no_room(error):
                errors.keep(read_coordinates(plain_coordinates(data_coordinates)), data, metadata)
                return
            errors.remember(error, place_text(data_coordinates))
            if not errors.is_collecting:
                raise
        else:
            errors.survived()

    def flush(self, *, fsync: bool = False) -> None:
        """Write all frames that are still in memory.

        Small frames in quick succession wait up to 0.25 s to be written together. After this call the files
        contain all frames, even if this process is killed.

        Parameters
        ----------
        fsync
            Whether to wait until all data is on the disk, so that it survives a power failure.

        Raises
        ------
        OSError
            Frames of a file could not be written; those of other files were. With `fsync`, every call after
            a failed one raises, too: the data that the disk lost stays lost.
        """
        if self._recorder is not None:
            self._recorder.flush(fsync=fsync)

    def checkpoint(self) -> None:
        """Turn the files as they are into OME-TIFF, so that any program shows the frames put so far.

        `put` continues meanwhile. Pyramid levels are added by `finish` only. After `finish`, this does
        nothing.

        Raises
        ------
        OSError
            Writing failed, such as on a full disk. Files that could not be written show the previous
            checkpoint, or no images yet; they contain all their frames.
        RuntimeError
            A signal handler called this method during `put`, or another thread called `finish` meanwhile.
        """
        if self._recorder is not None:
            self._recorder.checkpoint()

    def finish(self) -> None:
        """Stop accepting frames and turn the files into OME-TIFF; calling it again does nothing.

        If no frame was put, no file is left.

        Raises
        ------
        OSError
            The files could not be finished. They contain all frames, and `finish` may be called again.
        """
        if self._recorder is not None:
            self._recorder.finish()

    def close(self) -> None:
        """Finish and close all files; calling it again does nothing.

        Raises
        ------
        OSError
            As for `finish`; the storage stays open then.
        Exception
            The error of a `put` in a thread that has ended since without putting another frame.
        ExceptionGroup
            All errors of `put` with ``on_error="collect"``.
        """
        self.finish()
        if not self._is_closed:
            self._is_closed = True
            self._finalizer.detach()
            self._recording.index.close()
        self._errors.raise_remembered()

    def suspend(self) -> None:
        """Write all frames and close without finishing: `resume` continues, `recover` finishes the dataset.

        After this, nothing can be read or put. After `finish`, this does nothing.

        Raises
        ------
        OSError
            Frames that were still in memory could not be written and are lost; those in the files are kept.
        """
        if self._recorder is not None:
            self._recorder.suspend()
        self._finalizer.detach()
        self._is_closed = True
        self._recording.index.close()

    def await_new_image(self, timeout: float | None = None) -> bool:
        """Wait for a frame that arrived after this thread's last call, or after the storage was created.

        Parameters
        ----------
        timeout
            Maximum time to wait in seconds; None to wait indefinitely.

        Returns
        -------
        bool
            True if a frame arrived; False after the timeout, or if the storage is finished.
        """
        recorder = self._recorder
        if recorder is None:
            return False
        seen: int = getattr(self._awaited, "frames", self._frames_before)
        recorder.wait_for(lambda: recorder.frame_count > seen or recorder.state.is_over, timeout)
        self._awaited.frames = count = recorder.frame_count
        return count > seen

    def block_until_finished(self, timeout: float | None = None) -> bool:
        """Wait until the dataset is finished.

        Parameters
        ----------
        timeout
            Maximum time to wait in seconds; None to wait indefinitely.

        Returns
        -------
        bool
            True if it is finished; False after the timeout, or at once if this storage will not finish it.
        """
        recorder = self._recorder
        if recorder is not None:
            recorder.wait_for(lambda: recorder.state.is_over, timeout)
        return self.is_finished()

    def view(self, **selection: int | str) -> "ndv.ArrayViewer":
        """Show the dataset in a window, or as a widget in a notebook; needs the extra `view`.

        There is a slider for each axis, and channels are overlaid in their colours. Planes are read when they
        are shown; missing frames are black. During a run the viewer shows the newest frame, unless a slider
        was moved away from it. In a script, this method returns when the window is closed; acquire in another
        thread meanwhile.

        Parameters
        ----------
        **selection
            Coordinates of the frames to show, such as ``position="A1"``. If frames differ in shape or type,
            the viewer shows the most common ones, and the log names the others.

        Returns
        -------
        ndv.ArrayViewer
            The viewer.

        Raises
        ------
        ImportError
            ndv is not installed.
        OSError
            There is no display.
        ValueError
            No frame has these coordinates.
        RuntimeError
            The storage is closed.
        """
        from exengine_ome_tiff.viewers.ndv_viewer import open_viewer, run_app

        viewer = open_viewer(self._viewed(), read_coordinates(selection))
        run_app()
        return viewer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            self._errors.log_remembered()
        self.close()

    def _state(self) -> str:
        recorder = self._recorder
        return super()._state() if recorder is None or self.is_finished() else recorder.state.value

    def _is_over(self) -> bool:
        return super()._is_over() if self._recorder is None else self._recorder.state.is_over

    def _found_from(self, seen: int) -> list[Coordinates]:
        if self._recorder is None:
            return super()._found_from(seen)
        index = self._readable().index
        return [index.head(FrameNumber(number)).coordinates for number in range(seen, len(index))]

    def _wait_beyond(self, seen: int, timeout_s: float | None) -> None:
        recorder = self._recorder
        if recorder is None:
            super()._wait_beyond(seen, timeout_s)
        else:
            recorder.wait_for(lambda: recorder.frame_count > seen or recorder.state.is_over, timeout_s)

    def _is_growing(self) -> bool:
        return self._recorder is not None and not self._recorder.state.is_over

    def _looks(self) -> Sequence[ImageLook]:
        if self._is_closed:
            return ()
        from exengine_ome_tiff.viewers.thumbnails import image_looks

        return image_looks(self._viewed(), IMAGES_OF_TABLE)

    def _viewed(self) -> ViewedDataset:
        return ViewedDataset(
            self._path.name, self._readable, self._images, self._facts, self.refresh, self._is_over
        )

    def _facts(self) -> Facts | None:
        return None if self._recorder is None else self._recorder.facts()
