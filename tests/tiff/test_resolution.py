"""The pixel size in the resolution tags of pages, as readers see it that know no OME-XML."""

import re
import shutil
import subprocess

import numpy as np
import pytest
import tifffile

from exengine_ome_tiff import TiffStorage, recover, validate
from exengine_ome_tiff.tiff.ifds import resolution_entries

NONE, CENTIMETRE = 1, 3
TIFFINFO = shutil.which("tiffinfo")
FRAME = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64)


def resolutions(path):
    with tifffile.TiffFile(path) as tif:
        return [(*(1e4 / each for each in page.resolution), int(page.resolutionunit)) for page in tif.pages]


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"tile": (16, 16)}, {"pyramid_levels": 2}])
def test_each_page_has_the_pixel_size_of_its_image(tmp_path, options):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, **options) as storage:
        for time in range(3):
            for position, size_um in enumerate((0.65, 0.1625, None)):
                told = {} if size_um is None else {"pixel_size_um": size_um}
                storage.put({"position": position, "time": time}, FRAME, told)
    small, fine = pytest.approx((0.65, 0.65, CENTIMETRE)), pytest.approx((0.1625, 0.1625, CENTIMETRE))
    *known, unknown = [resolutions(path)[start : start + 3] for start in (0, 3, 6)]
    assert known == [[small] * 3, [fine] * 3]
    assert {unit for *_, unit in unknown} == {NONE}
    assert validate(path) == []


def test_smaller_copies_have_larger_pixels(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, pyramid_levels=2, pixel_size_um=0.5) as storage:
        storage.put({}, FRAME)
    with tifffile.TiffFile(path) as tif:
        assert [1e4 / page.resolution[0] for page in tif.pages[0].pages] == pytest.approx([1, 2])


def test_rectangular_pixels_and_missing_planes(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path) as storage:
        for time, z in ((0, 0), (1, 1)):
            told = {"pixel_size_um": 0.5, "PixelAspect": 2, "PixelType": "GRAY16"}
            storage.put({"time": time, "z": z}, FRAME, told)
    assert resolutions(path) == [pytest.approx((0.5, 1, CENTIMETRE))] * 4
    assert validate(path) == []


def test_pixel_sizes_of_the_user_and_of_a_recovered_run(tmp_path):
    path = tmp_path / "run.ome.tiff"
    storage = TiffStorage(path, pixel_size_um=0.25)
    storage.put({}, FRAME, {"pixel_size_um": 0.5})
    storage.suspend()
    assert resolutions(path)[0][2] == NONE
    recover(path)
    assert resolutions(path) == [pytest.approx((0.25, 0.25, CENTIMETRE))]


@pytest.mark.skipif(TIFFINFO is None, reason="libtiff's tools are not installed")
def test_libtiff_reads_the_pixel_size(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, pixel_size_um=0.65) as storage:
        for time in range(3):
            storage.put({"time": time}, FRAME)
    shown = subprocess.run([TIFFINFO, path], capture_output=True, text=True, check=True).stdout
    assert re.findall(r"Resolution: (.*)", shown) == ["15384.6, 15384.6 pixels/cm"] * 3


@pytest.mark.parametrize("size_um", [3e-6, 1e-4, 0.0325, 0.1 * 3, 1.0, 6.5, 1e4, 123456.7, 9e8])
def test_any_size_that_fits(size_um):
    (x, y, _) = (entry[12:20] for entry in resolution_entries((size_um, size_um)))
    numerator, denominator = np.frombuffer(x, "<u4").tolist()
    assert 1e4 * denominator / numerator == pytest.approx(size_um, rel=1e-5)
    assert x == y


@pytest.mark.parametrize("size_um", [(None, None), (0.5, None), (1e-7, 1e-7), (1e15, 1e15)])
def test_sizes_without_tags(size_um):
    assert resolution_entries(size_um) == []
