"""Squid, Bluesky, useq events, display settings, and dicts with plain names."""

import math
from datetime import UTC, datetime

import pytest

from exengine_ome_tiff import SummaryValues
from exengine_ome_tiff.translate.interpreter import Interpreter
from exengine_ome_tiff.translate.values import CameraValues

BLUE, GREEN = -16776961, -16711936
"""Colours in Java's ARGB."""


def wrapped(value):
    """Wrap a value as in Studio's property maps."""
    return {"type": "STRING" if isinstance(value, str) else "COLOR", "scalar": value}


def known(tags):
    plane = Interpreter().read(tags)
    return {field: value for field, value in plane._asdict().items() if not math.isnan(value)}


def test_squid_rows_are_read():
    row = {"region": "A1", "fov": 3, "z_level": 2, "x (mm)": 10.5, "y (mm)": "20,25", "z (um)": 812.5}
    row |= {"z_piezo (um)": 50, "time": "2026-03-04_05-06-07.250000"}
    clock_s = datetime(2026, 3, 4, 5, 6, 7, 250000, UTC).timestamp()
    assert known(row) == {"x_um": 10500, "y_um": 20250, "z_um": 812.5, "local_clock_s": clock_s}


def test_squid_parameters_are_read():
    summary = {"dz(um)": 1.5, "dt(s)": 30, "sensor_pixel_size_um": 3.76, "tube_lens_mm": 50}
    summary |= {"objective": {"magnification": 20, "NA": 0.8, "tube_lens_f_mm": 180, "name": "20x"}}
    found = Interpreter().summary(summary)
    assert found.pixel_size_um == pytest.approx(3.76 / (20 * 50 / 180))
    assert (found.z_step_um, found.time_interval_s, found.objective) == (1.5, 30, "20x")
    assert (found.magnification, found.numerical_aperture) == (20, 0.8)


def test_bluesky_documents_are_read():
    event = {"descriptor": "d", "seq_num": 2, "uid": "u", "time": 1772600767.25}
    event["data"] = {"andor_cam_acquire_time": 0.05, "motor": 3.5}
    assert known(event) == {"utc_s": 1772600767.25, "exposure_s": 0.05}
    start = {"uid": "u", "scan_id": 7, "plan_name": "count", "time": 1772600767.25}
    assert Interpreter().summary(start).started == datetime.fromtimestamp(1772600767.25, UTC)
    assert known({"time": 5.0}) == {}


@pytest.mark.parametrize("container", [None, "mda_event", "event"])
def test_useq_events_are_read(container):
    event = {"index": {"t": 1, "c": 0}, "exposure": 25.0, "min_start_time": 1.5, "pos_name": "B2"}
    event |= {"x_pos": 1.0, "y_pos": -2.0, "z_pos": None, "channel": {"config": "DAPI", "group": "Channel"}}
    tags = event if container is None else {container: event}
    assert known(tags) == {"exposure_s": 0.025, "x_um": 1, "y_um": -2}
    assert Interpreter().frame(tags).position_name == "B2"


@pytest.mark.parametrize(
    "summary",
    [
        {"DAPI": {"Color": BLUE, "Min": 0, "Max": 9, "Gamma": 1.0}, "GFP": {"Color": GREEN, "Min": 0}},
        {"DisplaySettings": {"DAPI": {"Color": BLUE, "Max": 9}, "GFP": {"Color": GREEN, "Max": 9}}},
        {"Channels": [{"Name": "DAPI", "Color": BLUE}, {"Name": "GFP", "Color": GREEN}]},
        {
            "DisplaySettings": {
                "ChannelSettings": [
                    {
                        "Channel": {"type": "STRING", "scalar": "DAPI"},
                        "Color": {"type": "COLOR", "scalar": BLUE},
                    },
                    {
                        "Channel": {"type": "STRING", "scalar": "GFP"},
                        "Color": {"type": "COLOR", "scalar": GREEN},
                    },
                ]
            }
        },
    ],
)
def test_display_settings_give_channel_colors(summary):
    assert Interpreter().summary(summary).channel_colors == {"DAPI": (0, 0, 255), "GFP": (0, 255, 0)}


@pytest.mark.parametrize("summary", [{"car": {"Color": 3}}, {"Channels": 2}, {"Channels": [{"Name": "x"}]}])
def test_similar_keys_are_not_display_settings(summary):
    assert Interpreter().summary(summary) == SummaryValues()


@pytest.mark.parametrize("container", [None, "mda_event", "event"])
def test_useq_events_without_unset_fields_are_read(container):
    for more in ({"channel": {"config": "DAPI"}}, {"y_pos": 2}):
        event = {"index": {"t": 1}, "exposure": 25.0, **more}
        assert known(event if container is None else {container: event})["exposure_s"] == 0.025
    assert known({"index": {"t": 1}, "exposure": 25.0}) == {}


def test_plain_device_names_are_read():
    tags = {"camera": "Zyla", "binning": [2, 2], "gain": "1.5", "objective": "20x/0.8"}
    frame = Interpreter().frame(tags)
    assert frame.camera == CameraValues("Zyla", binning="2x2", gain=1.5)
    assert frame.objective == "20x/0.8"
