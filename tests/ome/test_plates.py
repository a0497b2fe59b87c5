"""Positions that name wells become a plate; others do not."""

import numpy as np
import pytest
import tifffile
from ome_types import from_xml

from exengine_ome_tiff import TiffStorage, convert
from exengine_ome_tiff.coordinates.wells import PlateInfo, Well, are_wells
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
        ({"position": "A01_s1"}, Well(0, 0, 1)),
        ({"position": "A01-1"}, Well(0, 0, 1)),
        ({"position": "A1 1"}, Well(0, 0, 1)),
        ({"position": "b3"}, Well(1, 2, 0)),
        ({"position": "Well A1"}, Well(0, 0, 0)),
        ({"position": "well_c4 site 2"}, Well(2, 3, 2)),
        ({"position": "A1f1"}, Well(0, 0, 1)),
        ({"position": "r01c02f03"}, Well(0, 1, 3)),
        ({"position": "R16c24"}, Well(15, 23, 0)),
        ({"position": "r1c2"}, None),
        ({"position": "r00c02"}, None),
        ({"position": "A1-Site_2", "field": 5}, Well(0, 0, 2)),
        ({"position": "A1 left"}, None),
        ({"position": "\u017f1"}, None),
        ({"position": "AG1"}, None),
        ({"position": "A49"}, None),
        ({"position": "A0"}, None),
        ({"position": "Pos0"}, None),
        ({"position": 3}, None),
        ({"camera": "A1"}, None),
        ({}, None),
    ],
)
def test_wells_by_their_labels(labels, well):
    assert PlateInfo().well_of(labels) == well


@pytest.mark.parametrize(
    ("positions", "expected"),
    [
        (["P1", "P2", "P3"], False),
        ([f"P{number}" for number in range(1, 13)], False),
        (["s1"], False),
        (["A1", "B1", "C1"], False),
        (["A1", "A2", "B1"], True),
        (["A01", "A02"], True),
        (["B12"], True),
        (["A1-Site_0"], True),
        (["P1 1", "overview"], True),
        (["Pos0", "AG01", "A00"], False),
        ([], False),
    ],
)
def test_only_unambiguous_wells_make_a_plate(tmp_path, caplog, positions, expected):
    assert are_wells([{"position": position} for position in positions]) == expected
    if positions:
        path = tmp_path / "run.ome.tiff"
        with TiffStorage(path) as storage:
            for position in positions:
                storage.put({"position": position}, FRAME)
        assert bool(from_xml(tifffile.tiffcomment(path)).plates) == expected
        assert ("no plate is made" in caplog.text) == (positions[0] in ("P1", "s1", "A1") and not expected)


def test_an_explicit_plate_accepts_ambiguous_wells(tmp_path):
    summary = {"WellPlateName": "Assay", "WellPlateRows": 16, "WellPlateColumns": 24}
    for name, options in (
        ("told", {"plate": PlateInfo(rows=16)}),
        ("summary", {"summary_metadata": summary}),
    ):
        with TiffStorage(tmp_path / f"{name}.ome.tiff", **options) as storage:
            storage.put({"position": "P1"}, FRAME)
        _, wells = wells_in(tifffile.tiffcomment(tmp_path / f"{name}.ome.tiff"))
        assert wells == {(15, 0, 0): "P1"}


@pytest.mark.parametrize("name", ["run.ome.tiff", "run"])
def test_a_plate_can_be_turned_off(tmp_path, name, caplog):
    with TiffStorage(tmp_path / name, {"WellPlateName": "Assay"}, plate=False) as storage:
        for position in ("A1-Site_0", "B12-Site_3"):
            storage.put({"position": position}, FRAME)
    for path in storage_files(tmp_path / name):
        assert from_xml(path).plates == []
    assert "plate" not in caplog.text
    with TiffStorage.open(tmp_path / name) as storage:
        convert(storage.path, tmp_path / "copy.ome.tiff")
    assert from_xml(tifffile.tiffcomment(tmp_path / "copy.ome.tiff")).plates == []


def storage_files(path):
    return [tifffile.tiffcomment(file) for file in ([path] if path.is_file() else path.glob("*.tiff"))]


def test_a_file_for_each_field_of_a_well(tmp_path, bioformats):
    path = tmp_path / "run"
    with TiffStorage(path) as storage:
        for time in range(2):
            for well in ("A1", "B2"):
                for field in range(2):
                    storage.put({"Well": well, "Field": field, "time": time}, FRAME * (time + 1))
    names = ["run_A1_0.ome.tiff", "run_A1_1.ome.tiff", "run_B2_0.ome.tiff", "run_B2_1.ome.tiff"]
    assert sorted(file.name for file in path.glob("*.tiff")) == names
    assert wells_in(tifffile.tiffcomment(path / names[2]))[1] == {(1, 1, 0): "B2, field 0"}
    with bioformats(path / "run.companion.ome") as reader:
        assert [series.name for series in reader.series] == [
            f"{well}, field {field}" for well in ("A1", "B2") for field in range(2)
        ]
        assert reader.warnings == []


def test_a_well_field_and_a_position_with_the_same_file_name(tmp_path):
    with TiffStorage(tmp_path / "run") as storage:
        storage.put({"well": "A1", "field": 0}, FRAME)
        storage.put({"position": "A1_0"}, FRAME * 2)
        storage.put({"well": "A1"}, FRAME * 3)
        storage.put({"well": "A1", "field": 1, "time": 0}, FRAME * 4)
    assert len([*(tmp_path / "run").glob("*.tiff")]) == 4
    with TiffStorage.open(tmp_path / "run") as storage:
        assert storage[{"position": "A1_0"}].max() == 2
        assert storage[{"well": "A1", "field": 0}].max() == 1


def test_fields_inside_an_image_share_a_file(tmp_path):
    with TiffStorage(tmp_path / "run", fold_axes={"field": "T"}) as storage:
        for field in range(3):
            storage.put({"well": "A1", "field": field}, FRAME)
    (file,) = (tmp_path / "run").glob("*.tiff")
    assert from_xml(tifffile.tiffcomment(file)).images[0].pixels.size_t == 3


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


def test_positions_without_wells_make_no_plate(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        for position in ("Pos0", "Pos1", 7):
            storage.put({"position": position}, FRAME)
    assert from_xml(tifffile.tiffcomment(tmp_path / "run.ome.tiff")).plates == []


NAMED = {"left": "A2", "upper right": "H12-Site_1", "lower right": "H12-Site_0", 7: "C3"}


@pytest.mark.parametrize("name", ["run.ome.tiff", "run"])
def test_a_plate_of_positions_with_other_names(tmp_path, bioformats, name):
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


def test_the_plate_size_limits_well_names(tmp_path):
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
        ({"wells": {"left": "upper"}}, "'left': 'upper' is not a well"),
        ({"wells": {"left": "C1"}, "rows": 2}, "'C1' is not a well"),
        ({"wells": {"left": 3}}, "3 is not a well"),
        ({"rows": 0}, "rows=0"),
        ({"columns": 49}, "columns=49"),
        ({"rows": 8.5}, "rows=8.5"),
        ({"name": 5}, "name=5"),
        ({"wells": {("a",): "A1"}}, "expected names of wells by position"),
        ({"wells": ["A1"]}, "expected names of wells by position"),
        ({"wells": {"a": "A\u0663"}}, "is not a well"),
    ],
)
def test_invalid_plates_are_rejected(options, message):
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


def test_a_dict_is_not_a_plate(tmp_path):
    with pytest.raises(TypeError, match=r"expected a PlateInfo, .*: write plate=PlateInfo\(rows="):
        TiffStorage(tmp_path / "run", plate={"a": "A1"})
    assert list(tmp_path.iterdir()) == []
