"""Predicted OMERO imports, compared with Bio-Formats, which OMERO's importer uses."""

import numpy as np
import pytest
from ome_types import from_xml

from exengine_ome_tiff import TiffStorage
from exengine_ome_tiff.cli import main
from exengine_ome_tiff.inspection.archives import omero_import
from readers.bioformats import BioFormatsError


def record(path, positions, **options):
    """Record a stack of two channels at each position, and a colour image."""
    with TiffStorage(path, fsync=False, **options) as storage:
        for position in positions:
            for channel in ("DAPI", "GFP"):
                for z in range(3):
                    place = {"position": position, "channel": channel, "z": z}
                    storage.put(place, np.zeros((12, 16), np.uint16))
        storage.put({"position": "B2-Site_1"}, np.zeros((12, 16, 3), np.uint8))
    return path


def as_bioformats(bioformats, found):
    """Compare images with the series in Bio-Formats, and their wells with the plate."""
    for file in found.files:
        with bioformats(file) as opened:
            told = [image for image in found.images if image.file == file]
            assert opened.warnings == []
            assert [image.series for image in told] == [*range(len(opened.series))]
            for image, series in zip(told, opened.series, strict=True):
                assert (image.name, image.pixel_type) == (series.name, series.pixel_type)
                assert image.sizes == {axis: getattr(series, f"size_{axis.lower()}") for axis in "XYZCT"}
            document = from_xml(opened.ome_xml)
            wells = {
                sample.image_ref.id: f"{'ABC'[well.row]}{well.column + 1}"
                for plate in document.plates
                for well in plate.wells
                for sample in well.well_samples
            }
            assert [image.well for image in told] == [wells.get(each.id) for each in document.images]
            assert [plate.name for plate in document.plates] == [found.plate] * bool(found.plate)


def test_a_plate_in_one_file_and_in_a_folder(tmp_path, bioformats):
    for name in ("plate.ome.tiff", "plate"):
        found = omero_import(record(tmp_path / name, ["A1-Site_0", "A1-Site_1", "B2-Site_0"]))
        assert (found.plate, len(found.files), len(found.images), found.findings) == ("plate", 1, 4, ())
        as_bioformats(bioformats, found)
    assert found.files == (tmp_path / "plate" / "plate.companion.ome",)
    found.files[0].unlink()
    found = omero_import(tmp_path / "plate")
    assert len(found.files) == 4
    assert [each.what for each in found.findings] == [
        "the companion is missing: each file is imported separately"
    ]
    as_bioformats(bioformats, found)


def test_images_without_a_plate(tmp_path, bioformats):
    found = omero_import(record(tmp_path / "run.ome.tiff", [0, 1], plate=False))
    assert found.plate is None
    as_bioformats(bioformats, found)


def test_a_renamed_file_is_reported_as_refused(tmp_path, bioformats):
    folder = record(tmp_path / "run & µ", [0])
    file = next(folder.glob("*_0.ome.tiff"))
    assert omero_import(folder).findings == ()
    file.rename(folder / "other.ome.tiff")
    found = omero_import(folder)
    (finding,) = found.findings
    assert finding.is_refused
    with pytest.raises(BioFormatsError, match=r"No such file|Missing file"):
        bioformats(found.files[0])


def test_what_bioformats_cannot_read(tmp_path, bioformats, capsys):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, fsync=False) as storage:
        storage.put({"time": 0}, np.zeros((8, 8), np.complex64))
        storage.flush()
        assert [each.is_refused for each in omero_import(path).findings] == [False, True]
    (finding,) = omero_import(path).findings
    assert finding.is_refused
    with pytest.raises(BioFormatsError):
        bioformats(path).plane(0, 0, 0, 0)
    assert main(["validate", "--for", "omero", str(path)]) == 1
    assert "refused: run: Bio-Formats cannot read complex pixels\n  fix: store" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("shape", "dtype", "options", "pyramid"),
    [
        ((3192, 3192), np.uint8, {}, "not needed"),
        ((3193, 3192), np.uint8, {}, "made by OMERO"),
        ((3193, 3192), np.float32, {}, "missing"),
        ((3193, 3192), np.uint8, {"pyramid_levels": "auto"}, "in the file"),
    ],
)
def test_pyramids(tmp_path, capsys, shape, dtype, options, pyramid):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, fsync=False, **options) as storage:
        storage.put({"time": 0}, np.broadcast_to(np.zeros((), dtype), shape))
    (image,) = omero_import(path).images
    assert image.pyramid == pyramid
    is_well = pyramid in ("not needed", "in the file")
    assert main(["validate", "--for", "omero", str(path)]) == (0 if is_well else 1)
    out = capsys.readouterr().out
    assert f"pyramid {pyramid}" in out
    assert ("pyramid_levels='auto'" in out) != is_well


def test_names_and_compression(tmp_path, capsys):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, fsync=False, image_name="n" * 300, compression="zstd") as storage:
        storage.put({"time": 0}, np.zeros((8, 8), np.uint8))
    assert [each.is_refused for each in omero_import(path).findings] == [False, False]
    assert main(["validate", "--for", "omero", "--json", str(path)]) == 1
    assert '"series": 0' in capsys.readouterr().out
