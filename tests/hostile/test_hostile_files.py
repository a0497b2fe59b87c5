"""Malicious files: each must have the right outcome in little time and memory."""

from __future__ import annotations

import json
import logging
import os
import struct
import subprocess
import sys
import tracemalloc
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from effort import effort
from exengine_ome_tiff import NotFinishedError, OmeTiffError, TiffStorage, recover, validate
from exengine_ome_tiff.cli import main
from exengine_ome_tiff.dataset import header as headers
from exengine_ome_tiff.dataset.location import FOLDER_LOCK_NAME
from exengine_ome_tiff.dataset.records import check_depth, decode_head, decode_metadata
from exengine_ome_tiff.ome.xml_reader import read_ome, schema_errors
from exengine_ome_tiff.tiff import chain, shared_file
from exengine_ome_tiff.tiff.block_records import decode_block
from frames import frame
from records_of_before import without_index, write_as_before

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LITTLE_BYTES = 100 << 20
NAMESPACE = "http://www.openmicroscopy.org/Schemas/OME/2016-06"


@pytest.fixture(autouse=True)
def in_bounds(request):
    """Limit the memory of each test; pytest-timeout limits its time."""
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < LITTLE_BYTES, f"{request.node.name} took {peak >> 20} MB"


pytestmark = pytest.mark.timeout(40)


# making files ----------------------------------------------------------------------------------------------


def make(path: Path, *, finish: bool = True, count: int = 2, **options: Any) -> Path:
    """Write a small dataset; an unfinished one looks as if its writer was killed."""
    storage = TiffStorage(path, {"Comment": "harmless"}, **options)
    for number in range(count):
        storage.put({"time": number}, frame({"time": number}), {"ElapsedTime-ms": number})
    if finish:
        storage.close()
        return path
    storage.flush()
    inside = [path] if path.is_file() else [each for each in path.iterdir() if each.suffix == ".tiff"]
    contents = {each: each.read_bytes() for each in inside}
    storage.close()
    for each in path.iterdir() if path.is_dir() else ():
        each.unlink()
    for each, content in contents.items():
        each.write_bytes(content)
    return path


def head(**fields: Any) -> bytes:
    """Make a dataset header with some wrong values."""
    plain = headers.Header.new(
        is_folder=False,
        summary_metadata=None,
        fold_axes={},
        plate=headers.PlateInfo(),
        coding=headers.PageCoding(),
        given=headers.Given(),
    )
    return json.dumps(json.loads(plain.encode()) | fields).encode()


def block(*records: bytes, **fields: Any) -> bytes:
    first = {"pages": len(records), "shape": [4, 6], "dtype": "<u2"} | fields
    return b"\n".join((json.dumps(first).encode(), *records, b""))


def record(coordinates: Any, number: int = 0, metadata: str = "{}") -> bytes:
    return f'{{"coordinates":{json.dumps(coordinates)},"frame":{number},"metadata":{metadata}}}'.encode()


class File:
    """A BigTIFF file made by hand."""

    def __init__(self) -> None:
        self.data = bytearray(chain.header(16))

    def value(self, data: bytes) -> int:
        at = len(self.data)
        self.data += data + bytes(-len(data) % 8)
        return at

    def page(self, tags: Sequence[tuple[int, int, int, int]], next_at: int | None = None) -> int:
        """Add an IFD that links to the following one, to another one, or with 0 to none."""
        at = len(self.data)
        self.data += struct.pack("<Q", len(tags))
        for tag in sorted(tags):
            self.data += struct.pack("<HHQQ", *tag)
        self.data += struct.pack("<Q", len(self.data) + 8 if next_at is None else next_at)
        return at

    def save(self, path: Path, first: int) -> Path:
        self.data[8:16] = struct.pack("<Q", first)
        path.write_bytes(self.data)
        return path


def tags_of(
    file: File,
    records: bytes,
    pixels_at: int,
    *,
    header: bytes | None = None,
    kind: int = chain.BYTES,
    side: tuple[int, int] = (4, 6),
) -> list[tuple[int, int, int, int]]:
    """Return the tags of a page of uint16."""
    nbytes = side[0] * side[1] * 2
    tags = [
        *((256, 4, 1, side[1]), (257, 4, 1, side[0]), (258, 3, 1, 16), (259, 3, 1, 1), (262, 3, 1, 1)),
        *((273, 16, 1, pixels_at), (277, 3, 1, 1), (278, 4, 1, side[0]), (279, 16, 1, nbytes)),
        (chain.RECORDS, kind, len(records), file.value(records)),
    ]
    if header is not None:
        tags.append((chain.DATASET, kind, len(header), file.value(header)))
    return tags


def one_page(path: Path, records: bytes, header: bytes | None = None, kind: int = chain.BYTES) -> Path:
    """Write an unfinished file of one page."""
    file = File()
    pixels_at = file.value(frame({"time": 0}, (4, 6)).tobytes())
    tags = tags_of(file, records, pixels_at, header=header or head(), kind=kind)
    return file.save(path, file.page(tags, 0))


def refused(path: Path, *, is_finished: bool = False) -> None:
    """Assert that every reader refuses a path, names it, and leaves it unchanged.

    `recover` looks only at the beginning of what is finished.
    """
    before = path.read_bytes() if path.is_file() else None
    readers = [TiffStorage.open, lambda each: TiffStorage.open(each, allow_unfinished=True), recover]
    for read in readers[: 2 if is_finished else 3]:
        with pytest.raises(OmeTiffError) as caught:
            read(path)
        assert path.name in str(caught.value)
    assert validate(path)
    assert main(["validate", str(path)]) == 1
    assert main(["recover", str(path)]) == (0 if is_finished else 1)
    assert before is None or path.read_bytes() == before


def find_entry(data: bytes, code: int, *, last: bool = False) -> int:
    """Return the offset of the first or last IFD entry with a code."""
    pattern = struct.pack("<H", code)
    places = [
        at
        for at in range(16, len(data) - 20)
        if data[at : at + 2] == pattern and data[at + 2] in (2, 3, 4, 7, 16, 18) and data[at + 3] == 0
    ]
    return places[-1 if last else 0]


def patched(path: Path, at: int, new: bytes) -> Path:
    data = bytearray(path.read_bytes())
    data[at : at + len(new)] = new
    path.write_bytes(data)
    return path


# damaged files ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"II", b"II*\0" + bytes(100), b"\0" * 100, b"MM\0+" + bytes(100)])
def test_a_file_that_is_not_bigtiff(tmp_path, content):
    path = tmp_path / "a.ome.tiff"
    path.write_bytes(content)
    refused(path)


def test_every_truncation(tmp_path):
    whole = make(tmp_path / "whole.ome.tiff", compression="zlib").read_bytes()
    path = tmp_path / "cut.ome.tiff"
    last = 0
    for length in range(0, len(whole) - 8, 7):
        path.write_bytes(whole[:length])
        assert validate(path)
        try:
            with TiffStorage.open(path) as storage:
                last = last or length
                for place in storage.get_image_coordinates_list():
                    assert storage[place].tobytes() == frame(place).tobytes()
        except OmeTiffError:
            assert not last, "what was there with less is there with more"
    assert last > len(whole) / 2, "where only the last pages of the final chain are gone"


def finished_again(path: Path) -> None:
    """Assert that a file with lost final pages is unfinished, and complete after `recover`."""
    with pytest.raises(NotFinishedError, match=path.name):
        TiffStorage.open(path)
    assert validate(path)
    assert main(["validate", str(path)]) == 1
    assert recover(path).n_frames == 2
    assert validate(path) == []
    with TiffStorage.open(path) as storage:
        for place in storage.get_image_coordinates_list():
            assert storage[place].tobytes() == frame(place).tobytes()
            assert storage.get_metadata(place) == {"ElapsedTime-ms": place["time"]}


def test_a_file_without_a_first_page(tmp_path):
    refused(patched(make(tmp_path / "a.ome.tiff"), 8, struct.pack("<Q", 0)))


@pytest.mark.parametrize("offset", [8, 1 << 31, 1 << 43, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
def test_offsets_outside_the_file(tmp_path, offset):
    finished_again(patched(make(tmp_path / "a.ome.tiff"), 8, struct.pack("<Q", offset)))
    path = make(tmp_path / "b.ome.tiff")
    at = find_entry(path.read_bytes(), chain.JOURNAL)
    finished_again(patched(path, at + 12, struct.pack("<Q", offset)))


@pytest.mark.parametrize("code", [chain.DATASET, chain.RECORDS])
@pytest.mark.parametrize("count", [1 << 20, 1 << 32, 1 << 63, (1 << 64) - 1])
def test_huge_counts(tmp_path, code, count):
    path = without_index(make(tmp_path / "a.ome.tiff"))
    refused(
        patched(path, find_entry(path.read_bytes(), code) + 4, struct.pack("<Q", count)),
        is_finished=code == chain.RECORDS,
    )


def test_a_loop_of_pages(tmp_path):
    file = File()
    tags = tags_of(file, block(record({"time": 0})), 16, header=head())
    at = len(file.data)
    refused(
        file.save(tmp_path / "self.ome.tiff", file.page([*tags, (65142, 16, 1, at)], at)), is_finished=True
    )


def test_a_loop_of_pages_without_records(tmp_path):
    file = File()
    first = file.page(tags_of(file, block(record({"time": 0})), 16, header=head()))
    file.page([(256, 4, 1, 6)], len(file.data))
    path = file.save(tmp_path / "b.ome.tiff", first)
    assert recover(path).n_frames == 1
    assert TiffStorage.open(path).get_image_coordinates_list() == [{"time": 0}]


def test_overlapping_pages(tmp_path):
    """Each IFD begins 8 bytes after the previous one: together they are many times the file."""
    entries, count = 200, 400
    file = File()
    base = len(file.data)
    file.data += np.full(2 * entries * 20, entries, "<u8").tobytes()
    for number in range(count):
        link_at = base + 8 * number + 8 + 20 * entries
        struct.pack_into("<Q", file.data, link_at, base + 8 * (number + 1))
    path = file.save(tmp_path / "a.ome.tiff", base)
    walked: list[chain.Ifd] = []
    with path.open("rb") as opened, pytest.raises(OmeTiffError, match="back"):
        walked.extend(chain.walk(opened, base))
    assert len(walked) == 1
    refused(path)


def test_an_endless_tag_list(tmp_path):
    for count in (0, 257, 1 << 20, 1 << 60):
        path = make(tmp_path / f"{count}.ome.tiff")
        (first,) = struct.unpack_from("<Q", path.read_bytes(), 8)
        finished_again(patched(path, first, struct.pack("<Q", count)))


def test_pages_that_share_pixels(tmp_path):
    """Reading them all, or making pyramids, would take time quadratic in the file size."""
    file = File()
    pixels_at = file.value(bytes(200 * 200 * 2))
    first = None
    for number in range(100):
        lines = block(record({"time": number}, number), shape=[200, 200])
        header = head(coding={"pyramid_levels": 1}) if first is None else None
        tags = tags_of(file, lines, pixels_at, header=header, side=(200, 200))
        following = len(file.data) + 16 + 20 * len(tags)
        lines = block(record({"time": number + 1}, number + 1), shape=[200, 200])
        following += (len(lines) + 7) // 8 * 8 if number < 99 else 0
        at = file.page(tags, following if number < 99 else 0)
        first = at if first is None else first
    path = file.save(tmp_path / "a.ome.tiff", first)
    with TiffStorage.open(path, allow_unfinished=True) as storage:
        assert len(storage.get_image_coordinates_list()) == 1, "the first one has the pixels"
    size = path.stat().st_size
    recover(path)
    assert path.stat().st_size < 2 * size


def test_records_that_share_their_text(tmp_path):
    file = File()
    lines = block(record({"time": 0}, 0, json.dumps("x" * 2_000)))
    text = head()
    header = (chain.DATASET, chain.BYTES, len(text), file.value(text))
    tags = tags_of(file, lines, file.value(bytes(48)))
    first = file.page([*tags, header])
    for number in range(2000):
        file.page(tags, 0 if number == 1999 else None)
    path = file.save(tmp_path / "a.ome.tiff", first)
    assert recover(path).n_frames * len(lines) < path.stat().st_size


def test_pixels_in_the_header(tmp_path):
    file = File()
    tags = tags_of(file, block(record({"time": 0})), 0, header=head())
    refused(file.save(tmp_path / "a.ome.tiff", file.page(tags, 0)))


def test_recover_repairs_no_link_of_a_damaged_page(tmp_path):
    """A page that claims one tag too many seems to have its link in the following bytes."""
    path = make(tmp_path / "a.ome.tiff", finish=False, count=1)
    (first,) = struct.unpack_from("<Q", path.read_bytes(), 8)
    (count,) = struct.unpack_from("<Q", path.read_bytes(), first)
    patched(path, first, struct.pack("<Q", count + 3))
    refused(path)


def test_recover_does_not_write_into_a_record(tmp_path, monkeypatch):
    """JSON may begin with blanks, which look like a link without target here."""
    write_as_before(monkeypatch)
    path = make(tmp_path / "a.ome.tiff", finish=False, count=1)
    data = path.read_bytes()
    (first,) = struct.unpack_from("<Q", data, 8)
    (count,) = struct.unpack_from("<Q", data, first)
    ifd = bytearray(data[first : first + 8 + 20 * count])
    link_at = len(data) + len(ifd)
    (entry,) = (at for at in range(8, len(ifd), 20) if struct.unpack_from("<H", ifd, at)[0] == chain.RECORDS)
    length, record_at = struct.unpack_from("<QQ", ifd, entry + 4)
    struct.pack_into("<QQ", ifd, entry + 4, length + 8, link_at)
    path.write_bytes(data + ifd + b" " * 8 + data[record_at : record_at + length])
    patched(path, 8, struct.pack("<Q", len(data)))
    before = path.read_bytes()
    with TiffStorage.open(path, allow_unfinished=True) as storage:
        assert storage[{"time": 0}].tobytes() == frame({"time": 0}).tobytes()
    assert recover(path).n_frames == 1
    assert path.read_bytes()[16 : len(before)] == before[16:]
    with TiffStorage.open(path) as storage:
        assert storage[{"time": 0}].tobytes() == frame({"time": 0}).tobytes()


def test_ascii_tags_are_text(tmp_path):
    path = one_page(tmp_path / "a.ome.tiff", block(record({"time": 0})), kind=chain.ASCII)
    with TiffStorage.open(path, allow_unfinished=True) as storage:
        assert storage[{"time": 0}].tobytes() == frame({"time": 0}, (4, 6)).tobytes()
    assert recover(path).n_frames == 1
    assert TiffStorage.open(path).get_data({"time": 0}).shape == (4, 6)
    refused(one_page(tmp_path / "b.ome.tiff", block(record({"time": 0})), kind=4))


# headers and records ---------------------------------------------------------------------------------------

DEEP = "[" * 100_000 + "]" * 100_000
NOT_SO_DEEP = '{"a":' * 600 + "1" + "}" * 600


@pytest.mark.parametrize(
    "fields",
    [
        {"dataset": "../../../etc/passwd"},
        {"dataset": None},
        {"dataset": "urn:uuid:" + "0" * 100},
        {"is_folder": "yes"},
        {"is_folder": None},
        {"modulo": {"angle": "X"}},
        {"modulo": [1]},
        {"modulo": {"time": "T"}},
        {"plate": {"wells": [["p"]]}},
        {"plate": {"wells": [], "rows": 10**30}},
        {"plate": []},
        {"coding": {"tile": [-16, 16]}},
        {"coding": {"tile": [16, 16.5]}},
        {"coding": {"compression": "jpeg"}},
        {"coding": {"compression": ["zlib"]}},
        {"coding": {"pyramid_levels": -1}},
        {"coding": {"pyramid_levels": float("nan")}},
        {"given": {}},
        {"given": {"channels": [], "objective": None, "experimenter": None, "pixel_size_um": 10**400}},
        {"given": {"channels": [[[], {}]], "objective": None, "experimenter": None}},
        {"given": {"channels": [], "objective": 5, "experimenter": None}},
        {"exengine_ome_tiff": 2},
        {"exengine_ome_tiff": None},
    ],
    ids=str,
)
def test_headers(tmp_path, fields):
    refused(one_page(tmp_path / "a.ome.tiff", block(record({"time": 0})), head(**fields)))


@pytest.mark.parametrize("fields", [{"coding": {"surprise": 1}}, {"surprise": 1}], ids=str)
def test_header_keys_of_a_later_version_are_ignored(tmp_path, fields):
    path = one_page(tmp_path / "a.ome.tiff", block(record({"time": 0})), head(**fields))
    with TiffStorage.open(path, allow_unfinished=True) as storage:
        assert storage.get_image_coordinates_list() == [{"time": 0}]


@pytest.mark.parametrize("text", [DEEP, NOT_SO_DEEP, "9" * 5000], ids=["deep", "rather deep", "long number"])
def test_unreadable_summaries(tmp_path, text):
    header = head(summary_metadata="here").replace(b'"here"', text.encode())
    refused(one_page(tmp_path / "a.ome.tiff", block(record({"time": 0})), header))


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"[]", b"null", b"{", b"\xff\xfe{\0}\0", DEEP.encode(), b'"\\ud800"']
)
def test_invalid_headers(tmp_path, text):
    refused(one_page(tmp_path / "a.ome.tiff", block(record({"time": 0})), text or b"\0"))


@pytest.mark.parametrize(
    "fields",
    [
        *({"shape": shape} for shape in ([], [4], [4, 6, 5], [0, 6], [-4, -6], [4.0, 6], ["4", "6"], None)),
        *({"shape": shape} for shape in ([2**31, 1], [2**40, 2**40], [10**30, 1], [float("nan"), 1])),
        *(
            {"dtype": dtype}
            for dtype in ("O", "(2,3)f4", "f4,(", "M8[7D]", "V99999999999", "a3", "<u8", "<f16")
        ),
        *({"dtype": dtype} for dtype in (None, 5, [], "\ud800", "i4,f4", "U1", "", "{'names':[1]}", "<b99")),
        *({"packing": packing} for packing in ("RGB32", "nothing", 5, [], {})),
        *({"pages": pages} for pages in (-1, 0, 2, 10**30, None, 1.0, float("nan"), "1")),
        *({"checksums": checksums} for checksums in (["\x1b[2J"], ["crc32:\ud800"], [5], 5, ["crc32:0"] * 2)),
        {"encoded": True, "shape": [2**31, 2**31]},
    ],
    ids=str,
)
def test_first_lines_of_records(tmp_path, fields):
    with pytest.raises(OmeTiffError):
        decode_block(block(record({"time": 0}), **fields))
    refused(one_page(tmp_path / "a.ome.tiff", block(record({"time": 0}), **fields)))


@pytest.mark.parametrize(
    "coordinates",
    [None, 5, "x", [], [1], {"time": None}, {"time": True}, {"time": 1.5}, {"time": []}, {"time": 2**63}],
    ids=str,
)
def test_coordinates(tmp_path, coordinates):
    with pytest.raises(OmeTiffError):
        decode_head(record(coordinates))
    refused(one_page(tmp_path / "a.ome.tiff", block(record(coordinates))))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"x" * 40,
        b'{"coordinates":' + DEEP.encode(),
        record({"time": 0}).replace(b"nates", b"natez"),
        record({}, 7).replace(b"7", b"x"),
    ],
    ids=["empty", "no JSON", "deep", "other key", "no number"],
)
def test_records_of_frames(tmp_path, line):
    refused(one_page(tmp_path / "a.ome.tiff", block(line)))


def test_a_frame_number_of_5000_digits(tmp_path):
    line = record({"time": 0}, 7).replace(b"7", b"7" * 5000)
    refused(one_page(tmp_path / "a.ome.tiff", block(line)))


@pytest.mark.parametrize(
    "metadata",
    [DEEP, NOT_SO_DEEP, "9" * 5000, "{", "\xff", '{"a"}'],
    ids=["deep", "rather deep", "long number", "cut off", "no ASCII", "no JSON"],
)
def test_unreadable_metadata_costs_no_pixels(tmp_path, metadata):
    line = record({"time": 0}).replace(b"{}", b"@").replace(b"@", metadata.encode("latin-1"))
    path = one_page(tmp_path / "a.ome.tiff", block(line))
    pixels = frame({"time": 0}, (4, 6))
    with TiffStorage.open(path, allow_unfinished=True) as storage:
        assert storage[{"time": 0}].tobytes() == pixels.tobytes()
        with pytest.raises(OmeTiffError, match="metadata"):
            storage.get_metadata({"time": 0})
    assert recover(path).n_frames == 1
    with TiffStorage.open(path) as storage:
        assert storage[{"time": 0}].tobytes() == pixels.tobytes()
    (problem,) = validate(path)
    assert "metadata" in problem.what


def test_deepest_written_nesting_is_read(tmp_path):
    metadata: Any = 1
    for _ in range(250):
        metadata = {"a": metadata, "b": [0]}
    with TiffStorage(tmp_path / "a.ome.tiff") as storage:
        storage.put({"time": 0}, frame({}), metadata)
        storage.finish()
        assert storage.get_metadata({"time": 0})["b"] == [0]
    assert check_depth([[]]) == [[]]
    assert decode_metadata(record({}, 0, "[" * 200 + "]" * 200))


def test_surrogates_and_huge_numbers(tmp_path, capsys):
    coordinates = {"\ud800": "\udfff", "position": "A1-Site_" + "9" * 5000, "time": -(2**63)}
    metadata = json.dumps({"\udfff": "\ud800", "BitDepth": 1e308, "ElapsedTime-ms": "\ud800"})
    line = record(coordinates, 10**4000, metadata.replace("1e+308", "9" * 4000))
    path = one_page(tmp_path / "a.ome.tiff", block(line))
    assert main(["recover", str(path)]) == 0
    assert main(["validate", str(path)]) == 0, capsys.readouterr()
    with TiffStorage.open(path) as storage:
        assert storage.get_image_coordinates_list() == [coordinates]
        assert storage.images


def test_a_long_key_over_many(tmp_path):
    """Joined with each of its inner keys, the text would be quadratic in the file size."""
    inside = {f"{number}": 0 for number in range(20_000)}
    line = record({"time": 0}, 0, json.dumps({"x" * 200_000: inside}))
    path = one_page(tmp_path / "a.ome.tiff", block(line))
    assert recover(path).n_frames == 1


@pytest.mark.timeout(200)  # following each allocation makes it many times slower
def test_a_frame_with_many_keys_among_many_frames(tmp_path):
    """A table of all keys of all frames would be quadratic in the file size."""
    tracemalloc.stop()  # it slows writing down
    path = tmp_path / "a.ome.tiff"
    storage = TiffStorage(path)
    storage.put(
        {"time": 0}, np.zeros((1, 1), np.uint8), {f"{number}": 0 for number in range(effort(3000, 10_000))}
    )
    for time in range(1, 2000):
        storage.put({"time": time}, np.zeros((1, 1), np.uint8), {"a": time})
    storage.flush()
    copy = tmp_path / "copy.ome.tiff"
    copy.write_bytes(path.read_bytes())
    storage.close()
    tracemalloc.start()
    assert recover(copy).n_frames == 2000


# pages -----------------------------------------------------------------------------------------------------


def encoded(path: Path, **options: Any) -> Path:
    with TiffStorage(path, compression="zlib", **options) as storage:
        storage.put({"time": 0}, np.zeros((40, 40), np.uint8))
    return path


def unreadable(path: Path) -> None:
    """Assert that the only frame is listed but cannot be read."""
    with TiffStorage.open(path) as storage, pytest.raises(OmeTiffError, match=path.name):
        storage.get_data({"time": 0})
    assert validate(path)


def with_pixels(path: Path, pixels: bytes) -> Path:
    """Replace the strip of an encoded page, in both chains."""
    data = bytearray(path.read_bytes())
    at = len(data)
    data += pixels
    for code, value in ((273, at), (279, len(pixels))):
        for last in (False, True):
            entry = find_entry(bytes(data[:at]), code, last=last)
            struct.pack_into("<HQQ", data, entry + 2, 16, 1, value)
    path.write_bytes(data)
    return path


def bomb() -> bytes:
    compress = zlib.compressobj(9)
    return b"".join(compress.compress(bytes(1 << 20)) for _ in range(300)) + compress.flush()


def test_decompression_bomb(tmp_path):
    unreadable(with_pixels(encoded(tmp_path / "a.ome.tiff"), bomb()))


def test_decompression_bomb_without_imagecodecs(tmp_path):
    """Python's own zlib, tifffile's fallback, has no limit on its output."""
    path = with_pixels(encoded(tmp_path / "a.ome.tiff"), bomb())
    program = (
        "import re, sys; sys.modules['imagecodecs'] = None\n"
        "from exengine_ome_tiff.tiff import decode; decode.find_spec = lambda name: None\n"
        "from exengine_ome_tiff import TiffStorage, OmeTiffError\n"
        "storage = TiffStorage.open(sys.argv[1])\n"
        "try: storage.get_data({'time': 0})\n"
        "except OmeTiffError as error: print(error)\n"
        # getrusage() would include the peak of the parent process
        "peak_kb = int(re.search(r'VmHWM:\\s*([0-9]+)', open('/proc/self/status').read())[1])\n"
        "assert peak_kb >> 10 < 200, peak_kb\n"
    )
    if not Path("/proc/self/status").exists():
        pytest.skip("only Linux tells how much memory a process used itself")
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "when decompressed" in done.stdout


def test_no_other_codec_is_used(tmp_path):
    path = encoded(tmp_path / "a.ome.tiff")
    for compression in (34712, 50001, 34887, 34925, 32773):
        for last in (False, True):
            at = find_entry(path.read_bytes(), 259, last=last)
            patched(path, at + 12, struct.pack("<Q", compression))
        with (
            TiffStorage.open(path) as storage,
            pytest.raises(OmeTiffError, match="not supported"),
        ):
            storage.get_data({"time": 0})
    with TiffStorage.open(path) as storage, pytest.raises(OmeTiffError):
        storage.get_data({"time": 0})


def test_tiles_of_many_gigabytes(tmp_path):
    path = encoded(tmp_path / "a.ome.tiff", tile=(16, 16))
    for code in (322, 323):
        for last in (False, True):
            at = find_entry(path.read_bytes(), code, last=last)
            patched(path, at, struct.pack("<HHQQ", code, 4, 1, 1 << 20))
    with TiffStorage.open(path) as storage, pytest.raises(OmeTiffError, match="its tiles are"):
        storage.get_data({"time": 0})


def test_a_strip_as_large_as_a_sparse_file(tmp_path):
    path = encoded(tmp_path / "a.ome.tiff")
    for last in (False, True):
        patched(path, find_entry(path.read_bytes(), 279, last=last) + 12, struct.pack("<Q", 1 << 30))
    os.truncate(path, 1100 << 20)
    tracemalloc.start()
    try:
        unreadable(path)
        assert tracemalloc.get_traced_memory()[1] < 50 << 20
    finally:
        tracemalloc.stop()
    with TiffStorage.open(path) as storage, pytest.raises(OmeTiffError, match="bytes in a strip or tile"):
        storage.get_data({"time": 0})


def test_overlapping_strips(tmp_path):
    file = File()
    many = 20_000
    same = file.value(b"x" * 1000)
    offsets, counts = file.value(struct.pack("<Q", same) * many), file.value(struct.pack("<Q", 1000) * many)
    tags = [(273, 16, many, offsets), (279, 16, many, counts)]
    at = file.page(tags, 0)
    path = file.save(tmp_path / "a.tiff", at)
    with path.open("rb") as opened, pytest.raises(OmeTiffError, match="overlap"):
        chain.check_strips(opened, chain.read_ifd(opened, at))


def test_tifffile_reads_no_other_page(tmp_path):
    """For a first page marked as Zeiss LSM, tifffile would read all pages."""
    path = encoded(tmp_path / "a.ome.tiff")
    data = bytearray(path.read_bytes())
    (first,) = struct.unpack_from("<Q", data, 8)
    entry = find_entry(bytes(data), 305, last=True)
    struct.pack_into("<HHQQ", data, entry, 34412, 1, 1 << 50, 16)
    assert first < entry < len(data)
    path.write_bytes(data)
    with TiffStorage.open(path) as storage:
        assert not storage.get_data({"time": 0}).any()


def test_looping_pyramid_levels(tmp_path):
    path = tmp_path / "a.ome.tiff"
    with TiffStorage(path, pyramid_levels=1) as storage:
        storage.put({"time": 0}, np.zeros((8, 8), np.uint8))
    (first,) = struct.unpack_from("<Q", path.read_bytes(), 8)
    at = find_entry(path.read_bytes(), chain.SUB_IFDS, last=True)
    for count, value in ((1, first), (1 << 60, 16), (1 << 10, 16), (1, 1 << 63), (0, 0)):
        patched(path, at + 4, struct.pack("<QQ", count, value))
        assert validate(path)
        with TiffStorage.open(path) as storage:
            assert storage.get_data({"time": 0}).shape == (8, 8)


# OME-XML --------------------------------------------------------------------------------------------------


def ome(inside: str, before: str = "", encoding: str = "UTF-8") -> str:
    return f'<?xml version="1.0" encoding="{encoding}"?>{before}<OME xmlns="{NAMESPACE}">{inside}</OME>'


def image(number: int, identifier: str | None = None) -> str:
    return (
        f'<Image ID="{identifier or f"Image:{number}"}"><Pixels ID="Pixels:{number}" DimensionOrder="XYZCT" '
        'Type="uint8" SizeX="1" SizeY="1" SizeZ="1" SizeC="1" SizeT="1"><TiffData/></Pixels></Image>'
    )


LAUGHS = "<!DOCTYPE OME [<!ENTITY a0 'ha'>" + "".join(
    f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 10)
)
EXTERNAL = '<!DOCTYPE OME [<!ENTITY a9 SYSTEM "file:///etc/passwd">'


@pytest.mark.parametrize("doctype", [LAUGHS, EXTERNAL], ids=["laughs", "external"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-32", "utf-7", "cp037"])
def test_entities(tmp_path, doctype, encoding):
    xml = ome("&a9;", doctype + "]>", encoding.upper()).encode(encoding)
    for read in (read_ome, schema_errors):
        with pytest.raises(OmeTiffError, match=r"entities|not XML"):
            read(xml)
    path = with_description(make(tmp_path / "a.ome.tiff"), xml)
    assert any("OME-XML" in problem.what for problem in validate(path))
    assert "root:" not in str(validate(path))
    TiffStorage.open(path).close()


def with_description(path: Path, xml: bytes) -> Path:
    data = path.read_bytes()
    at = find_entry(data, chain.IMAGE_DESCRIPTION)
    patched(path, at + 4, struct.pack("<QQ", len(xml), len(data)))
    path.write_bytes(path.read_bytes() + xml.ljust(8, b"\0"))
    return path


@pytest.mark.parametrize("inside", ["<a>" * 100_000, "&undefined;", "\x00", "<", "<OME>"])
def test_a_description_that_is_not_xml(inside):
    for read in (read_ome, schema_errors):
        with pytest.raises(OmeTiffError, match="not XML"):
            read(ome(inside).encode())


@pytest.mark.parametrize("dots", [18, 25, 40])
def test_ids_that_make_schema_validation_slow(dots):
    images = [image(number, f"urn:lsid:{'a.' * dots}!{number}") for number in range(100)]
    assert schema_errors(ome("".join(images)).encode())


def test_identical_ids():
    errors = schema_errors(ome("".join(image(0) for _ in range(30_000))).encode())
    assert "is used twice" in errors[0]


def test_files_named_in_the_document_are_not_opened(tmp_path):
    """Neither a schema or image file outside the folder, nor anything over the network."""
    make(tmp_path / "run")
    companion = next((tmp_path / "run").glob("*.ome"))
    outside = tmp_path / "outside.ome.tiff"
    make(outside)
    xml = companion.read_text()
    for name in ("../outside.ome.tiff", str(outside), "/etc/passwd", "\\\\server\\share\\x.tiff", "nul"):
        companion.write_text(xml.replace('FileName="run.ome.tiff"', f'FileName="{name}"'))
        opened: list[str] = []
        problems = with_opened(lambda: validate(tmp_path / "run"), opened)
        assert [problem.file for problem in problems] == [companion]
        with_opened(lambda: TiffStorage.open(companion).close(), opened)
        assert {os.path.dirname(each) for each in opened if str(tmp_path) in each} == {str(tmp_path / "run")}  # noqa: PTH120
        assert "/etc/passwd" not in opened


_AUDITED: list[list[str]] = []


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and _AUDITED:
        _AUDITED[-1].append(str(arguments[0]))


sys.addaudithook(_note)


def with_opened(work: Callable[[], Any], opened: list[str]) -> Any:
    """Call a function and record which files Python opens."""
    _AUDITED.append(opened)
    try:
        return work()
    finally:
        _AUDITED.pop()


def test_a_wrong_uuid(tmp_path):
    folder = make(tmp_path / "run")
    tiff = folder / "run.ome.tiff"
    xml = next(folder.glob("*.ome"))
    text = xml.read_text()
    wrong = f"urn:uuid:{'0' * 8}-0000-0000-0000-{'0' * 12}"
    inside = text.index("urn:uuid:", text.index("<UUID"))
    xml.write_text(text[:inside] + wrong + text[inside + len(wrong) :])
    assert any("pages" in problem.what for problem in validate(folder))
    at = text.index("urn:uuid:")
    xml.write_text(text[:at] + wrong + text[at + len(wrong) :])
    assert any("no companion" in problem.what for problem in validate(tiff))
    with pytest.raises(OmeTiffError):
        TiffStorage.open(xml)
    TiffStorage.open(folder).close()


# folders ---------------------------------------------------------------------------------------------------


def test_a_folder_with_two_datasets(tmp_path):
    folder = make(tmp_path / "run")
    other = make(tmp_path / "other")
    (other / "other.ome.tiff").rename(folder / "other.ome.tiff")
    refused(folder)


def test_a_file_copied_within_its_folder(tmp_path):
    folder = make(tmp_path / "run", finish=False)
    content = (folder / "run.ome.tiff").read_bytes()
    (folder / "copy.ome.tiff").write_bytes(content)
    with pytest.raises(OmeTiffError, match="which copy"):
        recover(folder)
    assert (folder / "run.ome.tiff").read_bytes() == content
    with TiffStorage.open(folder, allow_unfinished=True) as storage:
        assert len(storage.get_image_coordinates_list()) == 2
        assert storage[{"time": 1}].tobytes() == frame({"time": 1}).tobytes()


def test_a_finished_file_copied_within_its_folder(tmp_path):
    folder = make(tmp_path / "run")
    (folder / "copy.ome.tiff").write_bytes((folder / "run.ome.tiff").read_bytes())
    assert any("also has" in problem.what for problem in validate(folder))


def test_recover_deletes_no_file_that_looks_empty(tmp_path):
    folder = tmp_path / "run"
    storage = TiffStorage(folder)
    for position in "pq":
        storage.put({"position": position}, frame({"position": position}))
    storage.flush()
    contents = {path: path.read_bytes() for path in folder.glob("*.tiff")}
    storage.close()
    for path in folder.iterdir():
        path.unlink()
    for path, content in contents.items():
        path.write_bytes(content)
    damaged = folder / "run_q.ome.tiff"
    before = patched(damaged, find_entry(damaged.read_bytes(), chain.RECORDS), b"\x77\xfe").read_bytes()
    assert recover(folder).n_frames == 1
    assert damaged.with_name("run_q.ome.tiff.unreadable").read_bytes() == before
    with TiffStorage.open(folder / "run_p.ome.tiff", allow_unfinished=True) as storage:
        assert {"position": "p"} in storage


def test_a_file_without_a_description(tmp_path):
    folder = make(tmp_path / "run")
    path = folder / "run.ome.tiff"
    patched(path, find_entry(path.read_bytes(), chain.IMAGE_DESCRIPTION), struct.pack("<H", 271))
    assert any("ImageDescription" in problem.what for problem in validate(folder))


links = pytest.mark.skipif(os.name == "nt", reason="Windows asks for a privilege to make links")


@links
def test_links_are_not_part_of_a_folder(tmp_path):
    make(tmp_path / "outside")
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "a.ome.tiff").symlink_to(tmp_path / "outside" / "outside.ome.tiff")
    (folder / "a.companion.ome").symlink_to(tmp_path / "outside" / "outside.companion.ome")
    (folder / "loop.ome.tiff").symlink_to(folder / "loop.ome.tiff")
    (folder / "nowhere.ome.tiff").symlink_to(folder / "nothing")
    refused(folder)
    for name in ("loop.ome.tiff", "nowhere.ome.tiff"):
        with pytest.raises(FileNotFoundError):
            TiffStorage.open(folder / name)


@links
def test_recover_does_not_write_through_links(tmp_path):
    outside = make(tmp_path / "outside", finish=False) / "outside.ome.tiff"
    before = outside.read_bytes()
    folder = tmp_path / "run"
    folder.mkdir()
    link = folder / "outside.ome.tiff"
    link.symlink_to(outside)
    with pytest.raises(OmeTiffError, match="a link"):
        recover(link)
    assert outside.read_bytes() == before
    assert sorted(path.name for path in tmp_path.rglob("*.ome")) == []


@links
@pytest.mark.parametrize("name", [FOLDER_LOCK_NAME, "run.companion.ome", "run.companion.ome.part"])
def test_links_in_the_way_of_recover(tmp_path, name):
    folder = make(tmp_path / "run", finish=False)
    precious = tmp_path / "precious"
    precious.write_text("precious")
    (folder / name).symlink_to(precious)
    missing = tmp_path / "missing"
    assert recover(folder).n_frames == 2
    assert precious.read_text() == "precious"
    assert not missing.exists()
    assert validate(folder) == []
    assert not (folder / "run.companion.ome").is_symlink()


@links
def test_a_lock_that_is_a_link(tmp_path):
    folder = make(tmp_path / "run", finish=False)
    (folder / FOLDER_LOCK_NAME).symlink_to(tmp_path / "missing")
    assert recover(folder).n_frames == 2
    assert not (tmp_path / "missing").exists()


@links
def test_pipes_do_not_block(tmp_path):
    folder = make(tmp_path / "run")
    for name in ("pipe.ome.tiff", "pipe.companion.ome"):
        os.mkfifo(folder / name)
        refused(folder / name)
    assert validate(folder) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes any bytes for a name")
def test_names_that_are_not_text(tmp_path, capsys):
    folder = make(tmp_path / "run", finish=False)
    strange = folder / os.fsdecode(b"\xff\x1b[2J.ome.tiff")
    (folder / "run.ome.tiff").rename(strange)
    with pytest.raises(OmeTiffError, match="rename it"):
        recover(folder)
    single = make(tmp_path / "single.ome.tiff")
    single = single.rename(tmp_path / os.fsdecode(b"\xff\x1b[2J.ome.tiff"))
    with TiffStorage.open(single) as storage:
        assert storage.images[0].n_frames == 2
    capsys.readouterr()
    assert main(["validate", str(single)]) == 0
    assert "\x1b" not in capsys.readouterr().out
    for command in ("recover", "validate"):
        environment = os.environ | {"PYTHONIOENCODING": "utf-8:strict"}
        code = "import sys; from exengine_ome_tiff.cli import main; sys.exit(main(sys.argv[1:]))"
        words = [sys.executable, "-c", code, command, single]
        done = subprocess.run(words, capture_output=True, env=environment, check=False)
        assert done.returncode == 0, done.stderr
        assert b"\x1b" not in done.stdout


def test_validate_never_writes(tmp_path, monkeypatch):
    path = make(tmp_path / "a.ome.tiff")
    modes: list[str] = []
    reopened, opened = shared_file.SharedFile.reopened, shared_file._OpenFile.__init__

    def noting_reopened(self, mode, *arguments, **options):
        modes.append(mode)
        return reopened(self, mode, *arguments, **options)

    def noting_opened(self, path, mode):
        modes.append(mode)
        opened(self, path, mode)

    monkeypatch.setattr(shared_file.SharedFile, "reopened", noting_reopened)
    monkeypatch.setattr(shared_file._OpenFile, "__init__", noting_opened)
    assert validate(path) == []
    import gc

    gc.collect()
    assert set(modes) == {"rb"}


def test_damaged_file_in_a_folder_is_reported(tmp_path, caplog):
    folder = make(tmp_path / "run", finish=False)
    (folder / "foreign.ome.tiff").write_bytes(b"II+\0" + bytes(60))
    with caplog.at_level(logging.WARNING):
        assert recover(folder).n_frames == 2
    assert (folder / "foreign.ome.tiff").read_bytes() == b"II+\0" + bytes(60)


def test_numbers_that_float16_cannot_represent(tmp_path):
    file = File()
    pixels_at = file.value(np.full((4, 6), 1e30, "<f4").tobytes())
    tags = {
        tag[0]: tag
        for tag in tags_of(file, block(record({"time": 0}), dtype="<f2"), pixels_at, header=head())
    }
    as_float32 = {258: (258, 3, 1, 32), 279: (279, 16, 1, 96), 339: (339, 3, 1, 3)}
    path = file.save(tmp_path / "a.ome.tiff", file.page([*(tags | as_float32).values()], 0))
    with TiffStorage.open(path, allow_unfinished=True) as storage:
        assert np.isinf(storage[{"time": 0}]).all()


def test_compressed_pages_that_share_pixels(tmp_path):
    """Each can be read, but gets no pyramid, which would be many times the file."""
    file = File()
    put = frame({"time": 0}, (40, 100))
    packed = zlib.compress(put.tobytes())
    pixels_at = file.value(packed)
    coding = {"compression": "zlib", "pyramid_levels": 1}
    pages = []
    for number in range(50):
        lines = block(record({"time": number}, number), shape=[40, 100], encoded=True)
        header = head(coding=coding) if number == 0 else None
        tags = {tag[0]: tag for tag in tags_of(file, lines, pixels_at, header=header, side=(40, 100))}
        pages.append([*(tags | {259: (259, 3, 1, 8), 279: (279, 16, 1, len(packed))}).values()])
    offsets = [file.page(tags, 0 if tags is pages[-1] else None) for tags in pages]
    path = file.save(tmp_path / "a.ome.tiff", offsets[0])
    before = path.read_bytes()
    with TiffStorage.open(path, allow_unfinished=True) as storage:
        assert storage[{"time": 49}].tobytes() == put.tobytes()
    with pytest.raises(OmeTiffError, match="overlap"):
        recover(path)
    assert path.read_bytes()[: len(before)] == before
