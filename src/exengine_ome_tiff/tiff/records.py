"""The bytes of a RECORDS tag: what a block of pages is, and a note of one line for each page."""

import json
import operator
from collections.abc import Sequence
from dataclasses import replace

from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.tiff.pixels import PixelFormat, pixel_format

VOID = b"#"
"""What the record of pages begins with that are no frames, or were not written whole."""
NO_FRAME = VOID + b" not a frame\n"
"""Record of a page that stands for those never acquired, or is a smaller copy of another one."""


def encode_block(pixels: PixelFormat, notes: Sequence[bytes]) -> tuple[bytes, int]:
    r"""Join the notes of a block's pages under a first line that tells what the pages are.

    Parameters
    ----------
    pixels
        What was put.
    notes
        One line each, without ``\n``.

    Returns
    -------
    bytes
        ``{"pages": K, "shape": [...], "dtype": "..."}\n``, then the K notes, each ended by ``\n``.
    int
        Length of the first line, ``\n`` included.
    """
    what = {"pages": len(notes), "shape": pixels.shape, "dtype": pixels.dtype}
    if pixels.packing:
        what["packing"] = pixels.packing
    if pixels.is_encoded:
        what["encoded"] = True
    head = json.dumps(what).encode()
    return b"\n".join((head, *notes, b"")), len(head) + 1


def decode_block(record: bytes) -> tuple[PixelFormat, int, list[bytes]]:
    """Take apart what `encode_block` made.

    Returns
    -------
    PixelFormat
    int
        Length of the first line.
    list of bytes
        The notes.

    Raises
    ------
    OmeTiffError
        The bytes are no record.
    """
    head, *notes = record.split(b"\n")
    try:
        block = json.loads(head)
        shape = tuple(operator.index(size) for size in block["shape"])
        pixels = pixel_format(shape, str(block["dtype"]), block.get("packing"))
        if block.get("encoded"):
            pixels = replace(pixels, is_encoded=True)
        pages = operator.index(block["pages"])
    except (ValueError, TypeError, KeyError) as error:
        raise OmeTiffError(f"not the record of a block of frames: {head[:80]!r}") from error
    if len(notes) != pages + 1 or notes[-1]:
        raise OmeTiffError(f"the record of a block of {pages} frames has {len(notes)} lines behind the first")
    return pixels, len(head) + 1, notes[:-1]
