"""Records of earlier versions, without record checksums."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Any

from exengine_ome_tiff.tiff import chain, journal_file
from exengine_ome_tiff.tiff.block_records import encode_head

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest


def encode_head_of_before(*args: Any) -> bytes:
    """Make a first line."""
    without, count = re.subn(rb', "crc32": "0{8}"}', b"}", encode_head(*args), count=1)
    assert count == 1
    return without


def join_notes_of_before(head: bytes, notes: Sequence[bytes]) -> bytes:
    """Join notes under a first line."""
    return b"\n".join((head, *notes, b""))


UNKNOWN_TAG = 65199


def without_index(path: Path) -> Path:
    """Remove the index of a finished file; leave an unfinished file unchanged."""
    data = bytearray(path.read_bytes())
    (at,) = struct.unpack_from("<Q", data, 8)
    (count,) = struct.unpack_from("<Q", data, at)
    for entry in range(at + 8, at + 8 + 20 * count, 20):
        if struct.unpack_from("<H", data, entry) == (chain.INDEX,):
            struct.pack_into("<H", data, entry, UNKNOWN_TAG)
    path.write_bytes(data)
    return path


def encode_block_of_before(pixels: Any, notes: Sequence[bytes], *args: Any) -> tuple[bytes, int]:
    """Make a record."""
    head = encode_head_of_before(pixels, len(notes), *args)
    return join_notes_of_before(head, notes), len(head) + 1


def write_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make files get such records."""
    monkeypatch.setattr(journal_file, "encode_block", encode_block_of_before)
    monkeypatch.setattr(journal_file, "encode_head", encode_head_of_before)
    monkeypatch.setattr(journal_file, "join_notes", join_notes_of_before)
