"""Mixed dialects, custom translators, and tags that OME has no place for."""

import json
import math
from datetime import datetime, timedelta, timezone

import numpy as np
import ome_types
import pytest
import tifffile

from exengine_ome_tiff import FrameValues, PlaneValues, SummaryValues, TiffStorage, Translator
from exengine_ome_tiff.translate import interpreter
from exengine_ome_tiff.translate.interpreter import Interpreter
from readers.bioformats import validate_xml


class Kelvin(Translator):
    """A translator for a custom microscope."""

    name = "Kelvin"

    def matches(self, tags):
        return "kelvin.version" in tags

    def plane_values(self, tags):
        return PlaneValues(exposure_s=tags["kelvin.seconds"] / 2)

    def frame_values(self, tags):
        return FrameValues(position_name=tags["kelvin.place"])

    def summary_values(self, tags):
        return SummaryValues(z_step_um=tags["kelvin.version"])

    def plane_keys(self, tags):
        return {"kelvin.seconds"}.intersection(tags)

    def frame_keys(self, tags):
        return {"kelvin.place"}.intersection(tags)


KELVIN = {"kelvin": {"version": 3, "seconds": 4, "place": "left"}, "more": True}


def test_a_custom_translator_takes_precedence():
    found = Interpreter([Kelvin()])
    assert found.read(KELVIN | {"exposure_ms": 7}).exposure_s == 2
    assert found.frame(KELVIN).position_name == "left"
    assert found.summary(KELVIN).z_step_um == 3
    constant, varying = found.facts().rest(np.array([0]))
    assert (constant, varying) == ({"kelvin.version": "3", "more": "true", "exposure_ms": "7"}, {})


def test_the_first_of_two_custom_translators_counts():
    class Minutes(Kelvin):
        def plane_values(self, tags):
            return PlaneValues(exposure_s=tags["kelvin.seconds"] * 60, x_um=1)

    values = Interpreter([Kelvin(), Minutes()]).read(KELVIN)
    assert (values.exposure_s, values.x_um) == (2, 1)


def test_a_custom_translator_reads_the_summary():
    class Commented(Kelvin):
        def summary_values(self, tags):
            return SummaryValues(description=tags["kelvin.comment"])

    found = Interpreter([Commented()]).summary(
        {"kelvin": {"version": 3, "comment": "mine"}, "MicroManagerVersion": "2", "Comment": "Studio's"}
    )
    assert found.description == "mine"


def test_dialects_can_be_mixed():
    found = Interpreter([Kelvin()])
    exposures = [
        found.read(tags).exposure_s
        for tags in (KELVIN, {"Exposure-ms": 5}, {"Axes": {"z": 0}, "Exposure": 6}, {"exposure_s": 7}, KELVIN)
    ]
    assert exposures == [2, 0.005, 0.006, 7, 2]


class Broken(Translator):
    def matches(self, tags):
        return "broken" in tags

    def plane_values(self, tags):
        return tags["missing"]

    frame_values = summary_values = plane_keys = frame_keys = plane_values


def test_a_failing_translator_loses_no_metadata(caplog):
    found = Interpreter([Broken()])
    assert all(value != value for value in found.read({"broken": 1}))
    assert all(value != value for value in found.read({"broken": 2}))
    assert found.frame({"broken": 1}) == FrameValues()
    assert found.summary({"broken": 1}) == SummaryValues()
    assert found.facts().rest(np.array([0, 1])) == ({}, {"broken": "[1,2]"})
    assert "Broken.plane_values of a metadata translator failed" in caplog.text
    assert "KeyError: 'missing'" in caplog.text


class Fickle(Translator):
    """A translator whose errors differ between frames."""

    def matches(self, tags):
        return "at" in tags

    def plane_values(self, tags):
        return PlaneValues(exposure_s=float(tags["at"]))

    def frame_values(self, tags):
        return FrameValues(position_name=tags[tags["at"]])


def test_each_dataset_logs_each_kind_of_failure_once(tmp_path, caplog):
    for name in ("first", "second"):
        caplog.clear()
        path = tmp_path / f"{name}.ome.tiff"
        with TiffStorage(path, translators=[Fickle()]) as storage:
            for time in range(50):
                storage.put(
                    {"time": time, "channel": time % 2}, np.ones((4, 4), np.uint8), {"at": f"no {time}"}
                )
                assert len(storage.images) == 1  # asks the frames for names
            storage.put({"time": 50, "channel": 0}, np.ones((4, 4), np.uint8), {"at": [7]})
        lines = [record.getMessage().partition(" of ")[0::2] for record in caplog.records]
        assert [line for line in lines if line[0].startswith("Fickle")] == FICKLE
        with TiffStorage.open(path) as storage:
            assert len(storage.get_image_coordinates_list()) == 51


OF = "a metadata translator failed, so its values are left out: "
FICKLE = [
    ("Fickle.plane_values", OF + "ValueError: could not convert string to float: 'no 0'"),
    ("Fickle.frame_values", OF + "KeyError: 'no 0'"),
    ("Fickle.plane_values", OF + "TypeError: float() argument must be a string or a real number, not 'list'"),
]


def by_plane(path, frames):
    """Return the keys of metadata that an image has in annotations by plane."""
    with TiffStorage(path) as storage:
        for time, metadata in enumerate(frames):
            storage.put({"time": time}, np.ones((4, 4), np.uint8), metadata)
    notes = ome_types.from_tiff(path).structured_annotations.map_annotations
    return {key for note in notes if note.namespace.endswith(":metadata-by-plane") for key in note.value}


def test_values_written_into_planes_are_not_annotated(tmp_path):
    frames = [{"exposure_ms": number + 1.0, "exposure_s": (number + 1) / 1000} for number in range(9)]
    path = tmp_path / "alike.ome.tiff"
    assert by_plane(path, frames) == set()
    assert [plane.exposure_time for plane in ome_types.from_tiff(path).images[0].pixels.planes] == [
        frame["exposure_s"] for frame in frames
    ]
    nulls = [
        frame | {"exposure_s": None} if number in (0, 4, 8) else frame for number, frame in enumerate(frames)
    ]
    assert by_plane(tmp_path / "nulls.ome.tiff", nulls) == set()
    other = [frame | {"exposure_s": 7.0} if number == 2 else frame for number, frame in enumerate(frames)]
    assert len(by_plane(tmp_path / "other.ome.tiff", other)) == 1


def wrong(**methods):
    """Make a translator with invalid answers."""
    return type("Wrong", (Translator,), {"matches": lambda _self, tags: "q" in tags} | methods)()


WRONG = [
    wrong(matches=lambda _self, _tags: np.zeros(3)),
    *(
        wrong(**{name: lambda _self, _tags, answer=answer: answer})
        for name in ("plane_values", "frame_values", "summary_values", "plane_keys", "frame_keys")
        for answer in (None, {"a": 1}, [[1]], 5, math.nan)
    ),
    wrong(plane_keys=lambda _self, tags: (tags[key] for key in ("missing",))),
    *(
        wrong(plane_values=lambda _self, _tags, field=field, value=value: PlaneValues(**{field: value}))
        for field in PlaneValues._fields
        for value in (math.inf, -math.inf, -1, 0, "1", None)
    ),
    *(
        wrong(frame_values=lambda _self, _tags, values=values: FrameValues(**values))
        for values in (
            {"acquired": datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5)))},
            {"acquired": "today"},
            {"position_name": 5},
            {"pixel_aspect": math.nan},
            {"camera": "A"},
        )
    ),
    wrong(summary_values=lambda _self, _tags: SummaryValues(channel_colors={"DAPI": (1, 2)})),
    wrong(
        summary_values=lambda _self, _tags: SummaryValues(z_step_um=-1e300, time_interval_s=-1, plate_rows=-3)
    ),
    wrong(plane_values=lambda _self, tags: tags.pop("q")),
]


@pytest.mark.parametrize("translator", WRONG)
def test_a_wrong_answer_loses_no_frame_and_leaves_a_valid_file(tmp_path, translator):
    path = tmp_path / "run.ome.tiff"
    summary, metadata = {"q": 1}, {"q": 1, "more": [2]}
    with TiffStorage(path, summary, translators=[translator]) as storage:
        for time in range(2):
            place = {"time": time, "position": "A1", "channel": "DAPI"}
            storage.put(place, np.ones((4, 4), np.uint8), metadata)
        assert metadata == {"q": 1, "more": [2]}
    assert validate_xml(tifffile.tiffcomment(path)) == []
    with TiffStorage.open(path) as storage:
        assert len(storage.get_image_coordinates_list()) == 2


@pytest.mark.parametrize("translators", [[Kelvin], [None], ["Kelvin"]])
def test_objects_other_than_translators_are_refused(tmp_path, translators):
    with pytest.raises(TypeError, match="expected an instance of a Translator"):
        TiffStorage(tmp_path / "run.ome.tiff", translators=translators)
    assert list(tmp_path.iterdir()) == []


def test_a_package_that_fails_to_load_is_logged_and_skipped(monkeypatch, caplog):
    class Entry:
        value = "missing:Dialect"

        def load(self):
            raise ImportError("no module named missing")

    monkeypatch.setattr(interpreter, "entry_points", lambda **_: [Entry()])
    interpreter._installed.cache_clear()
    try:
        assert Interpreter().read({"exposure_s": 3}).exposure_s == 3
        assert caplog.text.count("no module named missing") == 1
        other = Interpreter()  # of another dataset
        other.read({})
        other.fresh().read({})
        assert caplog.text.count("no module named missing") == 2
    finally:
        interpreter._installed.cache_clear()
    assert "no module named missing" in caplog.text


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


def test_packages_are_searched_before_the_first_frame(tmp_path, monkeypatch):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        monkeypatch.setattr(interpreter, "_installed", None)
        storage.put({"time": 0}, np.zeros((4, 4), np.uint16), KELVIN)


GROUP = "exengine_ome_tiff.translators"


def rest(*frames, of=None):
    found = Interpreter()
    for tags in frames:
        found.read(tags)
    constant, varying = found.facts().rest(np.arange(len(frames)) if of is None else np.array(of))
    decoded = {key: json.loads(column) if column else None for key, column in varying.items()}
    return {key: json.loads(text) for key, text in constant.items()}, decoded


def test_constant_and_varying_tags_are_separated():
    frames = [{"a": 1, "b": "x", "c": [number]} for number in range(3)]
    assert rest(*frames) == ({"a": 1, "b": "x"}, {"c": [[0], [1], [2]]})
    assert rest(*frames, of=[1]) == ({"a": 1, "b": "x", "c": [1]}, {})
    assert rest(*frames, of=[2, 0]) == ({"a": 1, "b": "x"}, {"c": [[2], [0]]})


def test_a_tag_that_changes_late_becomes_a_column():
    frames = [{"a": 1, "b": 2} for _ in range(5000)]
    frames[4000] = {"a": 1, "b": 3}
    constant, varying = rest(*frames)
    assert constant == {"a": 1}
    assert varying["b"] == [2] * 4000 + [3] + [2] * 999


def test_missing_keys_are_null():
    frames = [{"a": 1}, {"a": 1, "b": 2}, {"b": 2}, {}]
    assert rest(*frames) == ({}, {"a": [1, 1, None, None], "b": [None, 2, 2, None]})
    assert rest({"a": 1}, {"b": 2, "a": 1}) == ({"a": 1}, {"b": [None, 2]})


def test_facts_that_change_are_kept():
    frames = [{"Camera": "C", "C-Gain": str(gain), "Binning": "1"} for gain in (1, 5)]
    assert rest(*frames) == ({}, {"C-Gain": ["1", "5"]})
    assert rest(*frames, of=[0]) == ({}, {})


def test_a_list_modified_after_put_keeps_its_values():
    found, values = Interpreter(), [1]
    for number in range(3):
        found.read({"a": values})
        values.append(number)
    assert found.facts().rest(np.arange(3))[1] == {"a": "[[1],[1, 0],[1, 0, 1]]"}


def test_keys_become_text():
    assert rest({1: "a", None: 2, 1.5: 3}) == ({"1": "a", "None": 2, "1.5": 3}, {})
    assert rest({"a": {1: "b"}}) == ({"a.1": "b"}, {})


def test_keys_nested_in_only_some_frames_are_kept():
    frames = [{"position": None}, {"position": {"x": 1}}, {"position": {}}, {"position": {"x": 2}}]
    assert rest(*frames) == ({}, {"position": [None, None, {}, None], "position.x": [None, 1, None, 2]})


def test_wrapped_values_are_unwrapped():
    wrapped = {"PropVal": "1", "PropType": "1"}
    assert rest({"a": wrapped}, {"a": wrapped | {"PropVal": "2"}}) == ({}, {"a": ["1", "2"]})
    assert rest({"laser": {"scalar": 5, "unit": "mW"}}) == ({"laser.scalar": 5, "laser.unit": "mW"}, {})


def test_values_that_are_too_long_are_not_collected():
    constant, varying = rest(*({"long": str(number) * 1_000_000, "b": 1} for number in range(9)))
    assert (constant, varying) == ({"b": 1}, {"long": None})


def test_nested_metadata_becomes_flat():
    frames = [{"a": {"b": {"c": number}, "d": "e"}, "f": {}} for number in range(2)]
    assert rest(*frames) == ({"a.d": "e", "f": {}}, {"a.b.c": [0, 1]})


def test_translated_values_are_not_annotated_unless_unreadable():
    assert rest({"Exposure-ms": 5, "more": 1}) == ({"more": 1}, {})
    assert rest({"Exposure-ms": "soon", "more": 1}) == ({"Exposure-ms": "soon", "more": 1}, {})


def test_frames_with_unique_keys_are_limited_and_logged(caplog):
    constant, varying = rest(*({f"key {number}": number} for number in range(1000)))
    assert constant == {}
    assert len(varying) == 256
    assert caplog.text.count("more than 256 sets of metadata keys") == 1


@pytest.mark.parametrize("summary", [None, [], "text", 3, {}])
def test_an_empty_or_invalid_summary_has_no_values(summary):
    assert Interpreter().summary(summary) == SummaryValues()
