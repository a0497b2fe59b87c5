"""Every fact in metadata: Bio-Formats reads it from its OME element, or it is in an annotation."""

import json

import numpy as np
import pytest
import tifffile
from ome_types import from_xml

from exengine_ome_tiff import TiffStorage
from readers.bioformats import validate_xml

FRAME = np.ones((6, 8), np.uint16)
PLUS = {"format": "frame-dict", "version": "1.0"}
PLAN = {"format": "summary-dict", "version": "1.0"}
UM, S = "µm", "s"


def plane(**values):
    return {"plane": values}


def image(**values):
    return {"image": values}


def ome(**values):
    return {"ome": values}


def noted(*keys):
    return {"noted": keys}


def summary_noted(*keys):
    return {"summary_noted": keys}


FACTS = {
    # time
    "elapsed, core": (
        [{"ElapsedTime-ms": "10"}, {"ElapsedTime-ms": "35.5"}],
        None,
        plane(delta_t=(0.0255, S)),
    ),
    "elapsed, runner": ([PLUS | {"runner_time_ms": t} for t in (5.0, 9.0)], None, plane(delta_t=(0.004, S))),
    "received by core": (
        [{"TimeReceivedByCore": f"2026-02-03 04:05:0{t}.5"} for t in (6, 8)],
        None,
        plane(delta_t=(2.0, S)) | image(acquisition_date="2026-02-03T04:05:06.5"),
    ),
    "received by the application": (
        [{"ReceivedTime": f"2026-02-03 04:05:0{t}.250 +0200"} for t in (6, 9)],
        None,
        plane(delta_t=(3.0, S)) | image(acquisition_date="2026-02-03T02:05:06.25"),
    ),
    "image time": ([{"Time": "2026-02-03 04:05:06 -"}], None, image(acquisition_date="2026-02-03T04:05:06")),
    "start, Studio": (
        [{}],
        {"StartTime": "2026-02-03 04:05:06.75 +0000"},
        image(acquisition_date="2026-02-03T04:05:06.75"),
    ),
    "start, engine": (
        [{}],
        {"DateAndTime": "2026/02/03 04:05:06"},
        image(acquisition_date="2026-02-03T04:05:06"),
    ),
    "start, pymmcore-plus": (
        [PLUS],
        PLAN | {"datetime": "2026-02-03T05:05:06.125+01:00"},
        image(acquisition_date="2026-02-03T04:05:06.125"),
    ),
    "interval, Studio": ([{}], {"Interval_ms": 1250, "z-step_um": 1}, image(time_increment=(1.25, S))),
    "interval, useq": (
        [PLUS],
        PLAN | {"mda_sequence": {"time_plan": {"interval": 7.5, "loops": 3}}},
        image(time_increment=(7.5, S)),
    ),
    "custom intervals": ([{}], {"CustomIntervals_ms": [1, 5]}, summary_noted("CustomIntervals_ms")),
    "planned minimum": (
        [PLUS | {"mda_event": {"min_start_time": 3.5}}],
        None,
        noted("mda_event.min_start_time"),
    ),
    "number in a sequence": ([{"Camera": "C", "ImageNumber": "17"}], None, noted("ImageNumber")),
    # exposure
    **{
        f"exposure, {key}": ([{key: 12.5} | more], None, plane(exposure_time=(0.0125, S)))
        for key, more in {
            "Exposure-ms": {},
            "ExposureMs": {},
            "Exposure": {"Axes": {"z": 0}},
            "exposure_ms": PLUS,
            "Cam-Exposure": {"Camera": "Cam"},
        }.items()
    },
    # position
    "stage, Studio": (
        [{"XPositionUm": 3.5, "YPositionUm": -2}],
        None,
        plane(position_x=(3.5, UM), position_y=(-2.0, UM)),
    ),
    "stage, engine": (
        [{"XPosition_um_Intended": 4.5, "YPosition_um_Intended": 6}],
        None,
        plane(position_x=(4.5, UM), position_y=(6.0, UM)),
    ),
    "stage, pymmcore-plus": (
        [PLUS | {"position": {"x": 7.25, "y": 8, "z": 9.5}}],
        None,
        plane(position_x=(7.25, UM), position_y=(8.0, UM), position_z=(9.5, UM)),
    ),
    "stage, planned": (
        [PLUS | {"mda_event": {"x_pos": 7.25, "y_pos": 8, "z_pos": 2}}],
        None,
        plane(position_x=(7.25, UM), position_z=(2.0, UM)),
    ),
    "focus": ([{"ZPositionUm": "5.5"}], None, plane(position_z=(5.5, UM))),
    "focus, 1.4": ([{"SlicePosition": 5.5}], None, plane(position_z=(5.5, UM))),
    "other stages": ([{"Camera": "C", "Piezo-Position": "3"}], None, noted("Piezo-Position")),
    "other stages, engine": (
        [{"Axes": {"z": 0}, "PiezoPosition_um_Intended": 3}],
        None,
        noted("PiezoPosition_um_Intended"),
    ),
    "label": ([{"PositionName": "left"}], None, ome(stage_label="left")),
    "label, event": ([PLUS | {"mda_event": {"pos_name": "left"}}], None, ome(stage_label="left")),
    "index of a position": ([{"PositionIndex": 4}], None, noted("PositionIndex")),
    "tiles": ([{"Axes": {"row": 2, "column": 3}}], None, noted("Axes.row", "Axes.column")),
    "offset in a well": (
        [{}],
        {"StagePositions": [{"Label": "a", "Properties": {"Well": "A1", "WellSiteOffsetXUm": "-120.5"}}]},
        summary_noted("StagePositions"),
    ),
    "planned positions": ([{}], {"StagePositions": [{"Label": "a"}]}, summary_noted("StagePositions")),
    "z step": ([{}], {"z-step_um": -0.75}, image(physical_size_z=(0.75, UM))),
    "z step, useq": (
        [PLUS],
        PLAN | {"mda_sequence": {"z_plan": {"range": 4, "step": 0.5}}},
        image(physical_size_z=(0.5, UM)),
    ),
    # pixels
    "pixel size": (
        [{"PixelSizeUm": 0.325}],
        None,
        image(physical_size_x=(0.325, UM), physical_size_y=(0.325, UM)),
    ),
    "pixel size, engine": ([{"PixelSize_um": 0.325}], None, image(physical_size_x=(0.325, UM))),
    "pixel size, summary": (
        [PLUS],
        PLAN | {"image_infos": [{"pixel_size_um": 0.65}]},
        image(physical_size_x=(0.65, UM)),
    ),
    "aspect": ([{"PixelSizeUm": 0.5, "PixelAspect": 2}], None, image(physical_size_y=(1.0, UM))),
    "affine": ([{"PixelSizeAffine": "1;0;0;0;1;0", "Camera": "C"}], None, noted("PixelSizeAffine")),
    "width, height": ([{"Camera": "C", "Width": "8", "Height": 6}], None, image(size_x=8, size_y=6)),
    "pixel type": ([{"Camera": "C", "PixelType": "GRAY16"}], None, image(pixel_type="uint16")),
    "bit depth": ([{"BitDepth": 12}], None, ome(significant_bits=12)),
    "bit depth, format": (
        [PLUS | {"camera_device": "C"}],
        PLAN
        | {
            "devices": [{"label": "C", "type": "CameraDevice", "name": "c", "properties": []}],
            "image_infos": [{"camera_label": "C", "pixel_format": "Mono12"}],
        },
        ome(significant_bits=12),
    ),
    "region": ([{"ROI": "10-20-8-6", "ROI-X-start": "10"}], None, noted("ROI", "ROI-X-start")),
    "binning": ([{"Camera": "C", "Binning": "4"}], None, ome(binning="4x4")),
    "binning without a name": (
        [{"Camera": "C", "Binning": "3"}],
        None,
        ome(binning="Other") | noted("Binning"),
    ),
    "region, affine and factor, pymmcore-plus": (
        [PLUS],
        PLAN | {"image_infos": [{"roi": [1, 2, 8, 6], "pixel_size_affine": [1, 0, 0, 0, 1, 0]}]},
        summary_noted("image_infos"),
    ),
    # channels
    "group": ([{}], {"ChannelGroup": "Filters"}, summary_noted("ChannelGroup")),
    "index of a channel": ([{"ChannelIndex": 2}], None, noted("ChannelIndex")),
    "colour": ([{}], {"ChNames": ["dye"], "ChColors": [-65281]}, image(channel_colors=[(255, 0, 255, 255)])),
    "wavelengths": ([{"Camera": "C", "Laser-Wavelength": "488"}], None, noted("Laser-Wavelength")),
    "filters": ([{"Camera": "C", "Emission-Label": "HQ535"}], None, noted("Emission-Label")),
    "camera": ([{"Camera": "Left"}], None, ome(detector=None) | noted("Camera")),  # a label is not a model
    # instrument
    "adapter": ([{"Camera": "C", "C-Name": "Adapter"}], None, ome(manufacturer="Adapter")),
    "model": ([{"Camera": "C", "C-CameraName": "Model 5"}], None, ome(detector="Model 5") | noted("Camera")),
    "serial": ([{"Camera": "C", "C-CameraID": "S-17"}], None, ome(serial_number="S-17")),
    "offset": ([{"Camera": "C", "C-Offset": "100"}], None, ome(offset=100)),
    "gain": ([{"Camera": "C", "C-Gain": "2.5"}], None, ome(gain=2.5)),
    "EM gain": ([{"Camera": "C", "C-EMGain": "300"}], None, noted("C-EMGain")),
    "gain in words": ([{"Camera": "C", "C-Gain": "High"}], None, noted("C-Gain")),
    "read-out": ([{"Camera": "C", "C-ReadoutRate": "100"}], None, ome(read_out_rate=100)),
    "read mode": ([{"Camera": "C", "C-CCDMode": "EMCCD"}], None, noted("C-CCDMode")),
    "temperature": ([{"Camera": "C", "C-CCDTemperature": "-20"}], None, noted("C-CCDTemperature")),
    "volts": ([{"Camera": "C", "DAC-1-Volts": "2"}], None, noted("DAC-1-Volts")),
    "objective": ([{"Camera": "C", "Objective-Label": "60x/1.4 Oil"}], None, ome(objective=(60, 1.4, "Oil"))),
    "magnification factor": (
        [{}],
        {"image_infos": [{"magnification_factor": 1.5}]},
        summary_noted("image_infos"),
    ),
    "roles": ([{"Core-Focus": "Z", "Camera": "C"}], None, noted("Core-Focus")),
    "other properties": ([{"Camera": "C", "Shutter-State": "1"}], None, noted("Shutter-State")),
    # people, software, files
    "comment": ([{}], {"Comment": "first try"}, ome(description="first try")),
    "versions": (
        [{}],
        {"MicroManagerVersion": "2.0", "system_info": {"mmcore_version": "11"}},
        summary_noted("MicroManagerVersion", "system_info.mmcore_version"),
    ),
    "uuid": ([{"UUID": "1-2"}], None, noted("UUID")),
    "order and sizes": (
        [{}],
        {"AxisOrder": ["z"], "SlicesFirst": True, "IntendedDimensions": {"z": 4}},
        summary_noted("AxisOrder", "SlicesFirst", "IntendedDimensions.z"),
    ),
    "shutter": ([{}], {"KeepShutterOpenSlices": True}, summary_noted("KeepShutterOpenSlices")),
    "settings": ([{}], {"MDA_Settings": '{"n":7}'}, summary_noted("MDA_Settings")),
    "hardware": (
        [PLUS | {"hardware_triggered": True, "images_remaining_in_buffer": 2}],
        None,
        noted("hardware_triggered", "images_remaining_in_buffer"),
    ),
    "shutter, pymmcore-plus": (
        [PLUS],
        PLAN | {"mda_sequence": {"keep_shutter_open_across": ["z"]}},
        summary_noted("mda_sequence.keep_shutter_open_across"),
    ),
    "tags as 2.0-beta nests them": (
        [{"UUID": "1", "UserData": {"C-Gain": {"PropType": "String", "PropVal": "3"}}, "FileName": "a.tif"}],
        None,
        noted("UserData.C-Gain", "FileName"),
    ),
    "user data": (
        [{"UUID": "1", "UserData": {"dose": 5}, "tags": {"a": "b"}}],
        None,
        noted("UserData.dose", "tags.a"),
    ),
    "anything else": ([{"my": {"own": [1, {"b": None}]}}], None, noted("my.own")),
    # left out of the XML for privacy
    **{
        key: ([{}], {key: "a secret"}, {"absent": "a secret"})
        for key in ("UserName", "ComputerName", "Directory", "Prefix")
    },
    "paths and profile": (
        [{}],
        dict.fromkeys(
            (
                *("ProfileName", "save_dir", "root", "prefix", "system_configuration_file"),
                *("primary_log_file", "device_adapter_search_paths"),
            ),
            "a secret",
        ),
        {"absent": "a secret"},
    ),
}


@pytest.fixture(params=FACTS)
def fact(request, tmp_path):
    frames, summary, expected = FACTS[request.param]
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, summary) as storage:
        for time, metadata in enumerate(frames):
            storage.put({"time": time, "channel": "dye"}, FRAME, metadata)
    return path, expected


def test_every_fact(fact, bioformats):
    path, expected = fact
    xml = tifffile.tiffcomment(path)
    assert validate_xml(xml) == []
    with bioformats(path) as reader:
        series = reader.series[0]
        assert reader.warnings == []
        document = from_xml(reader.ome_xml)
    for name, value in expected.get("image", {}).items():
        got = getattr(series, name)
        assert got.startswith(value) if name == "acquisition_date" else got == value, (name, got)
    for name, value in expected.get("plane", {}).items():
        assert series.planes[-1][name] == pytest.approx(value), name
    told = in_ome(document)
    for name, value in expected.get("ome", {}).items():
        assert told[name] == value
    notes = {
        each.namespace.rpartition(":")[2]: dict(each.value)
        for each in document.structured_annotations.map_annotations
    }
    frames = {**notes.get("metadata", {}), **notes.get("metadata-by-plane", {})}
    assert {*expected.get("noted", ())} <= {*frames}
    assert {*expected.get("summary_noted", ())} <= {*notes.get("summary", {})}
    if "noted" not in expected:
        translated = {*frames} - {
            "format",
            "version",
            "Axes.z",
            "Camera",
            "camera_device",
            "hardware_triggered",
        }
        assert translated == set(), json.dumps(frames)
    assert expected.get("absent", "\0") not in xml


def in_ome(document):
    """Collect the values in the elements of the first image."""
    image = document.images[0]
    told = {
        "stage_label": image.stage_label and image.stage_label.name,
        "significant_bits": image.pixels.significant_bits,
        "description": image.description,
    }
    settings = image.pixels.channels[0].detector_settings
    instrument = document.instruments[0] if document.instruments else None
    if settings is not None:
        (detector,) = instrument.detectors
        told |= {
            "detector": detector.model,
            "manufacturer": detector.manufacturer,
            "serial_number": detector.serial_number,
            "binning": settings.binning and settings.binning.value,
            "gain": settings.gain,
            "offset": settings.offset,
            "read_out_rate": settings.read_out_rate,
        }
    if instrument is not None and instrument.objectives:
        (objective,) = instrument.objectives
        told["objective"] = (objective.nominal_magnification, objective.lens_na, objective.immersion.value)
    return told
