"""Positions that name wells become a plate; others do not."""

import numpy as np
import pytest
import tifffile
from ome_types import from_xml

from exengine_ome_tiff import TiffStorage
from exengine_ome_tiff.coordinates import PlateInfo, Well
from readers.bioformats import validate_xml

FRAME = np.ones((8, 8), np.uint8)


@pytest.mark.parametrize(
    ("labels", "well"),
    [
        ({"position": "A1"}, Well(0, 0, 0)),
        ({"position": "A01"}, Well(0, 0, 0)),
        ({"position": "A1-Site_0"}, Well(0, 0, 0)),
        ({"position": "B12-Site_3"}, Well(1, 11, 3)),
        ({"position": "H12_0002"}, Well(7, 11, 2)),
        ({"position": "AA7"}, Well(26, 6, 0)),
        ({"position": "AF48"}, Well(31, 47, 0)),
        ({"well": "C4", "field": 2}, Well(2, 3, 2)),
        ({"well": "C4", "field": "north"}, Well(2, 3, 0)),
        ({"position": "AG1"}, None),
        ({"position": "A49"}, None),
        ({"position": "A0"}, None),
        ({"position": "Pos0"}, None),
        ({"position": "a1"}, None),
        ({"position": "A1 left"}, None),
        ({"position": 3}, None),
        ({"camera": "A1"}, None),
        ({}, None),
    ],
)
def test_wells_by_their_labels(labels, well):
    assert PlateInfo().well_of(labels) == well


def wells_in(xml):
    """Name of the image by (row, column, place in the well)."""
    document = from_xml(xml)
    names = {image.id: image.name for image in document.images}
    (plate,) = document.plates
    assert plate.row_naming_convention.value == "letter"
    assert plate.column_naming_convention.value == "number"
    wells = {
        (well.row, well.column, place): names[sample.image_ref.id]
        for well in plate.wells
        for place, sample in enumerate(well.well_samples)
    }
    return (plate.name, plate.rows, plate.columns), wells


POSITIONS = ["B3-Site_1", "A1-Site_0", "B3-Site_0", "overview"]


@pytest.mark.parametrize("name", ["plate.ome.tiff", "plate"])
def test_a_plate_in_ome(tmp_path, bioformats, name):
    path = tmp_path / name
    with TiffStorage(path) as storage:
        for time in range(2):
            for position in POSITIONS:
                storage.put({"position": position, "time": time}, FRAME * POSITIONS.index(position))
    whole = path if path.is_file() else path / "plate.companion.ome"
    xml = tifffile.tiffcomment(path) if path.is_file() else whole.read_text()
    assert validate_xml(xml) == []
    plate, wells = wells_in(xml)
    assert plate == ("plate", 2, 3)
    assert wells == {(0, 0, 0): "A1-Site_0", (1, 2, 0): "B3-Site_0", (1, 2, 1): "B3-Site_1"}
    with bioformats(whole) as reader:
        for number, series in enumerate(reader.series):
            assert (reader.plane(number, 0, 0, 1) == POSITIONS.index(series.name)).all()
        assert len(reader.series) == 4
        assert reader.warnings == []
    if path.is_dir():
        _, own = wells_in(tifffile.tiffcomment(path / "plate_B3-Site_1.ome.tiff"))
        assert own == {(1, 2, 0): "B3-Site_1"}
        assert from_xml(tifffile.tiffcomment(path / "plate_overview.ome.tiff")).plates == []


def test_positions_that_name_no_well_make_no_plate(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        for position in ("Pos0", "Pos1", 7):
            storage.put({"position": position}, FRAME)
    assert from_xml(tifffile.tiffcomment(tmp_path / "run.ome.tiff")).plates == []


NAMED = {"left": "A2", "upper right": "H12-Site_1", "lower right": "H12-Site_0", 7: "C3"}


@pytest.mark.parametrize("name", ["run.ome.tiff", "run"])
def test_a_plate_of_positions_that_have_other_names(tmp_path, bioformats, name):
    path = tmp_path / name
    plate = PlateInfo(NAMED, name="Assay 3", rows=8, columns=12)
    with TiffStorage(path, plate=plate) as storage:
        for position in [*NAMED, "overview", "A1"]:
            storage.put({"position": position}, FRAME)
    whole = path if path.is_file() else path / "run.companion.ome"
    xml = tifffile.tiffcomment(path) if path.is_file() else whole.read_text()
    assert validate_xml(xml) == []
    assert wells_in(xml) == (
        ("Assay 3", 8, 12),
        {
            (0, 1, 0): "left",
            (2, 2, 0): "position 7",
            (7, 11, 0): "lower right",
            (7, 11, 1): "upper right",
        },
    )
    with bioformats(whole) as reader:
        assert len(reader.series) == 6
        assert reader.warnings == []


def test_the_size_of_a_plate_bounds_what_names_a_well(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, plate=PlateInfo(rows=2, columns=3)) as storage:
        for position in ("A1", "B3", "C1", "A4"):
            storage.put({"position": position}, FRAME)
    plate, wells = wells_in(tifffile.tiffcomment(path))
    assert plate == ("run", 2, 3)
    assert list(wells.values()) == ["A1", "B3"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"wells": {"left": "upper"}}, "'left': 'upper' is no well"),
        ({"wells": {"left": "C1"}, "rows": 2}, "'C1' is no well"),
        ({"wells": {"left": 3}}, "3 is no well"),
        ({"rows": 0}, "0 rows"),
        ({"columns": 49}, "49 columns"),
        ({"rows": 8.5}, "8.5 rows"),
        ({"name": 5}, "5 as the name"),
        ({"wells": {("a",): "A1"}}, "expected positions"),
        ({"wells": ["A1"]}, "expected positions"),
        ({"wells": {"a": "A\u0663"}}, "is no well"),
    ],
)
def test_what_is_no_plate_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        PlateInfo(**options)


def test_numbers_of_numpy_are_numbers(tmp_path):
    plate = PlateInfo({np.int64(3): "A1"}, rows=np.int64(8), columns=np.uint8(12))
    with TiffStorage(tmp_path / "run", plate=plate) as storage:
        storage.put({"position": 3}, FRAME)
    with TiffStorage.open(tmp_path / "run") as storage:
        assert storage._recording.header.plate == PlateInfo({3: "A1"}, rows=8, columns=12)
    size, wells = wells_in(tifffile.tiffcomment(tmp_path / "run" / "run_3.ome.tiff"))
    assert (size, wells) == (("run", 8, 12), {(0, 0, 0): "position 3"})


def test_a_dict_is_no_plate(tmp_path):
    with pytest.raises(TypeError, match="expected a PlateInfo"):
        TiffStorage(tmp_path / "run", plate={"a": "A1"})
    assert list(tmp_path.iterdir()) == []
