"""The index of a finished file agrees with the records, and a file opens without it, too."""

from __future__ import annotations

import errno
import json
import logging
import os
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exengine_ome_tiff import TiffStorage, recover, validate
from exengine_ome_tiff.coordinates.keys import read_coordinates
from exengine_ome_tiff.dataset import loader, recording
from exengine_ome_tiff.dataset.columnar_index import IndexEncoder, decode_index
from exengine_ome_tiff.dataset.frame_index import FrameIndex
from exengine_ome_tiff.tiff import PageTable, chain, final_chain, pixel_format
from frames import assert_same, frame

TAG = 65145
VALUES = (
    st.integers(-(2**63), 2**63 - 1)
    | st.integers(-2, 2)
    | st.sampled_from(["", "A", "a", "0", "µ", "\ud800"])
)
COORDINATES = st.dictionaries(st.sampled_from(["z", "channel", "time", "t", "", "level"]), VALUES, max_size=4)


def place_of_index(data):
    """Return the offset of the three numbers that locate the index of a finished file."""
    (at,) = struct.unpack_from("<Q", data, 8)
    (count,) = struct.unpack_from("<Q", data, at)
    for entry in range(at + 8, at + 8 + 20 * count, 20):
        code, _, number, value = struct.unpack_from("<HHQQ", data, entry)
        if code == TAG:
            assert number == 3
            return value
    raise LookupError


def index_of(data):
    """Read an index as the page on the file format describes it."""
    at, nbytes, crc = struct.unpack_from("<3Q", data, place_of_index(data))
    index = data[at : at + nbytes]
    assert zlib.crc32(index) == crc
    (length,) = struct.unpack_from("<Q", index)
    head, at = json.loads(index[8 : 8 + length]), 8 + length

    def array(dtype, count):
        nonlocal at
        found = np.frombuffer(index, dtype, count, at).tolist()
        at += -(-count * np.dtype(dtype).itemsize // 8) * 8
        return found

    columns = {name: array(dtype, head["frames"]) for name, dtype in head["columns"].items()}
    coordinates = [{} for _ in range(head["frames"])]
    for number, axes in enumerate(head["axes"]):
        rows = [row for row, which in enumerate(columns["axes"]) if which == number]
        for name, column in zip(axes["names"], axes["columns"], strict=True):
            values = array(column["dtype"], len(rows))
            for row, value in zip(rows, values, strict=True):
                coordinates[row][name] = column["values"][value] if "values" in column else value
    assert at == len(index)
    return head, columns, coordinates


def with_index(path, change):
    """Append another index to a file, with its checksum."""
    data = path.read_bytes()
    place = place_of_index(data)
    at, nbytes, _ = struct.unpack_from("<3Q", data, place)
    (length,) = struct.unpack_from("<Q", data, at)
    head = json.loads(data[at + 8 : at + 8 + length])
    arrays = bytearray(data[at + 8 + length : at + nbytes])
    change(head, arrays)
    text = json.dumps(head).encode()
    text = text.ljust(-(-len(text) // 8) * 8)
    index = struct.pack("<Q", len(text)) + text + arrays
    leads = struct.pack("<3Q", len(data), len(index), zlib.crc32(index))
    path.write_bytes(data[:place] + leads + data[place + len(leads) :] + index)


def by_records(path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(recording, "load_by_index", lambda _: None)
        return TiffStorage.open(path)


def by_index(path, monkeypatch):
    def refuse(_):
        raise AssertionError("a record was read")

    with monkeypatch.context() as patch:
        patch.setattr(loader, "decode_head", refuse)
        return TiffStorage.open(path)


def assert_alike(one, other):
    """Compare everything that two readers return for a dataset."""
    places = other.get_image_coordinates_list()
    assert [[*each.items()] for each in one.get_image_coordinates_list()] == [
        [*each.items()] for each in places
    ]
    assert [*map(str, one.images)] == [*map(str, other.images)]
    for place in places:
        assert place in one
        assert_same(one[place], other[place])
        assert one.get_metadata(place) == other.get_metadata(place)
        assert {**place, "no": 1} not in one
    assert len(one._recording.index) == len(other._recording.index)


def put_all(storage):
    """Put frames of several kinds in random order, some of them twice; return their number."""
    places = [
        *(
            {"time": t, "channel": c, "z": z}
            for t in (3, -1, 2**63 - 1)
            for c in ("µ", 7, "")
            for z in (0, 1)
        ),
        *({"channel": "µ", "time": t} for t in (0, -(2**63))),
        *({"position": p, "depth": depth} for p in ("A1", "B2", 3) for depth in ("low", "high")),
        {"time": 3, "channel": "µ", "z": 0},
        {"depth": "low", "position": 3},
        {f"axis {number}": number % 3 for number in range(50)},
        {},
    ]
    for number, place in enumerate(places):
        shape, dtype = [((4, 3), "u1"), ((2, 5), "f2"), ((4, 3, 3), "u2")][number // 7 % 3]
        storage.put(place, frame({"n": number}, shape, dtype), {"number": number})
    return len(places)


@pytest.mark.parametrize("name", ["run.ome.tiff", "run"])
def test_index_agrees_with_the_records(name, tmp_path, monkeypatch, caplog):
    with TiffStorage(tmp_path / name, compression="zlib" if name == "run" else None) as storage:
        count = put_all(storage)
    assert validate(tmp_path / name) == []
    with by_index(tmp_path / name, monkeypatch) as one, by_records(tmp_path / name, monkeypatch) as other:
        assert len(one._recording.index) == count
        assert_alike(one, other)
        at = {"position": "A1", "depth": "low"}
        assert_same(one.as_array(**at).compute(), other[at])
    assert not [record for record in caplog.records if "index" in record.message]


class FileInMemory:
    """The part of a file's interface that the index needs."""

    def __init__(self):
        self.pages = PageTable()
        self.n_linked = 0

    def add(self, number):
        pixels = pixel_format((1, number % 3 + 1), "<u2")
        handle = self.pages.add(self.pages.format_number(pixels), 16 + 8 * number)
        self.pages.locate([handle], 16, 11 * number, [b"x" * 10])
        self.n_linked += 1
        return handle


@given(st.lists(st.tuples(COORDINATES, st.integers(0, 2), st.integers(1, 2)), min_size=1, max_size=8))
def test_frames_at_any_coordinates_come_back(put):
    """Frames at any coordinates, in any of three files, with gaps in their numbers."""
    grown, arrival, expected = FrameIndex(), 0, {}
    grown.files = [FileInMemory() for _ in range(3)]
    for number, (wanted, file, gap) in enumerate(put):
        place, arrival = read_coordinates(wanted), arrival + gap
        grown.add(grown.axes.key(place), file, grown.files[file].add(number), arrival)
        expected[frozenset(place.items())] = number
    encoder = IndexEncoder(grown)
    found = [
        decode_index(memoryview(b"".join(encoder.encode(number))), 1 << 20)
        for number, file in enumerate(grown.files)
        if file.n_linked
    ]
    index = recording._merged([file for file in grown.files if file.n_linked], found)
    for file, frames in zip(index.files, found, strict=True):
        file.pages = frames.pages
    assert [[*each.items()] for each in index.coordinates()] == [
        [*each.items()] for each in grown.coordinates()
    ]
    assert index.latest()[1].tolist() == grown.latest()[1].tolist()
    assert (len(index), index.n_distinct) == (len(put), len(expected))
    assert np.concatenate([each.arrivals for each in found]).max() == arrival
    for (place, _, _), number in zip(put, range(len(put)), strict=True):
        assert index.find(place) == grown.find(place) == expected[frozenset(read_coordinates(place).items())]
        assert index.find({**place, "no": 0}) is None
        file, handle = index.place(number)
        assert index.files[file].pages.row(handle) == (
            pixel_format((1, number % 3 + 1), "<u2"),
            16 + 8 * number,
            16,
            11 * number,
            10,
        )
    for place, _, _ in put:
        for other in (0, -(2**63), "A"):
            near = dict.fromkeys(place, other)
            assert index.find(near) == grown.find(near)


def test_index_can_be_read_as_documented(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path) as storage:
        count = put_all(storage)
        named = {frozenset(each.items()) for each in storage.get_image_coordinates_list()}
    data = path.read_bytes()
    head, columns, coordinates = index_of(data)
    assert columns["frame"] == [*range(count)]
    assert {frozenset(each.items()) for each in coordinates} == named
    for number, coordinates_of_frame in enumerate(coordinates):
        record = data[columns["record"][number] :][: columns["record_bytes"][number]]
        assert json.loads(record)["frame"] == number
        assert json.loads(record)["coordinates"] == coordinates_of_frame
        kind = head["formats"][columns["format"][number]]
        pixels = frame({"n": number}, tuple(kind["shape"]), kind["dtype"])
        if kind["dtype"] != "<f2":
            assert data[columns["pixels"][number] :][: pixels.nbytes] == pixels.tobytes()


def change_column(name, value):
    def change(head, arrays):
        at = 0
        for column, dtype in head["columns"].items():
            nbytes = head["frames"] * np.dtype(dtype).itemsize
            if column == name:
                np.frombuffer(arrays, dtype, head["frames"], at)[:] = value
            at += -(-nbytes // 8) * 8

    return change


def change_head(change):
    return lambda head, _: change(head)


LIES = {
    "no frames": change_head(lambda head: head.update(frames=0)),
    "more frames than entries": change_head(lambda head: head.update(frames=10**12)),
    "a number of frames that is not an integer": change_head(lambda head: head.update(frames=[3])),
    "an array of objects": change_head(lambda head: head["columns"].update(pixels="O")),
    "no column": change_head(lambda head: head["columns"].pop("record")),
    "overlapping pages": change_column("pixels", 16),
    "pages after the end": change_column("pixels", (1 << 16) - 1),
    "directories after the end": change_column("directory", (1 << 16) - 1),
    "overlapping records": change_column("record", 99),
    "records longer than the file": change_column("record_bytes", 255),
    "an unknown format": change_column("format", 9),
    "unknown axes": change_column("axes", 9),
    "a negative number": change_head(lambda head: head["columns"].update(format="|i1"))
    and (
        lambda head, arrays: (head["columns"].update(format="|i1"), change_column("format", -1)(head, arrays))
    ),
    "pages of zero size": change_head(lambda head: head["formats"].append({"shape": [0, 1], "dtype": "<u2"})),
    "huge pages": change_head(lambda head: head["formats"][0].update(shape=[2**31 - 1] * 2, dtype="<f8")),
    "a duplicate axis": change_head(lambda head: head["axes"][0].update(names=["time", "time"])),
    "an axis name that is not text": change_head(lambda head: head["axes"][0].update(names=[1, "channel"])),
    "an axis without a column": change_head(lambda head: head["axes"][0]["columns"].pop()),
    "axes without a frame": change_head(lambda head: head["axes"].append(head["axes"][0])),
    "a duplicate value": change_head(lambda head: head["axes"][0]["columns"][1].update(values=["A", "A"])),
    "values of invalid types": change_head(
        lambda head: head["axes"][0]["columns"][1].update(values=[True, 1.5])
    ),
    "fewer values": change_head(lambda head: head["axes"][0]["columns"][1].update(values=["A"])),
    "too many bytes": lambda _, arrays: arrays.extend(bytes(8)),
    "too few bytes": lambda _, arrays: arrays.clear(),
}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    path = tmp_path_factory.mktemp("small") / "run.ome.tiff"
    with TiffStorage(path, fsync=False) as storage:
        for time in range(3):
            for channel in "AB":
                storage.put({"time": time, "channel": channel}, frame({"time": time}), {"time": time})
    return path


@pytest.mark.parametrize("lie", LIES)
def test_invalid_index_is_ignored(lie, small, tmp_path, caplog):
    path = tmp_path / "run.ome.tiff"
    path.write_bytes(small.read_bytes())
    with_index(path, LIES[lie])
    with TiffStorage.open(path) as storage:
        assert [each["time"] for each in storage] == [0, 0, 1, 1, 2, 2]
    (message,) = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert "reading the records instead, which takes longer" in message
    assert "its index is damaged" in validate(path)[0].what


def test_index_without_its_checksum_is_ignored(small, tmp_path, caplog):
    path = tmp_path / "run.ome.tiff"
    data = bytearray(small.read_bytes())
    at, nbytes, _ = struct.unpack_from("<3Q", data, place_of_index(data))
    data[at + nbytes - 8] ^= 1
    path.write_bytes(data)
    with TiffStorage.open(path) as storage:
        assert len([*storage]) == 6
    assert "the index does not have its checksum" in caplog.text
    path.write_bytes(data[:at])  # and everything after it
    assert recover(path).n_frames == 6
    with TiffStorage.open(path) as storage:
        assert len([*storage]) == 6


def test_validate_compares_the_index_with_the_records(small, tmp_path):
    path = tmp_path / "run.ome.tiff"
    path.write_bytes(small.read_bytes())
    with_index(path, lambda head, _: head["axes"][0]["columns"][1].update(values=["B", "A"]))
    (problem,) = validate(path)
    assert "its index and its records list different frames" in problem.what


def test_a_checkpoint_has_no_index(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        storage.put({"time": 0}, frame({"time": 0}))
        storage.checkpoint()
        with pytest.raises(LookupError):
            place_of_index((tmp_path / "run.ome.tiff").read_bytes())
        with TiffStorage.open(tmp_path / "run.ome.tiff", allow_unfinished=True) as other:
            assert [*other] == [{"time": 0}]


def test_opening_many_frames_takes_few_reads_and_little_memory(tmp_path, monkeypatch):
    count, path = 8_000, tmp_path / "run.ome.tiff"
    with TiffStorage(path, fsync=False) as storage:
        for time in range(count // 4):
            for place in ({"time": time, "channel": c, "z": z} for c in ("DAPI", "GFP") for z in range(2)):
                storage.put(place, np.zeros((1, 1), np.uint8), {})
    TiffStorage.open(path).close()  # imports
    reads = []
    read = chain.read_ifd
    monkeypatch.setattr(chain, "read_ifd", lambda *args: reads.append(args) or read(*args))
    tracemalloc.start()
    with TiffStorage.open(path) as storage:
        assert {"time": 7, "channel": "GFP", "z": 1} in storage
        storage.get_data(time=7, channel="GFP", z=1)
        used = tracemalloc.get_traced_memory()[0] / count
        images = storage.images
    tracemalloc.stop()
    assert len(reads) < 12
    assert used < 100
    assert images[0].sizes["T"] == count // 4


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_full_disk_omits_the_index(tmp_path, monkeypatch, caplog, number):
    storage = TiffStorage(tmp_path / "run.ome.tiff")
    storage.put({"time": 0}, frame({"n": 0}))

    def fail(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(final_chain, "_write_index", fail)
    if number == errno.EIO:
        with pytest.raises(OSError, match="Input/output error"):
            storage.finish()
        monkeypatch.undo()
    storage.close()
    assert caplog.text.count("no room for the index") == (number != errno.EIO)
    with TiffStorage.open(storage.path) as reopened:
        assert_same(reopened[{"time": 0}], frame({"n": 0}))
    assert validate(storage.path) == []


def test_files_with_different_value_types(tmp_path):
    places = [{"position": 0, "time": (1 << 60) + 1}, {"position": 1, "time": -1}, {"position": 1, "time": 5}]
    with TiffStorage(tmp_path / "run") as storage:
        for place in places:
            storage.put(place, frame(place))
    with TiffStorage.open(tmp_path / "run") as storage:
        assert storage.get_image_coordinates_list() == places
        assert {type(value) for each in storage.get_image_coordinates_list() for value in each.values()} == {
            int
        }
        assert all(place in storage for place in places)


def test_a_file_with_other_frames_than_those_known_gets_no_index(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        storage.put({"time": 0}, frame({}))
        index = storage._recording.index
        assert IndexEncoder(index).encode(0)
        index.files[0].n_linked += 1  # as when `finish` is called inside a call that links a block
        assert IndexEncoder(index).encode(0) == []
        index.files[0].n_linked -= 1


def test_opening_many_frames_and_listing_images_give_memory_back(tmp_path, monkeypatch):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        for number in range(20):
            storage.put({"time": number}, np.zeros((2, 2), np.uint16))
    calls = []
    monkeypatch.setattr(recording, "give_back_memory", lambda: calls.append(1))
    for many, n_calls in ((20, [1, 2]), (21, [0, 0])):
        monkeypatch.setattr(recording, "_MANY_FRAMES", many)
        calls.clear()
        with TiffStorage.open(tmp_path / "run.ome.tiff") as opened:
            counts = [len(calls)]
            assert len(opened.images) == 1
            counts.append(len(calls))
        assert counts == n_calls
