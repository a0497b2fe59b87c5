"""Tags of Micro-Manager cameras, recorded and made up, to neutral values."""

import json
import math
from datetime import UTC, datetime
from pathlib import Path

import pytest

from exengine_ome_tiff.translate import ImageValues, PlaneTable, acquired, image_values, plane_values

RECORDED = Path(__file__).parents[1] / "data" / "metadata"


def recorded(name):
    return json.loads((RECORDED / name).read_text())


def test_a_recorded_sequence():
    metadata = recorded("exengine_rich_sequence_16bit.json")
    plane = plane_values(metadata)
    assert plane.elapsed_s == pytest.approx(0.01082)
    assert plane.local_clock_s == datetime(2026, 11, 22, 7, 11, 23, 413296, UTC).timestamp()
    assert plane.utc_s == datetime(2026, 11, 22, 7, 11, 23, 414179, UTC).timestamp()
    assert plane.exposure_s == 0.01
    assert (plane.x_um, plane.y_um, plane.z_um) == (0, 0, 0)
    assert plane.pixel_size_um == 1.0
    assert plane.bit_depth == 16
    assert acquired(metadata) == datetime(2026, 11, 22, 7, 11, 23, 414179, UTC)


def test_a_recorded_snap():
    plane = plane_values(recorded("exengine_rich_snap_z_16bit.json"))
    assert math.isnan(plane.elapsed_s)
    assert math.isnan(plane.local_clock_s)
    assert plane.utc_s == datetime(2026, 11, 22, 7, 11, 24, 507377, UTC).timestamp()
    assert plane.z_um == -2.0


def test_no_tags_no_values():
    assert all(math.isnan(value) for value in plane_values({}))
    assert acquired({}) is None
    assert image_of({}, {}) == ImageValues()


@pytest.mark.parametrize(
    "value", [None, "", "fast", [], {}, True, float("nan"), float("inf"), "1e999", 10**400]
)
def test_what_is_no_number_is_unknown(value):
    names = ("Exposure-ms", "XPositionUm", "ElapsedTime-ms", "PixelSizeUm", "BitDepth")
    plane = plane_values(dict.fromkeys(names, value))
    assert math.isnan(plane.exposure_s)
    assert math.isnan(plane.x_um)
    assert math.isnan(plane.elapsed_s)
    assert math.isnan(plane.pixel_size_um)
    assert math.isnan(plane.bit_depth)


def test_text_of_a_number_is_a_number():
    plane = plane_values({"Exposure-ms": "12.5", "ZPositionUm": "-3"})
    assert plane.exposure_s == 0.0125
    assert plane.z_um == -3


def test_a_negative_exposure_is_unknown():
    assert math.isnan(plane_values({"Exposure-ms": -1}).exposure_s)


@pytest.mark.parametrize("size", [0, "0.0", -1, 1e-300])
def test_a_pixel_size_that_is_none(size):
    assert math.isnan(plane_values({"PixelSizeUm": size}).pixel_size_um)


def test_a_stamp_with_a_zone_goes_first():
    tags = {"TimeReceivedByCore": "2026-01-02 03:04:05.6", "ReceivedTime": "2026-01-02 03:04:05 +0200"}
    assert acquired(tags).utcoffset().total_seconds() == 7200
    del tags["ReceivedTime"]
    assert acquired(tags) == datetime(2026, 1, 2, 3, 4, 5, 600_000)  # noqa: DTZ001


def image_of(*planes):
    table = PlaneTable()
    for tags in planes:
        table.append(plane_values(tags))
    return image_values(table.columns(), None)


def test_an_image_whose_planes_agree():
    image = image_of({"PixelSizeUm": 0.5, "BitDepth": 12}, {}, {"PixelSizeUm": "0.5", "BitDepth": "14"})
    assert image == ImageValues(pixel_size_um=0.5, significant_bits=14)


def test_pixel_sizes_that_disagree_are_left_out(caplog):
    assert image_of({"PixelSizeUm": 0.5}, {"PixelSizeUm": 1.0}).pixel_size_um is None
    assert "pixel sizes from 0.5 to 1 um" in caplog.text
