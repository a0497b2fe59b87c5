"""Metadata of any kind is returned as JSON, and never makes a frame fail."""

from __future__ import annotations

import dataclasses
import enum
import json
import logging
import threading
from collections import ChainMap, OrderedDict, UserDict, defaultdict, deque
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePosixPath, PureWindowsPath
from types import MappingProxyType, SimpleNamespace
from typing import Any
from uuid import UUID

import numpy as np
import pytest
import tifffile
from exengine.kernel.data_coords import DataCoordinates
from pydantic import BaseModel, ConfigDict

from effort import effort
from exengine_ome_tiff import TiffStorage
from frames import assert_same, frame, stored_planes
from readers.bioformats import validate_xml

COORDINATES = {"time": 0, "channel": "A"}
NAN = float("nan")


class Color(enum.Enum):
    RED = "red"
    POINT = (1, 2)


class Level(enum.IntEnum):
    HIGH = 3


class Laser(BaseModel):
    name: str
    power: Any = 1.5
    inner: Any = None


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    a: int


@dataclasses.dataclass
class Stage:
    x: float
    tags: Any = ()


@dataclasses.dataclass(slots=True)
class Unset:
    given: int
    later: int = dataclasses.field(init=False)


class BadRepr:
    def __repr__(self):
        raise RuntimeError("no")


class BadMapping(UserDict):
    def items(self):
        raise OSError("no items")


class BadProperty(BaseModel):
    a: int = 1

    def __getattribute__(self, name):
        if name == "a":
            raise OSError("no a")
        return super().__getattribute__(name)


class Plain:
    def __repr__(self):
        return "<Plain>"


def cycle():
    metadata = {"a": [1]}
    metadata["a"].append(metadata)
    return metadata


def nested(depth, bottom=None):
    value = bottom
    for _ in range(depth):
        value = [value]
    return {"nested": value}


def jsonable(value):
    """Whether a value has JSON's types only, at any depth."""
    if isinstance(value, dict):
        return type(value) is dict and all(type(k) is str and jsonable(v) for k, v in value.items())
    if isinstance(value, list):
        return type(value) is list and all(jsonable(item) for item in value)
    return value is None or type(value) in (bool, int, float, str)


JSON = [
    {},
    {"text": 'µ 🔬 \ud800 \x00 \n\r\u2028 " \\ </Pixels>', "": ""},
    {"int": -(2**70), "float": 1e-300, "true": True, "none": None},
    {"nested": {"a": [[], {}, [{"b": [1, [2.5]]}]]}},
    {"nan": NAN, "inf": [float("inf"), -float("inf")]},
    {"coordinates": {"time": 9}, "frame": 3, "metadata": {"metadata": 1}},
    {"frame": ',"metadata":1}', '"coordinates":': '{"coordinates":'},
    [1, "list"],
    "just text",
    7,
    0.5,
    False,
]


class Plan(BaseModel):
    """Like a useq sequence, which iterates over its events."""

    model_config = ConfigDict(extra="allow")
    steps: int
    more: tuple[int, ...] = (1,)

    def __iter__(self):
        return iter(range(self.steps))


CONVERTED = {
    "None": (None, {}),
    "numpy ints": ({"a": np.int64(5), "b": np.uint8(255)}, {"a": 5, "b": 255}),
    "numpy floats": (
        {"a": np.float32(0.5), "b": np.float64(2.5), "c": np.float16(1)},
        {"a": 0.5, "b": 2.5, "c": 1.0},
    ),
    "numpy bool and str": ({"a": np.bool_(True), "b": np.str_("µ")}, {"a": True, "b": "µ"}),
    "numpy nan": ({"a": np.float32("nan")}, {"a": NAN}),
    "numpy arrays": (
        {"a": np.arange(4).reshape(2, 2), "b": np.array(3), "c": np.array([], "f4"), "d": np.array(["x"])},
        {"a": [[0, 1], [2, 3]], "b": 3, "c": [], "d": ["x"]},
    ),
    "numpy structured": ({"a": np.array([(1, 2.5)], "i4,f8")}, {"a": [[1, 2.5]]}),
    "time span": ({"a": timedelta(minutes=1, milliseconds=500)}, {"a": 60.5}),
    "time span of a key with a unit": (
        {"exposure_ms": timedelta(seconds=2), "my": {"wait (us)": timedelta(milliseconds=3)}},
        {"exposure_ms": 2000.0, "my": {"wait (us)": 3000.0}},
    ),
    "model that is iterable": ({"a": Plan(steps=2)}, {"a": {"steps": 2, "more": [1]}}),
    "numpy datetime": ({"a": np.datetime64("2026-01-02T03:04:05")}, {"a": "2026-01-02T03:04:05"}),
    "dates": (
        {"a": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "b": date(2026, 1, 2), "c": time(3, 4)},
        {"a": "2026-01-02T03:04:05+00:00", "b": "2026-01-02", "c": "03:04:00"},
    ),
    "paths": ({"a": PurePosixPath("/data/x"), "b": PureWindowsPath("C:/x")}, {"a": "/data/x", "b": "C:\\x"}),
    "enums": ({"a": Color.RED, "b": Color.POINT, "c": Level.HIGH}, {"a": "red", "b": [1, 2], "c": 3}),
    "tuple": ({"a": (1, (2, 3)), "b": ()}, {"a": [1, [2, 3]], "b": []}),
    "sets": ({"a": {1}, "b": frozenset({"x"}), "c": set()}, {"a": [1], "b": ["x"], "c": []}),
    "keys": (
        {
            2.5: "b",
            None: "c",
            True: "a",
            (1, 2): "e",
            np.int64(7): "f",
            Color.RED: "g",
            np.str_("h"): "h",
        },
        {"2.5": "b", "null": "c", "true": "a", "[1, 2]": "e", "7": "f", "red": "g", "h": "h"},
    ),
    "dataclass": ({"a": Stage(1.5, (np.int8(2),))}, {"a": {"x": 1.5, "tags": [2]}}),
    "dataclass at the top": (Stage(1.5), {"x": 1.5, "tags": []}),
    "pydantic": (
        {"a": Laser(name="488", power=np.float32(2), inner=Laser(name="x", power=date(2026, 1, 2)))},
        {"a": {"name": "488", "power": 2.0, "inner": {"name": "x", "power": "2026-01-02", "inner": None}}},
    ),
    "pydantic at the top": (Laser(name="488"), {"name": "488", "power": 1.5, "inner": None}),
    "pydantic with extra fields": (Open(a=1, b=2), {"a": 1, "b": 2}),
    "coordinates": ({"a": DataCoordinates(time=1, q="x")}, {"a": {"time": 1, "q": "x"}}),
    "mappings": (
        {
            "a": MappingProxyType({"x": (1,)}),
            "b": OrderedDict(x=1),
            "c": defaultdict(list, x=[1]),
            "d": ChainMap({"x": 1}),
            "e": UserDict(x=1),
        },
        {"a": {"x": [1]}, "b": {"x": 1}, "c": {"x": [1]}, "d": {"x": 1}, "e": {"x": 1}},
    ),
    "shared but no cycle": (
        (lambda shared: {"a": shared, "b": [shared, shared]})([b""]),
        {"a": ["b''"], "b": [["b''"], ["b''"]]},
    ),
}
WITHOUT_A_JSON_FORM = {
    "bytes": (b"\xff", repr(b"\xff")),
    "complex": (1 + 2j, "(1+2j)"),
    "object": (Plain(), "<Plain>"),
    "class": (int, "<class 'int'>"),
    "decimal": (Decimal("1.50"), "Decimal('1.50')"),
    "fraction": (Fraction(1, 3), "Fraction(1, 3)"),
    "uuid": (UUID(int=7), repr(UUID(int=7))),
    "deque": (deque([1, 2]), "deque([1, 2])"),
    "namespace": (SimpleNamespace(a=1), "namespace(a=1)"),
    "numpy complex": (np.complex64(1j), "1j"),
}
ANYTHING = {
    "cycle": cycle(),
    "object with a bad repr": {"a": BadRepr()},
    "key with a bad repr": {BadRepr(): 1},
    "dataclass without a value": {"a": Unset(1)},
    "pydantic model without a value": {"a": Laser.model_construct(power=1)},
    "mapping that raises": {"a": BadMapping(b=1)},
    "mapping that raises at the top": BadMapping(b=1),
    "model that raises": {"a": BadProperty()},
    "deep": nested(5000),
    "deep without a JSON form": nested(5000, b"x"),
    "deep models": {"a": [Laser(name="x", inner=nested(300, (b"x",)))]},
    "long int": {"a": 10**5000, "b": [b"x", -(10**5000)]},
    "long double": {"a": np.longdouble(1.5)},
    "array of objects": {"a": np.array([{"x": BadRepr()}, None], object)},
    "array in itself": {"a": (lambda array: array.fill(array) or array)(np.empty(1, object))},
    "lock": {"a": threading.Lock()},
    "generator": {"a": (i for i in range(3))},
    "masked": {"a": np.ma.masked_array([1, 2], [True, False])},
    "surrogate keys": {"\ud800": 1, ("\udfff",): b"x"},
}
TRANSLATED_KEYS = [
    "ElapsedTime-ms",
    "Exposure-ms",
    "TimeReceivedByCore",
    "ReceivedTime",
    "XPositionUm",
    "PixelSizeUm",
    "BitDepth",
]
STRANGE_VALUES = [
    None,
    "",
    "text",
    "nan",
    "1e400",
    10**400,
    -1,
    1e308,
    -1e308,
    5e-324,
    True,
    [1],
    {"a": 1},
    b"1",
    "0001-01-01 00:00:00.0 +1400",
    "9999-12-31 23:59:59.999999 -1400",
    "0001-01-01T00:00:00+00:01",
    "2026-13-45 99:99:99",
    "2026-01-02 03:04:05.678 +9999",
    "٢٠٢٦-01-02 03:04:05",
]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.ome.tiff"


def check_everywhere(path, metadata, check):
    """Put frames with metadata, and check the returned metadata in every state of the storage."""
    others = [{"time": time} for time in range(3)]
    with TiffStorage(path, summary_metadata=metadata) as storage:
        storage.put(others[0], frame(others[0]), {"other": 0})
        storage.put(COORDINATES, frame(COORDINATES), metadata)
        check(storage.get_metadata(COORDINATES))
        storage.put(others[1], frame(others[1]), {"other": 1})
        check(storage.get_metadata(COORDINATES))
        storage.flush()
        check(storage.get_metadata(COORDINATES))
        storage.put(others[2], frame(others[2]), {"other": 2})
        storage.finish()
        check(storage.get_metadata(COORDINATES))
        check(storage.summary_metadata)
    with TiffStorage.open(path) as storage:
        check(storage.get_metadata(COORDINATES))
        check(storage.summary_metadata)
        assert_same(storage[COORDINATES], frame(COORDINATES))
        for number, other in enumerate(others):
            assert storage.get_metadata(other) == {"other": number}
            assert_same(storage[other], frame(other))
    assert len(list(stored_planes(path))) == 4


def expects(expected):
    text = json.dumps(expected)

    def check(got):
        assert jsonable(got)
        assert json.dumps(got) == text

    return check


@pytest.mark.parametrize("metadata", JSON, ids=ascii)
def test_json_round_trip(path, metadata):
    check_everywhere(path, metadata, expects(metadata))


@pytest.mark.parametrize("name", CONVERTED)
def test_values_with_a_json_form_are_returned_in_it(path, name):
    metadata, expected = CONVERTED[name]
    check_everywhere(path, metadata, expects(expected))


@pytest.mark.parametrize("name", [name for name in CONVERTED if name != "shared but no cycle"])
def test_values_with_a_json_form_are_not_logged(path, name, caplog):
    with TiffStorage(path, CONVERTED[name][0]) as storage:
        storage.put(COORDINATES, frame(COORDINATES), CONVERTED[name][0])
    has_x = name == "dataclass at the top"
    assert caplog.messages == ["run: metadata key 'x' has no unit: write x_um"] * has_x


@pytest.mark.parametrize("name", WITHOUT_A_JSON_FORM)
def test_other_values_are_returned_as_their_repr(path, name):
    value, text = WITHOUT_A_JSON_FORM[name]
    check_everywhere(path, {"a": value, "b": [value], "c": 1}, expects({"a": text, "b": [text], "c": 1}))


def test_a_repr_is_logged_once(path, caplog):
    class Unheard:
        pass

    with TiffStorage(path) as storage, caplog.at_level(logging.WARNING):
        for time_point in range(5):
            storage.put({"time": time_point}, frame({"time": time_point}), {"a": Unheard()})
    # storages that other tests have lost may log as well
    assert len([message for message in caplog.messages if "Unheard" in message]) == 1


@pytest.mark.parametrize("name", ANYTHING)
def test_metadata_never_makes_a_frame_fail(path, name):
    def check(got):
        assert jsonable(got)

    check_everywhere(path, ANYTHING[name], check)


@pytest.mark.parametrize(
    ("pixel_type", "shape"),
    [
        ({"type": "STRING", "scalar": "RGB32"}, (8, 9, 3)),
        ({"PropVal": "RGB32", "PropType": "STRING"}, (8, 9, 3)),
        ({"a": 1}, (8, 9)),
        ({}, (8, 9)),
        (["RGB32"], (8, 9)),
        (32, (8, 9)),
    ],
)
def test_a_pixel_type_is_text_or_text_with_its_type(path, pixel_type, shape):
    with TiffStorage(path) as storage:
        storage.put({"time": 0}, np.full((8, 9), 0x030201, np.uint32), {"PixelType": pixel_type})
        assert storage.get_metadata({"time": 0}) == {"PixelType": pixel_type}
    assert tifffile.imread(path).shape == shape


def depth_of(value):
    levels = 0
    while isinstance(value, list):
        (value,) = value
        levels += 1
    return levels, value


def test_deep_nesting_that_was_put_can_be_read_and_finished(path):
    depths = [10, 100, 101, 199, 200, 500, *range(850, 1010, 2)]
    with TiffStorage(path) as storage:

        def put():
            for depth in depths:
                storage.put({"position": depth}, frame({"position": depth}, (1, 1)), nested(depth))

        thread = threading.Thread(target=put)
        thread.start()
        thread.join()
        storage.finish()
    with TiffStorage.open(path) as storage:
        for depth in depths:
            levels, bottom = depth_of(storage.get_metadata({"position": depth})["nested"])
            if depth < 200:
                assert (levels, bottom) == (depth, None)
            elif depth <= 500:
                rest = depth - 199
                assert (levels, bottom) == (199, "[" * rest + "None" + "]" * rest)
            else:  # deeper than Python can describe
                assert levels == 199
                assert isinstance(bottom, str)


def test_a_long_text(path):
    metadata = {"text": "x" * (1 << 20), "unicode": "µ🔬" * (1 << 16)}
    check_everywhere(path, metadata, expects(metadata))


def test_many_keys(path):
    metadata = {f"key {number}": number for number in range(effort(2_000, 20_000))}
    check_everywhere(path, metadata, expects(metadata))


def test_metadata_in_a_block_is_not_mixed_up(path):
    metadata = [{"n": number, "text": "x" * (number % 50)} for number in range(200)]
    with TiffStorage(path) as storage:
        for number, own in enumerate(metadata):
            storage.put({"time": number}, frame({"time": number}, (2, 2)), own)
            assert storage.get_metadata({"time": number // 2}) == metadata[number // 2]
        storage.finish()
        assert [storage.get_metadata({"time": number}) for number in range(200)] == metadata
    with TiffStorage.open(path) as storage:
        assert [storage.get_metadata({"time": number}) for number in range(200)] == metadata


def test_metadata_of_the_last_frame_at_the_same_coordinates_counts(path):
    with TiffStorage(path) as storage:
        storage.put(COORDINATES, frame({"n": 1}), {"n": 1})
        storage.put(COORDINATES, frame({"n": 2}), {"n": 2})
        assert storage.get_metadata(COORDINATES) == {"n": 2}
    with TiffStorage.open(path) as storage:
        assert storage.get_metadata(COORDINATES) == {"n": 2}


def test_returned_metadata_can_be_modified(path):
    metadata = {"list": [1], "dict": {"a": 1}}
    with TiffStorage(path, metadata) as storage:
        storage.put(COORDINATES, frame(COORDINATES), metadata)
        metadata["list"].append(2)
        metadata["dict"].clear()
        storage.get_metadata(COORDINATES)["list"].append(3)
        assert storage.get_metadata(COORDINATES) == {"list": [1], "dict": {"a": 1}}
        assert storage.summary_metadata == {"list": [1], "dict": {"a": 1}}


@pytest.mark.parametrize("value", STRANGE_VALUES, ids=ascii)
def test_strange_values_of_translated_keys(path, value):
    metadata = dict.fromkeys(TRANSLATED_KEYS, value)
    check_everywhere(path, metadata, lambda got: None if value == b"1" else expects(metadata)(got))


def test_strange_values_that_change_between_frames(path):
    with TiffStorage(path) as storage:
        for number, value in enumerate(STRANGE_VALUES):
            storage.put({"time": number}, frame({"time": number}), dict.fromkeys(TRANSLATED_KEYS, value))
    assert len(list(stored_planes(path))) == len(STRANGE_VALUES)


def test_xml_is_valid_for_any_metadata(bioformats, path):
    with TiffStorage(path) as storage:
        for number, value in enumerate(STRANGE_VALUES):
            coordinates = {"time": number, "position": number}
            storage.put(coordinates, frame(coordinates), dict.fromkeys(TRANSLATED_KEYS, value))
    with bioformats(path) as file:
        assert len(file.series) == len(STRANGE_VALUES)
        assert file.warnings == []
    with tifffile.TiffFile(path) as tif:
        assert validate_xml(tif.pages[0].tags["ImageDescription"].value) == []


def test_long_coordinates_may_also_be_in_the_metadata(tmp_path):
    path, label = tmp_path / "run.ome.tiff", "GFP, " * 60
    with TiffStorage(path) as storage:
        for time in range(3):
            place = {"time": time, "channel": label}
            storage.put(place, frame(place), {"channel": label, "n": time})
            storage.flush()
        with TiffStorage.open(path, allow_unfinished=True) as unfinished:
            coordinates = unfinished.get_image_coordinates_list()
            assert coordinates == [{"time": time, "channel": label} for time in range(3)]
            metadata = [unfinished.get_metadata(each) for each in coordinates]
            assert metadata == [{"channel": label, "n": time} for time in range(3)]
