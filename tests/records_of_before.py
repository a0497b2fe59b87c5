"""Records as earlier versions wrote them: without a checksum of themselves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from exengine_ome_tiff.tiff import journal_file
from exengine_ome_tiff.tiff.block_records import encode_head

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest


def encode_head_of_before(*args: Any) -> bytes:
    """Make a first line."""
    without, count = re.subn(rb', "crc32": "0{8}"}', b"}", encode_head(*args), count=1)
    assert count == 1
    return without


def join_notes_of_before(head: bytes, notes: Sequence[bytes]) -> bytes:
    """Join notes under a first line."""
    return b"\n".join((head, *notes, b""))


def encode_block_of_before(pixels: Any, notes: Sequence[bytes], *args: Any) -> tuple[bytes, int]:
    """Make a record."""
    head = encode_head_of_before(pixels, len(notes), *args)
    return join_notes_of_before(head, notes), len(head) + 1


def write_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have files get such records."""
    monkeypatch.setattr(journal_file, "encode_block", encode_block_of_before)
    monkeypatch.setattr(journal_file, "encode_head", encode_head_of_before)
    monkeypatch.setattr(journal_file, "join_notes", join_notes_of_before)
