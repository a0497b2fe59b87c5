"""Plates in metadata, and wells whose names differ from those of positions."""

import numpy as np
import pytest
import tifffile
from ome_types import from_tiff

from exengine_ome_tiff import PlateInfo, TiffStorage
from readers.bioformats import validate_xml

FRAME = np.ones((4, 5), np.uint16)
EVENT = {"format": "frame-dict", "version": "1.0"}
PLAN = {
    "format": "summary-dict",
    "mda_sequence": {"stage_positions": {"plate": {"name": "24-well", "rows": 4, "columns": 6}}},
}
TOLD = {
    "MetadataVersion": "13",
    "WellPlateName": "P 7",
    "WellPlateRows": 8,
    "WellPlateColumns": 12,
    "WellPlateDescription": "fixed\r\ncells",
    "WellPlateExternalIdentifier": "X-12",
    "WellPlateStatus": "done",
    "WellPlateWellOriginX": 100.5,
    "WellPlateWellOriginY": "-3",
    "WellPlateRowNamingConvention": "number",
    "WellPlateColumnNamingConvention": "Letter",
}


def stored(path, frames, summary, **options):
    with TiffStorage(path, summary, **options) as storage:
        for coordinates, metadata in frames:
            storage.put(coordinates, FRAME, metadata)
    assert validate_xml(tifffile.tiffcomment(path)) == []
    return from_tiff(path)


def wells(document):
    (plate,) = document.plates
    return [
        (well.row, well.column, [each.image_ref.id for each in well.well_samples]) for well in plate.wells
    ]


def test_event_names_give_the_wells_of_numbered_positions(tmp_path):
    names = ["A2_0000", "D6_0000", "D6_0001"]
    frames = [
        ({"position": position}, EVENT | {"mda_event": {"pos_name": name}})
        for position, name in enumerate(names)
    ]
    document = stored(tmp_path / "run.ome.tiff", frames, PLAN)
    assert wells(document) == [(0, 1, ["Image:0"]), (3, 5, ["Image:1", "Image:2"])]
    assert (document.plates[0].name, document.plates[0].rows, document.plates[0].columns) == ("24-well", 4, 6)


def test_names_are_not_wells_without_a_plate(tmp_path):
    frames = [({"position": 0}, EVENT | {"mda_event": {"pos_name": "P1"}})]
    assert stored(tmp_path / "run.ome.tiff", frames, {}).plates == []


def test_positions_that_are_not_wells_lie_in_none(tmp_path):
    frames = [
        ({"position": position}, EVENT | {"mda_event": {"pos_name": name}})
        for position, name in enumerate(["A1", "focus"])
    ]
    assert wells(stored(tmp_path / "run.ome.tiff", frames, PLAN)) == [(0, 0, ["Image:0"])]


def test_wells_of_planned_positions(tmp_path):
    positions = [
        {"Label": f"Site {number}", "Properties": {"Well": {"type": "STRING", "scalar": well}}}
        for number, well in enumerate(("B1", "B3"))
    ]
    frames = [({"position": f"Site {number}"}, {}) for number in range(2)]
    document = stored(tmp_path / "run.ome.tiff", frames, TOLD | {"StagePositions": positions})
    assert wells(document) == [(1, 0, ["Image:0"]), (1, 2, ["Image:1"])]


@pytest.mark.parametrize("name", ["run.ome.tiff"])
def test_plate_facts_from_the_summary(tmp_path, name, bioformats):
    path = tmp_path / name
    frames = [
        ({"position": position, "time": time}, {"timestamp": f"2026-03-04T05:06:{10 * time:02}Z"})
        for time in range(3)
        for position in ("A1", "B2")
    ]
    plate = stored(path, frames, TOLD).plates[0]
    assert (plate.name, plate.description, plate.external_identifier, plate.status) == (
        *("P 7", "fixed\ncells", "X-12", "done"),
    )
    assert (plate.row_naming_convention.value, plate.column_naming_convention.value) == ("number", "letter")
    assert (plate.well_origin_x, plate.well_origin_x_unit.value) == (100.5, "µm")
    assert plate.well_origin_y == -3
    (acquisition,) = plate.plate_acquisitions
    assert acquisition.start_time.isoformat() == "2026-03-04T05:06:00+00:00"
    assert acquisition.end_time.isoformat() == "2026-03-04T05:06:20+00:00"
    assert len(acquisition.well_sample_refs) == 2
    with bioformats(path) as reader:
        assert reader.warnings == []
        assert [series.name for series in reader.series] == ["A1", "B2"]


def test_the_plate_name_option_takes_precedence(tmp_path):
    frames = [({"position": position}, {}) for position in ("A1", "B2")]
    (plate,) = stored(tmp_path / "run.ome.tiff", frames, TOLD, plate=PlateInfo(name="mine")).plates
    assert plate.name == "mine"


def test_the_field_count_is_that_of_the_fullest_well(tmp_path):
    frames = [
        ({"well": well, "field": number}, {})
        for well, count in (("A1", 3), ("B2", 1))
        for number in range(count)
    ]
    (plate,) = stored(tmp_path / "run.ome.tiff", frames, None).plates
    assert plate.plate_acquisitions[0].maximum_field_count == 3
