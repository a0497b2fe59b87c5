"""Tags of Micro-Manager cameras, recorded and made up, to neutral values."""

import json
import math
from datetime import UTC, datetime
from pathlib import Path

import pytest

from exengine_ome_tiff.translate import image_values, plane_values

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
    image = image_values(metadata)
    assert image.pixel_size_um == 1.0
    assert image.significant_bits == 16
    assert image.acquired == datetime(2026, 11, 22, 7, 11, 23, 414179, UTC)


def test_a_recorded_snap():
    plane = plane_values(recorded("exengine_rich_snap_z_16bit.json"))
    assert math.isnan(plane.elapsed_s)
    assert math.isnan(plane.local_clock_s)
    assert plane.utc_s == datetime(2026, 11, 22, 7, 11, 24, 507377, UTC).timestamp()
    assert plane.z_um == -2.0


def test_no_tags_no_values():
    assert all(math.isnan(value) for value in plane_values({}))
    image = image_values({})
    assert (image.pixel_size_um, image.significant_bits, image.acquired) == (None, None, None)


@pytest.mark.parametrize(
    "value", [None, "", "fast", [], {}, True, float("nan"), float("inf"), "1e999", 10**400]
)
def test_what_is_no_number_is_unknown(value):
    plane = plane_values({"Exposure-ms": value, "XPositionUm": value, "ElapsedTime-ms": value})
    assert math.isnan(plane.exposure_s)
    assert math.isnan(plane.x_um)
    assert math.isnan(plane.elapsed_s)
    assert image_values({"PixelSizeUm": value, "BitDepth": value}).pixel_size_um is None


def test_text_of_a_number_is_a_number():
    plane = plane_values({"Exposure-ms": "12.5", "ZPositionUm": "-3"})
    assert plane.exposure_s == 0.0125
    assert plane.z_um == -3


def test_a_negative_exposure_is_unknown():
    assert math.isnan(plane_values({"Exposure-ms": -1}).exposure_s)


@pytest.mark.parametrize("size", [0, "0.0", -1, 1e-300])
def test_a_pixel_size_that_is_none(size):
    assert image_values({"PixelSizeUm": size}).pixel_size_um is None


def test_a_stamp_with_a_zone_goes_first():
    tags = {"TimeReceivedByCore": "2026-01-02 03:04:05.6", "ReceivedTime": "2026-01-02 03:04:05 +0200"}
    assert image_values(tags).acquired.utcoffset().total_seconds() == 7200
    del tags["ReceivedTime"]
    assert image_values(tags).acquired == datetime(2026, 1, 2, 3, 4, 5, 600_000)  # noqa: DTZ001
