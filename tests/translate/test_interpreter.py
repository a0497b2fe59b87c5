"""Mixed dialects, a user's own, and what becomes of tags that OME has no place for."""

import json

import numpy as np
import pytest

from exengine_ome_tiff import FrameValues, PlaneValues, SummaryValues, Translator
from exengine_ome_tiff.translate import Interpreter, interpreter


class Kelvin(Translator):
    """A microscope of its own."""

    name = "Kelvin"

    def speaks(self, tags):
        return "kelvin.version" in tags

    def plane(self, tags):
        return PlaneValues(exposure_s=tags["kelvin.seconds"] / 2)

    def frame(self, tags):
        return FrameValues(position_name=tags["kelvin.place"])

    def summary(self, tags):
        return SummaryValues(z_step_um=tags["kelvin.version"])

    def translated(self, tags):
        return {"kelvin.seconds", "kelvin.place"}.intersection(tags)


KELVIN = {"kelvin": {"version": 3, "seconds": 4, "place": "left"}, "more": True}


def test_a_dialect_of_the_user_goes_first():
    found = Interpreter([Kelvin()])
    assert found.read(KELVIN | {"exposure_ms": 7}).exposure_s == 2
    assert found.frame(KELVIN).position_name == "left"
    assert found.summary(KELVIN).z_step_um == 3
    constant, varying = found.rest(np.array([0]))
    assert (constant, varying) == ({"kelvin.version": "3", "more": "true", "exposure_ms": "7"}, {})


def test_dialects_may_be_mixed():
    found = Interpreter([Kelvin()])
    exposures = [
        found.read(tags).exposure_s
        for tags in (KELVIN, {"Exposure-ms": 5}, {"Axes": {"z": 0}, "Exposure": 6}, {"exposure_s": 7}, KELVIN)
    ]
    assert exposures == [2, 0.005, 0.006, 7, 2]


class Broken(Translator):
    def speaks(self, tags):
        return "broken" in tags

    def plane(self, tags):
        return tags["missing"]

    frame = summary = translated = plane


def test_a_translator_that_fails_loses_nothing(caplog):
    found = Interpreter([Broken()])
    assert all(value != value for value in found.read({"broken": 1}))
    assert all(value != value for value in found.read({"broken": 2}))
    assert found.frame({"broken": 1}) == FrameValues()
    assert found.summary({"broken": 1}) == SummaryValues()
    assert found.rest(np.array([0, 1])) == ({}, {"broken": ["1", "2"]})
    assert "Broken.plane of a metadata translator failed" in caplog.text
    assert "KeyError: 'missing'" in caplog.text


def test_packages_register_translators(monkeypatch):
    class Entry:
        def load(self):
            return Kelvin

    monkeypatch.setattr(interpreter, "entry_points", lambda group: [Entry()] if group == GROUP else [])
    interpreter._installed.cache_clear()
    try:
        assert Interpreter().read(KELVIN).exposure_s == 2
    finally:
        interpreter._installed.cache_clear()


GROUP = "exengine_ome_tiff.translators"


def rest(*frames, of=None):
    found = Interpreter()
    for tags in frames:
        found.read(tags)
    constant, varying = found.rest(np.arange(len(frames)) if of is None else np.array(of))
    decoded = {key: [json.loads(text) for text in column] for key, column in varying.items()}
    return {key: json.loads(text) for key, text in constant.items()}, decoded


def test_what_is_constant_and_what_differs():
    frames = [{"a": 1, "b": "x", "c": [number]} for number in range(3)]
    assert rest(*frames) == ({"a": 1, "b": "x"}, {"c": [[0], [1], [2]]})
    assert rest(*frames, of=[1]) == ({"a": 1, "b": "x", "c": [1]}, {})
    assert rest(*frames, of=[2, 0]) == ({"a": 1, "b": "x"}, {"c": [[2], [0]]})


def test_a_tag_that_changes_late():
    frames = [{"a": 1, "b": 2} for _ in range(5000)]
    frames[4000] = {"a": 1, "b": 3}
    constant, varying = rest(*frames)
    assert constant == {"a": 1}
    assert varying["b"] == [2] * 4000 + [3] + [2] * 999


def test_other_keys():
    frames = [{"a": 1}, {"a": 1, "b": 2}, {"b": 2}, {}]
    assert rest(*frames) == ({}, {"a": [1, 1, None, None], "b": [None, 2, 2, None]})
    assert rest({"a": 1}, {"b": 2, "a": 1}) == ({"a": 1}, {"b": [None, 2]})


def test_nested_metadata_becomes_flat():
    frames = [{"a": {"b": {"c": number}, "d": "e"}, "f": {}} for number in range(2)]
    assert rest(*frames) == ({"a.d": "e", "f": {}}, {"a.b.c": [0, 1]})


def test_what_is_translated_is_no_annotation_unless_it_could_not_be_read():
    assert rest({"Exposure-ms": 5, "more": 1}) == ({"more": 1}, {})
    assert rest({"Exposure-ms": "soon", "more": 1}) == ({"Exposure-ms": "soon", "more": 1}, {})


def test_each_frame_with_keys_of_its_own(caplog):
    constant, varying = rest(*({f"key {number}": number} for number in range(1000)))
    assert constant == {}
    assert len(varying) == 256
    assert caplog.text.count("more than 256 sets of metadata keys") == 1


@pytest.mark.parametrize("summary", [None, [], "text", 3, {}])
def test_a_summary_that_says_nothing(summary):
    assert Interpreter().summary(summary) == SummaryValues()
