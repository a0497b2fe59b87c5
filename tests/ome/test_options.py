"""Options take precedence over metadata, and unknown values are not written."""

import math

import numpy as np
import pytest
import tifffile
from ome_types import from_xml
from ome_types.model import Channel_AcquisitionMode, Objective_Immersion

from exengine_ome_tiff import ChannelInfo, ExperimenterInfo, ObjectiveInfo, TiffStorage
from exengine_ome_tiff.ome.colors import NAMES, default_color
from exengine_ome_tiff.ome.image_description import objective_of
from exengine_ome_tiff.ome.user_values import ACQUISITION_MODES, IMMERSIONS
from readers.bioformats import validate_xml

FRAME = np.ones((8, 10), np.uint16)
SUMMARY = {
    "MicroManagerVersion": "2.0.3",
    "z-step_um": -1.5,
    "Interval_ms": 2000,
    "Comment": "from the summary\nin two lines",
    "UserName": "jdoe",
    "ChNames": ["DAPI", "Mine"],
    "ChColors": [-16711936, -65281],
}
GIVEN = {
    "pixel_size_um": 0.1625,
    "z_step_um": 0.3,
    "time_interval_s": 60,
    "channels": {
        "DAPI": ChannelInfo("#8000FF", 405, 461.5, "DAPI stain", "SpinningDiskConfocal"),
        3: ChannelInfo((1, 2, 3)),
    },
    "objective": ObjectiveInfo("Plan Apo", "Nikon", 60, 1.4, "Oil"),
    "image_name": "cells",
    "description": "given",
    "experimenter": ExperimenterInfo("Ada", "Lovelace", "ada@example.org", "Somewhere", "ada"),
}


def document_of(path):
    xml = tifffile.tiffcomment(path)
    assert validate_xml(xml) == []
    return from_xml(xml)


@pytest.mark.parametrize("name", ["run.ome.tiff", "run"])
def test_options_take_precedence(tmp_path, bioformats, name):
    path = tmp_path / name
    with TiffStorage(path, SUMMARY, **GIVEN) as storage:
        for channel in ("DAPI", "GFP", "Mine", 3):
            for z in range(3):
                tags = {"PixelSizeUm": 0.5, "ZPositionUm": z, "PositionName": "Pos0"}
                storage.put({"channel": channel, "z": z, "time": 0}, FRAME, tags)
        storage.finish()
        assert storage.images[0].name == "cells"
    file = path if path.is_file() else path / "run.ome.tiff"
    with bioformats(file) as reader:
        (series,) = reader.series
        assert reader.warnings == []
    assert series.name == "cells"
    assert series.physical_size_x == series.physical_size_y == (0.1625, "µm")
    assert series.physical_size_z == (0.3, "µm")
    assert series.time_increment == (60.0, "s")
    assert series.channel_names == ["3", "DAPI", "GFP", "Mine"]
    colors = [(1, 2, 3, 255), (128, 0, 255, 255), (0, 255, 0, 255), (255, 0, 255, 255)]
    assert series.channel_colors == colors
    document = document_of(file)
    (image,) = document.images
    assert image.description == "given"
    channel = image.pixels.channels[1]
    assert (channel.excitation_wavelength, channel.emission_wavelength) == (405, 461.5)
    assert channel.excitation_wavelength_unit.value == channel.emission_wavelength_unit.value == "nm"
    assert (channel.fluor, channel.acquisition_mode.value) == ("DAPI stain", "SpinningDiskConfocal")
    (objective,) = document.instruments[0].objectives
    assert (objective.model, objective.manufacturer) == ("Plan Apo", "Nikon")
    assert (objective.nominal_magnification, objective.lens_na) == (60, 1.4)
    assert objective.immersion.value == "Oil"
    assert image.objective_settings.id == objective.id
    (experimenter,) = document.experimenters
    assert (experimenter.first_name, experimenter.last_name) == ("Ada", "Lovelace")
    assert image.experimenter_ref.id == experimenter.id
    with TiffStorage.open(path) as storage:
        assert storage.summary_metadata == SUMMARY
        assert storage._recording.header.given.channels == GIVEN["channels"]
        assert storage.images[0].name == "cells"


def test_the_summary_comes_second(tmp_path, bioformats):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, SUMMARY) as storage:
        storage.put({"channel": "DAPI", "z": 0}, FRAME)
    (image,) = document_of(path).images
    assert image.description == SUMMARY["Comment"]
    assert document_of(path).experimenters == []
    with bioformats(path) as reader:
        (series,) = reader.series
    assert series.physical_size_z == (1.5, "µm")
    assert series.time_increment == (2.0, "s")
    assert series.channel_colors == [(0, 255, 0, 255)]


def test_the_user_name_is_written_on_request(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, SUMMARY, experimenter=ExperimenterInfo()) as storage:
        storage.put({"time": 0}, FRAME)
    (experimenter,) = document_of(path).experimenters
    assert experimenter.user_name == "jdoe"


def test_names_of_several_images(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff", image_name="cells") as storage:
        storage.put({"position": "left"}, FRAME)
        storage.put({"position": "right", "camera": 2}, FRAME)
        assert [image.name for image in storage.images] == ["cells, left", "cells, right, camera 2"]


@pytest.mark.parametrize(
    ("heights_um", "step_um"),
    [
        ([0, 0.5, 1.0], 0.5),
        ([3, 2, 1], 1.0),
        ([0, 0.995, 2.005], 1.0025),
        ([0, 1, 3], None),
        ([0, 0, 0], None),
        ([0, 1, 0], None),
        ([0, None, 2], None),
        ([5], None),
    ],
)
def test_the_z_step_comes_from_stage_positions(tmp_path, caplog, heights_um, step_um):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path) as storage:
        for time in range(2):
            for z, height_um in enumerate(heights_um):
                storage.put({"z": z, "time": time}, FRAME, {"z_um": height_um})
    pixels = document_of(path).images[0].pixels
    assert pixels.physical_size_z == (step_um and pytest.approx(step_um))
    is_uneven = step_um is None and None not in heights_um and len({*heights_um}) > 1
    assert ("z spacing is irregular" in caplog.text) == is_uneven


def test_conflicting_pixel_sizes_are_omitted(tmp_path, caplog):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path) as storage:
        for time, size_um in enumerate((0.5, 1.0)):
            storage.put({"time": time}, FRAME, {"pixel_size_um": size_um})
    assert document_of(path).images[0].pixels.physical_size_x is None
    assert "pixel sizes from 0.5 to 1 µm" in caplog.text


def test_pixels_that_are_not_squares(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path) as storage:
        storage.put({"time": 0}, FRAME, {"PixelSizeUm": 0.5, "PixelAspect": 2.0, "UUID": "1"})
    pixels = document_of(path).images[0].pixels
    assert (pixels.physical_size_x, pixels.physical_size_y) == (0.5, 1.0)


@pytest.mark.parametrize(
    ("name", "color"),
    [
        ("DAPI", (0, 0, 255)),
        ("dapi", (0, 0, 255)),
        ("Alexa Fluor 488", (0, 255, 0)),
        ("alexa-488", (0, 255, 0)),
        ("Texas Red", (255, 0, 0)),
        ("Cy5", (255, 0, 255)),
        ("Brightfield", (255, 255, 255)),
        ("my marker", (255, 255, 255)),
    ],
)
def test_colors_of_names(name, color):
    assert default_color(name) == color
    assert all(default_color(each) == known for known, names in NAMES.items() for each in names)


def test_frames_without_a_channel_are_grey_not_red_in_fiji(tmp_path, bioformats):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        storage.put({"time": 0}, FRAME)
    with bioformats(tmp_path / "run.ome.tiff") as reader:
        assert reader.series[0].channel_colors == [(255, 255, 255, 255)]


@pytest.mark.parametrize(
    ("label", "objective"),
    [
        ("Nikon 10X S Fluor", ObjectiveInfo("Nikon 10X S Fluor", magnification=10)),
        ("Plan 60x/1.4 Oil", ObjectiveInfo("Plan 60x/1.4 Oil", None, 60, 1.4, "Oil")),
        ("40X NA 0.95 water", ObjectiveInfo("40X NA 0.95 water", None, 40, 0.95, "Water")),
        ("2.5x", ObjectiveInfo("2.5x", magnification=2.5)),
        ("State-0", ObjectiveInfo("State-0")),
        ("TIRF 100x 0.17/0.17 NA 1.49", ObjectiveInfo("TIRF 100x 0.17/0.17 NA 1.49", None, 100, 1.49)),
        ("60x NA=0.30", ObjectiveInfo("60x NA=0.30", None, 60, 0.3)),
        ("Airyscan 63x", ObjectiveInfo("Airyscan 63x", magnification=63)),
        ("0x", ObjectiveInfo("0x")),
    ],
)
def test_objectives_by_their_labels(label, objective):
    assert objective_of(label) == objective


@pytest.mark.parametrize(
    "make",
    [
        lambda: ChannelInfo(emission_nm=0),
        lambda: ChannelInfo(excitation_nm=math.nan),
        lambda: ChannelInfo(color="greenish"),
        lambda: ChannelInfo(color="#GGGGGG"),
        lambda: ChannelInfo(color=(0, 0, 256)),
        lambda: ChannelInfo(color=(0, 0)),
        lambda: ChannelInfo(color=(0.5, 0.5, 0.5)),
        lambda: ChannelInfo(color="#+1+1+1"),
        lambda: ChannelInfo(acquisition_mode="guess"),
        lambda: ObjectiveInfo(numerical_aperture=-1),
        lambda: ObjectiveInfo(immersion="Beer"),
        lambda: TiffStorage("never.ome.tiff", pixel_size_um=0),
        lambda: TiffStorage("never.ome.tiff", z_step_um=math.inf),
        lambda: TiffStorage("never.ome.tiff", time_interval_s="soon"),
    ],
)
def test_impossible_options_are_rejected_at_once(make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((ValueError, TypeError)):
        make()
    assert list(tmp_path.iterdir()) == []


def test_enumerations_match_the_schema():
    assert {*ACQUISITION_MODES} == {mode.value for mode in Channel_AcquisitionMode}
    assert {*IMMERSIONS} == {immersion.value for immersion in Objective_Immersion}


def test_values_out_of_range_stay_in_the_records(tmp_path, bioformats):
    path = tmp_path / "run.ome.tiff"
    tags = {
        "Exposure-ms": -5,
        "PixelSizeUm": 0,
        "BitDepth": 99,
        "ZPositionUm": math.inf,
        "Camera-Gain": "High",
    }
    with TiffStorage(path) as storage:
        storage.put({"time": 0}, FRAME, tags | {"Camera": "Camera", "Binning": "3"})
    document = document_of(path)
    (image,) = document.images
    (plane,) = image.pixels.planes
    assert (plane.exposure_time, plane.position_z) == (None, None)
    assert (image.pixels.physical_size_x, image.pixels.significant_bits) == (None, None)
    settings = image.pixels.channels[0].detector_settings
    assert (settings.gain, settings.binning.value) == (None, "Other")
    with TiffStorage.open(path) as storage:
        assert storage.get_metadata({"time": 0}) == tags | {"Camera": "Camera", "Binning": "3"}
    (note,) = (
        note
        for note in document.structured_annotations.map_annotations
        if note.namespace == "urn:exengine-ome-tiff:metadata"
    )
    assert {"Exposure-ms", "PixelSizeUm", "ZPositionUm", "Camera-Gain"} <= {*dict(note.value)}
    assert bioformats


def test_only_gray_channels_have_colours(tmp_path, bioformats):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path) as storage:
        storage.put({"channel": "DAPI"}, np.ones((8, 10, 3), np.uint8))
    assert "Color=" not in tifffile.tiffcomment(path)
    with bioformats(path) as reader:
        assert reader.warnings == []


def test_each_channel_has_its_camera(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path) as storage:
        for channel, camera, gain in (("DAPI", "Left", 1), ("GFP", "Right", 2.5)):
            tags = {
                "Camera": camera,
                "Binning": "2",
                f"{camera}-Gain": gain,
                f"{camera}-CameraName": f"Model {camera}",
            }
            storage.put({"channel": channel}, FRAME, tags)
    document = document_of(path)
    models = {detector.id: detector.model for detector in document.instruments[0].detectors}
    settings = [channel.detector_settings for channel in document.images[0].pixels.channels]
    assert [(models[each.id], each.gain, each.binning.value) for each in settings] == [
        ("Model Left", 1, "2x2"),
        ("Model Right", 2.5, "2x2"),
    ]


def test_irregular_intervals_are_not_written(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, SUMMARY | {"CustomIntervals_ms": [1000, 3000]}) as storage:
        storage.put({"time": 0}, FRAME)
    assert document_of(path).images[0].pixels.time_increment is None


def test_an_empty_description_overrides_the_summary(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, SUMMARY, description="") as storage:
        storage.put({"time": 0}, FRAME)
    assert not document_of(path).images[0].description


@pytest.mark.parametrize("position", ["left", 3])
def test_the_name_of_a_position_is_the_stage_label(tmp_path, position):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path) as storage:
        storage.put({"position": position}, FRAME, {"PositionName": "Pos_7", "XPositionUm": -0.0})
    label = document_of(path).images[0].stage_label
    assert (label.name, label.x, label.y) == ("Pos_7", 0, None)


def test_the_acquisition_date_is_the_origin_of_plane_times(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, {"StartTime": "2026-01-01 12:00:00.000 +0000"}) as storage:
        storage.put({"time": 0}, FRAME)
        for time in (1, 2, 3):
            received = f"2026-01-01 12:00:{(10, 12, 11)[time - 1]}.000 +0000"
            storage.put({"time": time}, FRAME, {"ReceivedTime": received, "UUID": ""})
    (image,) = document_of(path).images
    assert image.acquisition_date.isoformat() == "2026-01-01T12:00:10+00:00"
    assert [plane.delta_t for plane in image.pixels.planes] == [None, 0, 2, 1]


def test_a_numpy_channel_matches_that_of_the_frames(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, channels={np.int64(1): ChannelInfo("#FF0000")}) as storage:
        storage.put({"channel": 1}, FRAME, {})
    (channel,) = document_of(path).images[0].pixels.channels
    assert channel.color.as_hex() in ("#f00", "red", "#ff0000")


@pytest.mark.parametrize(
    ("bits", "dtype", "written"),
    [
        *((12, "u2", 12), (8, "u1", 8), (16, "u2", 16), (1, "u1", 1)),
        *((12, "f4", None), (12, "u4", None), (8, "u2", None), (12, "i2", None), (12, "u1", None)),
    ],
)
def test_significant_bits_are_those_of_camera_pixels(tmp_path, bits, dtype, written):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path) as storage:
        storage.put({"time": 0}, FRAME.astype(dtype), {"Camera": "C", "BitDepth": bits})
    assert document_of(path).images[0].pixels.significant_bits == written


def test_the_interval_of_frames_takes_precedence_over_that_of_the_summary(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, {"time_interval_s": 5}) as storage:
        storage.put({"time": 0}, FRAME, {"time_interval_s": 2})
    assert document_of(path).images[0].pixels.time_increment == 2


def test_a_timestamp_dates_its_frame_even_if_times_count_from_the_start(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, {"StartTime": "2026-01-01 12:00:00.000 +0000"}) as storage:
        for time in range(2):
            stamp = f"2026-01-01 12:00:{10 + time}.000 +0000"
            storage.put({"time": time}, FRAME, {"Time": stamp, "ElapsedTime-ms": 5000 + 1000 * time})
    (image,) = document_of(path).images
    assert [plane.delta_t for plane in image.pixels.planes] == [5, 6]
    assert image.acquisition_date.isoformat() == "2026-01-01T12:00:05+00:00"


@pytest.mark.parametrize(
    ("summary", "second"),
    [
        ({"StartTime": "2026-01-01 12:00:01 +0000", "Time": "2026-01-01 12:00:02 +0000"}, 1),
        ({"DateAndTime": "2026-01-01 12:00:03 +0000"}, 3),
        ({"Time": "2026-01-01 12:00:02 +0000", "MicroManagerVersion": "1.4"}, 2),
    ],
    ids=lambda each: str(each)[:40],
)
def test_the_start_time_of_the_summary(tmp_path, summary, second):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, summary) as storage:
        storage.put({"time": 0}, FRAME)
    assert document_of(path).images[0].acquisition_date.isoformat() == f"2026-01-01T12:00:0{second}+00:00"


def test_a_stack_from_above_has_the_planned_step(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, {"z_step_um": 0.3}) as storage:
        for z in range(4):
            storage.put({"z": z}, FRAME, {"z_um": 5 - 0.3011 * z})
    assert document_of(path).images[0].pixels.physical_size_z == 0.3


@pytest.mark.parametrize(("given", "written"), [(2, 2), (0.5, 1)])
def test_z_indices_with_steps(tmp_path, given, written):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, z_step_um=given) as storage:
        for z in (0, 2, 4):
            storage.put({"z": z}, FRAME)
    assert document_of(path).images[0].pixels.physical_size_z == written


def test_the_date_is_in_utc_if_the_time_zone_is_known(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path) as storage:
        storage.put({"time": 0}, FRAME, {"ReceivedTime": "2026-01-01 12:00:10.000 +0200", "UUID": ""})
    assert document_of(path).images[0].acquisition_date.isoformat() == "2026-01-01T10:00:10+00:00"
