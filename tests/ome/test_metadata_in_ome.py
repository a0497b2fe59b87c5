"""Metadata of frames in OME, as Bio-Formats and ome-types read it."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from ome_types import from_xml

from exengine_ome_tiff import TiffStorage
from readers.bioformats import validate_xml

RECORDED = json.loads(
    (Path(__file__).parents[1] / "data" / "metadata" / "exengine_rich_sequence_16bit.json").read_text()
)
FRAME = np.ones((8, 10), np.uint16)


@pytest.fixture
def path(tmp_path):
    """Two time points with recorded tags, 2.5 s apart at different positions, and a plane without tags."""
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        always = {"PixelSizeUm": 0.325, "BitDepth": "12"}
        storage.put({"time": 0}, FRAME, RECORDED | always)
        later = always | {
            "TimeReceivedByCore": "2026-11-22 07:11:25.913296",
            "ReceivedTime": "2026-11-22 07:11:26.000000 +0000",
            "ElapsedTime-ms": "10.9",
            "XPositionUm": -12.5,
            "YPositionUm": "3",
            "ZPositionUm": 0.75,
            "Exposure-ms": 20,
        }
        storage.put({"time": 1}, FRAME, RECORDED | later)
        storage.put({"time": 2}, FRAME, {})
    return tmp_path / "run.ome.tiff"


def test_bio_formats_reads_values_with_their_units(path, bioformats):
    with bioformats(path) as reader:
        (series,) = reader.series
        assert series.physical_size_x == series.physical_size_y == (0.325, "µm")
        assert series.physical_size_z is None
        assert series.time_increment is None
        assert series.acquisition_date == "2026-11-22T07:11:23.414"
        first, second, third = series.planes
        assert first["delta_t"] == (0.0, "s")
        assert second["delta_t"] == (2.5, "s")
        assert first["exposure_time"] == (0.01, "s")
        assert second["exposure_time"] == (0.02, "s")
        assert second["position_x"] == (-12.5, "µm")
        assert second["position_y"] == (3.0, "µm")
        assert second["position_z"] == (0.75, "µm")
        assert {third[name] for name in ("delta_t", "exposure_time", "position_x")} == {None}
        assert reader.warnings == []


def test_ome_types_and_the_schema_agree(path, bioformats):
    xml = tifffile.tiffcomment(path)
    assert validate_xml(xml) == []
    document = from_xml(xml)
    assert document.creator.startswith("exengine-ome-tiff ")
    assert document.uuid.startswith("urn:uuid:")
    (image,) = document.images
    assert image.acquisition_date.isoformat() == "2026-11-22T07:11:23.414179+00:00"
    assert image.pixels.significant_bits == 12
    assert image.pixels.physical_size_x_unit.value == "µm"
    assert [plane.the_t for plane in image.pixels.planes] == [0, 1, 2]
    assert bioformats


def test_nothing_is_invented(tmp_path):
    with TiffStorage(tmp_path / "bare.ome.tiff") as storage:
        storage.put({"time": 0}, FRAME)
    xml = tifffile.tiffcomment(tmp_path / "bare.ome.tiff")
    for word in ("PhysicalSize", "DeltaT", "Exposure", "Position", "AcquisitionDate", "SignificantBits"):
        assert word not in xml


def test_missing_planes_are_listed_and_have_no_plane_element(tmp_path, bioformats):
    path = tmp_path / "gaps.ome.tiff"
    with TiffStorage(path) as storage:
        for z, time in ((0, 0), (1, 0), (2, 0), (0, 1), (2, 2)):
            storage.put({"z": z, "time": time}, FRAME)
    (image,) = from_xml(tifffile.tiffcomment(path)).images
    assert len(image.pixels.planes) == 5
    with bioformats(path) as reader:
        for z, t in np.ndindex(3, 3):
            acquired = (z, t) in {(0, 0), (1, 0), (2, 0), (0, 1), (2, 2)}
            assert reader.plane(0, z, 0, t).any() == acquired
        assert reader.warnings == []
    notes = from_xml(tifffile.tiffcomment(path)).structured_annotations.map_annotations
    (missing,) = (note for note in notes if note.namespace == "urn:exengine-ome-tiff:not-acquired")
    assert json.loads(dict(missing.value)["ZCT and count"]) == [[1, 0, 1, 4]]
