"""The bytes of a RECORDS tag: the format of a block of pages, and a note of one line for each page.

A note is JSON. For long values that are already in the file, it contains references to their bytes.
"""

import json
import operator
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.text_format import excerpt_text
from exengine_ome_tiff.tiff.pixels import PixelFormat, pixel_format

_DTYPE = re.compile(r"[<>|][bfiuc][0-9]{1,2}")
_CHECKSUM = re.compile(r"[a-z0-9]{1,20}:[0-9a-f]{1,128}")
_NO_CRC = b"00000000"
_CRC_END = b'"}'
_CRC = re.compile(rb'"crc32": "[0-9a-f]{8}"}\Z')
"""The end of the first line, if the record has a checksum of itself."""
_MARK = b"\x1a"
"""Delimits a reference; JSON never contains this byte."""
_REFERENCE = re.compile(rb"([0-9]{1,19}),([0-9]{1,19}),([0-9a-f]{8})")
_REPEATED_NBYTES = 256
"""Minimum length of a value that a reference of about 30 bytes can replace."""
_RUNS_NBYTES = 4096
"""Minimum length of a dict or list whose short items are replaced in runs of `_REPEATED_NBYTES` or more."""
_MAX_PARTS = 128
"""Maximum number of such values of a note at one depth; shorter values are left out."""
_MAX_DEPTH = 5
"""Maximum depth in a note at which values are replaced."""
_COORDINATES_END, _METADATA = b'},"frame":', b'"metadata":'
"""What follows the coordinates of a note, and what precedes its metadata; in a text, quotes are escaped."""
_encode = json.JSONEncoder(separators=(",", ":")).encode


class BlockRecord(NamedTuple):
    """The decoded record of a block.

    Parameters
    ----------
    pixels
        Format of the frames as they were put.
    notes
        One note for each page.
    checksums
        One checksum for each page, in the form of `checksum`; empty if there are none.
    head_nbytes
        Length of the first line, which the notes follow.
    is_intact
        Whether the record has the right checksum; None if it has no checksum.
    """

    pixels: PixelFormat
    notes: list[bytes]
    checksums: list[str]
    head_nbytes: int
    is_intact: bool | None


def encode_format(pixels: PixelFormat) -> dict[str, object]:
    """Return the JSON that describes the format of pages."""
    what: dict[str, object] = {"shape": pixels.shape, "dtype": pixels.dtype}
    if pixels.packing:
        what["packing"] = pixels.packing
    if pixels.is_encoded:
        what["encoded"] = True
    return what


def decode_format(what: Mapping[str, Any]) -> PixelFormat:
    """Decode the result of `encode_format`; ValueError, TypeError or KeyError for other values."""
    shape = tuple(operator.index(size) for size in what["shape"])
    pixels = pixel_format(shape, _matching(_DTYPE, what["dtype"]), what.get("packing"))
    return replace(pixels, is_encoded=True) if what.get("encoded") else pixels


def encode_block(
    pixels: PixelFormat, notes: Sequence[bytes], checksums: Sequence[str] = ()
) -> tuple[bytes, int]:
    r"""Join the notes of a block's pages under a first line that describes their format.

    Parameters
    ----------
    pixels
        Format of the frames as they were put.
    notes
        One line for each page, without ``\n``.
    checksums
        One checksum for each page, or none.

    Returns
    -------
    bytes
        ``{"pages": K, "shape": [...], "dtype": "...", "crc32": "..."}\n``, then the K notes, each ended by
        ``\n``. The checksum is that of these bytes with zeros for its digits.
    int
        Length of the first line, ``\n`` included.
    """
    head = encode_head(pixels, len(notes), checksums)
    return join_notes(head, notes), len(head) + 1


def encode_head(pixels: PixelFormat, n_pages: int, checksums: Sequence[str] = ()) -> bytes:
    """Return the first line for a number of pages, with zeros instead of its checksum."""
    what: dict[str, object] = {"pages": n_pages} | encode_format(pixels)
    if checksums:
        what["checksums"] = list(checksums)
    return json.dumps(what | {"crc32": _NO_CRC.decode()}).encode()


def join_notes(head: bytes, notes: Sequence[bytes]) -> bytes:
    """Join notes under a first line, and insert its checksum."""
    rest = b"\n".join((b"", *notes, b""))
    crc = zlib.crc32(rest, zlib.crc32(head))
    return b"".join((head[: -len(_NO_CRC + _CRC_END)], b"%08x" % crc, _CRC_END, rest))


def decode_block(record: bytes) -> BlockRecord:
    """Decode the result of `encode_block`.

    Raises
    ------
    OmeTiffError
        The bytes are not a record.
    """
    head, *notes = record.split(b"\n")
    try:
        block = json.loads(head)
        pixels = decode_format(block)
        pages = operator.index(block["pages"])
        checksums = [_matching(_CHECKSUM, text) for text in block.get("checksums", ())]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise OmeTiffError(f"not the record of a block of frames: {excerpt_text(head)}") from error
    if len(notes) != pages + 1 or notes[-1]:
        raise OmeTiffError(f"the record of a block of {pages} frames has {len(notes)} lines after the first")
    if checksums and len(checksums) != pages:
        raise OmeTiffError(f"the record of a block of {pages} frames has {len(checksums)} checksums")
    return BlockRecord(pixels, notes[:-1], checksums, len(head) + 1, _is_intact(record, len(head)))


def _is_intact(record: bytes, head_nbytes: int) -> bool | None:
    """Whether the checksum at the end of the first line is right; None if there is none."""
    if _CRC.search(record, 0, head_nbytes) is None:
        return None
    end = head_nbytes - len(_CRC_END)
    start = end - len(_NO_CRC)
    crc = zlib.crc32(record[end:], zlib.crc32(_NO_CRC, zlib.crc32(record[:start])))
    return record[start:end] == b"%08x" % crc


def _matching(pattern: re.Pattern[str], text: str) -> str:
    """Return text if it has the expected form; ValueError otherwise."""
    if pattern.fullmatch(text) is None:
        raise ValueError(f"{text!r} has an unexpected form")
    return text


class StoredValue(NamedTuple):
    """Bytes of a note that are stored in the file: a long value, or a run of short values.

    Parameters
    ----------
    text
        The JSON of the value, or that of neighbouring items with their separators.
    at
        Offset of these bytes in the file; -1 if only parts of them are in the file.
    parts
        Long values, and runs of short ones, inside the value.
    """

    text: bytes
    at: int
    parts: "list[StoredValue]"


def stored_values(note: bytes, stored: bytes, at: int) -> list[StoredValue]:
    """Find the long values of a note: its entire metadata, and the values inside.

    Parameters
    ----------
    note
        The note.
    stored
        The note as stored in the file, where references may replace some of its values.
    at
        Offset of the note in the file.
    """
    if len(note) < _REPEATED_NBYTES:
        return []
    try:
        metadata = json.loads(note)["metadata"]
        least_nbytes = max(_REPEATED_NBYTES, len(note) // _MAX_PARTS)
        found = [*_parts([metadata], least_nbytes, _MAX_DEPTH)]
    except (ValueError, TypeError, KeyError, RecursionError):
        return []
    return [*_located(found, stored, at)]


def _parts(container: object, least_nbytes: int, depth: int) -> Iterator[StoredValue]:
    """Find long values in a dict or list. If it is large, short items between them form runs."""
    is_large = depth < _MAX_DEPTH and len(_encode(container)) >= _RUNS_NBYTES
    run = b""
    for key, item in _items(container):
        text = _encode(item).encode()
        is_long = depth > 0 and isinstance(item, dict | list | str) and len(text) >= least_nbytes
        if is_large and not is_long:
            run += key + text
        if is_long or len(run) >= least_nbytes:
            yield from _run(run)
            run = b""
        if is_long:
            yield StoredValue(text, -1, [*_parts(item, least_nbytes, depth - 1)])
    yield from _run(run)


def _run(text: bytes) -> Iterator[StoredValue]:
    """Return a run if it is long enough: a short one may also occur inside a reference."""
    if len(text) >= _REPEATED_NBYTES:
        yield StoredValue(text, -1, [])


def _items(container: object) -> Iterator[tuple[bytes, object]]:
    """Return the items of a dict or list, each with the bytes that precede it, except the first bracket."""
    if isinstance(container, dict):
        for number, (key, item) in enumerate(container.items()):
            yield b"," * bool(number) + _encode(key).encode() + b":", item
    elif isinstance(container, list):
        yield from ((b"," * bool(number), item) for number, item in enumerate(container))


def _located(values: Iterable[StoredValue], stored: bytes, at: int) -> Iterator[StoredValue]:
    for text, _, parts in values:
        start = stored.find(text)
        yield StoredValue(text, -1 if start < 0 else at + start, [*_located(parts, stored, at)])


def shorten_notes(notes: Sequence[bytes], at: int, known: Iterable[StoredValue]) -> list[bytes]:
    """Replace repeated values of notes by references.

    Parameters
    ----------
    notes
        Notes of a block.
    at
        Offset that the first note will have in the file; the others follow.
    known
        Values of earlier notes to which references may point.

    Returns
    -------
    list of bytes
        One note for each of `notes`.
    """
    values, shortened, last_nbytes = [*known], list[bytes](), 0
    for note in notes:
        short = _shortened(note, values)
        if len(notes) > 1 and len(short) > 2 * last_nbytes + _REPEATED_NBYTES:  # it has new values
            values += stored_values(note, short, at)
        shortened.append(short)
        last_nbytes = len(short)
        at += last_nbytes + 1
    return shortened


def _shortened(note: bytes, values: Iterable[StoredValue]) -> bytes:
    """Replace values by references: the entire metadata, or parts of it, but nothing in the coordinates."""
    if len(note) < _REPEATED_NBYTES:
        return note
    start = note.find(_METADATA, max(note.find(_COORDINATES_END), 0)) + len(_METADATA)
    metadata = note[start:-1]
    for text, at, parts in values:
        if at >= 0 and metadata == text:
            metadata = _reference(at, len(text), zlib.crc32(text))
        elif parts:
            metadata = _with_parts_shortened(metadata, parts)
    return b"".join((note[:start], metadata, note[-1:]))


def _with_parts_shortened(note: bytes, parts: Iterable[StoredValue]) -> bytes:
    """Replace values in JSON; neighbours there and in the file share a reference."""
    first_at = nbytes = crc = note_start = note_end = 0
    for text, at, inner in parts:
        start = note.find(text) if at >= 0 else -1
        if start < 0:
            note, note_end = _with_parts_shortened(note, inner) if inner else note, 0
            continue
        if start != note_end or at != first_at + nbytes:
            first_at, nbytes, crc, note_start = at, 0, 0, start
        nbytes += len(text)
        crc = zlib.crc32(text, crc)
        reference = _reference(first_at, nbytes, crc)
        note = b"".join((note[:note_start], reference, note[start + len(text) :]))
        note_end = note_start + len(reference)
    return note


def _reference(at: int, nbytes: int, crc: int) -> bytes:
    return b"%c%d,%d,%08x%c" % (_MARK, at, nbytes, crc, _MARK)


def complete_note(note: bytes, read: Callable[[int, int], bytes], size: Callable[[], int]) -> bytes:
    """Replace references by the values that they refer to.

    A reference stays in the note, which then is not valid JSON, if the bytes that it points to have changed,
    or if the note would be longer than the file.

    Parameters
    ----------
    note
        A note as stored in the file.
    read
        Reads a number of bytes at an offset of the file; fewer at its end.
    size
        Returns the length of the file.
    """
    if note.find(_MARK) < 0:  # faster than `in` for bytes
        return note
    parts, file_nbytes = note.split(_MARK), size()
    left = file_nbytes
    for index in range(1, len(parts), 2):
        reference = _REFERENCE.fullmatch(parts[index])
        if reference is None:
            return note
        at, nbytes = int(reference[1]), int(reference[2])
        left -= nbytes
        if left < 0 or at + nbytes > file_nbytes:
            return note
        text = read(at, nbytes)
        if b"%08x" % zlib.crc32(text) != reference[3]:
            return note
        parts[index] = text
    return b"".join(parts)
