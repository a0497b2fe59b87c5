"""The storage backend that ExEngine's `DataHandler` writes to."""

import threading
import weakref
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import numpy.typing as npt

from exengine_ome_tiff.coordinates import PlateInfo, check_fold_axes, read_coordinates
from exengine_ome_tiff.dataset.frame_index import Dataset
from exengine_ome_tiff.dataset.header import Header
from exengine_ome_tiff.dataset.loader import find_dataset, open_dataset
from exengine_ome_tiff.dataset.location import Target
from exengine_ome_tiff.ome import ChannelInfo, ExperimenterInfo, Given, ObjectiveInfo
from exengine_ome_tiff.reading.reader import ReadableStorage, plain_coordinates
from exengine_ome_tiff.tiff import Algorithm, PageCoding, algorithm_of, read_head
from exengine_ome_tiff.translate import Interpreter, Translator
from exengine_ome_tiff.writing.claim import claim
from exengine_ome_tiff.writing.put_errors import Failures, OnError, is_no_room
from exengine_ome_tiff.writing.recorder import Session


class TiffStorage(ReadableStorage):
    """Write frames of any coordinates, shape and metadata, in any order, into OME-TIFF.

    Every frame can be read back, from any thread, as soon as `put` returns. Until `finish` the files are
    BigTIFF files that hold all that was written; `finish` makes OME-TIFF of them. All methods may be called
    from several threads. A storage that is collected, or still open when Python ends, is finished then.

    Parameters
    ----------
    path
        With the suffix of a TIFF file (``run.ome.tiff``) one file with all images in it; any other path is a
        folder with one self-contained OME-TIFF for each value of ``position`` and a ``.companion.ome`` that
        lists them all. Missing parent folders are made.
    summary_metadata
        What describes the whole dataset; anything that `put` takes as metadata.
    overwrite
        Replace the dataset at `path`. Without it an existing path is refused.
    on_error
        "raise": `put` raises what went wrong. As ExEngine's `DataHandler` dies of that without a word,
        `close` raises it again unless the thread that met it has put another frame since. "collect": `put`
        logs what went wrong and returns, so that the acquisition goes on; a frame for which there was no
        room is tried once more, before the next one or at the end; `close` raises an `ExceptionGroup`.
    compression
        "zlib", or with the extra `codecs` "lzw" or "zstd": lossless, and read by Bio-Formats.
    compression_level
        From 0 to 9 for zlib, from 1 to 22 for zstd; the codec's default if None.
    predictor
        Store integers as differences between neighbours, which often compress better.
    tile
        Height and width of tiles in pixels, multiples of 16, for frames that are larger.
    pyramid_levels
        How many smaller copies `finish` makes of each frame, each of half the height and width of the one
        before: the resolutions between which viewers of large images change. "auto": copies down to 1024
        pixels of frames with a side of more than 4096 pixels. Tiles are (512, 512) then if `tile` is None.
    fold_axes
        Axes that stay inside an image instead of making further images, each with the one of "Z", "C" and "T"
        that takes it in, such as ``{"angle": "T"}``. OME calls this modulo: ModuloAlongT.
    plate
        The multi-well plate that positions lie on; by default one is made of positions that are named after
        wells, such as "A1" and "B12-Site_3".
    pixel_size_um
        Distance of pixels in the sample. This and the options below, down to `experimenter`, go before what
        metadata says.
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
    translators
        Dialects of metadata that this package does not know; they are asked before the others.
    checksums
        Record a checksum of the pixels of each frame, which `validate` compares: "crc32", which is fast and
        finds damage (True means the same), or "sha256", for archives that ask for it.
    fsync
        Whether `finish` waits until all is on the disk, so that it survives a loss of power.

    Raises
    ------
    FileExistsError
        There is something at `path`.
    ValueError
        An option has a value that it cannot have.
    ImportError
        A compression needs the extra `codecs`.

    Examples
    --------
    >>> storage = TiffStorage("run.ome.tiff")
    >>> storage.put({"time": 0, "channel": "DAPI"}, np.zeros((512, 512), np.uint16), {"Exposure-ms": 10})
    >>> storage.finish()
    """

    _session: Session | None

    def __init__(
        self,
        path: str | PathLike[str],
        summary_metadata: object = None,
        *,
        overwrite: bool = False,
        on_error: OnError = "raise",
        compression: str | None = None,
        compression_level: int | None = None,
        predictor: bool = False,
        tile: tuple[int, int] | None = None,
        pyramid_levels: int | Literal["auto"] | None = None,
        fold_axes: Mapping[str, Literal["Z", "C", "T"]] | None = None,
        plate: PlateInfo | None = None,
        pixel_size_um: float | None = None,
        z_step_um: float | None = None,
        time_interval_s: float | None = None,
        channels: Mapping[int | str, ChannelInfo] | None = None,
        objective: ObjectiveInfo | None = None,
        image_name: str | None = None,
        description: str | None = None,
        experimenter: ExperimenterInfo | None = None,
        translators: Iterable[Translator] = (),
        checksums: bool | Literal["crc32", "sha256"] = False,
        fsync: bool = True,
    ) -> None:
        self._failures = Failures(on_error)
        coding = PageCoding(compression, compression_level, predictor, tile, pyramid_levels)
        coding.require_codec()
        check_fold_axes(fold_axes or {})
        if plate is not None and not isinstance(plate, PlateInfo):
            raise TypeError(f"got plate={plate!r}, expected a PlateInfo")
        given = Given(
            pixel_size_um,
            z_step_um,
            time_interval_s,
            dict(channels or {}),
            objective,
            image_name,
            description,
            experimenter,
        )
        interpreter = Interpreter(translators)
        target = Target.of(path)
        header = Header.new(
            is_folder=target.is_folder,
            summary_metadata=summary_metadata,
            fold_axes=fold_axes or {},
            plate=plate or PlateInfo(),
            coding=coding,
            given=given,
        )
        algorithm = algorithm_of(checksums)
        new_folders = claim(target, overwrite=overwrite)
        self._record(target, header, interpreter, new_folders, checksums=algorithm, fsync=fsync)

    def _record(
        self,
        target: Target,
        header: Header,
        interpreter: Interpreter,
        new_folders: Sequence[Path] = (),
        *,
        checksums: Algorithm | None,
        fsync: bool,
        paths: Sequence[Path] = (),
    ) -> None:
        """Begin to take frames, or go on; parameters as for `Session`."""
        self._setup(target.path, Dataset(), header)
        self._session = session = Session(
            target,
            header,
            self._dataset,
            interpreter,
            new_folders,
            self._failures,
            checksums=checksums,
            fsync=fsync,
            paths=paths,
        )
        self._awaited = threading.local()
        self._frames_before = session.frame_count
        self._finalizer = weakref.finalize(self, session.abandon)

    @property
    def _recording(self) -> Session | None:
        return self._session

    @classmethod
    def open(cls, path: str | PathLike[str], *, allow_unfinished: bool = False) -> Self:
        """Open a dataset for reading.

        Parameters
        ----------
        path
            A single file, a folder, or any file of a folder, its companion included. Files and folders may
            have been moved and renamed.
        allow_unfinished
            Open a dataset that was not finished, too: the frames that are in its files at this moment.

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
        absolute = Path(fspath(path)).absolute()
        dataset, header = open_dataset(absolute, allow_unfinished=allow_unfinished)
        storage = cls.__new__(cls)
        storage._failures = Failures("raise")  # noqa: SLF001 - this is its constructor
        storage._setup(absolute, dataset, header)  # noqa: SLF001
        storage._session = None  # noqa: SLF001
        storage._finalizer = weakref.finalize(storage, dataset.close)  # noqa: SLF001
        return storage

    @classmethod
    def resume(
        cls,
        path: str | PathLike[str],
        *,
        translators: Iterable[Translator] = (),
        checksums: bool | Literal["crc32", "sha256"] = False,
        fsync: bool = True,
    ) -> Self:
        """Go on writing a dataset that was never finished: its writer was killed, or called `suspend`.

        The frames that are in the files stay as they are; all other options are those that it was begun with.

        Parameters
        ----------
        path
            A single file, a folder, or any file of a folder.
        translators, checksums, fsync
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
        paths, header = find_dataset(Path(fspath(path)).absolute())
        target = Target.of_files(paths, is_folder=header.is_folder)
        if any(read_head(each).is_finished for each in paths):
            raise FileExistsError(f"{target.path} is finished: no frame can be put any more")
        header.coding.require_codec()
        storage = cls.__new__(cls)
        storage._failures = Failures("raise")  # noqa: SLF001 - this is its constructor
        algorithm = algorithm_of(checksums)
        storage._record(  # noqa: SLF001
            target, header, Interpreter(translators), checksums=algorithm, fsync=fsync, paths=paths
        )
        return storage

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
            The storage is finished or closed.
        OSError
            Writing failed. This frame is not stored, all before it are, and later ones may succeed.
        """
        if self._session is None or self._is_closed or self._session.is_finished:
            raise RuntimeError(f"{self._path}: no frame can be put any more, at {data_coordinates!r}")
        self._failures.try_again(self._session.put)
        try:
            self._session.put(plain_coordinates(data_coordinates), data, metadata)
        except (TypeError, ValueError, OSError) as error:
            if self._failures.is_collecting and is_no_room(error):
                self._failures.keep(read_coordinates(plain_coordinates(data_coordinates)), data, metadata)
                return
            self._failures.meet(error, repr(data_coordinates))
            if not self._failures.is_collecting:
                raise
        else:
            self._failures.survived()

    def finish(self) -> None:
        """Take no more frames and make OME-TIFF of the files; calling it again does nothing.

        Where no frame was put no file is left.

        Raises
        ------
        OSError
            The files could not be finished; they hold all frames, and `finish` may be called again.
        """
        if self._session is not None:
            self._session.finish()

    def close(self) -> None:
        """Finish, and close all files; calling it again does nothing.

        Raises
        ------
        OSError
            As for `finish`; the storage is not closed then.
        Exception
            What `put` raised in a thread that has put no frame since.
        ExceptionGroup
            All that went wrong with ``on_error="collect"``.
        """
        self.finish()
        if not self._is_closed:
            self._is_closed = True
            self._finalizer.detach()
            self._dataset.close()
        self._failures.raise_remembered()

    def suspend(self) -> None:
        """Write all frames that wait and close, without finishing: `resume` goes on, `recover` finishes.

        Nothing can be read or put any more. Does nothing where `finish` is done.

        Raises
        ------
        OSError
            Frames that waited could not be written, and are lost; those in the files are there.
        """
        self._finalizer.detach()
        if self._session is not None:
            self._session.suspend()
        self._is_closed = True
        self._dataset.close()

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
        session = self._session
        if session is None:
            return False
        seen: int = getattr(self._awaited, "frames", self._frames_before)
        session.wait_for(lambda: session.frame_count > seen or session.is_finished, timeout)
        self._awaited.frames = count = session.frame_count
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
            True if it is, False after the timeout.
        """
        session = self._session
        if session is None:
            return True
        return session.wait_for(lambda: session.is_finished, timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            self._failures.log_remembered()
        self.close()
