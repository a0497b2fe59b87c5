"""Walking the IFDs of any TIFF file in bounded time."""

import struct
from typing import BinaryIO, NamedTuple

_MOST_TAGS = 4096


class _Layout(NamedTuple):
    """Layout of the start of an IFD in a TIFF file."""

    first_at: int
    n_tags: struct.Struct
    offset: struct.Struct
    entry_bytes: int


def ifd_offsets(file: BinaryIO) -> list[int]:
    """Return the offsets of the IFDs in the main chain, up to the first invalid link.

    Parameters
    ----------
    file
        A file open for reading.

    Returns
    -------
    list of int
        Each offset once, in the order of the chain; empty if the file is not a TIFF file.
    """
    layout = _layout(file)
    offsets: dict[int, None] = {}
    if layout is None:
        return []
    link = _number(file, layout.first_at, layout.offset)
    while link and link not in offsets:
        n_tags = _number(file, link, layout.n_tags)
        if n_tags is None or not 0 < n_tags <= _MOST_TAGS:
            break
        next_at = link + layout.n_tags.size + n_tags * layout.entry_bytes
        offsets[link] = None
        link = _number(file, next_at, layout.offset)
    return [*offsets]


def _layout(file: BinaryIO) -> _Layout | None:
    """Recognize classic TIFF or BigTIFF and the byte order; None for other files."""
    file.seek(0)
    head = file.read(4)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 4:
        return None
    version = struct.unpack(f"{order}H", head[2:])[0]
    if version == 42:
        return _Layout(4, struct.Struct(f"{order}H"), struct.Struct(f"{order}I"), 12)
    if version == 43:
        return _Layout(8, struct.Struct(f"{order}Q"), struct.Struct(f"{order}Q"), 20)
    return None


def _number(file: BinaryIO, at: int, form: struct.Struct) -> int | None:
    """Read a number; None if the file ends before it."""
    if at >= 1 << 62:
        return None
    file.seek(at)
    data = file.read(form.size)
    return int(form.unpack(data)[0]) if len(data) == form.size else None
