"""Times of frames from the clocks of a dataset, compared with a model."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ome_types import from_tiff

from exengine_ome_tiff import TiffStorage
from exengine_ome_tiff.translate.clocks import plane_times
from exengine_ome_tiff.translate.values import PlaneTable, PlaneValues

NAN = float("nan")
HOUR_S = 3600
PIXELS = np.zeros((8, 8), np.uint16)


def times_of(planes, started=None):
    table = PlaneTable()
    for plane in planes:
        table.append(PlaneValues(**plane))
    return plane_times(table.columns(), started)


def delta_t(planes, started=None):
    return times_of(planes, started).delta_t_s.tolist()


def written(tmp_path, metadata, summary=None):
    """Return date + DeltaT and DeltaT of each plane, as ome-types reads them."""
    path = tmp_path / "clocks.ome.tiff"
    with TiffStorage(path, summary) as storage:
        for time, tags in enumerate(metadata):
            storage.put({"time": time}, PIXELS, tags)
    image = from_tiff(path).images[0]
    delta_s = [plane.delta_t for plane in image.pixels.planes]
    return [image.acquisition_date + timedelta(seconds=each) for each in delta_s], delta_s


def summer_time(jump_s, elapsed_s):
    """Return stamps without a zone of a clock that jumps after half of the frames."""
    half = len(elapsed_s) // 2
    return [
        {"local_clock_s": 9e8 + each + jump_s * (number >= half), "elapsed_s": each}
        for number, each in enumerate(elapsed_s)
    ]


@pytest.mark.parametrize("jump_s", [HOUR_S, -HOUR_S])
@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 0, 2, 1]])
def test_the_elapsed_clock_is_used_across_summer_time(jump_s, order):
    elapsed_s = [0, 1200.25, 2400.5, 4200]
    planes = summer_time(jump_s, elapsed_s)
    assert delta_t([planes[each] for each in order]) == [elapsed_s[each] for each in order]


@pytest.mark.parametrize("jump_s", [HOUR_S, -HOUR_S])
def test_date_and_delta_t_across_summer_time(tmp_path, jump_s):
    start = datetime(2024, 10, 27, 2, 30, tzinfo=UTC)
    elapsed_s = [0, 1200, 2400, 4200]
    metadata = [
        {
            "TimeReceivedByCore": (start + timedelta(seconds=each + jump_s * (number > 1))).strftime(
                "%Y-%m-%d %H:%M:%S.%f"
            ),
            "ElapsedTime-ms": each * 1000.0,
        }
        for number, each in enumerate(elapsed_s)
    ]
    assert written(tmp_path, metadata)[1] == elapsed_s


def test_hourly_sequences_are_not_summer_time():
    planes = [
        {"local_clock_s": hour * HOUR_S + 0.05 + each, "elapsed_s": each}
        for hour in (0, 1)
        for each in (0, 1.5)
    ]
    assert delta_t(planes) == [0, 1.5, 3600, 3601.5]
    snaps = [{"local_clock_s": hour * HOUR_S, "elapsed_s": 0.05 + hour / 1e3} for hour in range(2)]
    assert delta_t(snaps) == [0, 3600]


def test_times_count_from_the_start_of_the_summary(tmp_path):
    frame = {"format": "frame-dict", "version": "1.0", "camera_device": "Camera", "exposure_ms": 10.0}
    summary = {"format": "summary-dict", "version": "1.0", "datetime": "2026-11-22T10:00:00+01:00"}
    metadata = [frame | {"runner_time_ms": 60_000.0 + 1000 * each} for each in range(2)]
    taken, delta_s = written(tmp_path, metadata, summary)
    assert delta_s == [60, 61]
    assert taken == [datetime(2026, 11, 22, 9, 1, each, tzinfo=UTC) for each in range(2)]


def test_stamps_without_a_zone_use_the_zone_of_the_summary(tmp_path):
    metadata = [{"TimeReceivedByCore": f"2026-11-22 10:00:0{each}.250000", "Camera": "C"} for each in (3, 1)]
    summary = {"StartTime": "2026-11-22 09:59:58.000 +0100", "MicroManagerVersion": "2.0"}
    taken, delta_s = written(tmp_path, metadata, summary)
    assert delta_s == [2, 0]
    assert taken == [datetime(2026, 11, 22, 9, 0, each, 250_000, tzinfo=UTC) for each in (3, 1)]


def test_milliseconds_take_precedence_over_whole_seconds():
    elapsed_s = [0.125, 0.375, 0.75, 1.5, 2.25]
    planes = [{"utc_s": 1e9 + int(each + 0.25), "elapsed_s": each} for each in elapsed_s]
    assert delta_t(planes) == pytest.approx([each - 0.125 for each in elapsed_s])
    times = times_of(planes)
    assert np.floor(times.origin_s + times.delta_t_s).tolist() == [plane["utc_s"] for plane in planes]
    both = [{"local_clock_s": 5e8 + each, "utc_s": float(int(5e8 + each))} for each in elapsed_s]
    assert delta_t(both) == pytest.approx([each - 0.125 for each in elapsed_s])


def test_bursts_a_second_apart_are_not_joined():
    planes = [{"utc_s": 1e9 + burst, "elapsed_s": each} for burst in range(4) for each in (0.1, 0.2, 0.3)]
    assert delta_t(planes) == [burst for burst in range(4) for _ in range(3)]


def test_frames_without_a_stamp_use_the_elapsed_clock():
    planes = [
        *({"elapsed_s": 1}, {"elapsed_s": 2, "utc_s": 1002}, {"elapsed_s": 3}),
        *({"elapsed_s": 0}, {"elapsed_s": 4, "utc_s": 2004}),
        {"elapsed_s": 2},
    ]
    np.testing.assert_array_equal(delta_t(planes), [0, 1, 2, 999, 1003, NAN])


def test_one_odd_frame_does_not_affect_other_times():
    elapsed_s = [0.5, 1, 1.5, 0, 2.5, 3]
    np.testing.assert_array_equal(
        delta_t([{"elapsed_s": each} for each in elapsed_s]), [0, 0.5, 1, NAN, 2, 2.5]
    )
    stamps_s = [1e9, 1e9 + 1, -1e9, 1e9 + 3]
    np.testing.assert_array_equal(delta_t([{"utc_s": each} for each in stamps_s]), [0, 1, NAN, 3])


def put_in_order(tmp_path, frames):
    """Put frames with coordinates and elapsed seconds; return each DeltaT, as ome-types reads it."""
    path = tmp_path / "order.ome.tiff"
    with TiffStorage(path, overwrite=True) as storage:
        for place, elapsed_s in frames:
            storage.put(place, PIXELS, {"elapsed_s": elapsed_s})
    return {image.name: [plane.delta_t for plane in image.pixels.planes] for image in from_tiff(path).images}


def test_an_elapsed_clock_counts_in_any_order_of_frames(tmp_path):
    backwards = [({"time": time}, 10.0 * time) for time in reversed(range(4))]
    assert put_in_order(tmp_path, backwards) == {"order": [0, 10, 20, 30]}
    by_slice = [({"t": time, "z": z}, 10 * time + z / 8) for z in range(2) for time in range(3)]
    assert put_in_order(tmp_path, by_slice) == {"order": [0, 10, 20, 0.125, 10.125, 20.125]}
    mixed = [({"time": time, "position": p}, 10.0 * time + p) for time, p in ((1, 0), (0, 1), (1, 1), (0, 0))]
    names = ("position 0", "position 1")
    assert put_in_order(tmp_path, mixed) == dict(zip(names, ([0, 10], [1, 11]), strict=True))


def test_a_restarting_elapsed_clock_alone_is_not_used(tmp_path, caplog):
    again = [({"time": time}, 10.0 * (time % 3)) for time in range(6)]
    assert put_in_order(tmp_path, again) == {"order": [None] * 6}
    each_position = [({"position": p, "time": time}, 10.0 * time) for p in range(2) for time in range(3)]
    assert put_in_order(tmp_path, each_position) == {f"position {p}": [None] * 3 for p in range(2)}
    assert [record.getMessage().count("have no DeltaT") for record in caplog.records] == [1, 1]


def test_studio_stamps_without_a_zone_are_used(tmp_path):
    stamps = [{"ReceivedTime": f"2026-11-22 10:00:0{each}.250"} for each in (3, 1)]
    assert written(tmp_path, stamps)[1] == [2, 0]


def test_a_stopped_wall_clock_dates_only_the_first_frame():
    planes = [{"utc_s": 1000.5, "elapsed_s": each} for each in (1, 5, 9)]
    assert delta_t(planes) == [0, 4, 8]
    assert times_of(planes).origin_s == 1000.5


@st.composite
def recordings(draw):
    """Draw the clocks of frames, their true times in UTC, and the start in a summary."""
    start_s = 1.7e9 + draw(st.integers(0, 86_400)) + draw(st.integers(0, 999)) / 1000
    zone_s = 900 * draw(st.integers(-48, 56))
    truth, elapsed = [], []
    now_s = start_s
    for _ in range(draw(st.integers(1, 3))):
        steps_s = draw(st.lists(st.integers(100, 20_000), min_size=1, max_size=8))
        along = np.cumsum([0, *steps_s]) / 1000
        truth += (now_s + along).tolist()
        elapsed += (along + draw(st.integers(0, 200)) / 1000).tolist()
        now_s = truth[-1] + draw(st.integers(5_000, 100_000)) / 1000
    jump_s = draw(st.sampled_from([0, HOUR_S, -HOUR_S])) if truth[-1] - start_s == along[-1] else 0
    jump_at = draw(st.integers(1, len(truth) - 1))
    kind = draw(st.sampled_from(["zone", "local", "whole seconds", "both"]))
    if kind in ("zone", "both") or min(jump_at, len(truth) - jump_at) < 2:
        jump_s = 0
    planes = []
    for number, (each_s, elapsed_s) in enumerate(zip(truth, elapsed, strict=True)):
        plane = {"elapsed_s": elapsed_s}
        local_s = each_s + zone_s + jump_s * (number >= jump_at)
        if kind != "local":
            plane["utc_s"] = float(int(each_s)) if kind == "whole seconds" else each_s
        if kind in ("local", "both"):
            plane["local_clock_s"] = local_s
        planes.append(plane)
    order = draw(st.permutations(range(len(truth))))
    started = datetime.fromtimestamp(int(start_s), timezone(timedelta(seconds=zone_s)))
    return kind, [planes[each] for each in order], np.array([truth[each] for each in order]), started


@given(recordings())
def test_origin_plus_delta_t_is_the_time_of_each_plane(recording):
    kind, planes, truth_s, started = recording
    times = times_of(planes, started)
    assert times.has_zone
    assert times.delta_t_s.min() == 0
    error_s = np.abs(times.origin_s + times.delta_t_s - truth_s)
    assert error_s.max() < (1 if kind == "whole seconds" else 1e-5)


@pytest.mark.parametrize("jump_s", [HOUR_S, -HOUR_S])
def test_fast_frames_across_summer_time(jump_s):
    elapsed_s = [0, 0.25, 0.5, 0.75]
    assert delta_t(summer_time(jump_s, elapsed_s)) == elapsed_s


def test_times_have_microseconds():
    assert delta_t([{"elapsed_s": each} for each in (0, 0.000123, 0.0001234)]) == [0, 0.000123, 0.000123]
