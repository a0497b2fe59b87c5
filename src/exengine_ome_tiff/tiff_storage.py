"""The storage backend that ExEngine's `DataHandler` writes to."""

import threading
import weakref
from collections.abc import Iterable, Mapping
from os import PathLike
from types import TracebackType
from typing import Any, Literal, Self

import numpy.typing as npt

from exengine_ome_tiff.coordinates import Coordinates, FrameNumber, PlateInfo, place_text, read_coordinates
from exengine_ome_tiff.dataset.facts import Facts
from exengine_ome_tiff.dataset.growth import Growth
from exengine_ome_tiff.dataset.header import Header
from exengine_ome_tiff.dataset.location import Location, absolute_path
from exengine_ome_tiff.dataset.privacy import names_to_exclude
from exengine_ome_tiff.dataset.recording import Recording, open_dataset
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.ome import (
    ChannelInfo,
    ExperimenterInfo,
    FilterInfo,
    Given,
    MicroscopeInfo,
    ObjectiveInfo,
)
from exengine_ome_tiff.ome.options import read_mapping
from exengine_ome_tiff.reading.reader import Reader, plain_coordinates
from exengine_ome_tiff.tiff import PageCoding
from exengine_ome_tiff.translate import Interpreter, Translator
from exengine_ome_tiff.writing.claim import Claim, claim, claim_numbered, hold_dataset, read_held
from exengine_ome_tiff.writing.put_errors import OnError, PutErrors, is_no_room
from exengine_ome_tiff.writing.recorder import Recorder
from exengine_ome_tiff.writing.safety import Safety


class TiffStorage(Reader):
    """Write frames of any coordinates, shape and metadata, in any order, into OME-TIFF.

    Every frame can be read back, from any thread, as soon as `put` returns. Until `finish` the files are
    BigTIFF files that hold all that was written; `finish` makes OME-TIFF of them. All methods may be called
    from several threads. In a signal handler in the middle of `put` or `flush`, `close` and `finish` finish
    the dataset, and the interrupted call raises a RuntimeError; `put` and `flush` raise one there and
    change nothing. A storage that is collected, or still open when Python ends, is finished then.

    The options are about

    - **where**: `path`, `summary_metadata`, `overwrite`, `numbered`;
    - **safety**: `on_error`, `checksums`, `fsync`;
    - **layout of pages**: `compression`, `compression_level`, `predictor`, `tile`, `pyramid_levels`,
      `fold_axes`, `split_by`;
    - **description**, which goes before what metadata says: `plate`, `pixel_size_um`, `z_step_um`,
      `time_interval_s`, `channels`, `objective`, `image_name`, `description`, `experimenter`,
      `microscope`, `filters`, `annotations`;
    - **metadata**: `exclude_metadata`, `translators`;
    - **expectation**: `plan`.

    Parameters
    ----------
    path
        With the suffix of a TIFF file (``run.ome.tiff``) one file with all images in it; any other path is a
        folder with one self-contained OME-TIFF for each position, or field of a well (see `split_by`), and
        a ``.companion.ome`` that lists them all. Missing parent folders are made.
    summary_metadata
        What describes the whole dataset; anything that `put` takes as metadata.
    overwrite
        Replace the dataset at `path`; files that no `TiffStorage` wrote stay. Without it an existing path is
        refused. The old dataset waits in a hidden folder beside it, ``.NAME.replaced``, and is deleted when
        the new one is finished.
    numbered
        Add the next free number to the name, ``run_001.ome.tiff``, ``run_002.ome.tiff`` and so on, so that
        every run has a dataset of its own. The property `path` is where it is.
    on_error
        "raise": `put` raises what went wrong. As ExEngine's `DataHandler` dies of that without a word,
        `close` raises it again unless the thread that met it has put another frame since. "collect": `put`
        logs what went wrong and returns, so that the acquisition goes on; a frame for which there was no
        room is tried once more, before the next one or at the end; `close` raises an `ExceptionGroup`.
    checksums
        Record a checksum of the pixels of each frame, which `validate` compares: "crc32", which is fast and
        finds damage (True means the same), or "sha256", for archives that ask for it. "sha1" is also in the
        OME-XML, as HashSHA1 of each plane: of the bytes of its pixels, row by row, little-endian, with the
        samples of a pixel together.
    checkpoint
        When the files become OME-TIFF during a run, so that any program shows the frames put so far: seconds
        from one checkpoint to the next, or False for never. "auto": after 10 s, then whenever there are twice
        as many frames and 10 s have passed. `checkpoint()` makes one more.
    fsync
        Whether `finish` waits until all is on the disk, so that it survives a loss of power.
    compression
        "zlib", or with the extra `codecs` "lzw" or "zstd": lossless, and read by Bio-Formats.
    compression_level
        From 0 to 9 for zlib, from 1 to 22 for zstd; 1 if None, as higher ones gain little on camera images.
    predictor
        Store integers as differences between neighbours, which often compress better.
    tile
        Height and width of tiles in pixels, multiples of 16, for frames that are larger.
    pyramid_levels
        How many smaller copies `finish` makes of each frame, each of half the height and width of the one
        before: the resolutions between which viewers of large images change. "auto": copies down to 1024
        pixels of frames of more than 3192 x 3192 pixels, OMERO's bound, which is an area. Tiles are then
        (512, 512) if `tile` is None.
    fold_axes
        Axes that stay inside an image instead of making further images, each with the one of "Z", "C" and "T"
        that takes it in, such as ``{"angle": "T"}``. OME calls this modulo: ModuloAlongT.
    split_by
        Axes that split a folder into files: one file for each combination of their values, such as
        ``("position", "camera")``. "position" includes "well" and "field". ("position",) if None.
    plate
        The multi-well plate that positions lie on; False for none. By default positions make a plate if their
        names can only be those of wells, such as "A01" or "B12-Site_3".
    pixel_size_um
        Distance of pixels in the sample.
    z_step_um
        Distance of slices in the sample.
    time_interval_s
        Time from one time point to the next.
    channels
        What is known of channels, by their values along the axis ``channel``.
    objective
        The objective that all frames were taken with.
    image_name
        What the names of images begin with.
    description
        Text about the dataset.
    experimenter
        Who recorded it. ``ExperimenterInfo()`` takes the user name of the summary metadata; None writes none.
    microscope
        That records the dataset.
    filters
        Filters and dichroics by the labels that filter wheels and cubes have in metadata, or that channels
        name in ``ChannelInfo(filters=...)``: they become Filter, Dichroic and LightPath.
    annotations
        What else is to be said, by name: sample, protocol. "licence" is also the document's Rights.
    exclude_metadata
        Names of keys that are to be nowhere in the file, neither in records nor in the summary; "private" for
        those of people, computers and folders.
    translators
        Dialects of metadata that this package does not know; they are asked before the others.
    plan
        The frames that are to come: a `useq.MDASequence`, or a dict of axes with the number of their values,
        or the values, such as ``{"time": 10, "channel": ["DAPI", "GFP"]}``. The end of the run and `info`
        report what did not come. Any other frame is stored as well.

    Raises
    ------
    FileExistsError
        There is something at `path` that is not to be replaced, or another storage writes it.
    TypeError, ValueError
        An option has a value that it cannot have.
    ImportError
        A compression needs the extra `codecs`.

    Examples
    --------
    >>> storage = TiffStorage("run.ome.tiff")
    >>> storage.put({"time": 0, "channel": "DAPI"}, np.zeros((512, 512), np.uint16), {"Exposure-ms": 10})
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
        said = image_name, description, experimenter, names_to_exclude(exclude_metadata), microscope
        names = read_mapping("filters", filters), read_mapping("annotations", annotations)
        given = Given(*scale, *said, *names)
        location = Location.of(path)
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
        """Begin to take frames, or go on."""
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
            A single file, a folder, or any file of a folder, its companion included. Files and folders may
            have been moved and renamed.
        allow_unfinished
            Open a dataset that was not finished, too: the frames that are in its files at this moment;
            `refresh` and `follow` read those that come.

        Returns
        -------
        TiffStorage
            It takes no frames: `put` raises.

        Raises
        ------
        FileNotFoundError
            There is nothing at `path`.
        OmeTiffError
            What is there was not written by a `TiffStorage`.
        NotFinishedError
            It was, and never finished, and `allow_unfinished` is False.
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
        """Go on writing a dataset that was never finished: its writer was killed, or called `suspend`.

        The frames that are in the files stay as they are; all other options are those that it was begun with.

        Parameters
        ----------
        path
            A single file, a folder, or any file of a folder.
        translators, checksums, checkpoint, fsync
            As for the class: the files do not hold them.

        Returns
        -------
        TiffStorage
            Takes frames.

        Raises
        ------
        FileNotFoundError
            There is nothing at `path`.
        FileExistsError
            It is finished, or another storage still writes it.
        OmeTiffError
            What is there was not written by a `TiffStorage`, or has no frame.
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
            ``z`` are the axes inside an image, all others tell images apart. Coordinates may come in any
            order and with gaps; of frames put at the same coordinates the last one counts.
        data
            Array of shape (Y, X), or (Y, X, 3) and (Y, X, 4) for RGB and RGBA, in any byte order and memory
            layout. It may be overwritten as soon as this returns.
        metadata
            Anything, best a dict. What JSON does not know is turned into what comes nearest, at worst its
            `repr`. None counts as ``{}``.

        Raises
        ------
        TypeError
            An axis value is neither int nor str, or OME-TIFF has no such pixel type.
        ValueError
            The array is empty or no single image.
        RuntimeError
            The storage is finished or closed; where a signal handler did that in the middle of this call, the
            frame may be missing.
        OSError
            Writing failed. This frame is not stored, all before it are, and later ones may succeed.
        """
        recorder, errors = self._recorder, self._errors
        if recorder is None or self._is_closed or recorder.state.is_over:
            raise RuntimeError(
                f"{self._path}: no frame can be put any more, at {place_text(data_coordinates)}"
            )
        errors.try_again(recorder.put)
        try:
            recorder.put(plain_coordinates(data_coordinates), data, metadata)
        except (TypeError, ValueError, OSError) as error:
            if errors.is_collecting and is_no_room(error):
                errors.keep(read_coordinates(plain_coordinates(data_coordinates)), data, metadata)
                return
            errors.meet(error, place_text(data_coordinates))
            if not errors.is_collecting:
                raise
        else:
            errors.survived()

    def flush(self, *, fsync: bool = False) -> None:
        """Write all frames that wait in memory.

        Small frames that come fast wait up to 0.25 s to be written together. After this the files hold all,
        whatever becomes of this process.

        Parameters
        ----------
        fsync
            Whether to wait until all is on the disk, so that it survives a loss of power.

        Raises
        ------
        OSError
            Frames of a file could not be written; those of the other files were. With `fsync`, also in each
            call after one that failed to wait for the disk: what it lost stays lost.
        """
        if self._recorder is not None:
            self._recorder.flush(fsync=fsync)

    def checkpoint(self) -> None:
        """Make an OME-TIFF of the files as they are, so that any program shows the frames put so far.

        `put` goes on meanwhile, and `finish` does the rest. Smaller copies of a pyramid come with `finish`.
        Where `finish` was called before, this does nothing.

        Raises
        ------
        OSError
            There is no room, say. Files show the checkpoint before, or no images yet; all frames are there.
        RuntimeError
            A signal handler called this inside of `put`, or another thread called `finish` meanwhile.
        """
        if self._recorder is not None:
            self._recorder.checkpoint()

    def finish(self) -> None:
        """Take no more frames and make OME-TIFF of the files; calling it again does nothing.

        Where no frame was put no file is left.

        Raises
        ------
        OSError
            The files could not be finished; they hold all frames, and `finish` may be called again.
        """
        if self._recorder is not None:
            self._recorder.finish()

    def close(self) -> None:
        """Finish, and close all files; calling it again does nothing.

        Raises
        ------
        OSError
            As for `finish`; the storage is not closed then.
        Exception
            What `put` raised in a thread that has ended since, without putting another frame.
        ExceptionGroup
            All that went wrong with ``on_error="collect"``.
        """
        self.finish()
        if not self._is_closed:
            self._is_closed = True
            self._finalizer.detach()
            self._recording.index.close()
        self._errors.raise_remembered()

    def suspend(self) -> None:
        """Write all frames that wait and close, without finishing: `resume` goes on, `recover` finishes.

        Nothing can be read or put any more. Does nothing where `finish` is done.

        Raises
        ------
        OSError
            Frames that waited could not be written, and are lost; those in the files are there.
        """
        if self._recorder is not None:
            self._recorder.suspend()
        self._finalizer.detach()
        self._is_closed = True
        self._recording.index.close()

    def await_new_image(self, timeout: float | None = None) -> bool:
        """Wait for a frame that came after this thread's last call, or after the storage was made.

        Parameters
        ----------
        timeout
            Seconds to wait at the most; None for ever.

        Returns
        -------
        bool
            True if one came, False after the timeout or when the storage is finished and none can come.
        """
        recorder = self._recorder
        if recorder is None:
            return False
        seen: int = getattr(self._awaited, "frames", self._frames_before)
        recorder.wait_for(lambda: recorder.frame_count > seen or recorder.state.is_over, timeout)
        self._awaited.frames = count = recorder.frame_count
        return count > seen

    def block_until_finished(self, timeout: float | None = None) -> bool:
        """Wait until `finish` is done.

        Parameters
        ----------
        timeout
            Seconds to wait at the most; None for ever.

        Returns
        -------
        bool
            True if it is; False after the timeout, or at once where this storage will not finish it.
        """
        recorder = self._recorder
        if recorder is not None:
            recorder.wait_for(lambda: recorder.state.is_over, timeout)
        return self.is_finished()

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

    def _facts(self) -> Facts | None:
        return None if self._recorder is None else self._recorder.facts()
