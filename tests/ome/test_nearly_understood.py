"""Metadata in nearly the right form: it is read, or reported once with a fix that works."""

import logging
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from ome_types import from_tiff

from exengine_ome_tiff import (
    ChannelInfo,
    FilterInfo,
    LightSourceInfo,
    ObjectiveInfo,
    PlateInfo,
    TiffStorage,
    convert,
    info,
)
from exengine_ome_tiff.dataset.header import Header
from exengine_ome_tiff.ome.user_values import Given
from exengine_ome_tiff.tiff import PageCoding
from readers.bioformats import validate_xml

FRAME = np.ones((6, 8), np.uint16)
PLUS = {"format": "frame-dict", "camera_device": "Camera", "exposure_ms": 10.0}


def camera(label, gain="1"):
    properties = [{"name": "Gain", "value": gain}]
    return {"label": label, "type": "CameraDevice", "name": f"{label} driver", "properties": properties}


def wheel(label, state):
    return {"label": label, "type": "State", "name": "X", "properties": [{"name": "Label", "value": state}]}


def plus_summary(*devices):
    return {"format": "summary-dict", "devices": devices}


@pytest.fixture
def store(tmp_path):
    def write(*frames, summary=None, **options):
        path = tmp_path / f"run{len([*tmp_path.iterdir()])}.ome.tiff"
        with TiffStorage(path, summary, **options) as storage:
            for coordinates, metadata in frames:
                storage.put(coordinates, FRAME, metadata)
        assert validate_xml(tifffile.tiffcomment(path)) == []
        return from_tiff(path), [str(finding) for finding in info(path).check]

    return write


def wells_of(document):
    return [(well.row, well.column) for plate in document.plates for well in plate.wells]


@pytest.mark.parametrize(
    ("key", "value", "read"),
    [
        ("excitation_nm", 488, (488, None)),
        ("excitation_wavelength_nm", 488, (488, None)),
        ("ex_nm", 488, (488, None)),
        ("Excitation (µm)", "0,488", (488, None)),
        ("excitation", "488 nm", (488, None)),
        ("emission_wavelength_nm", 525, (None, 525)),
        ("lambda_em_nm", 525, (None, 525)),
        ("dye.emission_nm", 525, (None, 525)),
    ],
)
def test_wavelengths_from_frames_belong_to_their_channels(store, key, value, read):
    document, lines = store(({"channel": "a"}, {key: value}), ({"channel": "b"}, {}))
    first, second = document.images[0].pixels.channels
    assert (first.excitation_wavelength, first.emission_wavelength) == read
    assert (second.excitation_wavelength, second.emission_wavelength) == (None, None)
    assert lines == []


def test_wavelengths_that_differ_within_a_channel_or_from_the_option(store):
    frames = [({"channel": "a", "time": t}, {"emission_nm": 500 + t}) for t in (0, 1)]
    document, lines = store(*frames)
    assert document.images[0].pixels.channels[0].emission_wavelength is None
    assert len(lines) == 1
    assert "frames have different values of emission nm, which is not written" in lines[0]
    document, lines = store(*frames, channels={"a": ChannelInfo(emission_nm=510)})
    assert document.images[0].pixels.channels[0].emission_wavelength == 510


@pytest.mark.parametrize(
    "key", ["resolution (px/um)", "px_per_um", "pixels/µm", "PixelsPerMicron", "scale_pixels_per_um"]
)
def test_pixels_in_a_length_are_a_pixel_size(record, key):
    result = record({key: 4})
    assert (result.image.pixels.physical_size_x, result.lines) == (0.25, [])
    assert record({"px/mm": 4000}).image.pixels.physical_size_x == 0.25


@pytest.mark.parametrize("key", ["readout_rate_mhz", "ReadoutRate (MHz)", "camera.readout_speed_MHz"])
def test_readout_rates(record, key):
    result = record({key: 100, "camera": "Zyla"})
    assert (result.settings.read_out_rate, result.lines) == (100, [])


_OF_SAMPLE = "is not understood: write pixel_size_um, the size of a pixel in the sample"


@pytest.mark.parametrize(
    ("wrong", "line", "right"),
    [
        ({"emission": 525}, "has no unit: write emission_nm", {"emission_nm": 525}),
        ({"readout_rate": 100}, "has no unit: write readout_rate_mhz", {"readout_rate_mhz": 100}),
        (
            {"laser.wavelength_nm": 488},
            "is not understood: write excitation_nm or emission_nm",
            {"excitation_nm": 488},
        ),
        ({"resolution": 0.1}, _OF_SAMPLE, {"pixel_size_um": 0.1}),
        ({"camera.pixel_size_um": 6.5}, _OF_SAMPLE, {"pixel_size_um": 0.1}),
        ({"sensor_pixel_size_um": 6.5}, _OF_SAMPLE, {"pixel_size_um": 0.1}),
        ({"shutter_time_ms": 5}, "is not understood: write exposure_ms", {"exposure_ms": 5}),
        ({"exposure_ms_requested": 5}, "is not understood: write exposure_ms", {"exposure_ms": 5}),
        ({"bits": 12}, "is not understood: write bit_depth", {"bit_depth": 12}),
        ({"pixelsize_um_xy": 0.1}, "is not understood: write pixel_size_um", {"pixel_size_um": 0.1}),
        ({"pixel_format": "Mono12"}, "is not understood: write bit_depth", {"bit_depth": 12}),
        ({"horizontal_binning": 2}, "is not understood: write binning", {"binning": 2}),
        ({"analog_gain": 2}, "is not understood: write gain", {"gain": 2}),
        ({"lens": "60x/1.4 Oil"}, "is not understood: write objective", {"objective": "60x/1.4 Oil"}),
        ({"tile_x_um": 3}, "is not understood: write x_um", {"x_um": 3}),
        ({"galvo.x_um": 3}, "is not understood: write x_um", {"x_um": 3}),
        ({"camera_timestamp": 12345}, "has no unit: write camera_timestamp_s", {"camera_timestamp_s": 12345}),
        ({"Timestamp": 123456}, "has no unit: write Timestamp_s", {"Timestamp_s": 123456}),
        (
            {"z_step_um": "small"},
            'has the value "small", which cannot be read: write a number, such as 12.5',
            {"z_step_um": 12.5},
        ),
        (
            {"NA": 14},
            "has the value 14, which is not in the range from 0 to 1.7: write a number, such as 1.4",
            {"NA": 1.4},
        ),
        (
            {"emission_nm": 0.5},
            "has the value 0.5, which is not in the range from 100 to 20000 nm: write a number, such as 525",
            {"emission_nm": 525},
        ),
        (
            {"PixelSizeUm": 65},
            (
                "has the value 65, which is not in the range from 0.0001 to 50 µm: "
                "write a number above 0, such as 0.1625"
            ),
            {"PixelSizeUm": 0.065},
        ),
        (
            {"exposure_s": 5e4},
            (
                "has the value 50000.0, which is not in the range from 0 to 3600 s: "
                "write a number that is not negative, such as 12.5"
            ),
            {"exposure_s": 0.05},
        ),
    ],
)
def test_reported_findings_come_with_a_fix(record, wrong, line, right):
    (key,) = wrong
    result = record(wrong, wrong)
    assert result.lines == [f"metadata key {key!r} {line}"]
    assert key in result.notes
    result = record(right)
    assert (result.lines, result.notes) == ([], {})


def test_a_frame_rate_is_not_an_interval(record):
    line = (
        "metadata key 'frame_rate_hz' may be the camera's frame rate, so it does not become TimeIncrement: "
    )
    result = record({"frame_rate_hz": 20}, {"frame_rate_hz": 20})
    assert result.lines == [f"{line}write time_interval_s, the time between time points"]
    result = record(*[{"frame_rate_hz": 20, "time_interval_s": 0.05}] * 2)
    assert (result.image.pixels.time_increment, result.lines) == (0.05, [])


def test_frame_numbers_without_a_unit_are_not_a_clock(record):
    assert record(*[{"time": number, "t": number} for number in (3, 4, 5)]).lines == []
    assert record(*[{"time": number} for number in (1500, 3000)]).lines == [
        "metadata key 'time' has no unit: write time_s"
    ]


@pytest.mark.parametrize(
    "metadata",
    [
        {"exposure": {"magnitude": 5, "units": "ms"}},
        {"ms_exposure": 5},
        {"ExposureTimeInMilliseconds": 5},
        {"my": {"exposure_ms": 5}},
    ],
)
def test_more_spellings_of_an_exposure(record, metadata):
    result = record(metadata)
    assert (result.planes[0].exposure_time, result.lines) == (0.005, [])


def test_nested_dicts_with_any_name(record):
    microscope = {"objective": "Plan Apo 60x", "NA": 1.4, "pixel_size_um": 0.1, "binning": 2}
    result = record({"microscope": microscope})
    objective = result.document.instruments[0].objectives[0]
    assert (objective.nominal_magnification, objective.lens_na) == (60, 1.4)
    assert (result.image.pixels.physical_size_x, result.settings.binning.value) == (0.1, "2x2")
    assert (result.notes, result.lines) == ({}, [])
    result = record({"condenser": {"NA": 0.55}, "previous": {"exposure_ms": 5}})  # of something else
    assert (result.document.instruments, result.planes[0].exposure_time) == ([], None)


def test_custom_keys_beside_those_of_pymmcore_plus(record):
    assert record(PLUS | {"my": {"exposure": 20}}).lines == [
        "metadata key 'my.exposure' has no unit: write my.exposure_ms"
    ]
    result = record(PLUS | {"my": {"exposure_ms": 20}})
    assert result.planes[0].exposure_time == 0.01
    differ = "metadata keys 'exposure_ms' and 'my.exposure_ms' have different values; only the first is used"
    assert result.lines == [f"{differ}: remove one of them"]
    assert record(PLUS | {"my": {"exposure_ms": 10}}).lines == []
    assert record({"my": {"exposure": 20}}).lines == [
        "metadata key 'my.exposure' has no unit: write my.exposure_ms"
    ]
    nested = "pymmcore-plus metadata is nested in 'meta', where most of its keys are not read"
    assert record({"meta": PLUS}).lines == [f"{nested}: put it beside your own keys, not in a dict"]


def test_custom_keys_take_precedence(record):
    result = record({"old": {"exposure_ms": 20}, "exposure_ms": 5})
    assert result.planes[0].exposure_time == 0.005
    assert record({"previous": {"max_exposure_ms": 20}}).lines == []  # of another frame


def test_lists_of_quantities(record):
    channels = [{"name": "DAPI", "exposure_ms": 5}, {"name": "GFP", "exposure_ms": 9}]
    line = "key 'channels' is a list, so exposure_ms in it cannot be assigned to frames: "
    fix = "put such keys in the metadata of the frames they describe"
    assert record({"channels": channels}).lines == [f"metadata {line}{fix}"]
    assert record({}, summary={"channels": channels}).lines == [f"summary {line}{fix}"]


@pytest.mark.parametrize(
    ("key", "value", "example"),
    [("x_um", 3, "x_um"), ("emission_nm", 525, "emission_nm"), ("well", "A1", "well")],
)
def test_summary_keys_without_a_place(record, key, value, example):
    line = f"summary key {key!r} describes a frame, so it is not read"
    assert record({}, summary={key: value}).lines == [f"{line}: put {example} in the metadata of frames"]


@pytest.mark.parametrize(
    ("device", "label", "model"),
    [
        ("Nose", "10x", "10x"),
        ("Nose", "Plan Apo 20x/0.8", "Plan Apo 20x/0.8"),
        ("Wheel-7", "Plan Fluor 40x/1.3 Oil", "Plan Fluor 40x/1.3 Oil"),
        ("Optovar", "1.5x", None),
        ("Filter-1", "40x/1.3", None),
    ],
)
def test_devices_that_are_objective_turrets(record, device, label, model):
    for result in (
        record(PLUS, summary=plus_summary(camera("Camera"), wheel(device, label))),
        record({"Camera": "Camera", f"{device}-Label": label}),
    ):
        objectives = result.document.instruments[0].objectives
        assert [objective.model for objective in objectives] == ([] if model is None else [model])
        assert result.lines == []


def test_a_device_that_may_be_an_objective_turret(record):
    line = "'20x' of device 'Wheel-7' may be the objective, which is not written"
    frame = {"Camera": "Camera", "Wheel-7-Label": "20x"}
    (result,) = record(frame).lines
    assert result.endswith(f"{line}: pass objective=ObjectiveInfo(...)")
    assert record(frame, objective=ObjectiveInfo(magnification=20)).lines == []


def test_keys_that_contradict_the_objective(record):
    result = record({"objective": "Plan 20x/0.8", "NA": 0.75})
    assert result.document.instruments[0].objectives[0].lens_na == 0.8
    (line,) = result.lines
    assert line.endswith(
        "the objective has numerical aperture 0.8, the metadata has 0.75: leave one of them out"
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda: ObjectiveInfo(numerical_aperture=14),
        lambda: ChannelInfo(emission_nm=0.488),
        lambda: ChannelInfo(excitation_nm=np.float64(4.88e-7)),
        lambda: LightSourceInfo("Laser", wavelength_nm=0.488),
        lambda: FilterInfo("Emission", 0.5, 0.55),
        lambda: Given(pixel_size_um=65),
        lambda: Given(pixel_size_um=6.5e-8),
        lambda: Given(z_step_um=5000),
    ],
)
def test_options_in_another_unit_are_rejected(make):
    with pytest.raises(ValueError, match=r"got \w+=.*, expected a positive number from .* to "):
        make()


def test_older_files_with_values_rejected_today_open():
    given = Given(channels={"a": ChannelInfo(emission_nm=525)}, objective=ObjectiveInfo("60x", None, 60, 1.4))
    header = Header.new({}, None, None, PageCoding(), given, is_folder=False)
    old = header.encode().replace(b'"na": 1.4', b'"na": 14').replace(b": 525", b": 0.525")
    assert old != header.encode()
    found = Header.decode(old).given
    assert found.objective == replace(given.objective, numerical_aperture=None)
    assert found.channels["a"].emission_nm is None


def test_converted_files_may_have_values_rejected_today(tmp_path, caplog):
    path, target = tmp_path / "other.ome.tif", tmp_path / "ours.ome.tiff"
    tifffile.imwrite(
        path,
        FRAME,
        metadata={
            "axes": "YX",
            "PhysicalSizeX": 65.0,
            "PhysicalSizeY": 65.0,
            "Channel": {"Name": ["a"], "EmissionWavelength": [0.525]},
        },
    )
    with caplog.at_level(logging.WARNING):
        convert(path, target)
    assert from_tiff(target).images[0].pixels.physical_size_x is None
    assert "'PixelSizeUm' has the value 65" in caplog.text


def test_frames_that_do_not_name_their_camera(record, store):
    two = plus_summary(camera("A", "1"), camera("B", "2"))
    nameless = {"format": "frame-dict", "exposure_ms": 10.0}
    (line,) = record(nameless, summary=two).lines
    assert line.endswith(
        "the summary has the cameras 'A', 'B', but the frames do not name theirs: "
        "put the camera in the metadata of frames"
    )
    assert record(nameless | {"camera": "B"}, summary=two).lines == []
    document, lines = store(*(({"camera": each}, nameless) for each in "AB"), summary=two)
    detectors = document.instruments[0].detectors
    assert [detector.manufacturer for detector in detectors] == ["A driver", "B driver"]
    assert lines == []


def test_cameras_without_names_stay_distinct(store):
    frames = [
        ({"channel": name}, {"camera_model": model, "gain": 2}) for name, model in (("a", "X"), ("b", "Y"))
    ]
    document, _ = store(*frames)
    models = {detector.id: detector.model for detector in document.instruments[0].detectors}
    channels = document.images[0].pixels.channels
    assert [models[channel.detector_settings.id] for channel in channels] == ["X", "Y"]
    document, _ = store(*(({"camera": number}, {"gain": number}) for number in (1, 2)))
    used = [image.pixels.channels[0].detector_settings.id for image in document.images]
    assert used == ["Detector:0", "Detector:1"]


def test_filters_that_nothing_refers_to(store):
    filters = {name: FilterInfo("Emission", 500, 550) for name in ("GFP", "Cy3", "Cy5")}
    channels = {"a": ChannelInfo(filters=["Cy5"])}
    frame = {"Emission-Label": "GFP"}
    _, lines = store(({"channel": "a"}, frame), ({"channel": "b"}, frame), filters=filters, channels=channels)
    fix = "name it in ChannelInfo(filters=...), or use a device label: 'GFP'"
    assert lines == [f"filters= has 'Cy3', which no channel or device uses: {fix}"]


@pytest.mark.parametrize(("frame", "summary"), [({}, {"z_step_um": 0.5}), ({"z_step_um": 0.5}, {})])
def test_a_step_that_contradicts_the_heights(record, frame, summary):
    frames = [frame | {"z_um": height} for height in (0, 0.3, 0.6, 0.9)]
    result = record(*frames, summary=summary, axis="z")
    assert result.image.pixels.physical_size_z == 0.3
    (line,) = result.lines
    assert line.endswith(
        "z steps are 0.3 µm by heights, but 0.5 µm by the metadata: pass z_step_um if that is right"
    )
    assert record(*frames, axis="z", z_step_um=0.3).lines == []
    assert record(*frames, axis="z", z_step_um=0.5).lines == []
    result = record(*[{"z_um": height} for height in (0, 0.3, 0.6)], axis="z", z_step_um=300)
    assert result.image.pixels.physical_size_z == 300
    assert result.lines[0].endswith(
        "z steps are 0.3 µm by heights, but 300 µm by z_step_um: leave it out if the heights are right"
    )


@pytest.mark.parametrize("label", ["{}1/2", "{}1:2", "{}1 (2)", "{}01#2"])
def test_more_spellings_of_sites_in_wells(store, label):
    document, lines = store(*(({"position": label.format(row)}, {}) for row in "AB"))
    assert (wells_of(document), lines) == ([(0, 0), (1, 0)], [])


@pytest.mark.parametrize(
    "positions",
    [
        ("well 1", "well 2"),
        ("Well01", "Well02"),
        ("A-1", "B-1"),
        ("WellA01_PointA01_0000", "WellB01_PointB01_0001"),
        ("1A", "2A"),
        ("R1C2", "R2C2"),
        ("row 1 col 2", "row 1 col 3"),
        ("plate1_B3", "plate1_B4"),
        ("B3-DMSO", "B4-drug"),
        ("A0", "B0"),
        ("plate1_A0", "plate1_A1"),
    ],
)
def test_names_that_resemble_wells(store, positions):
    frames = [({"position": position}, {}) for position in positions]
    document, lines = store(*frames)
    assert document.plates == []
    listed = ", ".join(map(repr, positions))
    wells = f"plate=PlateInfo(wells={{{positions[0]!r}: 'A1'}})"
    message = f"positions named {listed} may be wells, so no plate is made"
    assert lines == [f"{message}: name wells like 'B12', or pass {wells} or plate=False"]
    plate = PlateInfo(wells=dict(zip(positions, ("B3", "C4"), strict=True)))
    document, lines = store(*frames, plate=plate)
    assert (wells_of(document), lines) == ([(1, 2), (2, 3)], [])
    assert store(*frames, plate=False)[1] == []


@pytest.mark.parametrize(
    "positions",
    [
        ("beads", "cells"),
        ("Pos1", "Pos2"),
        ("site 1", "site 2"),
        ("P0", "P1"),  # no plate has a column 0
        ("p00", "p01", "p02"),
        ("A0",),
    ],
)
def test_position_names_that_are_not_wells(store, positions):
    document, lines = store(*(({"position": position}, {}) for position in positions))
    assert (document.plates, lines) == ([], [])


@pytest.mark.parametrize(
    ("places", "line"),
    [
        ([{"well_id": "A1"}, {"well_id": "B2"}], "axis 'well_id' may name wells"),
        ([{"region": "A1", "fov": 0}, {"region": "B2", "fov": 0}], "axis 'region' may name wells"),
        ([{"row": "B", "column": 3}, {"row": "C", "column": 3}], "row 'B' and column 3 may be a well"),
    ],
)
def test_axes_that_may_be_wells(store, places, line):
    document, lines = store(*((place, {}) for place in places))
    assert document.plates == []
    (result,) = lines
    assert result.startswith(f"{line}, so no plate is made: ")
    assert "well" in result.rpartition(": ")[2]
    assert store(*((place, {}) for place in places), plate=False)[1] == []
    assert store(*(({"row": row, "column": 3}, {}) for row in (0, 1)))[1] == []  # of a grid


@pytest.mark.parametrize("key", ["well", "Well", "well_id", "sample.well"])
def test_wells_in_the_metadata_of_frames(store, key):
    for places in ((0, 1), ("left", "right")):
        frames = [
            ({"position": place}, {key: well}) for place, well in zip(places, ("A1", "B02"), strict=True)
        ]
        document, lines = store(*frames)
        assert (wells_of(document), lines) == ([(0, 0), (1, 1)], [])


@pytest.mark.parametrize(
    ("frames", "line"),
    [
        ([({"time": 0}, {"well": "A1"})], "the image is not in well 'A1': put well='A1' in the coordinates"),
        ([({"position": 0}, {"well": 3})], "'3' is not a well name: use a name such as 'B12'"),
        (
            [({"position": "A1"}, {"well": "A1"}), ({"position": "B2"}, {"well": "B3"})],
            "B2 is in another well than 'B3': use the same well in both",
        ),
        (
            [({"position": 0, "time": t}, {"well": f"A{t + 1}"}) for t in (0, 1)],
            "frames of position 0 have different wells: put the well in the coordinates",
        ),
    ],
)
def test_unused_wells_in_metadata(store, frames, line):
    assert store(*frames)[1] == [f"metadata key 'well': {line}"]


def test_metadata_that_is_not_a_dict(record, store):
    line = "frame metadata is not a dict, so it is not read: put a dict"
    result = record('{"exposure_ms": 10}')
    assert (result.lines, result.notes) == ([line], {"metadata": '{"exposure_ms": 10}'})
    assert store(({"time": 0}, {}), summary=[{"pixel_size_um": 0.1}])[1] == [
        "summary metadata is not a dict, so it is not read: pass a dict"
    ]
    assert record(None, {}, [], "").lines == []


def test_serial_number_without_a_device_is_reported(record):
    line = "metadata key 'serial_number' is not read: write camera_serial_number, if it is the camera's"
    assert record({"serial_number": "S-7"}).lines == [line]
    assert record({"serial_number": 7}).lines == [line]
    assert record({"serial_number": 0, "color": True}).lines == []
    assert record({"camera_serial_number": "S-7"}).detector.serial_number == "S-7"


@pytest.mark.parametrize(
    ("key", "option"), [("dye", "fluorophore"), ("color", "color"), ("acquisition_mode", "acquisition_mode")]
)
def test_channel_facts_that_only_options_provide(record, key, option):
    line = f"metadata key {key!r} is not read: pass channels={{...: ChannelInfo({option}=...)}}"
    assert record({key: "red"}, {key: "red"}).lines == [line]


@pytest.mark.parametrize(
    ("summary", "line"),
    [
        (
            {"objective": "20x", "NA": 14},
            "'NA' has the value 14, which is not in the range from 0 to 1.7: write a number, such as 1.4",
        ),
        ({"bits": 12}, "'bits' is not understood: write bit_depth"),
        ({"emission": 525}, "'emission' is not understood: write emission_nm in the metadata of frames"),
        ({"dye": "GFP"}, "'dye' is not read: pass channels={...: ChannelInfo(fluorophore=...)}"),
        (
            {"objective": 5},
            "'objective' has the value 5, which cannot be read: write a label such as Plan Apo 60x/1.4 Oil",
        ),
        ({"sensor.pixel_size_um": 6.5}, f"'sensor.pixel_size_um' {_OF_SAMPLE}"),
    ],
)
def test_findings_about_a_summary(record, summary, line):
    assert record({}, {}, summary=summary).lines == [f"summary key {line}"]
    assert record({}, summary={"readout_rate_mhz": 100, "camera": "A", "px_per_um": 10}).lines == []


def test_more_names_of_channels_and_cameras(store):
    frames = [
        ({"channel": number}, {"channel": name, "cam": name}) for number, name in enumerate(("GFP", "RFP"))
    ]
    document, lines = store(*frames)
    assert [channel.name for channel in document.images[0].pixels.channels] == ["GFP", "RFP"]
    assert len(document.instruments[0].detectors) == 2
    assert lines == []


def test_options_that_contradict_the_frames(record):
    result = record({"pixel_size_um": 0.065}, pixel_size_um=6.5)
    assert result.image.pixels.physical_size_x == 6.5
    assert result.lines[0].endswith(
        "pixel_size_um is 6.5 µm, the metadata has 0.065 µm: leave the option out if the metadata is right"
    )
    assert record({"pixel_size_um": 0.065}, pixel_size_um=0.13).lines == []
    frames = [{"elapsed_s": 2.0 * time} for time in range(3)]
    result = record(*frames, time_interval_s=2000)
    assert result.image.pixels.time_increment == 2000
    assert result.lines[0].endswith(
        "time points are 2 s apart, time_interval_s is 2000 s: leave it out if the times are right"
    )
    assert record(*frames, time_interval_s=3).lines == []


def test_summary_steps_in_another_unit(record):
    result = record(
        {"Camera": "C"}, summary={"MicroManagerVersion": "2", "z-step_um": 5000, "PixelSize_um": 65}
    )
    assert (result.image.pixels.physical_size_z, result.image.pixels.physical_size_x) == (None, None)
    assert ["is not in the range from" in line for line in result.lines] == [True, True]


def test_times_that_are_not_exposures(record):
    event = {"seq_num": 1, "time": 1795773600.5, "data": {"cam_cam_acquire_time": 0.05}}
    result = record(event | {"timestamps": {"cam_cam_acquire_time": 1795773600.5}})
    assert (result.planes[0].exposure_time, result.lines) == (0.05, [])


def test_a_well_beyond_any_plate(store):
    frames = [({"position": position}, {}) for position in ("A1", "B2", "Z99", "beads")]
    document, lines = store(*frames)
    assert wells_of(document) == [(0, 0), (1, 1)]
    assert [line.partition(",")[0] for line in lines] == ["Z99 is not a well of the plate"]
