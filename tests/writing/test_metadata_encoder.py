"""The encoder of repeated metadata gives the same JSON as encoding each frame alone."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exengine_ome_tiff.dataset.records import to_json
from exengine_ome_tiff.writing.metadata_encoder import MetadataEncoder

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.sampled_from([1, 1.0, True, "1", 0, -0.0]),
)
values = st.one_of(
    scalars, scalars, scalars, st.lists(scalars, max_size=2), st.dictionaries(st.text(), scalars)
)
dicts = st.dictionaries(st.sampled_from('abcdeä\u2028"'), values, max_size=5)


@given(st.lists(dicts, max_size=30))
def test_the_json_equals_that_of_each_metadata_alone(metadata):
    repeated = MetadataEncoder()
    for each in metadata:
        assert repeated.encode(each)[:2] == to_json(each)


@given(st.lists(st.tuples(st.sampled_from("abc"), values), max_size=30))
def test_one_dict_that_changes_repeatedly(changes):
    repeated, metadata = MetadataEncoder(), {"a": 1, "b": "text", "c": [1]}
    for key, value in changes:
        metadata[key] = value
        assert repeated.encode(metadata)[0] == to_json(metadata)[0]


class Text(str):
    """A subclass of str."""

    __slots__ = ()


@pytest.mark.parametrize(
    "odd",
    [10**5000, Text("x"), float("nan"), float("-inf"), [1], {"a": 1}, object, {1: 2}],
    ids=lambda odd: type(odd).__name__,
)
def test_odd_values_among_plain_ones(odd):
    repeated = MetadataEncoder()
    for value in (1, odd, 1, "text", odd, odd, 2.5):
        metadata = {"key": value, "other": "same"}
        assert repeated.encode(metadata)[0] == to_json(metadata)[0]


def test_changed_list_is_noticed():
    repeated, inner = MetadataEncoder(), [1]
    for number in range(3):
        inner.append(number)
        assert json.loads(repeated.encode({"inner": inner, "a": 1})[0])["inner"] == inner


@pytest.mark.parametrize("metadata", [{}, None, "text", {1: 2}, {"a": 1, 2: 3}, [("a", 1)]])
def test_metadata_that_is_not_a_dict_with_text_keys(metadata):
    repeated = MetadataEncoder()
    for each in ({"a": 1}, metadata, {"a": 1}, metadata):
        assert repeated.encode(each)[:2] == to_json(each)


def test_equal_values_of_different_types():
    repeated = MetadataEncoder()
    texts = [repeated.encode({"key": value})[0] for value in (1, True, 1.0, 0, False, -0.0)]
    assert texts == [f'{{"key":{text}}}' for text in ("1", "true", "1.0", "0", "false", "-0.0")]


def test_changes_are_tracked_for_the_same_keys_only():
    repeated = MetadataEncoder()
    changed = [repeated.encode(each)[2] for each in ({"a": 1, "b": 2}, {"a": 1, "b": 3}, {"a": 1}, {"a": 4})]
    assert changed == [None, ["b"], None, ["a"]]


def test_equal_texts_that_are_new_objects_are_not_changes():
    encoder = MetadataEncoder()
    frames = [json.loads(json.dumps({"name": "camera 1", "time": f"{n}", "gain": 1000})) for n in range(3)]
    encoded = [encoder.encode(each) for each in frames]
    assert [json.loads(text) for text, *_ in encoded] == frames
    assert [changed for *_, changed in encoded] == [None, ["time", "gain"], ["time", "gain"]]
