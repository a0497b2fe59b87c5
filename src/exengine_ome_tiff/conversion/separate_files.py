"""Micro-Manager's separate image files: their folders, their names, and metadata.txt, which lists them."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from exengine_ome_tiff.conversion.sources import file_name, folders_in, refusal, require_own
from exengine_ome_tiff.dataset.foreign import METADATA_TEXT
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.tiff import ForeignTiff

TIFF_SUFFIXES = (".tif", ".tiff")
_decode = json.JSONDecoder().raw_decode
_BLANKS = " \t\r\n"
_NUMBERED = re.compile(r"img((?:_[A-Za-z]+\d+)+)", re.ASCII)
"""Name in Micro-Manager 2: ``img_channel000_position000_time000000000_z000``."""
_AXIS = re.compile(r"_([A-Za-z]+)(\d+)", re.ASCII)
_NAMED = re.compile(r"img_(\d+)_(.*)_(\d+)", re.ASCII | re.DOTALL)
"""Name in Micro-Manager 1.4: time, channel name, z."""
_FRAME_KEY = re.compile(r"FrameKey-(\d+)-(\d+)-(\d+)", re.ASCII)
"""Key in the metadata of 1.4: time, channel index, z."""
_MOST_DIGITS = 15
_IDENTITY = ("UUID", "Prefix", "Directory", "Time", "StartTime")
"""Keys of the summary metadata that differ between datasets."""


class ImageFile(NamedTuple):
    """An image file with the axis indices, channel name and metadata of its frame."""

    path: Path
    numbers: dict[str, int]
    channel: str | None
    metadata: dict[str, Any]


def read_metadata_text(path: Path) -> tuple[dict[str, Any], str | None]:
    """Read the entries of metadata.txt, one JSON object that a crash may have cut off.

    Returns
    -------
    dict
        The entries that can be read.
    str or None
        What is wrong with the file, such as that it is missing; None if it is complete.
    """
    try:
        require_own(path.parent, path)
        data = path.read_bytes()
    except (OmeTiffError, OSError) as error:
        return {}, str(error)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")  # Java's default on Windows
    entries: dict[str, Any] = {}
    try:
        entries.update(_entries(text))  # keeps those before an error
    except (ValueError, RecursionError) as error:
        return entries, f"it ends after {len(entries)} entries: {error}"
    return entries, None


def _entries(text: str) -> Iterator[tuple[str, Any]]:
    """Yield the entries of a JSON object; raises ValueError where the text is damaged."""
    at = _after_blanks(text, 0)
    if text[at : at + 1] != "{":
        raise ValueError("expected a JSON object")
    at = _after_blanks(text, at + 1)
    while text[at : at + 1] != "}":
        key, at = _decode(text, at)
        at = _after_blanks(text, at)
        if not isinstance(key, str) or text[at : at + 1] != ":":
            raise ValueError(f"expected a key at character {at}")
        value, at = _decode(text, _after_blanks(text, at + 1))
        yield key, value
        at = _after_blanks(text, at)
        if text[at : at + 1] == ",":
            at = _after_blanks(text, at + 1)
        elif text[at : at + 1] != "}":
            raise ValueError(f"expected a comma at character {at}")


def _after_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    return at


def has_separate_images(path: Path) -> bool:
    """Whether a path is a folder or file of a dataset of separate image files."""
    if path.is_dir():
        return is_separate(path) or any(is_separate(folder) for folder in folders_in(path))
    return path.name == METADATA_TEXT or place_of_name(path) is not None


def is_separate(folder: Path) -> bool:
    """Whether a folder itself contains separate image files."""
    return any(
        path.name == METADATA_TEXT
        or (path.suffix.lower() in TIFF_SUFFIXES and place_of_name(path) is not None)
        for path in folder.iterdir()
    )


def dataset_folders(path: Path) -> tuple[Path, list[Path]]:
    """Return the folder of a dataset and its folders of images; OmeTiffError if there are none."""
    if not path.is_dir():
        folder = path.parent
        if path.name != METADATA_TEXT and place_of_name(path) is None:
            raise OmeTiffError(f"{path}: Micro-Manager gives no image file such a name")
        return _dataset_of(folder)
    if is_separate(path):
        return path, [path]
    folders = [folder for folder in folders_in(path) if is_separate(folder)]
    if not folders:
        raise OmeTiffError(f"{path} has no image files of Micro-Manager")
    return path, folders


def _dataset_of(folder: Path) -> tuple[Path, list[Path]]:
    """Return the folder of the dataset that a position is part of, and the folders of all its positions."""
    summary = _summary_of(folder)
    if _count_positions(summary) <= 1:
        return folder, [folder]
    others = [each for each in folders_in(folder.parent) if is_separate(each)]
    same = [each for each in others if identity(_summary_of(each)) == identity(summary)]
    return (folder.parent, same) if len(same) > 1 else (folder, [folder])


def _summary_of(folder: Path) -> dict[str, Any]:
    summary = read_metadata_text(folder / METADATA_TEXT)[0].get("Summary")
    return summary if isinstance(summary, dict) else {}


def identity(summary: Mapping[str, Any]) -> str:
    """Return the values in summary metadata that identify a dataset, as text."""
    return json.dumps([summary.get(key) for key in _IDENTITY])


def _count_positions(summary: Mapping[str, Any]) -> int:
    """Return the number of planned positions in summary metadata; 0 if it is unknown."""
    planned = summary.get("Positions")
    lists = [summary.get(key) for key in ("StagePositions", "InitialPositionList")]
    counts = [len(each) for each in lists if isinstance(each, list)]
    return max([planned if isinstance(planned, int) else 0, *counts])


def listed_images(folder: Path, entries: Mapping[str, Any]) -> Iterator[ImageFile]:
    """Yield the images that the metadata of a folder lists."""
    for key, value in entries.items():
        if not isinstance(value, dict):
            continue
        match = _FRAME_KEY.fullmatch(key)
        if match is not None and isinstance(value.get("FileName"), str):
            time, channel, z = (int(number[:_MOST_DIGITS]) for number in match.groups())
            numbers = {"time": time, "channel": channel, "z": z}
            yield ImageFile(folder / file_name(value["FileName"]), numbers, None, value)
        kind, _, name = key.partition("-")
        if kind == "Coords" and name:
            numbers = {axis: number for axis, number in value.items() if type(number) is int}
            metadata = entries.get(f"Metadata-{name}")
            metadata = metadata if isinstance(metadata, dict) else {}
            yield ImageFile(folder / file_name(name), numbers, None, metadata)


def place_of_name(path: Path) -> tuple[dict[str, int], str | None] | None:
    """Parse axis indices and channel name from the name of an image file; None for any other file."""
    named = _NAMED.fullmatch(path.stem)
    if named is not None:
        time, channel, z = named.groups()
        return {"time": int(time[:_MOST_DIGITS]), "z": int(z[:_MOST_DIGITS])}, channel or "Default"
    numbered = _NUMBERED.fullmatch(path.stem)
    if numbered is None:
        return None
    return {axis: int(number[:_MOST_DIGITS]) for axis, number in _AXIS.findall(numbered[1])}, None


def own_metadata(path: Path) -> dict[str, Any]:
    """Return the metadata in an image file, stored as ImageJ's info; {} if there is none."""
    if refusal(path.parent, path) is not None:
        return {}
    try:
        with closing(ForeignTiff(path)) as tiff:
            metadata = json.loads(tiff.imagej_info())
    except (OmeTiffError, OSError, ValueError, RecursionError):
        return {}  # if the file is damaged, reading its pixels reports why
    return metadata if isinstance(metadata, dict) else {}
