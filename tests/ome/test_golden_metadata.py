"""Recorded metadata of every dialect in files, checked with Bio-Formats, ome-types and the schema."""

import json
import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import tifffile
from ome_types import from_xml

from exengine_ome_tiff import TiffStorage
from readers.bioformats import validate_xml

FOLDER = Path(__file__).parents[1] / "data" / "metadata"
FRAME = np.ones((8, 10), np.uint16)
DEMO = {"manufacturer": "DCam", "model": "DemoCamera-MultiMode", "serial_number": "V1.0"}
PLAIN = {}  # a camera label is not a model
OBJECTIVE = ("Nikon 10X S Fluor", 10.0)
MM2_RECEIVED = "2026-11-22T06:58:41.123000+00:00"

CASES = {
    # name: (summary, exposure_s, (x, y, z) in um, pixel size in um, bits, date, detector, objective)
    "acqengj_java_image_CONSTRUCTED": (
        "acqengj_java_summary_CONSTRUCTED",
        *(0.012, (10, 20, 2), 1, 16, "2026-11-22T06:58:40.510000", DEMO, OBJECTIVE),
    ),
    "exengine_plain_sequence_16bit": (
        None,
        *(None, None, None, None, "2026-11-22T07:11:29.288360", PLAIN, None),
    ),
    "exengine_plain_snap_z_16bit": (None, *(None,) * 7),
    "exengine_rich_sequence_z_triggered_16bit": (
        None,
        *(0.01, (9000, 0, 2), 1, 16, "2026-11-22T07:11:25.616799+00:00", PLAIN, None),
    ),
    "exengine_rich_snap_z_16bit": (
        None,
        *(0.01, (0, 0, -2), 1, 16, "2026-11-22T07:11:24.507377+00:00", PLAIN, None),
    ),
    "exengine_sequence_multicamera": (
        None,
        *(None, None, None, None, "2026-11-22T06:59:33.076226", PLAIN, None),
    ),
    "mm1_or_2beta_image_CONSTRUCTED": (
        None,
        *(0.012, (10, 20, 2), 1, 16, "2012-04-20T17:46:03+00:00", PLAIN, None),
    ),
    "mm2_multipagetiff_image_CONSTRUCTED": (
        "mm2_summary_CONSTRUCTED",
        *(0.012, (10, 20, 2), 1, 16, MM2_RECEIVED, DEMO, OBJECTIVE),
    ),
    "mmcorej_dialect_sequence": (
        None,
        *(0.0075, None, 1, 16, "2026-11-22T06:59:28.985939", DEMO, OBJECTIVE),
    ),
    "mmcorej_dialect_snap": (None, *(0.0075, None, 1, 16, None, DEMO, OBJECTIVE)),
    "pycromanager_py_t_seq_image_last": (
        "pycromanager_py_t_seq_summary",
        *(0.012, None, 1, None, "2026-11-22T06:58:41.830458", PLAIN, None),
    ),
    "pycromanager_py_tpcz_image_last": (
        "pycromanager_py_tpcz_summary",
        *(0.012, (10, 20, 2), 1, None, "2026-11-22T06:58:40.509640", PLAIN, None),
    ),
    "pymmcoreplus_hwseq_FrameMetaV1_first": (
        "pymmcoreplus_hwseq_SummaryMetaV1",
        *(0.012, None, 1, 16, "2026-11-22T06:57:42.216846+00:00", DEMO, OBJECTIVE),
    ),
    "pymmcoreplus_rgb_FrameMetaV1_last": (
        "pymmcoreplus_rgb_SummaryMetaV1",
        *(0.012, None, 1, 16, "2026-11-22T06:57:42.309736+00:00", DEMO, OBJECTIVE),
    ),
    "pymmcoreplus_tpcz_snap_FrameMetaV1_last": (
        "pymmcoreplus_tpcz_snap_SummaryMetaV1",
        *(0.012, (100.005, 49.995, 6), 1, 16, "2026-11-22T06:57:41.498927+00:00", DEMO, OBJECTIVE),
    ),
    "pymmcoreplus_wellplate_FrameMetaV1_last": (
        "pymmcoreplus_wellplate_SummaryMetaV1",
        *(0.012, (9000.12, -8999.955, 0), 1, 16, "2026-11-22T06:57:42.328343+00:00", DEMO, OBJECTIVE),
    ),
}


def recorded(name):
    return None if name is None else json.loads((FOLDER / f"{name}.json").read_text("utf-8"))


@pytest.fixture(params=CASES)
def case(request, tmp_path):
    """Write a frame with recorded metadata; return the path and the expected values."""
    summary, *expected = CASES[request.param]
    path = tmp_path / "run.ome.tiff"
    metadata = recorded(request.param)
    position = {"position": "B2_0001"} if "wellplate" in request.param else {}
    with TiffStorage(path, recorded(summary)) as storage:
        storage.put({"time": 0, "channel": "FITC"} | position, FRAME, metadata)
    with TiffStorage.open(path) as storage:
        assert storage.get_metadata({"time": 0, "channel": "FITC"} | position) == metadata
        assert storage.summary_metadata == (recorded(summary) or {})
    return path, *expected


def test_bioformats_reads_values_with_their_units(case, bioformats):
    path, exposure_s, xyz_um, pixel_size_um, _, date, *_ = case
    with bioformats(path) as reader:
        (series,) = reader.series
        assert reader.warnings == []
    (plane,) = series.planes
    assert plane["exposure_time"] == (None if exposure_s is None else (exposure_s, "s"))
    for axis, um in zip("xyz", xyz_um or (None,) * 3, strict=True):
        assert plane[f"position_{axis}"] == (None if um is None else (pytest.approx(um, abs=1e-9), "µm"))
    expected = None if pixel_size_um is None else (pixel_size_um, "µm")
    assert series.physical_size_x == series.physical_size_y == expected
    assert series.channel_colors == [(0, 255, 0, 255)]
    got = series.acquisition_date
    expected = None if date is None else datetime.fromisoformat(date).astimezone(UTC if "+" in date else None)
    assert (None if got is None else got[:19]) == (None if date is None else expected.isoformat()[:19])


def test_ome_types_and_the_schema_agree(case, bioformats):
    path, _, xyz_um, _, bits, date, detector, objective = case
    xml = tifffile.tiffcomment(path)
    assert validate_xml(xml) == []
    document = from_xml(xml)
    (image,) = document.images
    assert (image.acquisition_date and image.acquisition_date.isoformat()) == date
    assert image.pixels.significant_bits == bits
    detectors = document.instruments[0].detectors if document.instruments else []
    if detector is None:
        assert detectors == []
    else:
        (found,) = detectors
        names = {name: getattr(found, name) for name in ("manufacturer", "model", "serial_number")}
        assert {name: value for name, value in names.items() if value is not None} == detector
        settings = image.pixels.channels[0].detector_settings
        assert settings.id == found.id
    objectives = document.instruments[0].objectives if document.instruments else []
    assert [(each.model, each.nominal_magnification) for each in objectives] == (
        [] if objective is None else [objective]
    )
    assert (image.objective_settings is None) == (objective is None)
    if image.stage_label is not None and xyz_um is not None:
        label = image.stage_label
        assert (label.x, label.y, label.z) == pytest.approx(xyz_um)
        assert label.x_unit.value == label.y_unit.value == label.z_unit.value == "µm"
    assert bioformats


def test_summaries_in_ome(tmp_path, bioformats):
    for name, interval_s, step_um, plate in (
        ("mm2_summary_CONSTRUCTED", 5.0, 1.0, ("run", 2, 2)),
        ("pymmcoreplus_tpcz_snap_SummaryMetaV1", 0.05, 1.0, ("run", 2, 2)),
        ("pymmcoreplus_wellplate_SummaryMetaV1", None, None, ("96-well", 8, 12)),
    ):
        path = tmp_path / name / "run.ome.tiff"
        with TiffStorage(path, recorded(name)) as storage:
            for position in ("A1", "B2"):
                storage.put({"position": position, "z": 0, "channel": "DAPI"}, FRAME)
        document = from_xml(tifffile.tiffcomment(path))
        pixels = document.images[0].pixels
        assert pixels.time_increment == interval_s
        assert pixels.physical_size_z == step_um
        assert (document.plates[0].name, document.plates[0].rows, document.plates[0].columns) == plate
        with bioformats(path) as reader:
            series = reader.series[0]
            assert series.time_increment == (None if interval_s is None else (interval_s, "s"))
            assert series.physical_size_z == (None if step_um is None else (step_um, "µm"))
            assert reader.warnings == []


def test_time_continues_across_sequences_whose_clock_restarts(tmp_path, bioformats):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path) as storage:
        for sequence in range(3):
            for number in range(4):
                received = f"2026-11-22 07:{sequence:02}:{number * 10:02}.500000"
                tags = {"ElapsedTime-ms": str(number * 10_000.0), "TimeReceivedByCore": received}
                storage.put({"time": 4 * sequence + number}, FRAME, tags)
    with bioformats(path) as reader:
        times = [plane["delta_t"] for plane in reader.series[0].planes]
    assert times == [(60.0 * sequence + 10 * number, "s") for sequence in range(3) for number in range(4)]
    assert not any(math.isnan(seconds) for seconds, _ in times)
