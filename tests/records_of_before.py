"""Records as earlier versions wrote them."""

from __future__ import annotations

import re
from typing import Any

from exengine_ome_tiff.tiff.block_records import encode_block


def encode_block_of_before(*args: Any) -> tuple[bytes, int]:
    """Make a record without a checksum of itself."""
    record, head_nbytes = encode_block(*args)
    without, count = re.subn(rb', "crc32": "[0-9a-f]{8}"}', b"}", record, count=1)
    assert count == 1
    return without, head_nbytes - len(record) + len(without)
