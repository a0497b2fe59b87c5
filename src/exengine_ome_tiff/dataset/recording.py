"""A dataset: the location of its files, its frames and their metadata, and how it is opened."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from exengine_ome_tiff.coordinates.columns import CoordinateTable
from exengine_ome_tiff.coordinates.layout import ValueNames
from exengine_ome_tiff.dataset.columnar_index import IndexedFrames, decode_index
from exengine_ome_tiff.dataset.facts import Facts, MetadataTable
from exengine_ome_tiff.dataset.frame_index import FrameIndex
from exengine_ome_tiff.dataset.header import Header
from exengine_ome_tiff.dataset.loader import Loaded, Progress, check_positions, find_dataset, load
from exengine_ome_tiff.dataset.location import Location
from exengine_ome_tiff.dataset.names import names_of_first_frames
from exengine_ome_tiff.dataset.stored_images import StoredImage, named_images, stored_images
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.tiff import JournalFile, WriteSettings, give_back_memory, open_journal, read_index
from exengine_ome_tiff.translate.interpreter import Interpreter
from exengine_ome_tiff.translate.translator import Translator

logger = logging.getLogger(__name__)

_MOST_TRIES = 5
"""How often to try to open a dataset that another process replaces at the same time."""
_MANY_FRAMES = 100_000


@dataclass(slots=True, eq=False)
class Recording:
    """A dataset: the owner of its frames and of all information about them.

    Parameters
    ----------
    location
        Path of the dataset.
    header
        The header in each of its files.
    interpreter
        Knows the user's translators; has read nothing, or the metadata in `metadata`.
    index
        Its frames.
    metadata
        Values from the metadata of all frames; None if they have to be read from the records.
    is_finished
        Whether its files are OME-TIFF.
    """

    location: Location
    header: Header
    interpreter: Interpreter = field(default_factory=Interpreter)
    index: FrameIndex = field(default_factory=FrameIndex)
    metadata: MetadataTable | None = None
    is_finished: bool = False
    names: ValueNames | None = None
    """Names of channels and positions in a finished dataset; None if the frames have them."""

    @classmethod
    def new(cls, location: Location, header: Header, translators: Iterable[Translator]) -> "Recording":
        """Make a dataset without frames; TypeError if a translator is not a `Translator`."""
        interpreter = Interpreter(translators)
        interpreter.load()
        return cls(location, header, interpreter, metadata=MetadataTable(interpreter))

    def snapshot(self, *, is_read: bool) -> "Recording":
        """Return a copy that later frames do not change; no frame may be put during this call.

        Parameters
        ----------
        is_read
            Whether `metadata` has the values of all frames.
        """
        metadata = self.metadata.snapshot() if is_read and self.metadata is not None else None
        interpreter = self.interpreter if metadata is None else metadata.interpreter
        return Recording(self.location, self.header, interpreter, self.index.snapshot(), metadata)

    def images(self) -> list[StoredImage]:
        """Lay out the frames and name the images."""
        images = self.unnamed_images()
        names = self.names
        if names is None:
            names = names_of_first_frames(self.header, self.index, images, self.interpreter)
        return self.named(images, names)

    def unnamed_images(self) -> list[StoredImage]:
        """Lay out the frames."""
        images = stored_images(self.index, self.header.fold_axes)
        _give_back_memory(self.index)
        return images

    def named(self, images: Sequence[StoredImage], names: ValueNames) -> list[StoredImage]:
        """Name the images."""
        return named_images(images, names, self.location.name, self.header.given.image_name)

    def facts(self) -> Facts:
        """Return the facts about the frames."""
        table = self.metadata or MetadataTable.read(self.index, self.interpreter.fresh())
        return Facts(self.header, self.index, table.planes, table.interpreter)

    def read_back(self, paths: Sequence[Path], progress: Progress | None = None) -> None:
        """Replace the known frames by those in files whose recording has ended.

        Parameters
        ----------
        paths
            The files. An unfinished file without frames is skipped if there are others.
        progress
            Called with the number of bytes searched so far, and of all bytes.

        Raises
        ------
        OmeTiffError
            The files have no frames, or a finished one is damaged.
        """
        settings = WriteSettings(self.header.coding)
        loaded = load(
            paths, settings=settings, leaves_out=lambda file: not file.is_finished, progress=progress
        )
        try:
            check_positions(loaded, self.header)
            metadata = MetadataTable.read(loaded.index, self.interpreter.fresh())
        except (OmeTiffError, OSError):
            loaded.index.close()
            raise
        self.index, self.metadata = loaded.index, metadata

    def close(self) -> None:
        """Close all files as they are."""
        self.index.close()


def open_dataset(path: Path, *, allow_unfinished: bool = False) -> Recording:
    """Open a dataset for reading.

    Parameters
    ----------
    path
        A single file, a folder, or any file of a folder, its companion included.
    allow_unfinished
        Whether to open an unfinished dataset with the frames that are in its files now.

    Returns
    -------
    Recording

    Raises
    ------
    FileNotFoundError
        There is nothing at the path.
    OmeTiffError
        The path is not a dataset, or a folder with several datasets.
    NotFinishedError
        The dataset is not finished, and `allow_unfinished` is False.
    """
    for _ in range(_MOST_TRIES):
        paths, header = find_dataset(path)
        loaded = load_by_index(paths) or load(
            paths, allow_unfinished=allow_unfinished, leaves_out=lambda _: allow_unfinished
        )
        if all(Header.decode(file.header).dataset == header.dataset for file in loaded.index.files):
            break
        loaded.index.close()  # another process has just replaced the dataset
    else:
        raise OmeTiffError(f"{path} is being replaced repeatedly: try again later")
    location = Location.of_files(paths, is_folder=header.is_folder)
    return Recording(location, header, index=loaded.index, is_finished=loaded.is_finished, names=loaded.names)


def load_by_index(paths: Sequence[Path]) -> Loaded | None:
    """Open the files of a dataset for reading if all of them are finished and have an index.

    Returns
    -------
    Loaded or None
        None if a file is not finished, or its index is missing or damaged; use `load` then.
    """
    files: list[JournalFile] = []
    found: list[IndexedFrames] = []
    try:
        for path in paths:
            file, _ = open_journal(path, allow_unfinished=True)
            files.append(file)
            frames = _read(file) if file.is_finished else None
            if frames is None:
                break
            file.pages = frames.pages
            found.append(frames)
    except (OmeTiffError, OSError):
        found.clear()  # `load` has the same problem and decides whether to skip the file
    if len(found) == len(paths):
        loaded = Loaded(_merged(files, found), [], is_finished=True)
        found.clear()
        _give_back_memory(loaded.index)
        return loaded
    for file in files:
        file.close()
    return None


def _give_back_memory(index: FrameIndex) -> None:
    """Return the memory of intermediate arrays to the system if there are many frames."""
    if len(index) >= _MANY_FRAMES:
        give_back_memory()


def read_indexed_frames(file: JournalFile) -> IndexedFrames | None:
    """Read the index of a finished file; None if there is none, OmeTiffError if it is damaged."""
    data = read_index(file)
    return None if data is None else decode_index(data, file.file.size())


def _read(file: JournalFile) -> IndexedFrames | None:
    """Read the index of a file; None if there is none, or if it is damaged, which is logged."""
    try:
        return read_indexed_frames(file)
    except OmeTiffError as error:
        logger.warning("%s: %s; reading the records instead, which takes longer", file.path, error)
        return None


def _merged(files: Sequence[JournalFile], found: Sequence[IndexedFrames]) -> FrameIndex:
    """Merge the frames of all files in order of arrival."""
    places = [number << 32 | np.arange(len(each.arrivals)) for number, each in enumerate(found)]
    order = np.argsort(np.concatenate([each.arrivals for each in found]), kind="stable")
    table = CoordinateTable.joined([each.coordinates for each in found], order)
    return FrameIndex.of(files, table, np.concatenate(places)[order])
