"""Finding the files of a dataset and reading what they hold."""

import logging
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from exengine_ome_tiff.coordinates import file_key
from exengine_ome_tiff.dataset.frame_index import FrameIndex
from exengine_ome_tiff.dataset.header import Header
from exengine_ome_tiff.dataset.location import COMPANION_SUFFIX, is_tiff
from exengine_ome_tiff.dataset.records import RecordHead, decode_head
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.ome.xml_reader import ImageElement, read_ome
from exengine_ome_tiff.tiff import JournalPage, open_journal, read_description, read_head

logger = logging.getLogger(__name__)

_ROOT_UUID = re.compile(rb'<OME [^<>]*UUID="(urn:uuid:[0-9a-f-]{36})"')
_ROOT_BYTES = 4096


def open_files_of(paths: Sequence[Path], *, allow_unfinished: bool) -> FrameIndex:
    """Open the files of a dataset for reading; errors as for `recording.open_dataset`."""
    dataset = FrameIndex()
    frames: list[FoundFrame] = []
    try:
        for number, each in enumerate(paths):
            journal, pages = open_journal(each, allow_unfinished=allow_unfinished)
            dataset.files.append(journal)
            try:
                frames += found_frames(number, each, pages)
            except OmeTiffError as error:
                if not allow_unfinished or len(paths) == 1:
                    raise
                logger.warning("%s is left out: %s", each, error)
    except (OmeTiffError, OSError):
        dataset.close()
        raise
    add_frames(dataset, frames)
    return dataset


def find_dataset(path: Path) -> tuple[list[Path], Header]:
    """Find the files of a dataset; parameters and errors as for `recording.open_dataset`.

    Files that links in a folder lead to are not part of a dataset there.

    Returns
    -------
    list of pathlib.Path
        At least one.
    Header
        What they say of their dataset.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder")
    if path.is_dir():
        datasets = datasets_in(path)
        if len(datasets) != 1:
            raise OmeTiffError(f"{path}: expected the files of one dataset, found those of {len(datasets)}")
        (paths,) = datasets.values()
        return paths, read_header(paths[0])
    if not path.is_file():
        raise OmeTiffError(f"{path}: neither a file nor a folder")  # a pipe would keep us waiting
    if path.name.endswith(COMPANION_SUFFIX):
        with path.open("rb") as file:
            dataset = root_uuid(file.read(_ROOT_BYTES))
        if dataset is None:
            raise OmeTiffError(f"{path}: not a companion that TiffStorage wrote")
        paths = datasets_in(path.parent).get(dataset, [])
        if not paths:
            raise OmeTiffError(f"{path}: none of its files is in the folder")
        return paths, read_header(paths[0])
    header = read_header(path)
    if not header.is_folder:
        return [path], header
    return datasets_in(path.parent).get(header.dataset) or [path], header


def read_header(path: Path) -> Header:
    """Read what a file says of its dataset.

    Raises
    ------
    OmeTiffError
        The file is none of ours.
    """
    text = read_head(path).header
    try:
        return Header.decode(text)
    except OmeTiffError as error:
        raise OmeTiffError(f"{path}: {error}") from error


def read_elements(path: Path, count: int) -> list[ImageElement]:
    """Read the images of a finished file's OME-XML, of which the records make so many.

    Raises
    ------
    OmeTiffError
        The OME-XML is none, or has another number of images.
    """
    try:
        elements = read_ome(read_description(path))
    except OmeTiffError as error:
        raise OmeTiffError(f"{path}: {error}") from error
    if len(elements) != count:
        raise OmeTiffError(f"{path}: the OME-XML has {len(elements)} images, the records make {count}")
    return elements


def datasets_in(folder: Path) -> dict[str, list[Path]]:
    """Return the TIFF files in a folder by the dataset that they are part of; foreign ones are left out."""
    datasets: dict[str, list[Path]] = {}
    for path in sorted(path for path in folder.iterdir() if is_tiff(path)):
        if path.is_symlink() or not path.is_file():
            continue
        try:
            header = read_header(path)
        except OmeTiffError:
            continue
        except OSError as error:
            logger.warning("%s cannot be read and is left out: %s", path, error)
            continue
        if header.is_folder:
            datasets.setdefault(header.dataset, []).append(path)
    return datasets


def root_uuid(xml: bytes) -> str | None:
    """Return the UUID that an OME-XML document has as a whole, which it says at its beginning."""
    match = _ROOT_UUID.search(xml[:_ROOT_BYTES])
    return None if match is None else match[1].decode()


def find_companion(folder: Path, dataset: str) -> Path | None:
    """Return the companion of a dataset in a folder, by its UUID; None where there is none."""
    for path in sorted(folder.glob(f"*{COMPANION_SUFFIX}")):
        if path.is_symlink() or not path.is_file():
            continue
        with path.open("rb") as file:
            if root_uuid(file.read(_ROOT_BYTES)) == dataset:
                return path
    return None


class FoundFrame(NamedTuple):
    """A frame that a file holds."""

    head: RecordHead
    file: int
    page: JournalPage


def found_frames(file: int, path: Path, pages: Iterable[JournalPage]) -> list[FoundFrame]:
    """Read where the pages of a file belong; their notes are not kept.

    Parameters
    ----------
    file, path
        Number and path of the file.
    pages
        All of its pages.

    Raises
    ------
    OmeTiffError
        A page cannot be read, or its note is no record.
    """
    frames = []
    for page in pages:
        try:
            head = decode_head(page.note)
        except OmeTiffError as error:
            raise OmeTiffError(f"{path}: {error}") from error
        frames.append(FoundFrame(head, file, page._replace(note=b"")))
    return frames


def check_positions(paths: Sequence[Path], frames: Iterable[FoundFrame], header: Header) -> None:
    """Make sure that all frames of a position, or of a field of a well, are in one file, as their images are.

    Raises
    ------
    OmeTiffError
        They are not: files were copied inside of their folder, say.
    """
    files: dict[tuple[int | str, ...], int] = {}
    for head, file, _ in frames:
        key = file_key(head.coordinates, header.fold_axes)
        if files.setdefault(key, file) != file:
            other, place = paths[files[key]].name, ", ".join(map(repr, key)) or "None"
            raise OmeTiffError(f"{paths[file]}: has frames of position {place}, which {other} also has")


def add_frames(dataset: FrameIndex, frames: list[FoundFrame]) -> None:
    """Bring frames into the order of their arrival, and add them to a dataset."""
    frames.sort(key=lambda frame: frame.head.number)
    for head, file, page in frames:
        dataset.add(dataset.axes.key(head.coordinates), file, page.handle)
