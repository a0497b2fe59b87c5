"""The bytes of a RECORDS tag: what a block of pages is, and a note of one line for each page."""

import json
import operator
import re
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.text_format import excerpt_text
from exengine_ome_tiff.tiff.pixels import PixelFormat, pixel_format

_DTYPE = re.compile(r"[<>|][bfiuc][0-9]{1,2}")
_CHECKSUM = re.compile(r"[a-z0-9]{1,20}:[0-9a-f]{1,128}")
_NO_CRC = b"00000000"
_CRC_END = b'"}'
_CRC = re.compile(rb'"crc32": "[0-9a-f]{8}"}\Z')
"""The end of the first line, where the record has a checksum of itself."""


class BlockRecord(NamedTuple):
    """What the record of a block tells.

    Parameters
    ----------
    pixels
        What was put.
    notes
        One for each page.
    checksums
        One for each page, as `checksum` makes them; empty where none were made.
    head_nbytes
        Length of the first line, behind which the notes begin.
    is_intact
        Whether the record has the checksum that it was written with; None where it was written with none.
    """

    pixels: PixelFormat
    notes: list[bytes]
    checksums: list[str]
    head_nbytes: int
    is_intact: bool | None


def encode_block(
    pixels: PixelFormat, notes: Sequence[bytes], checksums: Sequence[str] = ()
) -> tuple[bytes, int]:
    r"""Join the notes of a block's pages under a first line that tells what the pages are.

    Parameters
    ----------
    pixels
        What was put.
    notes
        One line each, without ``\n``.
    checksums
        One for each page, or none.

    Returns
    -------
    bytes
        ``{"pages": K, "shape": [...], "dtype": "...", "crc32": "..."}\n``, then the K notes, each ended by
        ``\n``. The checksum is that of these bytes with zeros for its digits.
    int
        Length of the first line, ``\n`` included.
    """
    what: dict[str, object] = {"pages": len(notes), "shape": pixels.shape, "dtype": pixels.dtype}
    if pixels.packing:
        what["packing"] = pixels.packing
    if pixels.is_encoded:
        what["encoded"] = True
    if checksums:
        what["checksums"] = list(checksums)
    head = json.dumps(what | {"crc32": _NO_CRC.decode()}).encode()
    rest = b"\n".join((b"", *notes, b""))
    crc = zlib.crc32(rest, zlib.crc32(head))
    return b"".join((head[: -len(_NO_CRC + _CRC_END)], b"%08x" % crc, _CRC_END, rest)), len(head) + 1


def decode_block(record: bytes) -> BlockRecord:
    """Take apart what `encode_block` made.

    Raises
    ------
    OmeTiffError
        The bytes are no record.
    """
    head, *notes = record.split(b"\n")
    try:
        block = json.loads(head)
        shape = tuple(operator.index(size) for size in block["shape"])
        pixels = pixel_format(shape, _matching(_DTYPE, block["dtype"]), block.get("packing"))
        if block.get("encoded"):
            pixels = replace(pixels, is_encoded=True)
        pages = operator.index(block["pages"])
        checksums = [_matching(_CHECKSUM, text) for text in block.get("checksums", ())]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise OmeTiffError(f"not the record of a block of frames: {excerpt_text(head)}") from error
    if len(notes) != pages + 1 or notes[-1]:
        raise OmeTiffError(f"the record of a block of {pages} frames has {len(notes)} lines behind the first")
    if checksums and len(checksums) != pages:
        raise OmeTiffError(f"the record of a block of {pages} frames has {len(checksums)} checksums")
    return BlockRecord(pixels, notes[:-1], checksums, len(head) + 1, _is_intact(record, len(head)))


def _is_intact(record: bytes, head_nbytes: int) -> bool | None:
    """Whether a record has the checksum at the end of its first line; None where none is there."""
    if _CRC.search(record, 0, head_nbytes) is None:
        return None
    end = head_nbytes - len(_CRC_END)
    start = end - len(_NO_CRC)
    crc = zlib.crc32(record[end:], zlib.crc32(_NO_CRC, zlib.crc32(record[:start])))
    return record[start:end] == b"%08x" % crc


def _matching(pattern: re.Pattern[str], text: str) -> str:
    """Return text of a file that has a certain form; ValueError where it has not."""
    if pattern.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not allowed there")
    return text
