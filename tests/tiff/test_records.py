"""The bytes of a RECORDS tag."""

from __future__ import annotations

import json
import zlib

import pytest

from exengine_ome_tiff import OmeTiffError
from exengine_ome_tiff.tiff import pixel_format
from exengine_ome_tiff.tiff.block_records import decode_block, encode_block

PIXELS = pixel_format((4, 6), "<u2")
NOTES = [[b"one"], [b"one", b"two", b""], [b'{"a":"\\u00b5 \\\\ \\n"}'], [b"x" * 100_000] * 3]


@pytest.mark.parametrize("notes", NOTES, ids=len)
@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((4, 6), "<u2"), ((1, 1), ">f4"), ((5, 7, 3), "|u1"), ((2, 3, 4), "<u2"), ((9, 9), "|b1")],
)
def test_decode_gives_back_what_was_encoded(shape, dtype, notes):
    pixels = pixel_format(shape, dtype)
    record, head_nbytes = encode_block(pixels, notes)
    assert decode_block(record) == (pixels, notes, [], head_nbytes, True)


def test_notes_follow_the_first_line_one_by_one():
    notes = [b"one", b"", b"three"]
    record, at = encode_block(PIXELS, notes)
    assert record[at - 1 : at] == b"\n"
    for note in notes:
        assert record[at : at + len(note) + 1] == note + b"\n"
        at += len(note) + 1
    assert at == len(record)


def test_the_first_line_is_json_that_tells_the_pages():
    record, _ = encode_block(PIXELS, [b"one", b"two"])
    crc = zlib.crc32(b'{"pages": 2, "shape": [4, 6], "dtype": "<u2", "crc32": "00000000"}\none\ntwo\n')
    first = json.loads(record.split(b"\n")[0])
    assert first == {"pages": 2, "shape": [4, 6], "dtype": "<u2", "crc32": f"{crc:08x}"}


@pytest.mark.parametrize("checksums", [[], ["crc32:0", "crc32:1"]], ids=len)
def test_one_byte_that_is_another_one_is_noticed(checksums):
    record, _ = encode_block(PIXELS, [b"one", b"two"], checksums)
    for at in range(len(record)):
        damaged = bytearray(record)
        damaged[at] ^= 1
        try:
            assert decode_block(bytes(damaged)).is_intact is not True, at
        except OmeTiffError:
            continue


def test_a_record_of_before_has_no_checksum():
    assert decode_block(head() + b"\none\ntwo\n").is_intact is None


def head(**changes):
    return json.dumps({"pages": 2, "shape": [4, 6], "dtype": "<u2"} | changes).encode()


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"\n",
        b"no JSON\none\ntwo\n",
        b"[]\none\ntwo\n",
        b"null\none\ntwo\n",
        b'{"pages": 2}\none\ntwo\n',
        b"\xff\xfe\none\ntwo\n",
        head() + b"\n",
        head() + b"\none\n",
        head() + b"\none\ntwo",
        head() + b"\none\ntwo\nthree\n",
        head() + b"\none\ntwo\n\0",
        head(pages=1) + b"\none\ntwo\n",
        head(checksums=["crc32:01234567"]) + b"\none\ntwo\n",
        head(checksums=["crc32:01234567"] * 3) + b"\none\ntwo\n",
        head(pages=-1) + b"\none\ntwo\n",
        head(pages="2") + b"\none\ntwo\n",
        head(pages=2.0) + b"\none\ntwo\n",
        head(pages=None) + b"\none\ntwo\n",
        head(dtype="<i8") + b"\none\ntwo\n",
        head(dtype="nonsense") + b"\none\ntwo\n",
        head(dtype=None) + b"\none\ntwo\n",
        head(shape=[4]) + b"\none\ntwo\n",
        head(shape=[4, 0]) + b"\none\ntwo\n",
        head(shape=[4, -6]) + b"\none\ntwo\n",
        head(shape=["a", "b"]) + b"\none\ntwo\n",
        head(shape=[[4], [6]]) + b"\none\ntwo\n",
        head(shape=4) + b"\none\ntwo\n",
    ],
    ids=repr,
)
def test_decode_refuses_what_is_no_record(record):
    with pytest.raises(OmeTiffError, match="record"):
        decode_block(record)
