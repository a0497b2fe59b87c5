"""Files and folders of other programs: what they are, and how to convert them."""

import re
from pathlib import Path
from typing import NamedTuple

from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.text_format import command_text
from exengine_ome_tiff.tiff import ForeignTiff

NDTIFF_INDEX = "NDTiff.index"
FULL_RESOLUTION = "Full resolution"
METADATA_TEXT = "metadata.txt"
STACK_MARK = "_MMStack"
_OME_SUFFIXES = (".ome.tif", ".ome.tiff", ".ome.tf2", ".ome.tf8", ".ome.btf", ".companion.ome")
_HEADS = (
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x89PNG", "a PNG image"),
    (b"GIF8", "a GIF image"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"%PDF", "a PDF document"),
)
_TIFF_HEADS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_BIG_HEADS = _TIFF_HEADS[2:]
_STACK_HEAD, _NDTIFF_HEAD = 54773648, 483729
"""Numbers after the offset of the first IFD in files of these programs."""
_CREATOR = re.compile(rb"""<(?:\w+:)?OME\s[^<>]*?\bCreator\s*=\s*["']([^"'<>]{1,80})["']""")
_OME_ROOT = re.compile(rb"<(?:\w+:)?OME[\s>]")
_IMAGE_FILE = re.compile(r"img_.*\d\.tiff?", re.ASCII | re.IGNORECASE)


class ForeignKind(NamedTuple):
    """A description, and the file or folder to convert, if it can be converted."""

    name: str
    source: Path | None = None


def foreign_kind(path: Path) -> ForeignKind | None:
    """Identify a file or folder of another program; None if it is unknown."""
    return _folder_kind(path) if path.is_dir() else _file_kind(path) if path.is_file() else None


def foreign_text(path: Path) -> str | None:
    """Return a message about a file or folder of another program; None if it is unknown."""
    kind = foreign_kind(path)
    if kind is None:
        return None
    text = f"{path}: {kind.name}, not a dataset of TiffStorage"
    return text if kind.source is None else f"{text}. To convert it: {_convert_command(path, kind.source)}"


def _convert_command(path: Path, source: Path) -> str:
    """Return the command that converts a path to a file beside its dataset."""
    stem = re.sub(r"(\.ome|\.companion)?(\.[^.]{1,5})?$", "", source.name, flags=re.IGNORECASE) or source.name
    name = f"{source.name}.ome.tiff" if source.is_dir() else f"{stem}_converted.ome.tiff"
    return command_text("exengine-ome-tiff", "convert", path, source.with_name(name))


def _file_kind(path: Path) -> ForeignKind | None:
    with path.open("rb") as file:
        head = file.read(4096)
    for start, name in _HEADS:
        if head.startswith(start):
            return ForeignKind(name)
    if head.startswith(_TIFF_HEADS):
        return _tiff_kind(path, head)
    if not head:
        return ForeignKind("an empty file")
    if path.name == NDTIFF_INDEX:
        return ForeignKind("the index of an NDTiff dataset", _ndtiff_folder(path))
    if path.name == METADATA_TEXT and head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return ForeignKind("metadata of image files of Micro-Manager", _position_folder(path))
    if _OME_ROOT.search(head):
        return _ome_kind(path, "OME-XML", head)
    return ForeignKind("text") if _is_text(head) else None


def _is_text(head: bytes) -> bool:
    """Whether bytes are UTF-8 text without control characters; the last character may be incomplete."""
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:
            return False
        text = head[: error.start].decode()
    return all(character.isprintable() or character in "\t\r\n\f\ufeff" for character in text)


def _tiff_kind(path: Path, head: bytes) -> ForeignKind:
    """Identify a TIFF file by its header and the description of its first page."""
    mark = int.from_bytes(head[8:12], "big" if head.startswith(b"MM") else "little")
    if mark == _STACK_HEAD:
        return ForeignKind("an image stack of Micro-Manager", path.parent)
    if mark == _NDTIFF_HEAD:
        return ForeignKind("a file of an NDTiff dataset", _ndtiff_folder(path))
    ordinary = "an ordinary BigTIFF file" if head.startswith(_BIG_HEADS) else "an ordinary TIFF file"
    try:
        tiff = ForeignTiff(path)
    except (OmeTiffError, OSError):
        return ForeignKind(ordinary)
    try:
        description = tiff.description()
    except (OmeTiffError, OSError):
        return ForeignKind(ordinary)
    finally:
        tiff.close()
    if _OME_ROOT.search(description):
        return _ome_kind(path, "OME-TIFF", description)
    if _IMAGE_FILE.fullmatch(path.name) and (path.parent / METADATA_TEXT).is_file():
        return ForeignKind("an image file of Micro-Manager", _position_folder(path))
    return ForeignKind("a TIFF file written by ImageJ" if description.startswith(b"ImageJ=") else ordinary)


def _ndtiff_folder(path: Path) -> Path:
    return path.parent.parent if path.parent.name == FULL_RESOLUTION else path.parent


def _position_folder(path: Path) -> Path:
    """Return the folder of a file's position, or the parent folder if that has other positions."""
    folder = path.parent
    return folder.parent if len([*folder.parent.glob(f"*/{METADATA_TEXT}")]) > 1 else folder


def _ome_kind(path: Path, form: str, xml: bytes) -> ForeignKind:
    creator = _CREATOR.search(xml)
    by = "another program" if creator is None else creator[1].decode("utf-8", "replace").strip()
    return ForeignKind(f"{form} written by {by}", path)


def _folder_kind(folder: Path) -> ForeignKind | None:
    names = [path.name for path in folder.iterdir()]
    if NDTIFF_INDEX in names or (folder / FULL_RESOLUTION).is_dir():
        return ForeignKind("an NDTiff dataset", folder)
    if {".zgroup", ".zarray", "zarr.json"} & set(names):
        return ForeignKind("a Zarr group or array")
    if any(STACK_MARK in name and name.lower().endswith((".tif", ".tiff")) for name in names):
        return ForeignKind("image stacks of Micro-Manager", folder)
    if METADATA_TEXT in names or any((folder / name / METADATA_TEXT).is_file() for name in names):
        return ForeignKind("image files of Micro-Manager", folder)
    if any(name.lower().endswith(_OME_SUFFIXES) for name in names):
        return ForeignKind("a folder of OME-TIFF", folder)
    return None
