"""Bio-Formats and tifffile read every plane of the demo's files."""

import shutil

import numpy as np
import pytest
import tifffile

from demos import make_demo
from exengine_ome_tiff import TiffStorage
from exengine_ome_tiff.demo.acquisition import DemoPlan

PLAN = DemoPlan(positions=2, time_points=3, channels=("DAPI", "GFP"), z_slices=3, size=(48, 64))


@pytest.fixture(scope="module", params=["demo.ome.tiff", "demo"])
def demo(request, tmp_path_factory):
    """Path of the demo's dataset, and what was put by (position, time, channel, z)."""
    path = tmp_path_factory.mktemp("demo") / request.param
    return path, make_demo(path, PLAN).put


def files_of(path):
    return [path] if path.is_file() else sorted(file for file in path.iterdir())


def assert_bio_formats_sees(bioformats, file, was_put, positions):
    with bioformats(file) as reader:
        assert reader.format == "OME-TIFF"
        assert [series.name for series in reader.series] == positions
        for number, series in enumerate(reader.series):
            assert (series.size_z, series.size_c, series.size_t) == (3, 2, 3)
            assert series.channel_names == ["DAPI", "GFP"]
            for z, c, t in np.ndindex(3, 2, 3):
                expected = was_put[series.name, t, PLAN.channels[c], z]
                np.testing.assert_array_equal(reader.plane(number, z, c, t), expected)
        assert reader.warnings == []


def positions_in(file):
    return [name for name in ("Pos0", "Pos1") if name in file.name or "_" not in file.name]


def test_bio_formats_sees_every_plane(demo, bioformats):
    path, was_put = demo
    assert len(files_of(path)) == (1 if path.is_file() else 3)
    for file in files_of(path):
        assert_bio_formats_sees(bioformats, file, was_put, positions_in(file))


def test_bio_formats_sees_every_plane_after_a_move(demo, bioformats, tmp_path):
    path, was_put = demo
    moved = tmp_path / "elsewhere" / f"renamed {path.name}"
    moved.parent.mkdir()
    (shutil.copytree if path.is_dir() else shutil.copy)(path, moved)
    assert len(files_of(moved)) == len(files_of(path)) > 0
    for file in files_of(moved):
        names = ["Pos0", "Pos1"] if moved.is_file() else positions_in(file)
        assert_bio_formats_sees(bioformats, file, was_put, names)


@pytest.mark.parametrize("demo", ["demo"], indirect=True)
def test_a_file_of_a_folder_opens_alone_under_another_name(demo, bioformats, tmp_path):
    path, was_put = demo
    shutil.copy(path / "demo_Pos1.ome.tiff", tmp_path / "other.ome.tiff")
    assert_bio_formats_sees(bioformats, tmp_path / "other.ome.tiff", was_put, ["Pos1"])


def test_tifffile_sees_every_plane(demo):
    path, was_put = demo
    seen = 0
    for file in files_of(path):
        if file.suffix == ".ome":
            continue
        with tifffile.TiffFile(file) as tif:
            assert [series.name for series in tif.series] == positions_in(file)
            for series in tif.series:
                assert series.axes == "TCZYX"
                stack = series.asarray()
                for t, c, z in np.ndindex(stack.shape[:3]):
                    seen += 1
                    np.testing.assert_array_equal(
                        stack[t, c, z], was_put[series.name, t, PLAN.channels[c], z]
                    )
    assert seen == len(was_put) == 36


def test_storage_reads_the_file_back(demo):
    path, was_put = demo
    with TiffStorage.open(path) as storage:
        coordinates = storage.get_image_coordinates_list()
        assert len(coordinates) == len(was_put)
        for place in coordinates:
            key = (place["position"], place["time"], place["channel"], place["z"])
            np.testing.assert_array_equal(storage[place], was_put[key])
            assert storage.get_metadata(place)["Camera"]
