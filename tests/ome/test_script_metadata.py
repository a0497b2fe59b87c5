"""Facts in the spellings of scripts: each is in OME, in an annotation, or reported with a fix."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

FRAME = np.ones((6, 8), np.uint16)
NOON = datetime.fromisoformat("2026-11-27T12:00:00.25")


@pytest.mark.parametrize(
    "key",
    [
        *(
            "timestamp",
            "Timestamp",
            "time_stamp",
            "TimeStamp",
            "datetime",
            "DateTime",
            "date",
            "Date",
            "time",
        ),
        *("acquisition_time", "AcquisitionDate", "acquired at", "capture_time", "frame time", "metadata.utc"),
    ],
)
def test_timestamps_count_in_any_spelling(record, key):
    result = record({key: "2026-11-27T12:00:00.250Z"}, {key: "2026-11-27T12:00:01.750Z"})
    assert result.image.acquisition_date == NOON.replace(tzinfo=UTC)
    assert [plane.delta_t for plane in result.planes] == [0, 1.5]
    assert (result.notes, result.lines) == ({}, [])


def test_unix_time_counts_under_the_name_time(record):
    result = record({"time": 1795780800.25}, {"time": 1795780802.25})
    assert result.image.acquisition_date == NOON.replace(tzinfo=UTC)
    assert [plane.delta_t for plane in result.planes] == [0, 2]


@pytest.mark.parametrize(
    ("stamp", "has_zone"),
    [
        ("27.11.2026 12:00:00,25", False),
        ("20261127T120000.25Z", True),
        ("2026-11-27 12:00:00.250 UTC", True),
        ("2026-11-27T13:00:00.25+01:00[Europe/Berlin]", True),
        ("2026-11-27 12:00:00.25", False),
    ],
)
def test_timestamps_in_many_formats(record, stamp, has_zone):
    result = record({"timestamp": stamp})
    assert result.image.acquisition_date == NOON.replace(tzinfo=UTC if has_zone else None)
    assert result.lines == []


@pytest.mark.parametrize(
    "stamp", ["2026-11-27 12:00", "Fri Nov 27 12:00:00 2026", "Fri Nov  6 12:00:00 2026"]
)
def test_timestamps_without_fractions(record, stamp):
    day = 6 if "6 12" in stamp else 27
    assert record({"timestamp": stamp}).image.acquisition_date == datetime.fromisoformat(
        f"2026-11-{day:02}T12:00:00"
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [("timestamp", "11/27/2026 12:00:00 PM"), ("Time", "27-Nov-2026 12:00"), ("date", "2026-11-27")],
)
@pytest.mark.parametrize("more", [{}, {"UUID": ""}])
def test_unreadable_timestamps_are_reported(record, key, value, more):
    result = record({key: value} | more, {key: value} | more)
    assert result.notes == {key: value} | more
    assert result.lines == [
        (
            f"metadata key '{key}' has the value \"{value}\", which cannot be read: "
            "write a time such as 2026-11-22T07:11:23.41+01:00"
        )
    ]


def test_a_possible_frame_time_is_reported(record):
    result = record({"start_time": "2026-11-27T12:00:00Z"})
    assert result.image.acquisition_date is None
    assert result.lines == [
        (
            "metadata key 'start_time' holds a time, but its name does not identify it as the time of the "
            "frame: write timestamp"
        )
    ]
    assert record({"start_time": "2026-11-27T12:00:00Z", "timestamp": "2026-11-27T12:00:09Z"}).lines == []


def test_keys_that_are_not_times_are_not_reported(record):
    for metadata in ({"time": 3, "t": 2, "date": "monday"}, {"index": {"time": 1}}, {"time": None}):
        assert record(metadata, metadata).lines == []


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"position_um": [1.5, -2, 3]}, (1.5, -2, 3)),
        ({"stagePositionUm": (4, 5.5)}, (4, 5.5, None)),
        ({"stage_mm": {"x": 1, "y": 2}}, (1000, 2000, None)),
        ({"position (nm)": {"x": 500, "z": 1500}}, (0.5, None, 1.5)),
        ({"xyz_um": np.array([1, 2, 3])}, (1, 2, 3)),
        ({"z": {"value": 2, "unit": "mm"}}, (None, None, 2000)),
        ({"PositionX": 3.5, "PositionXUnit": "µm"}, (3.5, None, None)),
        ({"x_um": [7.5]}, (7.5, None, None)),
    ],
)
def test_positions_as_lists_and_with_separate_units(record, metadata, expected):
    result = record(metadata)
    plane = result.planes[0]
    assert (plane.position_x, plane.position_y, plane.position_z) == expected
    assert result.lines == []
    assert all("nit" in key for key in result.notes)


@pytest.mark.parametrize("value", [5, [1, 2, 3, 4], "here"])
def test_an_unreadable_list_is_reported(record, value):
    (line,) = record({"position_um": value}).lines
    assert line.startswith("metadata key 'position_um' has the value")
    assert line.endswith("write a list such as [1.5, -2, 3]")


def test_a_changing_unit_is_followed_or_reported(record):
    result = record({"exposure": 5, "exposure_unit": "ms"}, {"exposure": 6, "exposure_unit": "us"})
    assert result.planes[0].exposure_time == 0.005
    assert result.planes[1].exposure_time is None
    assert "exposure" in result.notes


@pytest.mark.parametrize(
    "metadata",
    [
        *(
            {"um_per_pixel": 0.25},
            {"pixel size (um/px)": 0.25},
            {"nm_per_px": 250},
            {"scale (µm/pixel)": 0.25},
        ),
        *({"pixel_size": "250 nm/px"}, {"voxel_size_x_um": 0.25}, {"physical_size_um": {"x": 0.25}}),
        {"PhysicalSizeX": 250, "PhysicalSizeXUnit": "nm"},
    ],
)
def test_pixel_sizes_in_many_spellings(record, metadata):
    result = record(metadata)
    assert (result.image.pixels.physical_size_x, result.lines) == (0.25, [])


def test_pixels_that_are_not_square(record):
    result = record({"pixel_size_x_um": 0.25, "pixel_size_y_um": 0.5, "voxel_size_z_um": 2})
    pixels = result.image.pixels
    assert (pixels.physical_size_x, pixels.physical_size_y, pixels.physical_size_z) == (0.25, 0.5, 2)
    assert (result.notes, result.lines) == ({}, [])


def test_a_camera_in_a_nested_dict(record):
    camera = {
        "name": "left",
        "vendor": "Maker",
        "model": "M 5",
        "serial number": "17",
        "gain": 2,
        "offset": 90,
    }
    result = record({"camera": camera | {"binning": [2, 2], "exposure_ms": 4}})
    detector, settings = result.detector, result.settings
    assert (detector.manufacturer, detector.model, detector.serial_number) == ("Maker", "M 5", "17")
    assert (settings.gain, settings.offset, settings.binning.value) == (2, 90, "2x2")
    assert result.planes[0].exposure_time == 0.004
    assert (result.notes, result.lines) == ({"camera.name": "left"}, [])


def test_settings_of_a_camera_without_a_name(record):
    result = record({"Gain": "2,5", "binning": 4})
    assert (result.settings.gain, result.settings.binning.value, result.detector.model) == (2.5, "4x4", None)
    assert result.notes == {}


def test_a_bit_depth_that_does_not_fit_is_reported(record):
    result = record({"bit_depth": 12}, pixels=FRAME.astype(np.uint8))
    assert (result.image.pixels.significant_bits, result.notes) == (None, {"bit_depth": "12"})
    assert result.lines == [
        (
            "run0: 12 significant bits do not fit into pixels of uint8, so SignificantBits is not written: "
            "put frames as the camera delivers them"
        )
    ]
    assert record({"bit_depth": 12}, pixels=FRAME.astype(np.float32)).lines == []  # they were computed


@pytest.mark.parametrize(("value", "bits"), [("12-bit", 12), ("14 bit", 14), (11.0, 11), (11.5, None)])
def test_bit_depths(record, value, bits):
    result = record({"bit_depth": value})
    assert result.image.pixels.significant_bits == bits
    assert len(result.lines) == (bits is None)


def test_unused_clocks_are_reported_once(record):
    for clock, count in (([1, 2, 1, 2, 1, 2], 6), ([4, 4, 4], 3)):
        result = record(*({"ElapsedTime-ms": str(ms)} for ms in clock))
        assert all(plane.delta_t is None for plane in result.planes)
        assert result.lines == [
            (
                f"the clock of {count} frames restarts, stops or is far from the others, "
                "so they have no DeltaT: write the acquisition time of each frame, for example as timestamp"
            )
        ]


def test_values_that_differ_within_an_image_are_reported_once(record):
    tags = [{"camera": "C", "objective": f"{10 * n}x", "gain": n, "binning": 1} for n in (1, 2, 3)]
    result = record(*tags)
    assert (result.image.objective_settings, result.settings.gain, result.settings.binning.value) == (
        None,
        None,
        "1x1",
    )
    assert result.lines == [
        (
            "run0: frames have different values of gain, which is not written: "
            "put them at different positions or channels"
        ),
        (
            "run0: frames have different values of objective, which is not written: "
            "put them at different positions"
        ),
    ]
    assert record(*tags, axis="position").lines == []


def test_a_summary_provides_what_frames_lack(record):
    summary = {"exposure_ms": 20, "objective": "60x/1.4 Oil", "camera": "C", "gain": 3, "bit_depth": 12}
    summary |= {"camera_model": "Model C", "start_time": "2026-11-27T12:00:00.25Z"}
    result = record({}, {}, summary=summary)
    assert [plane.exposure_time for plane in result.planes] == [0.02, 0.02]
    (objective,) = result.document.instruments[0].objectives
    assert (objective.nominal_magnification, result.settings.gain, result.detector.model) == (
        60,
        3,
        "Model C",
    )
    assert result.image.pixels.significant_bits == 12
    assert result.image.acquisition_date == NOON.replace(tzinfo=UTC)
    assert result.lines == []


def test_a_summary_does_not_override_frames(record):
    summary = {"exposure_ms": 20, "objective": "60x/1.4 Oil", "bit_depth": 12, "z_step_um": 4}
    frames = [
        {"exposure_ms": 5, "objective": "4x/0.13", "bit_depth": 10, "z_step_um": 2},
        {"exposure_ms": "auto"},
    ]
    result = record(*frames, summary=summary)
    assert [plane.exposure_time for plane in result.planes] == [0.005, None]
    assert result.document.instruments[0].objectives[0].lens_na == 0.13
    assert (result.image.pixels.significant_bits, result.image.pixels.physical_size_z) == (10, 2)
    assert "metadata key 'exposure_ms' has the value \"auto\"" in result.lines[0]


def test_a_value_that_cannot_be_read_stays_in_annotations_beside_the_summary(record):
    result = record({"exposure_ms": "auto"}, summary={"exposure_ms": 20})
    assert result.planes[0].exposure_time == 0.02
    assert result.notes == {"exposure_ms": "auto"}
    assert len(result.lines) == 1


def test_the_state_of_devices_in_a_summary_of_an_engine(record):
    cache = {"Core-Camera": "Cam-1", "Cam-1-Gain": "4", "Cam-1-CameraID": "S7", "Nosepiece-Label": "20x/0.8"}
    result = record({}, summary={"DateAndTime": "2026/11/27 12:00:00", "SystemStateCache": cache})
    assert (result.settings.gain, result.detector.serial_number) == (4, "S7")
    assert result.document.instruments[0].objectives[0].lens_na == 0.8


@pytest.mark.parametrize(
    ("summary", "line"),
    [
        ({"z_step": 0.5}, "summary key 'z_step' has no unit: write z_step_um"),
        ({"frame_rate": 5}, "summary key 'frame_rate' has no unit: write frame_rate_hz"),
        ({"pixl_size_um": 0.5}, "summary key 'pixl_size_um' is not understood: write pixel_size_um"),
        (
            {"Interval_ms": "soon"},
            (
                "summary key 'Interval_ms' has the value \"soon\", which cannot be read: "
                "write a number, such as 12.5"
            ),
        ),
        (
            {"StartTime": "noon"},
            (
                "summary key 'StartTime' has the value \"noon\", which cannot be read: "
                "write a time such as 2026-11-22T07:11:23.41+01:00"
            ),
        ),
    ],
)
def test_unknown_summary_keys_are_reported(record, summary, line):
    assert record({}, {}, summary=summary).lines == [line]


@pytest.mark.parametrize(
    "summary",
    [
        {"z_step": 0.5, "z_step_um": 0.5},
        {"z-step_um": 0, "Interval_ms": 0, "PixelSize_um": None, "StartTime": ""},
        {"position": {"x": 1, "y": 2}, "operator": "me", "dose": 3, "settings": {"laser_mW": 4}},
    ],
)
def test_summary_keys_that_need_no_place_are_not_reported(record, summary):
    assert record({}, summary=summary).lines == []


@pytest.mark.parametrize(
    "metadata",
    [
        {"exposure_ms": {"value": 5, "timestamp": 1795780800.5}},
        {"format": "frame-dict", "camera_metadata": {"Height": "512", "Width": "512", "ImageNumber": "4"}},
        {"Camera": "C", "UserData": {"Width": 512, "PositionIndex": 2}, "C-Binning": "1"},
    ],
)
def test_known_keys_are_not_reported(record, metadata):
    assert record(metadata, pixels=np.zeros((512, 512), "u2")).lines == []


def test_the_fix_for_a_frame_rate_works(record):
    assert record({"fps": 20}).lines == []
    assert record({"frame_rate": 20}).lines == ["metadata key 'frame_rate' has no unit: write frame_rate_hz"]


def test_frames_with_always_different_keys_are_in_ome(record):
    plus = {"format": "frame-dict", "camera_device": "C", "mda_event": {"exposure": 9}}
    frames = [
        {f"own {n}": n, "Camera": "C", "C-Gain": 3, "Nosepiece-Label": "20x/0.8", "Exposure": n, "UUID": "u"}
        | (plus if n % 2 else {})
        for n in range(300)
    ]
    result = record(*frames)
    assert result.settings.gain == 3
    assert result.document.instruments[0].objectives[0].lens_na == 0.8
    assert [plane.exposure_time for plane in result.planes] == [n / 1000 for n in range(300)]
    assert "own 299" not in result.notes
    assert result.notes["(in the records only)"]
    assert result.lines == []


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"exposure_ms": 10, "camera.exposure_ms": 20}, "'exposure_ms' and 'camera.exposure_ms'"),
        ({"x_um": 1, "stage": {"x_um": 2}}, "'x_um' and 'stage.x_um'"),
        ({"exposure_ms": 10, "camera": {"exposure_us": 10_000}}, ""),
        ({"x_um": 1, "actual_x_um": 1.2}, ""),  # the measured position
    ],
)
def test_synonymous_keys_that_differ_are_reported_once(record, keys, line):
    result = record(*[keys] * 3)
    assert result.lines == (
        [f"metadata keys {line} have different values; only the first is used: remove one of them"]
        if line
        else []
    )
    if "exposure_ms" in keys:
        assert [plane.exposure_time for plane in result.planes] == [0.01] * 3


@pytest.mark.parametrize(
    ("keys", "optics"),
    [
        ({"magnification": 60, "NA": 1.4, "immersion": "oil"}, (60, 1.4, "Oil")),
        ({"objective": {"magnification": "20x", "numerical_aperture": 0.8}}, (20, 0.8, None)),
        ({"objective_na": 0.5}, (None, 0.5, None)),
        ({"objective": "Plan 40x/0.95", "magnification": 60, "NA": 1.4}, (40, 0.95, None)),
        ({"magnification": 0, "NA": 3, "immersion": "Oil"}, None),
        ({"immersion": "Oil"}, None),
    ],
)
@pytest.mark.parametrize("is_summary", [False, True])
def test_optics_keys_make_an_objective(record, keys, optics, is_summary):
    result = record({}, summary=keys) if is_summary else record(keys, keys)
    found = [
        (each.nominal_magnification, each.lens_na, each.immersion and each.immersion.value)
        for instrument in result.document.instruments
        for each in instrument.objectives
    ]
    assert found == ([] if optics is None else [optics])
    if not is_summary and optics is not None and "objective" not in keys:
        assert result.notes == {}  # all of them are in elements


@pytest.mark.parametrize("is_summary", [False, True])
def test_optics_keys_and_an_objective_label_are_combined(record, is_summary):
    keys = {"objective": {"name": "Plan Apo", "magnification": 60, "NA": 1.4}}
    result = record({}, summary=keys) if is_summary else record(keys, keys)
    (objective,) = result.document.instruments[0].objectives
    assert (objective.model, objective.nominal_magnification, objective.lens_na) == ("Plan Apo", 60, 1.4)
    assert result.lines == []


def test_optics_keys_alone_give_no_model(record):
    (objective,) = record({"magnification": 60, "NA": 1.4}).document.instruments[0].objectives
    assert (objective.model, objective.nominal_magnification) == (None, 60)


def test_an_objective_ignores_optics_of_another_one_in_the_summary(record):
    result = record({"objective": "Plan 20x"}, summary={"objective": "Apo 60x", "NA": 1.4})
    (objective,) = result.document.instruments[0].objectives
    assert (objective.nominal_magnification, objective.lens_na) == (20, None)


@pytest.mark.parametrize(
    ("key", "wrong", "fix", "right"),
    [
        ("stage_pos", [1, 2, 3], "write stage_pos_um", {"stage_pos_um": [1, 2, 3]}),
        ("elapsed_s", "00:00:05", "write a number, such as 12.5", {"elapsed_s": 12.5}),
        ("binning", "auto", "write a whole number, such as 2", {"binning": 2}),
        ("objective", 5, "write a label such as Plan Apo 60x/1.4 Oil", {"objective": "Plan Apo 60x/1.4 Oil"}),
        ("objective.magnification", "big", "write a number, such as 60", {"objective.magnification": 60}),
        ("NA", 3, "write a number, such as 1.4", {"NA": 1.4}),
        ("gain", "high", "write a number, such as 12.5", {"gain": 12.5}),
    ],
)
def test_an_unreadable_value_is_reported_with_a_fix_that_works(record, key, wrong, fix, right):
    result = record({key: wrong}, {key: wrong})
    assert [line.rpartition(": ")[2] for line in result.lines] == [fix]
    assert f"'{key}'" in result.lines[0]
    result = record(right)
    assert result.lines == []
    assert not result.notes.keys() & right.keys()  # it is in an element


def test_axes_joined_with_the_word_for_a_place(record):
    result = record({"xpos_um": 1, "YPos[mm]": "0,5", "stagez_um": 3})
    assert [(each.position_x, each.position_y, each.position_z) for each in result.planes] == [(1, 500, 3)]


def test_a_time_span_is_stored_in_the_unit_of_its_key(record):
    (plane,) = record({"exposure_ms": timedelta(milliseconds=5)}).planes
    assert plane.exposure_time == 0.005


def test_serial_numbers_may_be_numbers(record):
    (detector,) = record({"camera": {"serial_number": 1234, "model": 42}}).document.instruments[0].detectors
    assert (detector.serial_number, detector.model) == ("1234", "42")


def test_conflicting_pixel_sizes_in_a_summary_are_reported(record):
    assert record({}, summary={"pixel_size_um": 0.1, "PixelSizeUm": 0.1}).lines == []
    (line,) = record({}, summary={"pixel_size_um": 0.1, "PixelSizeUm": 0.2}).lines
    assert line.startswith(
        "summary keys 'pixel_size_um' and 'PixelSizeUm' have different values; only one is used"
    )


def test_timestamps_without_a_zone_among_others_are_reported(record):
    stamps = "2026-11-27T10:00:00.5+01:00", "2026-11-27T09:00:01.5Z", "2026-11-27T10:00:02.5"
    (line,) = record(*({"timestamp": stamp} for stamp in stamps)).lines
    assert line.startswith("the timestamps of 1 frame have no time zone, unlike the others")
    assert line.endswith(": add the time zone to all timestamps")


def test_conflicting_optics_make_no_objective(record):
    result = record({"magnification": 60, "NA": 1.4}, {"magnification": 20, "NA": 1.4})
    assert result.document.instruments == []
    assert json.loads(result.notes["magnification"]) == [60, 20]
    assert len(result.lines) == 1
    assert "different values of objective" in result.lines[0]


@pytest.mark.parametrize("key", ["ExposureTime", "ExposureTimeAbs"])
def test_genicam_keys_in_microseconds(record, key):
    assert record({key: 10_000.0}).lines == [f"metadata key '{key}' has no unit: write {key}_us"]
    assert record({f"{key}_us": 10_000.0}).planes[0].exposure_time == pytest.approx(0.01)


def test_an_exposure_key_needs_no_unit_if_the_summary_has_one(record):
    summary = {"MicroManagerVersion": "2.0.0", "UserData": {"Exposure": {"type": "DOUBLE", "scalar": 12}}}
    result = record({"ElapsedTime-ms": 1}, summary=summary)
    assert (result.planes[0].exposure_time, result.lines) == (0.012, [])
    line = "summary key 'UserData.Exposure' has no unit: write UserData.Exposure_ms"
    assert record({}, summary={"UserData": {"Exposure": 12}}).lines == [line]


def test_an_image_size_that_contradicts_the_frames_is_reported_once(record):
    height, width = FRAME.shape
    result = record(*[{"Width": 512, "Height": 256}] * 3)
    (line,) = result.lines
    assert line == (
        f"run0: the metadata has 512 x 256 pixels, but the frames have {width} x {height}: "
        "correct Width and Height, or remove both"
    )
    assert result.notes == {"Width": "512", "Height": "256"}
    assert record({"Width": width, "Height": str(height)}).lines == []
