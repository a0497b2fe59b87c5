"""Valid coordinates, and their compact keys."""

from __future__ import annotations

import enum
from datetime import UTC, datetime
from types import MappingProxyType

import numpy as np
import pytest
from exengine.kernel.data_coords import DataCoordinates
from hypothesis import given
from hypothesis import strategies as st

from exengine_ome_tiff.coordinates.keys import Axes, read_coordinates

AXES = st.text(max_size=6)
VALUES = st.integers(-(2**63), 2**63 - 1) | st.text(max_size=6)
COORDINATES = st.dictionaries(AXES, VALUES, max_size=5)


class Label(str, enum.Enum):  # noqa: UP042 - StrEnum has a plain __str__, this one has not
    DAPI = "dapi"


class Index(enum.IntEnum):
    THIRD = 3


@given(COORDINATES)
def test_valid_coordinates_come_back_equal_as_a_new_dict(coordinates):
    read = read_coordinates(coordinates)
    assert read == coordinates
    assert list(read) == list(coordinates)
    assert read is not coordinates


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.int64(-7), -7),
        (np.uint8(200), 200),
        (np.str_("µ"), "µ"),
        (Index.THIRD, 3),
        (Label.DAPI, "dapi"),
        (2**63 - 1, 2**63 - 1),
        ("", ""),
    ],
    ids=repr,
)
def test_values_become_int_or_str(value, plain):
    (read,) = read_coordinates({"axis": value}).values()
    assert read == plain
    assert type(read) is type(plain)


@pytest.mark.parametrize("axis", [np.str_("z"), Label.DAPI], ids=repr)
def test_axis_names_become_str(axis):
    (read,) = read_coordinates({axis: 1})
    assert type(read) is str
    assert read == axis


@pytest.mark.parametrize(
    "given", [{"time": 1, "channel": "A"}, MappingProxyType({"time": 1}), DataCoordinates(time=1, q="x"), {}]
)
def test_any_mapping_is_accepted(given):
    assert read_coordinates(given) == dict(given)


@pytest.mark.parametrize(
    "value",
    [1.0, np.float32(1), None, True, np.bool_(False), (1, 2), [1], b"x", 1j, object()],
    ids=lambda value: type(value).__name__,
)
def test_other_values_are_refused_by_name(value):
    with pytest.raises(TypeError) as caught:
        read_coordinates({"time": 3, "stage": value})
    message = str(caught.value)
    for part in ("'time': 3", "'stage'", repr(value), type(value).__name__, "expected int or str"):
        assert part in message


@pytest.mark.parametrize("axis", [1, None, b"z", ("z",), True], ids=repr)
def test_other_axis_names_are_refused_by_name(axis):
    with pytest.raises(TypeError) as caught:
        read_coordinates({"time": 3, axis: 1})
    for part in ("'time': 3", repr(axis), type(axis).__name__, "expected str"):
        assert part in str(caught.value)


@given(st.lists(COORDINATES, max_size=20), st.randoms(use_true_random=False))
def test_keys_are_unique_and_convert_back(all_coordinates, random):
    axes = Axes()
    keys = [axes.key(coordinates) for coordinates in all_coordinates]
    for key, coordinates in zip(keys, all_coordinates, strict=True):
        shuffled = list(coordinates.items())
        random.shuffle(shuffled)
        assert axes.coordinates(key) == coordinates
        assert axes.find(dict(shuffled)) == key
        assert axes.key(dict(shuffled)) == key
    same = {
        (keys[i] == keys[j]) == (all_coordinates[i] == all_coordinates[j])
        for i in range(len(keys))
        for j in range(i)
    }
    assert same <= {True}


def test_find_does_not_register_axes():
    axes = Axes()
    axes.key({"z": 1})
    assert axes.find({"time": 1}) is None
    assert axes.find({}) is None
    assert axes.names == [("z",)]


@pytest.mark.parametrize(("one", "other"), [({"z": 1}, {"z": "1"}), ({"z": 1}, {"y": 1}), ({}, {"": ""})])
def test_similar_coordinates_have_different_keys(one, other):
    axes = Axes()
    assert axes.key(one) != axes.key(other)


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 10**5000], ids=["64", "-64", "5000 digits"])
def test_an_integer_of_more_than_64_bits_is_refused(value):
    with pytest.raises(ValueError, match="'time' has an integer of"):
        read_coordinates({"time": value})


def test_surrogate_pairs_are_joined_as_in_json():
    assert read_coordinates({"\ud83d\ude00": "\ud83d\ude00", "half": "\ud83d"}) == {
        "😀": "😀",
        "half": "\ud83d",
    }


class Dye(enum.Enum):
    GFP = 1


@pytest.mark.parametrize(
    ("value", "fix"),
    [
        (Dye.GFP, "put Dye.GFP.value or Dye.GFP.name"),
        (True, "put 1"),
        ((1, 2), "put each number under an axis of its own, such as row and column"),
        (
            datetime(2026, 11, 27, tzinfo=UTC),
            'put the index as time and the time as "timestamp" in the metadata',
        ),
        (None, "leave time out"),
    ],
)
def test_other_values_are_refused_with_a_hint(value, fix):
    with pytest.raises(TypeError) as error:
        read_coordinates({"time": value})
    assert str(error.value).endswith(f"expected int or str; {fix}")


@pytest.mark.parametrize(
    ("axis", "fix"),
    [
        ("z", 'put the index as z and the height as "z_um" in the metadata'),
        ("Time", 'put the index as Time and the seconds as "elapsed_s" in the metadata'),
        ("angle", "put the index as angle and the number in the metadata"),
    ],
)
@pytest.mark.parametrize("value", [0.5, np.float32(2)])
def test_a_float_is_refused_with_a_hint(axis, fix, value):
    with pytest.raises(TypeError, match=f"expected int or str; {fix}$"):
        read_coordinates({axis: value})
