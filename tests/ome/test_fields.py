"""Each fact is resolved separately, over all dialects, and is in OME or in an annotation."""

import html
import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import tifffile
from ome_types import from_tiff

from exengine_ome_tiff import TiffStorage, info, read_frame_metadata
from readers.bioformats import validate_xml

IMAGE = np.ones((8, 9), np.uint16)
CORE = {
    "Binning": "1",
    "Camera": "Cam",
    "ElapsedTime-ms": "21.5",
    "ImageNumber": "7",
    "PixelType": "GRAY16",
    "TimeReceivedByCore": "2026-03-04 05:06:07.250000",
    "Width": "9",
    "Height": "8",
}
PLUS = {
    "format": "frame-dict",
    "version": "1.0",
    "camera_device": "Cam",
    "exposure_ms": 11.0,
    "pixel_size_um": 0.65,
    "runner_time_ms": 7.0,
}


def setting(device, name, value):
    return {"name": name, "value": value} if device is None else {"dev": device, "prop": name, "val": value}


def device(label, kind, name, **properties):
    return {
        "label": label,
        "type": kind,
        "name": name,
        "properties": [setting(None, key, value) for key, value in properties.items()],
    }


SUMMARY = {
    "format": "summary-dict",
    "version": "1.0",
    "datetime": "2026-03-04T05:00:00+02:00",
    "devices": [
        device("Cam", "CameraDevice", "ACam", Binning="2", Gain="5", CameraName="A 1"),
        device("Dia", "StateDevice", "DObjective", Label="Plan 4x/0.13")
        | {"labels": ["Plan 4x/0.13", "Plan 60x/1.4 Oil"]},
    ],
    "config_groups": [
        {
            "name": "Channel",
            "presets": [
                {"name": "low", "settings": [setting("Dia", "State", "0")]},
                {"name": "high", "settings": [setting("Dia", "State", "1"), setting("Cam", "Gain", "9")]},
            ],
        }
    ],
    "image_infos": [{"camera_label": "Cam", "pixel_format": "Mono14"}],
}


def stored(tmp_path, frames, summary=None, image=IMAGE, **options):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, summary, **options) as storage:
        for coordinates, metadata in frames:
            storage.put(coordinates, image, metadata)
    assert validate_xml(tifffile.tiffcomment(path)) == []
    return from_tiff(path), html.unescape(tifffile.tiffcomment(path))


def notes(document, suffix="metadata"):
    return [
        dict(note.value)
        for note in document.structured_annotations.map_annotations
        if note.namespace.endswith(f":{suffix}")
    ]


@pytest.mark.parametrize("others", [{}, CORE, PLUS, {"Exposure-ms": 3}, {"Axes": {"z": 1}}, {"my key": [1]}])
def test_a_key_with_a_unit_counts_in_any_dialect(tmp_path, others):
    own = {"stage_x_um": 5.5, "y_mm": 0.002, "BitDepth": 11}
    document, _ = stored(tmp_path, [({"time": 0}, others | own)])
    pixels = document.images[0].pixels
    assert (pixels.planes[0].position_x, pixels.planes[0].position_y) == (5.5, 2)
    assert pixels.significant_bits == 11


def test_the_camera_of_exengine_with_keys_of_a_script(tmp_path):
    own = {"exposure_ms": 12.0, "x_um": 3.5, "pixel_size_um": 0.2}
    document, _ = stored(tmp_path, [({"time": 0}, CORE | own)])
    pixels = document.images[0].pixels
    assert (pixels.planes[0].exposure_time, pixels.planes[0].position_x) == (0.012, 3.5)
    assert pixels.physical_size_x == 0.2
    (constant,) = notes(document)
    assert constant == {"Camera": "Cam", "ImageNumber": "7", "ElapsedTime-ms": "21.5"}


def test_hardware_triggered_frames_have_the_exposure_of_their_event(tmp_path):
    frames = [
        ({"time": time}, PLUS | {"hardware_triggered": is_hard, "mda_event": {"exposure": exposure}})
        for time, (is_hard, exposure) in enumerate([(True, 3.0), (True, 30.0), (False, 300.0)])
    ]
    document, _ = stored(tmp_path, frames, SUMMARY)
    assert [plane.exposure_time for plane in document.images[0].pixels.planes] == [0.003, 0.03, 0.011]
    (columns,) = notes(document, "metadata-by-plane")
    assert json.loads(columns["mda_event.exposure"]) == [3.0, 30.0, 300.0]


def test_the_exposure_of_an_event_is_not_annotated_if_all_frames_are_hardware_triggered(tmp_path):
    tags = PLUS | {"hardware_triggered": True, "mda_event": {"exposure": 3.0}}
    document, _ = stored(tmp_path, [({"time": time}, tags) for time in range(2)], SUMMARY)
    assert [plane.exposure_time for plane in document.images[0].pixels.planes] == [0.003, 0.003]
    (constant,) = notes(document)
    assert "mda_event.exposure" not in constant
    assert constant["exposure_ms"] == "11.0"


def told_by_values(objective, binning, gain):
    changes = [("Dia", "Label", objective), ("Cam", "Binning", binning), ("Cam", "Gain", gain)]
    return {"property_values": [setting(*each) for each in changes]}


def told_by_event(objective, binning, gain):
    changes = [["Dia", "Label", objective], ["Cam", "Binning", binning], ["Cam", "Gain", gain]]
    return {"property_values": [], "mda_event": {"properties": changes}}


@pytest.mark.parametrize("told", [told_by_values, told_by_event])
def test_each_image_has_the_state_of_its_frames(tmp_path, told):
    silent = {"property_values": [], "mda_event": {"properties": None}}
    frames = [
        ({"position": "a"}, PLUS | silent),
        ({"position": "b"}, PLUS | told("Plan 60x/1.4 Oil", "4", "7")),
        ({"position": "c"}, PLUS | silent),
        ({"position": "d"}, PLUS | told("Plan 4x/0.13", "1", "2")),
    ]
    document, _ = stored(tmp_path, frames, SUMMARY)
    models = {each.id: each.model for each in document.instruments[0].objectives}
    assert [models[image.objective_settings.id] for image in document.images] == [
        *("Plan 4x/0.13", "Plan 60x/1.4 Oil", "Plan 60x/1.4 Oil", "Plan 4x/0.13")
    ]
    settings = [image.pixels.channels[0].detector_settings for image in document.images]
    assert [(each.binning.value, each.gain) for each in settings] == [
        *(("2x2", 5), ("4x4", 7), ("4x4", 7), ("1x1", 2))
    ]


def test_presets_set_states(tmp_path):
    frames = [
        ({"channel": name}, PLUS | {"mda_event": {"channel": {"config": name, "group": "Channel"}}})
        for name in ("low", "high")
    ]
    frames = [(place | {"position": place["channel"]}, tags) for place, tags in frames]
    document, _ = stored(tmp_path, frames, SUMMARY)
    models = {each.id: each.model for each in document.instruments[0].objectives}
    assert [models[image.objective_settings.id] for image in document.images] == [
        *("Plan 4x/0.13", "Plan 60x/1.4 Oil")
    ]
    assert [image.pixels.channels[0].detector_settings.gain for image in document.images] == [5, 9]


def test_a_turret_that_returns_to_its_first_state(tmp_path):
    frames = [
        ({"position": number}, PLUS | {"property_values": [setting("Dia", "State", str(state))]})
        for number, state in enumerate((1, 0))
    ]
    document, _ = stored(tmp_path, frames, SUMMARY)
    models = {each.id: each.model for each in document.instruments[0].objectives}
    assert [models[image.objective_settings.id] for image in document.images] == [
        *("Plan 60x/1.4 Oil", "Plan 4x/0.13")
    ]


def test_values_that_differ_within_an_image_are_written_by_plane_only(tmp_path):
    frames = [
        ({"time": 0}, PLUS | told_by_event("Plan 60x/1.4 Oil", "2", "7")),
        ({"time": 1}, PLUS),
        ({"time": 2}, PLUS | told_by_event("Plan 4x/0.13", "2", "8")),
    ]
    document, _ = stored(tmp_path, frames, SUMMARY)
    (image,) = document.images
    assert image.objective_settings is None
    settings = image.pixels.channels[0].detector_settings
    assert (settings.binning.value, settings.gain) == ("2x2", None)
    (columns,) = notes(document, "metadata-by-plane")
    assert json.loads(columns["objective"]) == ["Plan 60x/1.4 Oil", "Plan 60x/1.4 Oil", "Plan 4x/0.13"]
    assert json.loads(columns["gain"]) == [7, 7, 8]


def test_flat_tags_that_differ_within_an_image(tmp_path):
    tags = {"Camera": "C", "Nosepiece-Label": "20x/0.75", "C-CameraName": "B 2"}
    frames = [({"time": time}, tags | {"C-Gain": gain}) for time, gain in enumerate("339")]
    document, _ = stored(tmp_path, frames)
    (image,) = document.images
    assert image.pixels.channels[0].detector_settings.gain is None
    assert document.instruments[0].detectors[0].model == "B 2"
    assert document.instruments[0].objectives[0].nominal_magnification == 20
    (columns,) = notes(document, "metadata-by-plane")
    assert columns == {"C-Gain": '["3","3","9"]'}
    assert notes(document) == [{"Camera": "C"}]  # it is named "B 2" in OME


def test_bit_depths_from_formats_and_devices_if_they_fit(tmp_path):
    document, _ = stored(tmp_path, [({"time": 0}, PLUS)], SUMMARY)
    assert document.images[0].pixels.significant_bits == 14
    for image, bits in ((IMAGE.astype(np.float32), None), (IMAGE.astype(np.uint8), None)):
        document, _ = stored(tmp_path, [({"time": 0}, PLUS)], SUMMARY, image, overwrite=True)
        assert document.images[0].pixels.significant_bits == bits


def test_the_largest_bit_depth_of_an_image_counts(tmp_path):
    document, _ = stored(
        tmp_path, [({"time": time}, {"BitDepth": bits}) for time, bits in enumerate((12, 16))]
    )
    assert document.images[0].pixels.significant_bits == 16
    (columns,) = notes(document, "metadata-by-plane")
    assert columns == {"BitDepth": "[12,16]"}


@pytest.mark.parametrize(
    ("tags", "key", "value"),
    [
        (CORE | {"Binning": "3"}, "Binning", "3"),
        (CORE, "ElapsedTime-ms", "21.5"),
        ({"Exposure-ms": 1, "BitDepth": 31}, "BitDepth", "31"),
        (CORE | {"Width": "100"}, "Width", "100"),
        (CORE | {"PixelType": "GRAY8"}, "PixelType", "GRAY8"),
        ({"Exposure-ms": 4, "exposure_ms": 5}, "exposure_ms", "5"),
        ({"Exposure-ms": "soon"}, "Exposure-ms", "soon"),
        ({"Camera": "C", "C-Gain": "High"}, "C-Gain", "High"),
        ({"exposure_ms": float("nan")}, "exposure_ms", "NaN"),
        ({"a": [1.5, float("inf")]}, "a", '[1.5, "Infinity"]'),
    ],
)
def test_values_without_a_place_in_ome_are_annotated(tmp_path, tags, key, value):
    document, _ = stored(tmp_path, [({"time": 0}, tags)])
    (constant,) = notes(document)
    assert constant[key] == value
    record = read_frame_metadata(tmp_path / "run.ome.tiff", {"time": 0})
    assert record.ome.keys[key] == ("annotation",)
    (coverage,) = [each for each in info(tmp_path / "run.ome.tiff").metadata if each.key == key]
    assert coverage.written_to == ("annotation",)


def test_an_overridden_pixel_size_stays_in_an_annotation(tmp_path):
    document, _ = stored(tmp_path, [({"time": 0}, {"PixelSizeUm": 0.5})], pixel_size_um=0.25)
    assert document.images[0].pixels.physical_size_x == 0.25
    assert notes(document) == [{"PixelSizeUm": "0.5"}]


def test_conflicting_pixel_sizes_stay_in_an_annotation(tmp_path):
    frames = [({"time": time}, {"PixelSizeUm": size_um}) for time, size_um in enumerate((0.5, 0.25))]
    document, _ = stored(tmp_path, frames)
    assert document.images[0].pixels.physical_size_x is None
    assert notes(document, "metadata-by-plane") == [{"PixelSizeUm": "[0.5,0.25]"}]


def test_images_may_have_different_values(tmp_path):
    frames = [
        ({"position": "a"}, {"Camera": "C", "Binning": "4"}),
        ({"position": "b"}, {"Camera": "C", "Binning": "5"}),
    ]
    document, _ = stored(tmp_path, frames)
    assert notes(document) == [{"Camera": "C"}, {"Camera": "C", "Binning": "5"}]


def test_values_of_different_types_stay_different(tmp_path):
    frames = [({"time": time}, {"a": value}) for time, value in enumerate((True, 1, 1.0))]
    document, _ = stored(tmp_path, frames)
    assert notes(document, "metadata-by-plane") == [{"a": "[true,1,1.0]"}]


def test_the_exposure_of_a_property_cache_has_the_lowest_priority(tmp_path):
    old = {"Camera": "C", "C-Exposure": "8.0", "D-Exposure": "9.0", "UUID": "u"}
    for more, exposure_s in (
        ({}, 0.008),
        ({"Camera": "D"}, 0.009),
        ({"UserData": {"Exposure": {"type": "STRING", "scalar": "13.0"}}}, 0.013),
        ({"exposure_us": 500}, 0.0005),
    ):
        document, _ = stored(tmp_path, [({"time": 0}, old | more)], overwrite=True)
        assert document.images[0].pixels.planes[0].exposure_time == exposure_s


def test_two_alternating_cameras(tmp_path):
    tags = {
        "A-Exposure": "5",
        "B-Exposure": "50",
        "A-Offset": "100",
        "B-Offset": "200",
        "A-ReadoutRate": "30",
        "A-CameraName": "Model A",
        "B-CameraName": "Model B",
    }
    frames = [
        ({"time": time, "channel": label}, tags | {"Camera": label}) for time in range(2) for label in "AB"
    ]
    document, _ = stored(tmp_path, frames)
    pixels = document.images[0].pixels
    exposures = {(plane.the_c, plane.the_t): plane.exposure_time for plane in pixels.planes}
    assert exposures == {(0, 0): 0.005, (0, 1): 0.005, (1, 0): 0.05, (1, 1): 0.05}
    settings = [channel.detector_settings for channel in pixels.channels]
    assert [each.offset for each in settings] == [100, 200]
    assert [each.read_out_rate for each in settings] == [30, None]
    models = {each.id: each.model for each in document.instruments[0].detectors}
    assert [models[each.id] for each in settings] == ["Model A", "Model B"]


def test_frames_that_name_no_camera_of_two_have_none(tmp_path):
    devices = [device(label, "CameraDevice", label) for label in ("A", "B")]
    tags = {key: value for key, value in PLUS.items() if key != "camera_device"}
    document, _ = stored(tmp_path, [({"channel": "x"}, tags)], SUMMARY | {"devices": devices})
    assert document.images[0].pixels.channels[0].detector_settings is None


def test_a_camera_without_a_name_is_named_after_its_adapter(tmp_path):
    document, _ = stored(tmp_path, [({"time": 0}, PLUS)], SUMMARY)
    (detector,) = document.instruments[0].detectors
    assert (detector.manufacturer, detector.model) == ("ACam", "A 1")


@pytest.mark.parametrize(
    ("plan", "interval_s"),
    [
        ({"interval": 2.5, "loops": 4}, 2.5),
        ({"interval": "PT1M30S", "loops": 4}, 90),
        ({"duration": 30, "loops": 4}, 10),
        ({"interval": 5, "duration": 30}, 5),
        ({"phases": [{"interval": 3, "loops": 2}, {"duration": 9, "loops": 4}]}, 3),
        ({"phases": [{"interval": 3, "loops": 2}, {"interval": 4, "loops": 2}]}, None),
        ({"interval": 0, "loops": 3}, None),
    ],
)
def test_intervals_of_plans(tmp_path, plan, interval_s):
    summary = SUMMARY | {"mda_sequence": {"time_plan": plan}}
    document, _ = stored(tmp_path, [({"time": 0}, PLUS)], summary)
    assert document.images[0].pixels.time_increment == interval_s


@pytest.mark.parametrize(
    ("summary", "interval_s"),
    [
        ({"time_interval_min": 2}, 120),
        ({"frame rate (Hz)": 20}, 0.05),
        ({"fps": "4"}, 0.25),
        ({"interval": 3}, None),
    ],
)
def test_intervals_by_name(tmp_path, summary, interval_s):
    document, _ = stored(tmp_path, [({"time": 0}, {})], summary)
    assert document.images[0].pixels.time_increment == interval_s


def test_unix_time(tmp_path):
    start = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)
    frames = [
        ({"time": time}, {"timestamp": (start + timedelta(seconds=2 * time)).timestamp()})
        for time in range(3)
    ]
    document, _ = stored(tmp_path, frames)
    (image,) = document.images
    assert [plane.delta_t for plane in image.pixels.planes] == [0, 2, 4]
    assert image.acquisition_date == start
    assert notes(document) == []


def test_keys_without_units_are_reported(tmp_path, caplog):
    stored(tmp_path, [({"time": time}, {"exposure": 5 + time, "note": "x"}) for time in range(3)])
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == "run: metadata key 'exposure' has no unit: write exposure_ms"
    (finding,) = info(tmp_path / "run.ome.tiff").check
    assert (finding.kind, finding.subject, finding.fix) == ("unit", "exposure", "write exposure_ms")


def test_a_rejected_frame_does_not_affect_later_frames(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path) as storage:
        storage.put({"time": 0}, IMAGE, {"power": 1})
        power = 2
        with pytest.raises(ValueError, match="time"):
            storage.put({"time": 1}, np.zeros((2, 3, 4, 5), np.uint16), {"power": power})
        storage.put({"time": 1}, IMAGE, {"power": power})
    assert notes(from_tiff(path), "metadata-by-plane") == [{"power": "[1,2]"}]


def test_rgb_samples_are_interleaved(tmp_path):
    document, _ = stored(tmp_path, [({"time": 0}, {})], image=np.zeros((8, 9, 3), np.uint8))
    assert document.images[0].pixels.interleaved is True


def test_an_exposure_of_zero_is_written(tmp_path):
    document, _ = stored(tmp_path, [({"time": 0}, {"Exposure-ms": 0}), ({"time": 1}, {"Exposure-ms": -1})])
    assert [plane.exposure_time for plane in document.images[0].pixels.planes] == [0, None]


def test_the_camera_of_a_frame_takes_precedence_over_that_of_the_core(tmp_path):
    tags = {"Camera": "A", "Core-Camera": "B", "A-Gain": "3", "B-Gain": "4"}
    tags |= {"A-CameraName": "Model A", "B-CameraName": "Model B"}
    document, _ = stored(tmp_path, [({"channel": "x"}, tags)])
    (detector,) = document.instruments[0].detectors
    assert detector.model == "Model A"
    assert document.images[0].pixels.channels[0].detector_settings.gain == 3


@pytest.mark.parametrize("key", ["timestamp", "datetime", "acquired"])
def test_timestamps_by_plain_names(tmp_path, key):
    stamps = [f"2026-05-06T07:08:0{second}+00:00" for second in (1, 4)]
    document, _ = stored(tmp_path, [({"time": time}, {key: stamp}) for time, stamp in enumerate(stamps)])
    (image,) = document.images
    assert image.acquisition_date == datetime(2026, 5, 6, 7, 8, 1, tzinfo=UTC)
    assert [plane.delta_t for plane in image.pixels.planes] == [0, 3]


def test_each_channel_has_its_camera_where_an_axis_is_folded_into_channels(tmp_path):
    frames = [
        ({"channel": label, "lambda": step}, {"Camera": label, f"{label}-Gain": gain})
        for label, gain in (("A", 3), ("B", 4))
        for step in range(2)
    ]
    document, _ = stored(tmp_path, frames, fold_axes={"lambda": "C"})
    channels = document.images[0].pixels.channels
    assert [channel.detector_settings.gain for channel in channels] == [3, 3, 4, 4]


def test_keys_that_are_invalid_in_xml_stay_distinct(tmp_path):
    document, _ = stored(tmp_path, [({"time": 0}, {"a\x07": 1, "a\ufffd": 2})])
    (constant,) = notes(document)
    assert constant == {"a\\u0007": "1", "a\ufffd": "2"}
