"""The bytes of a RECORDS tag."""

from __future__ import annotations

import json
import zlib

import pytest

from exengine_ome_tiff import OmeTiffError
from exengine_ome_tiff.tiff import pixel_format
from exengine_ome_tiff.tiff.block_records import (
    complete_note,
    decode_block,
    encode_block,
    shorten_notes,
    stored_values,
)

PIXELS = pixel_format((4, 6), "<u2")
NOTES = [[b"one"], [b"one", b"two", b""], [b'{"a":"\\u00b5 \\\\ \\n"}'], [b"x" * 100_000] * 3]


@pytest.mark.parametrize("notes", NOTES, ids=len)
@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((4, 6), "<u2"), ((1, 1), ">f4"), ((5, 7, 3), "|u1"), ((2, 3, 4), "<u2"), ((9, 9), "|b1")],
)
def test_decoding_reverses_encoding(shape, dtype, notes):
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


def test_the_first_line_is_json_that_describes_the_pages():
    record, _ = encode_block(PIXELS, [b"one", b"two"])
    crc = zlib.crc32(b'{"pages": 2, "shape": [4, 6], "dtype": "<u2", "crc32": "00000000"}\none\ntwo\n')
    first = json.loads(record.split(b"\n")[0])
    assert first == {"pages": 2, "shape": [4, 6], "dtype": "<u2", "crc32": f"{crc:08x}"}


@pytest.mark.parametrize("checksums", [[], ["crc32:0", "crc32:1"]], ids=len)
def test_any_changed_byte_is_noticed(checksums):
    record, _ = encode_block(PIXELS, [b"one", b"two"], checksums)
    for at in range(len(record)):
        damaged = bytearray(record)
        damaged[at] ^= 1
        try:
            assert decode_block(bytes(damaged)).is_intact is not True, at
        except OmeTiffError:
            continue


def test_a_record_of_an_earlier_version_has_no_checksum():
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
def test_decode_refuses_other_bytes(record):
    with pytest.raises(OmeTiffError, match="record"):
        decode_block(record)


def as_note(number, **metadata):
    return json.dumps({"frame": number, "metadata": metadata}, separators=(",", ":")).encode()


def stored(notes, at=1000, known=()):
    """Return short notes, and the bytes of a file in which they are at an offset."""
    short = shorten_notes(notes, at, known)
    return short, bytes(at) + b"".join(note + b"\n" for note in short)


def complete(short, file):
    return [
        complete_note(note, lambda at, nbytes: file[at : at + nbytes], lambda: len(file)) for note in short
    ]


PLAN = {"positions": [{"x": 0.1 * n, "name": "µ \x00\n"} for n in range(20)]}
DEVICES = [{"label": f"Device{n}", "text": f"\\{n}" * 200} for n in range(4)]
REPEATING = {
    "all of it": [as_note(n, plan=PLAN, devices=DEVICES) for n in range(3)],
    "plan": [as_note(n, time=n, event={"index": n, "sequence": PLAN}, z=1.0) for n in range(3)],
    "text": [as_note(n, time=n, xml="<x>" * 100 + '"', z=1.0) for n in range(3)],
    "devices": [as_note(n, time=n, devices=[*DEVICES[:3], {"label": "XY", "at": n}]) for n in range(3)],
    "later": [as_note(0), as_note(1, t=1, plan=PLAN), as_note(2, t=2, plan=PLAN), as_note(3, t=3, plan=PLAN)],
    "another": [as_note(n, t=n, plan=PLAN if n < 2 else {"x": 5 * PLAN["positions"]}) for n in range(4)],
}
"""Notes of which the last repeats what one before has."""


@pytest.mark.parametrize("notes", REPEATING.values(), ids=[*REPEATING])
def test_repeated_values_are_stored_once_and_read_byte_for_byte(notes):
    short, file = stored(notes)
    assert complete(short, file) == notes
    assert len(short[-1]) < min(300, len(notes[-1]) / 3)
    known = stored_values(notes[-1], notes[-1], 0)
    alone, file = stored(notes[-1:], len(notes[-1]), known)
    assert len(alone[0]) < 300
    assert complete(alone, notes[-1] + file[len(notes[-1]) :]) == notes[-1:]


STATES = [{"device": f"Device{n}", "property": "Position", "value": n} for n in range(200)]
KEYS = {f"Device{n}-Position": f"{n}" for n in range(200)}
MOSTLY_REPEATING = {
    "an entry of a list": [
        as_note(n, t=n, states=[*STATES[:n], {"device": "Z"}, *STATES[n:]]) for n in range(4)
    ],
    "a list of numbers": [as_note(n, text="1," * 20, x=[*range(2000), -n, *range(2000)]) for n in range(4)],
    "values of a dict": [as_note(n, t=n, states=KEYS | {"Device9-Position": n}) for n in range(4)],
    "flat metadata": [
        as_note(n, **KEYS | {"Device9-Position": n, "Device150-Position": n}) for n in range(4)
    ],
    "a digit between long values": [as_note(n, a="b" * 5000, x=[1, "c" * 5000, n]) for n in range(4)],
    "an entry of the plan": [
        as_note(n, event={"sequence": {"events": [*STATES[:99], {"x": n}, *STATES]}}) for n in range(4)
    ],
}
"""Notes of which each differs from the first one in short items of a large value."""


@pytest.mark.parametrize("notes", MOSTLY_REPEATING.values(), ids=[*MOSTLY_REPEATING])
def test_short_items_that_differ_do_not_repeat_the_others(notes):
    short, file = stored(notes)
    assert complete(short, file) == notes
    known = stored_values(notes[0], notes[0], 0)
    alone, file = stored(notes[3:], len(notes[0]), known)  # a block of one frame, with the first page only
    assert complete(alone, notes[0] + file[len(notes[0]) :]) == notes[3:]
    for note in (short[-1], *alone):
        assert len(note) < len(notes[-1]) / 5
        assert note.count(b"\x1a") <= 2 * 5  # neighbours share a reference


def test_coordinates_stay_even_if_the_metadata_repeats_them():
    label, run = "GFP " * 80, {"frame": 3, "metadata": "x" * 250, "z": [*range(2000)]}
    notes = [
        json.dumps(
            {
                "coordinates": {"channel": label, "metadata": label, "frame": 5},
                "frame": 3,
                "metadata": {"x": n, "y": "y" * 900, "channel": label, "run": run},
            },
            separators=(",", ":"),
        ).encode()
        for n in range(3)
    ]
    short, file = stored(notes)
    assert complete(short, file) == notes
    for note, each in zip(short[1:], notes[1:], strict=True):
        head = each[: each.index(b'{"x"')]
        assert note.startswith(head)
        assert len(note) < len(head) + 200


def test_short_values_and_invalid_json_stay_unchanged():
    for notes in (
        [as_note(n, **{f"key{k}": k for k in range(40)}, t=n) for n in range(3)],
        [b"x" * 1000] * 3,
        [b'{"metadata":' + b"[" * 5000 + b"]" * 5000 + b"}"] * 3,
        [b"1" * 1000, b"[]" + b" " * 1000, b"{}", b""],
    ):
        assert stored(notes)[0] == notes


def test_a_reference_to_changed_bytes_is_kept():
    short, file = stored([as_note(n, t=n, plan=PLAN) for n in range(2)])
    _, reference, _ = short[1].split(b"\x1a")
    start, nbytes, crc = reference.split(b",")
    torn = bytearray(file)
    torn[int(start) + 5] ^= 1
    wrong = [
        b"%d,%s,%s" % (int(start) + 1, nbytes, crc),
        b"%s,%d,%s" % (start, int(nbytes) + 1, crc),
        b"%s,%s,00000000" % (start, nbytes),
        *(b"%s,%s,%s" % (at, nbytes, crc) for at in (b"9" * 18, b"9" * 30, b"-1", b"", b"x")),
        *(b"%s,%s,%s" % (start, length, crc) for length in (b"9" * 18, b"9" * 30, b"-1", b"", b"x")),
        b"",
        b",".join((start, nbytes)),
    ]
    damaged = [short[1].replace(reference, each) for each in wrong] + [short[1].replace(b"\x1a", b"", 1)]
    assert complete(damaged, file) == damaged
    assert complete(short[1:], bytes(torn)) == short[1:]
    for note in (*damaged, short[1]):
        with pytest.raises(ValueError, match=r"Expecting|control"):
            json.loads(note)


def test_references_cannot_make_a_note_longer_than_the_file():
    short, file = stored([as_note(n, t=n, plan=PLAN) for n in range(2)])
    reference = short[1][short[1].index(b"\x1a") : short[1].rindex(b"\x1a") + 1]
    many = reference * (len(file) // len(PLAN) + 1)
    assert complete([many], file) == [many]
