"""Keys whose name is a quantity with its unit."""

import math
import re
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from test_dialects import IMAGES, SUMMARIES, recorded

from exengine_ome_tiff.findings import Findings
from exengine_ome_tiff.translate.interpreter import KNOWN_KEYS, Interpreter
from exengine_ome_tiff.translate.key_findings import add_summary_findings
from exengine_ome_tiff.translate.named_facts import misspelled, near_miss
from exengine_ome_tiff.translate.quantities import meanings_of
from exengine_ome_tiff.translate.translator import flat


def known(tags):
    plane = Interpreter().read(tags)
    return {field: value for field, value in plane._asdict().items() if not math.isnan(value)}


def findings(*frames):
    interpreter = Interpreter()
    for tags in frames:
        interpreter.read(tags)
    found = Findings()
    interpreter.facts().rest(np.arange(len(frames)), None, found)
    return [*map(str, found)]


def summary_findings(tags):
    found = Findings()
    add_summary_findings(tags, KNOWN_KEYS, found)
    return [*map(str, found)]


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("exposure_us", 2500, {"exposure_s": 0.0025}),
        ("Exposure (ms)", "12,5", {"exposure_s": 0.0125}),
        ("exposure time [s]", 0.3, {"exposure_s": 0.3}),
        ("camera_exposure_ms", 7, {"exposure_s": 0.007}),
        ("IntegrationTimeMs", "4", {"exposure_s": 0.004}),
        ("exposure_min", 2, {"exposure_s": 120}),
        ("stage_x_um", 3, {"x_um": 3}),
        ("Stage X (mm)", 1.5, {"x_um": 1500}),
        ("x_mm", "0,25", {"x_um": 250}),
        ("YPosUm", -4, {"y_um": -4}),
        ("position_y_µm", 4, {"y_um": 4}),
        ("z (um)", 9, {"z_um": 9}),
        ("FocusNm", 1500, {"z_um": 1.5}),
        ("z_m", 1e-6, {"z_um": 1}),
        ("Pixel Size [nm]", 162.5, {"pixel_size_um": 0.1625}),
        ("pixelSizeMicrons", 0.5, {"pixel_size_um": 0.5}),
        ("BITDEPTH", 12, {}),
        ("bit_depth", 12, {"bit_depth": 12}),
        ("camera bit depth", "14", {"bit_depth": 14}),
        ("Elapsed Time (min)", 1.5, {"elapsed_s": 90}),
        ("time_s", 4.5, {"elapsed_s": 4.5}),
        ("timestamp_ms", 1795729962500, {"utc_s": 1795729962.5}),
        ("time_s", 1795729962.5, {"utc_s": 1795729962.5}),
        ("exposure", "10 ms", {"exposure_s": 0.01}),
        ("exposure_ms", "1.5 s", {"exposure_s": 1.5}),
        ("elapsed", "0:01:01.5", {"elapsed_s": 61.5}),
        ("elapsed time", "1 day, 0:00:02", {"elapsed_s": 86402}),
        ("exposure", "PT0.01S", {"exposure_s": 0.01}),
        # not what they seem to be
        ("time", "10:01:01.5", {}),
        ("exposure", "P", {}),
        ("exposure", 10, {}),
        ("z", 3, {}),
        ("sensor_pixel_size_um", 6.5, {}),
        ("camera_pixel_size_um", 6.5, {}),
        ("galvo_x_um", 3, {}),
        ("x_offset_um", 3, {}),
        ("exposure_um", 3, {}),
        ("DAPI_exposure_ms", 3, {}),
        ("readout_time_ms", 3, {}),
        ("exposure_ms", "1.234.5", {}),
        ("exposure_ms", -3, {}),
        ("pixel_size_um", 0, {}),
    ],
)
def test_names_with_units_are_read(key, value, expected):
    assert known({key: value}) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("ticks", "seconds"),
    [
        (1795729962.5, 1795729962.5),
        ("1795729962.5", 1795729962.5),
        (1795729962500, 1795729962.5),
        (1795729962500000, 1795729962.5),
        (1795729962500000000, 1795729962.5),
        (12.5, None),
    ],
)
def test_unix_time_is_read_in_any_unit(ticks, seconds):
    assert known({"timestamp": ticks}) == ({} if seconds is None else {"utc_s": seconds})


def test_nested_names_count_unless_the_dict_has_another_meaning():
    tags = {"camera": {"exposure_ms": 5}, "stage": {"x_um": 1}, "galvo": {"y_um": 2}, "user": {"z_mm": 3}}
    assert known(tags) == {"exposure_s": 0.005, "x_um": 1, "z_um": 3000}
    assert known({"xy_stage": {"x_um": 1, "y_um": 2}, "z_stage": {"z_um": 3}}) == {
        "x_um": 1, "y_um": 2, "z_um": 3
    }  # fmt: skip


def test_names_without_a_unit_are_reported_once():
    assert findings({"exposure": 5, "z": 1.5}, {"exposure": 6, "z": 2}) == [
        "metadata key 'exposure' has no unit: write exposure_ms",
        "metadata key 'z' has no unit: write z_um",
    ]
    assert findings({"exposure": 5, "exposure_ms": 5}) == []
    assert findings({"exposure": "10 ms"}) == []
    assert findings({"period": "long", "z": None, "time": 3}) == []


@pytest.mark.parametrize(
    "tags",
    [
        {"ROI": {"x": 0, "y": 0, "width": 512, "height": 512}},
        {"width": 9, "height": 8},
        {"optovar": {"magnification": 1.6}, "objective": "20x/0.5"},
        {"tube_lens": {"magnification": 0.5}},
    ],
)
def test_properties_of_other_parts_are_not_reported(tags):
    assert findings(tags) == []


@pytest.mark.parametrize(
    ("key", "label", "fix"),
    [("emission", "BP 525/50", "emission_nm"), ("excitation", "ex405", "excitation_nm")],
)
def test_filter_labels_in_the_place_of_wavelengths_are_reported(key, label, fix):
    line = f'metadata key {key!r} has the value "{label}", which cannot be read: write {fix} and a number'
    assert findings({key: label}) == [line]
    assert findings({key: "green"}) == findings({key: "488 nm"}) == []


def test_an_elapsed_time_that_cannot_be_read_is_reported():
    assert findings({"elapsed": "1m30s"}) == [
        "metadata key 'elapsed' has the value \"1m30s\", which cannot be read: write elapsed_s and a number"
    ]
    assert findings({"elapsed": "0:01:30"}) == []


@pytest.mark.parametrize(("key", "fix"), [("exposure", "exposure_ms"), ("Pixel size", "pixel_size_um")])
def test_words_in_the_place_of_a_number_are_reported_once(key, fix):
    line = f'key {key!r} has the value "fast", which cannot be read: write {fix} and a number'
    assert findings({key: "fast"}, {key: "slow"}) == [f"metadata {line}"]
    assert findings({key: "fast", fix: 5}) == findings({key: ""}) == []
    assert summary_findings({key: "fast"}) == [f"summary {line}"]


def taught_keys():
    """Return the keys in the first table of the metadata page."""
    page = (Path(__file__).parents[2] / "docs" / "explanation" / "metadata.md").read_text("utf-8")
    table = page.partition("| quantity |")[2].partition("\n\n")[0]
    return [key for row in table.splitlines()[2:] for key in re.findall(r"`(\w+)`", row.split("|")[2])]


def test_the_taught_keys_with_one_wrong_letter_are_reported():
    own = [key for key in taught_keys() if len(key) > 5]
    assert {"exposure_ms", "timestamp", "pixel_size_um", "bit_depth", "objective"} < {*own}
    values = {"timestamp": "2026-11-27T12:00:00+01:00", "objective": "10x"}
    for key in own:
        for wrong in (key[:3] + key[4:], key[:2] + key[1:], key[:2] + "q" + key[3:]):
            lines = findings({wrong: values.get(key, 8)})
            assert lines == [f"metadata key {wrong!r} is not understood: write {key}"], wrong
            if key != "elapsed_s":  # describes frames
                of_summary = [line.replace("metadata", "summary", 1) for line in lines]
                assert summary_findings({wrong: values.get(key, 8)}) == of_summary
    camera = {"Camera": "C", "Exposure-m": 5, "timesatmp": 1795729962.5, "timestmp": "no time"}
    assert findings(camera) == [
        "metadata key 'Exposure-m' is not understood: write exposure_ms",
        "metadata key 'timesatmp' is not understood: write timestamp",
    ]


def test_keys_of_programs_and_plain_words_are_not_misspelled():
    keys = [key for name in IMAGES + SUMMARIES for key in flat(recorded(name))]
    assert len({*keys}) > 400
    words = "objectives, Objective-State, binnings, timestamps, timestamp2, exposure_ms_2, bit_depths"
    words += ", times, index, beginning, spinning, position_um, pixel_size_nm, elapsed_ms, elapsed"
    for key in [*keys, *words.split(", ")]:
        assert [misspelled(key, value) for value in (5, "2026-11-27T12:00:00+01:00")] == [None, None], key


def test_the_suggestion_does_not_depend_on_the_order_of_the_known_keys():
    names = ("PixelSizeUm", "PixelSize_um", "pixelSizeUM", "Pixelsize-um")
    found = {near_miss("pixelsizeUm", order) for order in permutations(names)}
    assert len(found) == 1


@pytest.mark.parametrize(
    ("key", "suggestion"),
    [
        ("exposuretime_ms", "exposure_ms"),
        ("exposre_ms", "exposure_ms"),
        ("bitdepth", "bit_depth"),
        ("pixl_size_um", "pixel_size_um"),
        ("elapsedtime_ms", "elapsed_s"),
    ],
)
def test_near_misses_are_reported(key, suggestion):
    assert findings({key: 3}) == [f"metadata key {key!r} is not understood: write {suggestion}"]


def test_unreadable_values_are_reported():
    (line,) = findings({"Exposure-ms": 5}, {"Exposure-ms": "soon"}, {"Exposure-ms": "later"})
    assert line == (
        "metadata key 'Exposure-ms' has the value \"soon\", which cannot be read: "
        "write a number that is not negative, such as 12.5"
    )
    (line,) = findings({"timestamp": "yesterday"})
    assert "'timestamp' has the value \"yesterday\"" in line
    assert "2026-11-22T07:11:23.41+01:00" in line


def test_unreadable_stamps_are_reported_once():
    assert findings({"timestamp": "2026-05-04 12:00:01"}, {"timestamp": ""}, {"timestamp": None}) == []
    (line,) = findings({"timestamp": "yesterday"}, {"timestamp": "tomorrow"})
    assert "cannot be read" in line


@pytest.mark.parametrize("name", IMAGES)
def test_recorded_metadata_is_understood(name):
    assert findings(recorded(name)) == []


@pytest.mark.parametrize(
    "tags",
    [
        {"temperature_c": 20, "laser_power_mw": 5, "gain": 3, "operator": "me", "note": "fine"},
        {"PixelSizeUm": 0, "Exposure-ms": None, "BitDepth": "", "Camera": "C", "C-ActualExposure": "3"},
        {"index": {"z": 3, "t": 0}, "Axes": {"position": 2}},
    ],
)
def test_irrelevant_keys_are_not_reported(tags):
    assert findings(tags) == []


def test_names_are_split_into_words():
    assert [meaning.field for meaning in meanings_of("XPositionUm")] == ["x_um"]
    assert meanings_of("") == ()
    assert meanings_of("µm") == ()
