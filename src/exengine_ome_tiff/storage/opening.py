"""Finding the files of a finished dataset and reading what they hold."""

import logging
import re
from pathlib import Path

from exengine_ome_tiff.coordinates import Coordinates
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.storage.dataset import Dataset
from exengine_ome_tiff.storage.header import Header
from exengine_ome_tiff.storage.records import decode_head
from exengine_ome_tiff.storage.target import COMPANION_SUFFIX, is_tiff
from exengine_ome_tiff.tiff import OpenFiles, open_finished, read_dataset

logger = logging.getLogger(__name__)

_ROOT_UUID = re.compile(rb'<OME [^<>]*UUID="(urn:uuid:[0-9a-f-]{36})"')
_ROOT_BYTES = 4096


def open_dataset(path: Path) -> tuple[Dataset, Header]:
    """Open a finished dataset.

    Parameters
    ----------
    path
        A single file, a folder, or any file of a folder, its companion included.

    Returns
    -------
    Dataset
    Header
        What its files say of it.

    Raises
    ------
    FileNotFoundError
        There is nothing at the path.
    OmeTiffError
        What is there is no finished dataset, or a folder with several.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder")
    if path.is_dir():
        datasets = datasets_in(path)
        if len(datasets) != 1:
            raise OmeTiffError(f"{path}: expected the files of one dataset, found those of {len(datasets)}")
        return _load(*datasets.values())
    if path.name.endswith(COMPANION_SUFFIX):
        dataset = _companion_dataset(path)
    else:
        header = Header.decode(read_dataset(path)[0])
        if not header.is_folder:
            return _load([path])
        dataset = header.dataset
    return _load(datasets_in(path.parent).get(dataset, []) or [path])


def datasets_in(folder: Path) -> dict[str, list[Path]]:
    """Return the TIFF files in a folder by the dataset that they are part of; foreign ones are left out."""
    datasets: dict[str, list[Path]] = {}
    for path in sorted(path for path in folder.iterdir() if is_tiff(path)):
        if not path.is_file():
            continue
        try:
            header = Header.decode(read_dataset(path)[0])
        except OmeTiffError:
            continue
        except OSError as error:
            logger.warning("%s cannot be read and is left out: %s", path, error)
            continue
        if header.is_folder:
            datasets.setdefault(header.dataset, []).append(path)
    return datasets


def _companion_dataset(path: Path) -> str:
    """Read the UUID of a companion, which is that of its dataset."""
    with path.open("rb") as file:
        match = _ROOT_UUID.search(file.read(_ROOT_BYTES))
    if match is None:
        raise OmeTiffError(f"{path}: not a companion that TiffStorage wrote")
    return match[1].decode()


def _load(paths: list[Path]) -> tuple[Dataset, Header]:
    """Read the journals of files and bring their frames into the order of arrival."""
    dataset = Dataset()
    frames: list[tuple[int, int, int, Coordinates]] = []
    header = Header.decode(read_dataset(paths[0])[0])
    open_files = OpenFiles()
    try:
        for number, path in enumerate(paths):
            reader, pages = open_finished(path, open_files)
            dataset.files.append(reader)
            for page in pages:
                head = decode_head(page.note)
                frames.append((head.number, number, page.handle, head.coordinates))
    except OmeTiffError:
        dataset.close()
        raise
    for _, file, handle, coordinates in sorted(frames, key=lambda frame: frame[0]):
        dataset.add(dataset.axes.key(coordinates), file, handle)
    return dataset, header
