"""Recorded metadata of every dialect is translated into neutral values."""

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from exengine_ome_tiff import FrameValues, SummaryValues
from exengine_ome_tiff.translate.interpreter import Interpreter
from exengine_ome_tiff.translate.values import CameraValues

FOLDER = Path(__file__).parents[1] / "data" / "metadata"
IMAGES = sorted(path.stem for path in FOLDER.glob("*.json") if "ummary" not in path.stem)
SUMMARIES = sorted(path.stem for path in FOLDER.glob("*.json") if "ummary" in path.stem)

CAMERA = CameraValues("Camera", binning="1x1")
DEMO_CAMERA = CameraValues("Camera", "DCam", "DemoCamera-MultiMode", "V1.0", "1x1", 0.0, 0.0, bit_depth=16)
OBJECTIVE = "Nikon 10X S Fluor"


def stamp(text):
    return datetime.fromisoformat(text)


def clock(text):
    return stamp(text).replace(tzinfo=UTC).timestamp()


def core(elapsed_ms, received, camera=CAMERA):
    """Return the values of ExEngine's plain tags."""
    plane = {"elapsed_s": elapsed_ms / 1000, "local_clock_s": clock(received)}
    return plane, FrameValues(acquired=stamp(received), camera=camera)


def rich(received, xyz, elapsed_ms=None, by_core=None):
    """Return the values of ExEngine's tags with tags that a script adds."""
    plane = {"utc_s": clock(received), "exposure_s": 0.01, "pixel_size_um": 1, "bit_depth": 16}
    plane |= dict(zip(("x_um", "y_um", "z_um"), xyz, strict=True))
    if by_core is not None:
        plane |= {"elapsed_s": elapsed_ms / 1000, "local_clock_s": clock(by_core)}
    return plane, FrameValues(acquired=stamp(received).replace(tzinfo=UTC), camera=CAMERA)


def plus(elapsed_ms, exposure_ms, xyz=None, name=None, received=None):
    """Return the values of pymmcore-plus metadata."""
    plane = {"elapsed_s": elapsed_ms / 1000, "exposure_s": exposure_ms / 1000, "pixel_size_um": 1}
    plane |= dict(zip(("x_um", "y_um", "z_um"), xyz or (), strict=False))
    if received is None:
        return plane, FrameValues(position_name=name, camera=CameraValues("Camera"))
    plane |= {"local_clock_s": clock(f"2026-11-22 {received}")}
    return plane, FrameValues(stamp(f"2026-11-22 {received}"), name, camera=CAMERA)


def studio(acquired, camera, objective=OBJECTIVE, **more):
    plane = {"elapsed_s": 0.49, "exposure_s": 0.012, "pixel_size_um": 1, "bit_depth": 16}
    plane |= {"x_um": 10, "y_um": 20, "z_um": 2} | more
    return plane, FrameValues(acquired, "A2-Site_0", objective, camera=camera)


def java(exposure_ms, camera=DEMO_CAMERA, received=None, elapsed_ms=None, acquired=None):
    plane = {"exposure_s": exposure_ms / 1000, "pixel_size_um": 1, "bit_depth": 16}
    if received is not None:
        plane |= {"local_clock_s": clock(received), "elapsed_s": elapsed_ms / 1000}
    acquired = acquired or received
    return plane, FrameValues(
        acquired=None if acquired is None else stamp(acquired), objective=OBJECTIVE, camera=camera
    )


NOTHING = ({}, FrameValues())
EASTERN = timezone(timedelta(hours=-4))
_MM2, _MM2_FRAME = studio(
    datetime(2026, 11, 22, 6, 58, 41, 123000, UTC),
    DEMO_CAMERA,
    utc_s=clock("2026-11-22 06:58:41.123"),
    local_clock_s=clock("2026-11-22 06:58:41.122998"),
)
EXPECTED = {
    "acqengj_java_image_CONSTRUCTED": studio(stamp("2026-11-22 06:58:41"), DEMO_CAMERA),
    "exengine_plain_sequence_16bit": core(10.93, "2026-11-22 07:11:29.288360"),
    "exengine_plain_sequence_32bitRGB": core(19.74, "2026-11-22 07:10:48.669920"),
    "exengine_plain_sequence_z_triggered_16bit": core(10.31, "2026-11-22 07:11:30.583913"),
    "exengine_plain_sequence_z_triggered_32bitRGB": core(17.5, "2026-11-22 07:10:49.072932"),
    "exengine_plain_snap_position_channel_16bit": NOTHING,
    "exengine_plain_snap_position_channel_32bitRGB": NOTHING,
    "exengine_plain_snap_z_16bit": NOTHING,
    "exengine_plain_snap_z_32bitRGB": NOTHING,
    "exengine_rich_sequence_16bit": rich(
        "2026-11-22 07:11:23.414179", (0, 0, 0), 10.82, "2026-11-22 07:11:23.413296"
    ),
    "exengine_rich_sequence_z_triggered_16bit": rich(
        "2026-11-22 07:11:25.616799", (9000, 0, 2), 10.69, "2026-11-22 07:11:25.612547"
    ),
    "exengine_rich_snap_position_channel_16bit": rich("2026-11-22 07:11:24.630662", (0, 0, 2)),
    "exengine_rich_snap_z_16bit": rich("2026-11-22 07:11:24.507377", (0, 0, -2)),
    "exengine_sequence_multicamera": core(
        31.51, "2026-11-22 06:59:33.076226", CameraValues("Camera2", binning="1x1")
    ),
    "mm1_or_2beta_image_CONSTRUCTED": studio(
        datetime(2012, 4, 20, 13, 46, 3, tzinfo=EASTERN), CAMERA, objective=None
    ),
    "mm2_multipagetiff_image_CONSTRUCTED": (
        _MM2,
        FrameValues(_MM2_FRAME.acquired, "A2-Site_0", OBJECTIVE, 1.0, DEMO_CAMERA),
    ),
    "mmcorej_dialect_sequence": java(7.5, received="2026-11-22 06:59:28.985939", elapsed_ms=24.88),
    "mmcorej_dialect_snap": java(7.5),
    "pycromanager_py_t_seq_image_last": (
        {
            "elapsed_s": 0,
            "local_clock_s": clock("2026-11-22 06:58:41.830458"),
            "exposure_s": 0.012,
            "pixel_size_um": 1,
        },
        FrameValues(acquired=stamp("2026-11-22 06:58:41.830458"), camera=CAMERA),
    ),
    "pycromanager_py_tpcz_image_last": (
        {
            "elapsed_s": 0.490359619140625,
            "exposure_s": 0.012,
            "x_um": 10,
            "y_um": 20,
            "z_um": 2,
            "pixel_size_um": 1,
        },
        FrameValues(stamp("2026-11-22 06:58:41"), "A2-Site_0", camera=CameraValues("Camera")),
    ),
    "pymmcoreplus_getTaggedImage_snap": java(10, acquired="2026-11-22 07:22:45.329907"),
    "pymmcoreplus_hwseq_FrameMetaV1_first": plus(15.961244999900009, 12, received="06:57:42.216846"),
    "pymmcoreplus_hwseq_FrameMetaV1_last": plus(65.6212449999, 12, received="06:57:42.266402"),
    "pymmcoreplus_popNextTaggedImage_sequence": java(
        10, received="2026-11-22 07:22:45.522842", elapsed_ms=10.22
    ),
    "pymmcoreplus_rgb_FrameMetaV1_first": plus(14.236316000005026, 12, received="06:57:42.296940"),
    "pymmcoreplus_rgb_FrameMetaV1_last": plus(27.026316000005025, 12, received="06:57:42.309736"),
    "pymmcoreplus_tpcz_snap_FrameMetaV1_first": plus(17.327985000065382, 5, (0, 0, -1)),
    "pymmcoreplus_tpcz_snap_FrameMetaV1_last": plus(544.4052200000442, 12, (100.005, 49.995, 6), "A1-Site_0"),
    "pymmcoreplus_wellplate_FrameMetaV1_first": plus(33.83652999991682, 12, (0.21, 0, 0), "A1_0000"),
    "pymmcoreplus_wellplate_FrameMetaV1_last": plus(
        1374.599773, 12, (9000.119999999999, -8999.955, 0), "B2_0001"
    ),
}


CHANNEL_NAMES = {
    "acqengj_java_image_CONSTRUCTED": "FITC",
    "mm1_or_2beta_image_CONSTRUCTED": "FITC",
    "mmcorej_dialect_sequence": "FITC",
    "mmcorej_dialect_snap": "FITC",
    "pymmcoreplus_getTaggedImage_snap": "FITC",
    "pymmcoreplus_hwseq_FrameMetaV1_first": "DAPI",
    "pymmcoreplus_hwseq_FrameMetaV1_last": "DAPI",
    "pymmcoreplus_popNextTaggedImage_sequence": "FITC",
    "pymmcoreplus_tpcz_snap_FrameMetaV1_first": "DAPI",
    "pymmcoreplus_tpcz_snap_FrameMetaV1_last": "FITC",
}


def recorded(name):
    return json.loads((FOLDER / f"{name}.json").read_text("utf-8"))


@pytest.mark.parametrize("name", IMAGES)
def test_recorded_frames_are_translated(name):
    interpreter = Interpreter()
    expected, frame = EXPECTED[name]
    plane = interpreter.read(recorded(name))
    assert {field: value for field, value in plane._asdict().items() if not math.isnan(value)} == (
        pytest.approx(expected, rel=1e-14, abs=1e-9)
    )
    assert interpreter.frame(recorded(name)) == replace(frame, channel_name=CHANNEL_NAMES.get(name))


DEMO_CAMERAS = {"Camera": DEMO_CAMERA}
PLUS = {"objective": OBJECTIVE, "pixel_size_um": 1.0, "cameras": DEMO_CAMERAS}
ENGINE = SummaryValues(started=stamp("2026-11-22 06:58:41"), pixel_size_um=1.0)
EXPECTED_SUMMARIES = {
    "acqengj_java_summary_CONSTRUCTED": replace(ENGINE, objective=OBJECTIVE, cameras=DEMO_CAMERAS),
    "pycromanager_py_t_seq_summary": replace(ENGINE, cameras={"Camera": CameraValues("Camera")}),
    "pycromanager_py_tpcz_summary": replace(ENGINE, cameras={"Camera": CameraValues("Camera")}),
    "mm2_summary_CONSTRUCTED": SummaryValues(
        started=datetime(2026, 11, 22, 6, 58, 40, 633000, UTC),
        time_interval_s=5.0,
        z_step_um=1.0,
        user_name="jdoe",
        channel_names={0: "DAPI", 1: "FITC"},
        position_names={0: "A1-Site_0", 1: "A2-Site_0"},
        channel_colors={"DAPI": (0, 0, 255), "FITC": (0, 255, 0), "0": (0, 0, 255), "1": (0, 255, 0)},
        wells={"A1-Site_0": "A1", "A2-Site_0": "A2"},
    ),
    "pymmcoreplus_hwseq_SummaryMetaV1": SummaryValues(
        started=datetime(2026, 11, 22, 6, 57, 42, 52443, UTC), channel_names={0: "DAPI"}, **PLUS
    ),
    "pymmcoreplus_rgb_SummaryMetaV1": SummaryValues(
        started=datetime(2026, 11, 22, 6, 57, 42, 274181, UTC), **PLUS
    ),
    "pymmcoreplus_tpcz_snap_SummaryMetaV1": SummaryValues(
        started=datetime(2026, 11, 22, 6, 57, 41, 498927, UTC),
        time_interval_s=0.05,
        z_step_um=1.0,
        channel_names={0: "DAPI", 1: "FITC"},
        position_names={1: "A1-Site_0"},
        **PLUS,
    ),
    "pymmcoreplus_wellplate_SummaryMetaV1": SummaryValues(
        started=datetime(2026, 11, 22, 6, 57, 42, 328343, UTC),
        plate_name="96-well",
        plate_rows=8,
        plate_columns=12,
        **PLUS,
    ),
}


@pytest.mark.parametrize("name", SUMMARIES)
def test_recorded_summaries_are_translated(name):
    assert Interpreter().summary(recorded(name)) == EXPECTED_SUMMARIES[name]


def known(**tags):
    plane = Interpreter().read(tags)
    return {field: value for field, value in plane._asdict().items() if not math.isnan(value)}


@pytest.mark.parametrize(
    "value", [None, "", "fast", [], {}, True, float("nan"), float("inf"), "1e999", 10**400]
)
def test_values_other_than_numbers_are_unknown(value):
    names = ("Exposure-ms", "XPositionUm", "ElapsedTime-ms", "PixelSizeUm", "BitDepth", "exposure_ms")
    assert known(**dict.fromkeys(names, value)) == {}


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"Exposure-ms": "12.5", "ZPositionUm": "-3"}, {"exposure_s": 0.0125, "z_um": -3}),
        ({"Exposure-ms": -1, "XPositionUm": 1}, {"x_um": 1}),
        ({"ExposureMs": 3}, {"exposure_s": 0.003}),
        ({"Camera": "A", "A-Exposure": "7.5"}, {"exposure_s": 0.0075}),
        ({"SlicePosition": 2.5}, {"z_um": 2.5}),
        ({"PixelSizeUm": 0, "Camera": ""}, {}),
        ({"PixelSizeUm": "0.0", "Camera": ""}, {}),
        ({"PixelSizeUm": 1e-300, "Camera": ""}, {}),
        ({"Axes": {"z": 1}, "Exposure": 5, "ZPosition_um_Intended": 7}, {"exposure_s": 0.005, "z_um": 7}),
        ({"Axes": {}, "ZPosition_um": 6.9, "ZPosition_um_Intended": 7}, {"z_um": 6.9}),
        *(
            ({name: 5}, {name: 5})
            for name in ("exposure_s", "x_um", "y_um", "z_um", "pixel_size_um", "bit_depth", "elapsed_s")
        ),
        ({"elapsed_ms": 5, "exposure_ms": 7}, {"elapsed_s": 0.005, "exposure_s": 0.007}),
        ({"timestamp": "2026-01-01T00:00:01Z"}, {"utc_s": clock("2026-01-01 00:00:01")}),
        ({"timestamp": "2026-01-01 00:00:01"}, {"local_clock_s": clock("2026-01-01 00:00:01")}),
        (
            {"TimeReceivedByCore": "2026-01-01 02:00:00 +0200"},
            {"utc_s": clock("2026-01-01 00:00:00")},
        ),
        ({"Exposure-ms": {"PropVal": "10", "PropType": "1"}}, {"exposure_s": 0.01}),
        ({"Exposure-ms": {"type": "DOUBLE", "scalar": 10}}, {"exposure_s": 0.01}),
    ],
)  # fmt: skip
def test_keys_in_several_spellings_are_read(tags, expected):
    assert known(**tags) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("value", "binning"),
    [
        *[(1, "1x1"), ("2", "2x2"), ("2x2", "2x2"), ("1x2", "1x2"), ("16", "16x16"), ("no", None), (0, None)],
        *[("2,2", "2x2"), ("2,0", "2x2"), ("2 X 2", "2x2"), ("4\xd72", "4x2"), ([2, 2], "2x2")],
        *[(2.5, None), ("2.5x2.5", None), ("2x2x2", None), ("2x", None)],
    ],
)
def test_binning_is_normalized(value, binning):
    assert Interpreter().frame({"Camera": "A", "Binning": value}).camera.binning == binning


@pytest.mark.parametrize(
    ("value", "rate_mhz"),
    [
        (100, 100),
        ("540 MHz", 540),
        ("560kHz", 0.56),
        ("100MHz 16bit", 100),
        ("12,5 mhz", 12.5),
        ("High", None),
    ],
)
def test_readout_rates_are_numbers_or_text_with_a_unit(value, rate_mhz):
    camera = Interpreter().frame({"Camera": "A", "A-ReadoutRate": value}).camera
    assert camera.readout_mhz == pytest.approx(rate_mhz)


@pytest.mark.parametrize(
    ("event", "measured", "expected"),
    [
        ({"mda_event": {"x_pos": 5, "exposure": 20}}, {"x_um": 4.9, "exposure_ms": 19.5}, (4.9, 0.0195)),
        ({"mda_event": {"x_pos": 5}}, {"XPositionUm": 4.9, "Exposure-ms": 19.5}, (4.9, 0.0195)),
        ({"x_pos": 5, "exposure": 20, "min_start_time": 0}, {"stage_x_mm": 0.0049}, (4.9, 0.02)),
        ({"XPosition_um_Intended": 5, "Exposure": 20}, {"x_um": 4.9}, (4.9, 0.02)),
        ({"mda_event": {"x_pos": 5, "exposure": 20}}, {"Camera": "A", "A-Exposure": 7}, (5, 0.02)),
    ],
)
def test_a_measured_value_takes_precedence_over_a_planned_one(event, measured, expected):
    for tags in (event | measured, measured | event):
        found = known(**tags)
        assert (found["x_um"], found["exposure_s"]) == pytest.approx(expected)


def test_a_stamp_with_a_zone_takes_precedence():
    tags = {"TimeReceivedByCore": "2026-01-02 03:04:05.6", "ReceivedTime": "2026-01-02 03:04:05 +0200"}
    assert Interpreter().frame(tags).acquired.utcoffset() == timedelta(hours=2)
    tags = {"ReceivedTime": "2026-01-02 03:04:05", "TimeReceivedByCore": "2026-01-02 03:04:05 +0200"}
    assert Interpreter().frame(tags).acquired.utcoffset() == timedelta(hours=2)
