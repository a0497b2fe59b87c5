"""Time stamps are parsed, and the clocks of a dataset are combined."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from exengine_ome_tiff.translate.clocks import plane_times
from exengine_ome_tiff.translate.parse import parse_time, seconds
from exengine_ome_tiff.translate.values import PlaneTable, PlaneValues

NAN = float("nan")
NOON = datetime(2026, 5, 4, 12, 0, 1, 500_000)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("stamp", "time"),
    [
        ("2026-05-04 12:00:01.5", NOON),
        ("2026-05-04 12:00:01.500000123", NOON),
        ("2026/05/04 12:00:01,5 -", NOON),
        ("2026-05-04T12:00:01.5Z", NOON.replace(tzinfo=UTC)),
        ("2026-05-04 12:00:01.5 +0230", NOON.replace(tzinfo=timezone(timedelta(minutes=150)))),
        ("2026-05-04 12:00:01.500-08:00", NOON.replace(tzinfo=timezone(timedelta(hours=-8)))),
        ("2026-05-04T12:00:01.5+02", NOON.replace(tzinfo=timezone(timedelta(hours=2)))),
        ("2026-05-04 12:00:01", NOON.replace(microsecond=0)),
        ("2026-05-04 Mon 12:00:01 -0400", NOON.replace(microsecond=0, tzinfo=timezone(timedelta(hours=-4)))),
        ("Mon May 04 12:00:01 UTC 2026", NOON.replace(microsecond=0, tzinfo=UTC)),
        ("Mon May 04 12:00:01 GMT 2026", NOON.replace(microsecond=0, tzinfo=UTC)),
        ("Mon May 04 12:00:01 EDT 2026", NOON.replace(microsecond=0)),
        ("Mon Moy 04 12:00:01 UTC 2026", None),
        ("2026-13-04 12:00:01", None),
        ("0001-01-01 00:00:00 +1400", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        (12.5, None),
    ],
)
def test_time_stamps_are_parsed(stamp, time):
    assert parse_time(stamp) == time


def test_of_as_many_stamps_with_a_zone_as_without_those_with_a_zone_count():
    table = PlaneTable()
    for plane in (PlaneValues(utc_s=1e9), PlaneValues(local_clock_s=1e9 + 1)):
        table.append(plane)
    times = plane_times(table.columns())
    assert (times.origin_s, times.has_zone) == (1e9, True)
    np.testing.assert_array_equal(times.delta_t_s, [0, NAN])


@pytest.mark.parametrize(
    ("elapsed_s", "expected_s"),
    [
        ([0, 1, 0, 1], [NAN, NAN, NAN, NAN]),
        ([0, 1, 2, 3, 4, 5, 6, 7, 0, 7], [0, 1, 2, 3, 4, 5, 6, 7, NAN, NAN]),
        ([0, 1, 2, 0, 3, 4, 5, 6], [0, 1, 2, NAN, 3, 4, 5, 6]),
        ([0, 0, 1, 1, 2, 2], [0, 0, 1, 1, 2, 2]),
    ],
)
def test_a_clock_that_restarts_and_reaches_its_last_time_again(elapsed_s, expected_s):
    table = PlaneTable()
    for each_s in elapsed_s:
        table.append(PlaneValues(elapsed_s=each_s))
    np.testing.assert_array_equal(plane_times(table.columns()).delta_t_s, expected_s)


def test_seconds_on_both_clocks():
    assert seconds("1970-01-01 01:00:00 +0100", zone=True) == 0
    assert np.isnan(seconds("1970-01-01 01:00:00 +0100", zone=False))
    assert seconds("1970-01-01 01:00:00", zone=False) == 3600
    assert np.isnan(seconds("1970-01-01 01:00:00", zone=True))


def delta_t(*planes):
    table = PlaneTable()
    for plane in planes:
        table.append(PlaneValues(**plane))
    return plane_times(table.columns()).delta_t_s.tolist()


def test_a_camera_clock_counts_from_the_first_frame():
    assert delta_t({"elapsed_s": 0.5}, {"elapsed_s": 1.5}) == [0, 1]


def test_a_single_frame_has_delta_t_zero():
    assert delta_t({"elapsed_s": 0.5}) == [0]


def test_a_restarting_camera_clock_is_not_used():
    np.testing.assert_array_equal(delta_t({"elapsed_s": 0.5}, {"elapsed_s": 0.1}), [NAN, NAN])


def test_a_wall_clock_takes_precedence_over_a_camera_clock():
    planes = [{"elapsed_s": 0.1, "local_clock_s": 50}, {"elapsed_s": 0.1, "local_clock_s": 53}]
    assert delta_t(*planes) == [0, 3]


def test_stamps_with_and_without_a_zone_are_combined():
    sequence = {"local_clock_s": 3600.0, "utc_s": 0.001}
    snap = {"utc_s": 10.0}
    assert delta_t(sequence, snap, {"local_clock_s": 3620.0}) == pytest.approx([0, 10, 20])


def test_frames_without_a_stamp_have_no_time():
    np.testing.assert_array_equal(delta_t({}, {"utc_s": 5}, {}, {"utc_s": 7}), [NAN, 0, NAN, 2])
    np.testing.assert_array_equal(delta_t({}, {}), [NAN, NAN])


def test_clocks_set_back_in_autumn_do_not_jump():
    before = {"local_clock_s": 10799.0, "utc_s": 3599.2}
    after = {"local_clock_s": 7201.0, "utc_s": 3601.1}
    assert delta_t(before, after) == pytest.approx([0, 2])


def test_frames_in_another_order_keep_their_times():
    assert delta_t({"utc_s": 5.5}, {"utc_s": 5.0}, {"utc_s": 6.5}) == [0.5, 0, 1.5]


def test_a_stopped_clock_is_not_used():
    np.testing.assert_array_equal(delta_t({"elapsed_s": 0}, {"elapsed_s": 0}), [NAN, NAN])
