"""Separate image files of Micro-Manager: where they are, what they are called, what metadata.txt lists."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from exengine_ome_tiff.conversion.metadata_text import NAME, read_metadata_text
from exengine_ome_tiff.conversion.source_files import folders_in, refusal
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.tiff import ForeignTiff

TIFF_SUFFIXES = (".tif", ".tiff")
_NUMBERED = re.compile(r"img((?:_[A-Za-z]+\d+)+)", re.ASCII)
"""Micro-Manager 2: ``img_channel000_position000_time000000000_z000``."""
_AXIS = re.compile(r"_([A-Za-z]+)(\d+)", re.ASCII)
_NAMED = re.compile(r"img_(\d+)_(.*)_(\d+)", re.ASCII | re.DOTALL)
"""Micro-Manager 1.4: time, name of the channel, z."""
_FRAME_KEY = re.compile(r"FrameKey-(\d+)-(\d+)-(\d+)", re.ASCII)
"""In the metadata of 1.4: time, number of the channel, z."""
_MOST_DIGITS = 15
_IDENTITY = ("UUID", "Prefix", "Directory", "Time", "StartTime")
"""What in the summary metadata distinguishes datasets."""


class ImageFile(NamedTuple):
    """An image file, and what is known of its frame."""

    path: Path
    numbers: dict[str, int]
    channel: str | None
    metadata: dict[str, Any]


def has_separate_images(path: Path) -> bool:
    """Whether a path is the folder or a file of a dataset of separate image files."""
    if path.is_dir():
        return is_separate(path) or any(is_separate(folder) for folder in folders_in(path))
    return path.name == NAME or place_of_name(path) is not None


def is_separate(folder: Path) -> bool:
    """Whether a folder has separate image files itself."""
    return any(
        path.name == NAME or (path.suffix.lower() in TIFF_SUFFIXES and place_of_name(path) is not None)
        for path in folder.iterdir()
    )


def dataset_folders(path: Path) -> tuple[Path, list[Path]]:
    """Return the folder of a dataset, and those in it that have its images.

    Raises
    ------
    OmeTiffError
        It has none.
    """
    if not path.is_dir():
        folder = path.parent
        if path.name != NAME and place_of_name(path) is None:
            raise OmeTiffError(f"{path}: its name is none that Micro-Manager gives to an image file")
        return _dataset_of(folder)
    if is_separate(path):
        return path, [path]
    folders = [folder for folder in folders_in(path) if is_separate(folder)]
    if not folders:
        raise OmeTiffError(f"{path} has no image files of Micro-Manager")
    return path, folders


def _dataset_of(folder: Path) -> tuple[Path, list[Path]]:
    """Return the dataset that the folder of a position is part of, and the folders of all its positions."""
    summary = _summary_of(folder)
    if _count_positions(summary) <= 1:
        return folder, [folder]
    others = [each for each in folders_in(folder.parent) if is_separate(each)]
    same = [each for each in others if identity(_summary_of(each)) == identity(summary)]
    return (folder.parent, same) if len(same) > 1 else (folder, [folder])


def _summary_of(folder: Path) -> dict[str, Any]:
    try:
        summary = read_metadata_text(folder / NAME)[0].get("Summary")
    except (OmeTiffError, OSError):
        return {}
    return summary if isinstance(summary, dict) else {}


def identity(summary: Mapping[str, Any]) -> str:
    """Return what in summary metadata differs between datasets, as text."""
    return json.dumps([summary.get(key) for key in _IDENTITY])


def _count_positions(summary: Mapping[str, Any]) -> int:
    """Return how many positions were planned, as far as the summary metadata says."""
    planned = summary.get("Positions")
    lists = [summary.get(key) for key in ("StagePositions", "InitialPositionList")]
    counts = [len(each) for each in lists if isinstance(each, list)]
    return max([planned if isinstance(planned, int) else 0, *counts])


def listed_images(folder: Path, entries: Mapping[str, Any]) -> Iterator[ImageFile]:
    """Yield the images that the metadata of a folder list."""
    for key, value in entries.items():
        if not isinstance(value, dict):
            continue
        match = _FRAME_KEY.fullmatch(key)
        if match is not None and isinstance(value.get("FileName"), str):
            time, channel, z = (int(number[:_MOST_DIGITS]) for number in match.groups())
            numbers = {"time": time, "channel": channel, "z": z}
            yield ImageFile(folder / _last_part(value["FileName"]), numbers, None, value)
        kind, _, name = key.partition("-")
        if kind == "Coords" and name:
            numbers = {axis: number for axis, number in value.items() if type(number) is int}
            metadata = entries.get(f"Metadata-{name}")
            metadata = metadata if isinstance(metadata, dict) else {}
            yield ImageFile(folder / _last_part(name), numbers, None, metadata)


def _last_part(name: str) -> str:
    """Return the name of a file without any folder, so that it cannot leave its own."""
    return re.split(r"[/\\]", name.replace("\0", "_"))[-1] or "_"


def place_of_name(path: Path) -> tuple[dict[str, int], str | None] | None:
    """Return the numbers and the name of the channel in the name of an image file; None if it is none."""
    named = _NAMED.fullmatch(path.stem)
    if named is not None:
        time, channel, z = named.groups()
        return {"time": int(time[:_MOST_DIGITS]), "z": int(z[:_MOST_DIGITS])}, channel or "Default"
    numbered = _NUMBERED.fullmatch(path.stem)
    if numbered is None:
        return None
    return {axis: int(number[:_MOST_DIGITS]) for axis, number in _AXIS.findall(numbered[1])}, None


def own_metadata(path: Path) -> dict[str, Any]:
    """Return the metadata in an image file, which Micro-Manager keeps as ImageJ's info; {} if it has none."""
    if refusal(path.parent, path) is not None:
        return {}
    try:
        tiff = ForeignTiff(path)
    except (OmeTiffError, OSError):
        return {}  # reading its pixels tells why
    try:
        metadata = json.loads(tiff.imagej_info())
    except (OmeTiffError, OSError, ValueError, RecursionError):
        return {}
    finally:
        tiff.close()
    return metadata if isinstance(metadata, dict) else {}
