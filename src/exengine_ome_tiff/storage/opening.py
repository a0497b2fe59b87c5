"""Finding the files of a finished dataset and reading what they hold."""

import json
from pathlib import Path
from typing import Any

from exengine_ome_tiff.coordinates import Coordinates
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.storage.dataset import Dataset
from exengine_ome_tiff.storage.records import decode_head
from exengine_ome_tiff.storage.target import is_tiff
from exengine_ome_tiff.tiff import PageReader, open_finished


def open_dataset(path: Path) -> tuple[Dataset, Any]:
    """Open a finished dataset.

    Parameters
    ----------
    path
        A single file, a folder, or any file of a folder, its companion included.

    Returns
    -------
    Dataset
    object
        Summary metadata.

    Raises
    ------
    FileNotFoundError
        There is nothing at the path.
    OmeTiffError
        What is there is no finished dataset, or a folder with several.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder")
    if path.is_dir() or not is_tiff(path):
        return _open_folder(path if path.is_dir() else path.parent, None)
    reader, _ = open_finished(path)
    header = _header(reader)
    reader.close()
    if header["is_folder"]:
        return _open_folder(path.parent, header["dataset"])
    return _load([path])


def _open_folder(folder: Path, dataset: str | None) -> tuple[Dataset, Any]:
    """Open the files in a folder that belong to a dataset, or to the only one there is."""
    files: dict[str, list[Path]] = {}
    for path in sorted(path for path in folder.iterdir() if is_tiff(path)):
        reader, _ = open_finished(path)
        files.setdefault(_header(reader)["dataset"], []).append(path)
        reader.close()
    if dataset is None and len(files) != 1:
        raise OmeTiffError(f"{folder}: expected the files of one dataset, found those of {len(files)}")
    return _load(files[dataset] if dataset else next(iter(files.values())))


def _load(paths: list[Path]) -> tuple[Dataset, Any]:
    """Read the journals of files and bring their frames into the order of arrival."""
    dataset = Dataset()
    frames: list[tuple[int, int, int, Coordinates]] = []
    summary_metadata: Any = None
    for number, path in enumerate(paths):
        reader, pages = open_finished(path)
        dataset.files.append(reader)
        summary_metadata = _header(reader)["summary_metadata"]
        for page in pages:
            head = decode_head(page.note)
            frames.append((head.number, number, page.handle, head.coordinates))
    for _, file, handle, coordinates in sorted(frames, key=lambda frame: frame[0]):
        dataset.add(dataset.axes.key(coordinates), file, handle)
    return dataset, summary_metadata


def _header(reader: PageReader) -> dict[str, Any]:
    """Read what a file says of its dataset."""
    try:
        header = json.loads(reader.dataset)
        return {name: header[name] for name in ("dataset", "is_folder", "summary_metadata")}
    except (ValueError, TypeError, KeyError) as error:
        raise OmeTiffError(f"{reader.path}: does not tell its dataset") from error
