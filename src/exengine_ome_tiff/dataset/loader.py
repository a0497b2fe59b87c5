"""Finding the files of a dataset and reading their contents."""

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

from exengine_ome_tiff.coordinates.file_names import file_key
from exengine_ome_tiff.coordinates.layout import ValueNames
from exengine_ome_tiff.dataset.foreign import foreign_text
from exengine_ome_tiff.dataset.frame_index import RECORDS_CHANGED, FrameIndex
from exengine_ome_tiff.dataset.header import Header
from exengine_ome_tiff.dataset.location import COMPANION_SUFFIX, is_tiff, leftover_text
from exengine_ome_tiff.dataset.names import decode_names
from exengine_ome_tiff.dataset.records import RecordHead, decode_head
from exengine_ome_tiff.errors import ForeignFileError, OmeTiffError
from exengine_ome_tiff.ome.xml_reader import ImageElement, read_ome
from exengine_ome_tiff.text_format import count_text, list_text
from exengine_ome_tiff.tiff import (
    JournalFile,
    JournalPage,
    WriteSettings,
    begins_like_ours,
    open_journal,
    read_description,
    read_head,
)

logger = logging.getLogger(__name__)

T = TypeVar("T")
Progress = Callable[[int, int], object]
"""Called with the number of bytes searched so far, and of all bytes."""

_ROOT_UUID = re.compile(rb'<OME [^<>]*UUID="(urn:uuid:[0-9a-f-]{36})"')
_ROOT_BYTES = 4096
_CREATOR = b'Creator="exengine-ome-tiff'


class NoDatasetError(OmeTiffError):
    """A path is not a dataset."""


class SeveralDatasetsError(NoDatasetError):
    """A folder has several datasets.

    Parameters
    ----------
    folder
        The folder.
    names
        Names of files or folders, one per dataset.
    """

    def __init__(self, folder: Path, names: Iterable[str]) -> None:
        listed = sorted(names)
        choice = f"choose one of {list_text(listed)}" if len(listed) > 1 else f"choose {listed[0]}"
        super().__init__(f"{folder} has {count_text(len(listed), 'dataset')}: {choice}")


def find_dataset(path: Path, *, is_logged: bool = True) -> tuple[list[Path], Header]:
    """Find the files of a dataset; parameters and errors as for `recording.open_dataset`.

    Links in a folder are ignored: their targets are not part of a dataset there. `is_logged` is as for
    `datasets_in`.

    Returns
    -------
    list of pathlib.Path
        At least one.
    Header
        Their header.
    """
    if not path.exists():
        leftover = leftover_text(path)
        raise FileNotFoundError(f"{path}: no such file or folder" + (f", but {leftover}" if leftover else ""))
    if path.is_dir():
        paths = _only_dataset_in(path, is_logged=is_logged)
        return paths, read_header(paths[0])
    if not path.is_file():
        raise OmeTiffError(f"{path}: neither a file nor a folder")  # reading from a pipe would block
    if path.name.endswith(COMPANION_SUFFIX):
        with path.open("rb") as file:
            head = file.read(_ROOT_BYTES)
        dataset = root_uuid(head)
        paths = [] if dataset is None else datasets_in(path.parent, is_logged=is_logged).get(dataset, [])
        if not paths and (dataset is None or _CREATOR not in head):
            raise NoDatasetError(foreign_text(path) or f"{path}: not a companion written by TiffStorage")
        if not paths:
            raise OmeTiffError(f"{path}: none of its files is in the folder")
        return paths, read_header(paths[0])
    try:
        header = read_header(path)
    except ForeignFileError as error:
        text = foreign_text(path)
        if text is None:
            raise
        raise NoDatasetError(text) from error
    if not header.is_folder:
        return [path], header
    return datasets_in(path.parent, is_logged=is_logged).get(header.dataset) or [path], header


def _only_dataset_in(folder: Path, *, is_logged: bool) -> list[Path]:
    """Return the files of the only dataset in a folder."""
    datasets = datasets_in(folder, is_logged=is_logged)
    if len(datasets) > 1:
        raise SeveralDatasetsError(folder, [paths[0].name for paths in datasets.values()])
    if datasets:
        return next(iter(datasets.values()))
    single = [path.name for path in sorted(folder.iterdir()) if is_tiff(path) and _is_own(path)]
    if single:
        raise SeveralDatasetsError(folder, single)
    raise NoDatasetError(foreign_text(folder) or f"{folder}: no dataset in this folder")


def _is_own(path: Path) -> bool:
    try:
        return path.is_file() and not path.is_symlink() and bool(read_header(path))
    except (OmeTiffError, OSError):
        return False


def read_header(path: Path) -> Header:
    """Read the header of a dataset from one of its files.

    Raises
    ------
    OmeTiffError
        The file was not written by `TiffStorage`.
    """
    return _decoded(path, Header.decode, read_head(path).header)


def read_elements(path: Path, count: int) -> list[ImageElement]:
    """Read the images in the OME-XML of a finished file, and check that there are `count` of them.

    Raises
    ------
    OmeTiffError
        The OME-XML is invalid, or has a different number of images.
    """
    elements = _decoded(path, read_ome, read_description(path))
    if len(elements) != count:
        raise OmeTiffError(f"{path}: expected {count} images in the OME-XML, got {len(elements)}")
    return elements


def _decoded(path: Path, decode: Callable[[bytes], T], text: bytes) -> T:
    """Decode text of a file; an error message begins with the path."""
    try:
        return decode(text)
    except OmeTiffError as error:
        raise OmeTiffError(f"{path}: {error}") from error


def datasets_in(folder: Path, *, is_logged: bool = True) -> dict[str, list[Path]]:
    """Return the TIFF files in a folder, grouped by dataset, without those of other programs.

    Damaged files by `TiffStorage` are logged as warnings; pass `is_logged` as False to search once more.
    """
    level = logging.WARNING if is_logged else logging.DEBUG
    datasets: dict[str, list[Path]] = {}
    for path in sorted(path for path in folder.iterdir() if is_tiff(path)):
        if path.is_symlink() or not path.is_file():
            continue
        try:
            header = read_header(path)
        except OmeTiffError as error:
            if begins_like_ours(path):
                logger.log(level, "%s is damaged and left out: %s", path, error)
            continue
        except OSError as error:
            logger.log(level, "%s cannot be read and is left out: %s", path, error)
            continue
        if header.is_folder:
            datasets.setdefault(header.dataset, []).append(path)
    return datasets


def root_uuid(xml: bytes) -> str | None:
    """Return the UUID of an OME-XML document, which is at its beginning."""
    match = _ROOT_UUID.search(xml[:_ROOT_BYTES])
    return None if match is None else match[1].decode()


def find_companion(folder: Path, dataset: str) -> Path | None:
    """Return the companion of a dataset in a folder, given its UUID; None if there is none."""
    for path in sorted(folder.glob(f"*{COMPANION_SUFFIX}")):
        if path.is_symlink() or not path.is_file():
            continue
        with path.open("rb") as file:
            if root_uuid(file.read(_ROOT_BYTES)) == dataset:
                return path
    return None


class FoundFrame(NamedTuple):
    """A frame in a file; its page has no note."""

    head: RecordHead
    file: int
    page: JournalPage


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """The contents of files; `is_finished` is True if all of them are finished, including those left out.

    `frames` is empty if `load_by_index` read the indexes instead of the records.
    """

    index: FrameIndex
    frames: list[FoundFrame]
    is_finished: bool

    @property
    def names(self) -> ValueNames | None:
        """Names of channels and positions in finished files; None if those in a file cannot be read."""
        if not self.is_finished:
            return None
        names: dict[str, dict[int | str, str]] = {}
        for file in self.index.files:
            try:
                found = decode_names(file.names or b"{}")
            except OmeTiffError as error:
                logger.warning("%s: %s", file.path, error)
                return None
            for axis, of_axis in found.items():
                names.setdefault(axis, {}).update(of_axis)
        return names


class DamagedFileError(OmeTiffError):
    """A file cannot be read and must not be skipped."""

    def __init__(self, path: Path, error: OmeTiffError) -> None:
        super().__init__(str(error))
        self.path = path


def load(
    paths: Sequence[Path],
    *,
    allow_unfinished: bool = True,
    settings: WriteSettings | None = None,
    leaves_out: Callable[[JournalFile], bool] = lambda _: False,
    progress: Progress | None = None,
) -> Loaded:
    """Open the files of a dataset and find their frames, to read, recover, resume or validate them.

    Parameters
    ----------
    paths
        The files.
    allow_unfinished
        Whether to accept unfinished files with the frames that they have now.
    settings
        How to add pages to the files; None to only read them.
    leaves_out
        Whether to skip a damaged file, which is logged, if there are others.
    progress
        Called with the number of bytes searched so far, and of all bytes.

    Raises
    ------
    DamagedFileError
        A file cannot be read and is not skipped.
    OmeTiffError
        The files have no frames.
    NotFinishedError
        A file is not finished, and `allow_unfinished` is False.
    """
    index, frames, is_finished = FrameIndex(), list[FoundFrame](), True
    done, total = 0, sum(path.stat().st_size for path in paths)
    try:
        for path in paths:
            file, pages = open_journal(path, allow_unfinished=allow_unfinished, settings=settings)
            index.files.append(file)
            is_finished &= file.is_finished
            try:
                frames += _found(len(index.files) - 1, file, _watched(file, pages, done, total, progress))
            except OmeTiffError as error:
                if len(paths) == 1 or not leaves_out(file):
                    raise DamagedFileError(path, error) from error
                fix = "; to open the folder, move this file elsewhere" if file.is_finished else ""
                logger.warning("%s is left out%s: %s", path, fix, error)
                index.files.pop().close()
            done += path.stat().st_size
        if not frames:
            raise OmeTiffError(f"{paths[0].parent}: it contains no frame")  # noqa: TRY301
    except (OmeTiffError, OSError):
        index.close()
        raise
    frames.sort(key=lambda frame: frame.head.number)
    for head, number, page in frames:
        index.add(index.axes.key(head.coordinates), number, page.handle, head.number)
    return Loaded(index, frames, is_finished)


def _found(number: int, file: JournalFile, pages: Iterable[JournalPage]) -> list[FoundFrame]:
    """Read the coordinates of the pages of a file; OmeTiffError if a page or its record cannot be read."""
    frames, changed = [], 0
    for page in pages:
        head = _decoded(file.path, decode_head, page.note)
        bare = JournalPage(page.handle, b"", page.checksum, page.is_intact)
        frames.append(FoundFrame(head, number, bare))
        changed += page.is_intact is False
    if not frames:
        raise OmeTiffError(f"{file.path}: it contains no frame")
    if changed:
        logger.warning(RECORDS_CHANGED, file.path, count_text(changed, "frame"))
    return frames


def _watched(
    file: JournalFile, pages: Iterable[JournalPage], done: int, total: int, progress: Progress | None
) -> Iterator[JournalPage]:
    for page in pages:
        if progress is not None:
            progress(done + file.pages.ifd_at(page.handle), total)
        yield page


def check_positions(loaded: Loaded, header: Header) -> None:
    """Check that frames with the same values along the axes that split the folder are in one file.

    Raises
    ------
    OmeTiffError
        They are not, for example because a file was copied inside its folder.
    """
    files: dict[tuple[int | str, ...], int] = {}
    paths = [file.path for file in loaded.index.files]
    for head, file, _ in loaded.frames:
        key = file_key(head.coordinates, header.split_by, header.fold_axes)
        if files.setdefault(key, file) != file:
            other, place = paths[files[key]].name, ", ".join(map(repr, key)) or "None"
            raise OmeTiffError(f"{paths[file]}: has frames of position {place}, which {other} also has")
