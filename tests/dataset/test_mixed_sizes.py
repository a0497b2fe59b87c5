"""Frames of several sizes in one file, which Bio-Formats reopens for each plane."""

import numpy as np
import pytest
import tifffile

from exengine_ome_tiff import TiffStorage

SHAPES = {"overview": (8, 16), "detail": (16, 16)}


def record(path, count, **options):
    with TiffStorage(path, **options) as storage:
        for number in range(count):
            camera = ("overview", "detail")[number % 2]
            storage.put({"time": number // 2, "camera": camera}, np.zeros(SHAPES[camera], np.uint16))
    return storage.path


def test_slow_mixed_sizes_are_logged_with_the_axis_to_split_by(tmp_path, caplog):
    record(tmp_path / "run.ome.tiff", 300)
    (line,) = [line for line in caplog.messages if "sizes" in line]
    assert line.startswith(
        "run: frames of several sizes or pixel types share 1 file, which Fiji reads slowly, "
    )
    assert line.endswith(": record a folder with split_by=('position', 'camera')")


def test_suggested_split_avoids_the_slow_files(tmp_path, caplog, bioformats):
    path = record(tmp_path / "run", 300, split_by=("position", "camera"))
    assert "sizes" not in caplog.text
    for file in path.glob("*.tiff"):
        with tifffile.TiffFile(file) as tif:
            assert len({page.shape for page in tif.pages}) == 1
    with bioformats(path / "run.companion.ome") as reader:
        assert sorted(image.size_y for image in reader.series) == [8, 16]


@pytest.mark.parametrize("count", [299, 2])
def test_few_planes_of_mixed_sizes_are_not_logged(tmp_path, caplog, count):
    record(tmp_path / "run.ome.tiff", count)
    assert "sizes" not in caplog.text


def test_sizes_without_a_separating_axis_need_separate_datasets(tmp_path, caplog):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        for number in range(300):
            storage.put({"time": number}, np.zeros([(8, 16), (16, 16)][number > 150], np.uint16))
    assert caplog.text.count("record a separate dataset for each") == 1
