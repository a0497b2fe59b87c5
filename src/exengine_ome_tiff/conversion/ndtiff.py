"""NDTiff datasets, which the package ndstorage reads."""

import io
import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy.typing as npt

from exengine_ome_tiff.conversion.comments import CommentedSource
from exengine_ome_tiff.conversion.image_stacks import ImageStackSource, writing_order
from exengine_ome_tiff.conversion.sources import (
    FileSource,
    SkippedFrame,
    Source,
    UnreadableFrameError,
    files_in,
    require_own,
)
from exengine_ome_tiff.coordinates.keys import Coordinates
from exengine_ome_tiff.dataset.foreign import FULL_RESOLUTION, NDTIFF_INDEX
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.text_format import error_text
from exengine_ome_tiff.tiff import Extents, StackPage, ifd_offsets

_UNIQUE_IDENTIFIER = 483729
"""In the header of files of versions 2 and 3, before the version."""
_SUFFIXES = (".tif",)
_NUMBERS_BYTES = 32
"""Size of the numbers in an index entry, after its coordinates and its file name."""
_INNER_AXES = ("channel", "time", "z")


def is_ndtiff(folder: Path) -> bool:
    """Whether a folder is an NDTiff dataset of any version."""
    return (folder / NDTIFF_INDEX).is_file() or (folder / FULL_RESOLUTION).is_dir()


def ndtiff_of(file: Path) -> Path | None:
    """Return the folder of the NDTiff dataset that contains a file; None if there is none."""
    folder = file.parent.parent if file.parent.name == FULL_RESOLUTION else file.parent
    is_one = file.name == NDTIFF_INDEX or file.suffix == ".tif"
    return folder if is_one and is_ndtiff(folder) else None


def open_ndtiff(folder: Path) -> Source:
    """Open a dataset with the comments beside it, without the lower resolutions of a pyramid.

    Raises
    ------
    ImportError
        ndstorage is not installed.
    OmeTiffError
        ndstorage cannot read it.
    """
    inner = folder / FULL_RESOLUTION
    files = inner if inner.is_dir() else folder
    version = next((_version(path) for path in files_in(files, _SUFFIXES, [])), 3)
    if version < 2:
        return CommentedSource(NDTiff1Source(folder, files))
    require_own(files, files / NDTIFF_INDEX)
    try:
        source = NDTiff2Source(folder) if version == 2 else NDTiff3Source(folder, files)
    except ImportError as error:
        raise ImportError('NDTiff needs ndstorage: pip install "exengine-ome-tiff[ndtiff]"') from error
    return CommentedSource(source)


def _version(path: Path) -> int:
    with path.open("rb") as file:
        head = file.read(16)
    if len(head) < 16:
        return 3
    identifier, version = struct.unpack_from("<II", head, 8)
    return int(version) if identifier == _UNIQUE_IDENTIFIER else 1


class NDTiff1Source(ImageStackSource):
    """An NDTiff dataset of version 1 or 0, whose files resemble image stacks.

    With NumPy 2, ndstorage's own reader fails after the first 64 kB of a file.
    """

    def __init__(self, path: Path, folder: Path) -> None:
        skipped: list[SkippedFrame] = []
        super().__init__(path, sorted(files_in(folder, _SUFFIXES, skipped), key=writing_order), skipped)

    def coordinates_of(self, path: Path, page: StackPage) -> Coordinates:
        """Return the coordinates of a page, from its metadata or else from the index."""
        _, metadata = self.read_frame((path, page))
        axes = metadata.get("Axes")
        if isinstance(axes, dict):
            return axes
        return {"position": page.position, "time": page.time, "channel": page.channel, "z": page.z}


class NDTiff3Source(FileSource[Any]):
    """A dataset of version 3; damage affects only the frames where it is.

    Each frame has its entry in ndstorage's index.
    """

    def __init__(self, path: Path, folder: Path) -> None:
        from ndstorage.file_io import NDTiffFileIO
        from ndstorage.ndtiff_file import SingleNDTiffReader
        from ndstorage.ndtiff_index import NDTiffIndexEntry

        super().__init__(path, self._open)
        self._folder = folder
        self._reader_of = SingleNDTiffReader
        self._file_io = NDTiffFileIO
        self._extents: dict[str, Extents] = {}
        index = (folder / NDTIFF_INDEX).read_bytes()
        places = list(_places(index))
        for place in places:
            try:
                _, axes, entry = NDTiffIndexEntry.unpack_single_index_entry(index, place.start)
                self.add(_ordered(axes.items()), entry)
            except (ValueError, TypeError, AttributeError, RecursionError) as error:
                self.skipped.append(
                    SkippedFrame(NDTIFF_INDEX, f"the entry at {place.start} cannot be read: {error}", 1)
                )
        files, skipped = _files(folder, places)
        self.skipped += skipped
        self.summary_metadata = self._summary(files)

    def _summary(self, files: Iterable[Path]) -> Any:
        for path in files:
            try:
                return self.file(path).summary_md
            except OmeTiffError as error:
                self.skipped.append(SkippedFrame(path.name, str(error)))
        reason = f": {self.skipped[0].what}: {self.skipped[0].reason}" if self.skipped else ""
        raise OmeTiffError(f"{self.path}: none of its files can be read{reason}")

    def read_frame(self, frame: Any) -> tuple[npt.NDArray[Any], Any]:
        """Read pixels and metadata of a frame."""
        reader = self.file(self._folder / (Path(frame.filename).name or "_"))
        self._claim(frame)
        try:
            return reader.read_image(frame), reader.read_metadata(frame)
        except Exception as error:  # ndstorage raises whatever damaged bytes cause
            raise UnreadableFrameError(f"{frame.filename}: {error_text(error)}") from error

    def _claim(self, entry: Any) -> None:
        """Refuse a frame whose pixels are not in its file, or are those of another frame."""
        start, is_rgb = entry.pix_offset, entry.is_rgb()
        nbytes = entry.image_width * entry.image_height * (3 if is_rgb else entry.get_byte_depth())
        size = (self._folder / Path(entry.filename).name).stat().st_size
        if start + nbytes > size:
            raise UnreadableFrameError(f"{entry.filename}: the pixels lie beyond the end of the file")
        extents = self._extents.setdefault(entry.filename, Extents())
        if extents.claim(start, start + nbytes, id(entry)) is not None:
            raise UnreadableFrameError(f"{entry.filename}: the pixels are those of another frame")

    def _open(self, path: Path) -> Any:
        """Open a file with ndstorage's reader."""
        require_own(self._folder, path)
        opener = _Opener()
        try:
            return self._reader_of(str(path), file_io=self._file_io(open_function=opener.open))
        except Exception as error:  # as above
            opener.close()
            raise UnreadableFrameError(f"{path.name}: {error_text(error)}") from error


class NDTiff2Source(Source):
    """A dataset of version 2."""

    def __init__(self, path: Path) -> None:
        from ndstorage import Dataset
        from ndstorage.file_io import NDTiffFileIO

        super().__init__(path)
        opener = _Opener()
        file_io = NDTiffFileIO(open_function=opener.open)
        try:
            with redirect_stdout(io.StringIO()):
                self._level = Dataset(str(path), file_io=file_io).res_levels[0]
        except Exception as error:
            opener.close()
            raise OmeTiffError(f"{path}: ndstorage cannot read it: {error_text(error)}") from error
        folder = path / FULL_RESOLUTION
        places = list(_places((folder / NDTIFF_INDEX).read_bytes()))
        self.superseded = len(places) - len(self._level.index)
        _, self.skipped = _files(folder, places)
        self.summary_metadata = self._level.summary_metadata

    def coordinates(self) -> list[Coordinates]:
        """Return the coordinates of all frames, in the order of the index."""
        return [_ordered(key) for key in self._level.index]

    def read(self, coordinates: Coordinates) -> tuple[npt.NDArray[Any], Any]:
        """Read pixels and metadata of a frame."""
        try:
            return self._level.read_image(coordinates), self._level.read_metadata(coordinates)
        except Exception as error:
            raise UnreadableFrameError(error_text(error)) from error

    def close(self) -> None:
        """Close all files."""
        self._level.close()


def _ordered(key: Iterable[tuple[str, int | str]]) -> Coordinates:
    """Sort the axes of a frame, which are unordered in NDTiff."""
    axes = dict(key)
    return {axis: axes[axis] for axis in sorted(axes, key=lambda axis: (axis in _INNER_AXES, axis))}


class _Opener:
    """Opens files for ndstorage, which leaves them open after an error."""

    def __init__(self) -> None:
        self._files: list[IO[bytes]] = []

    def open(self, path: str, mode: str = "rb") -> IO[bytes]:
        """Open a file; an index that was cut off ends with its last complete entry."""
        require_own(Path(path).parent, Path(path))
        if Path(path).name == NDTIFF_INDEX:
            index = Path(path).read_bytes()
            return io.BytesIO(index[: max((place.stop for place in _places(index)), default=0)])
        self._files.append(open(path, mode))  # noqa: PTH123, SIM115
        return self._files[-1]

    def close(self) -> None:
        """Close all files that were opened."""
        for file in self._files:
            file.close()


class _Place(NamedTuple):
    """Where an index entry starts and stops, and the name of the file that has its frame."""

    start: int
    stop: int
    file: str


def _places(index: bytes) -> Iterator[_Place]:
    """Yield the places of the complete entries of an index.

    An entry consists of two texts, each preceded by its length, and 8 numbers. The texts are the coordinates
    as JSON and a file name.
    """
    stop = 0
    while True:
        at = start = stop
        for _ in range(2):
            length = int.from_bytes(index[at : at + 4], "little")
            if not length:  # the end, or space that the writer reserved
                return
            text = index[at + 4 : at + 4 + length]
            at += 4 + length
        stop = at + _NUMBERS_BYTES
        if stop > len(index):
            return
        yield _Place(start, stop, text.decode(errors="replace"))


def _files(folder: Path, places: Iterable[_Place]) -> tuple[list[Path], list[SkippedFrame]]:
    """Return the files of a dataset, and what of them will be skipped.

    Frames in the index are reported one by one when they are read.
    """
    counts = Counter(place.file for place in places)
    refused: list[SkippedFrame] = []
    files = files_in(folder, _SUFFIXES, refused)
    skipped = [replace(each, n_frames=0) if each.what in counts else each for each in refused]
    for path in files:
        with path.open("rb") as file:
            more = len(ifd_offsets(file)) - counts[path.name]
        if more > 0:
            skipped.append(SkippedFrame(path.name, f"frames that {NDTIFF_INDEX} does not name: {more}", more))
    return files, skipped
