"""The z step from the heights that stages report."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from ome_types import from_tiff

from exengine_ome_tiff import TiffStorage, info
from exengine_ome_tiff.ome.steps import even_steps, step_of_heights


@given(
    step=st.floats(0.2, 5),
    planes=st.integers(8, 40),
    stacks=st.integers(1, 5),
    resolution=st.sampled_from([0.001, 0.025, 0.1]),
    noise=st.sampled_from([0, 0.005, 0.015]),
    is_down=st.booleans(),
    is_late=st.booleans(),
    seed=st.integers(0, 10_000),
)
def test_stages_with_rounding_noise_and_drift(
    step, planes, stacks, resolution, noise, is_down, is_late, seed
):
    assume(step >= 5 * (resolution + noise))  # finer steps disappear in noise
    random = np.random.default_rng(seed)
    heights = step * np.arange(planes) * (-1 if is_down else 1) + random.uniform(-50, 50, (stacks, 1))
    heights += np.clip(random.normal(0, noise, heights.shape) if noise else 0, -2.5 * noise, 2.5 * noise)
    if is_late:
        heights[0, planes // 2] = heights[0, planes // 2 - 1]
    heights = np.round(heights / resolution) * resolution
    if stacks > 1:
        heights[1, 3] = np.nan
    found = step_of_heights(heights)
    assert abs(found) == pytest.approx(step, abs=(resolution + 4 * noise) / (planes - 1) * 2 + 0.001)


@pytest.mark.parametrize("heights", [[0, 1, 3], [0, 1, 2, 4, 5, 6], [0, 0.5, 1.5, 3, 5], [0, 1, 0]])
def test_uneven_steps(heights):
    assert np.isnan(step_of_heights(np.array([heights], float)))


def test_a_stage_that_stands_still_and_one_without_heights():
    assert step_of_heights(np.full((3, 4), 7.0)) == 0
    assert step_of_heights(np.full((3, 4), np.nan)) is None


def recorded(path, times, **options):
    """Put frames at time points and seconds, planned every 10 s; return the interval in OME."""
    with TiffStorage(path, {"Interval_ms": 10_000}, **options) as storage:
        for time, elapsed_s in times:
            told = {} if elapsed_s is None else {"ElapsedTime-ms": elapsed_s * 1e3}
            storage.put({"time": time}, np.zeros((4, 5), np.uint16), told)
    return from_tiff(path).images[0].pixels.time_increment


@pytest.mark.parametrize(
    ("times", "interval_s"),
    [
        ([(t, None) for t in range(3)], 10),
        ([(t, 10.5 * t) for t in range(5)], 10),
        ([(t, 20 * t) for t in range(5)], None),
        ([(t, 10 * t + 30 * (t == 7)) for t in range(40)], 10),
        ([(t, t * t) for t in range(5)], None),
        ([(t, 10 * t) for t in (0, 3, 6)], 30),
        ([(t, 10 * t) for t in (0, 2, 7)], None),
        ([(t, None) for t in (0, 2, 7)], None),
        ([(t, None) for t in (0, 5)], 50),
        ([(t, 10 * t) for t in (0, 5)], 50),
    ],
)
def test_the_written_interval_is_that_of_the_planes(tmp_path, caplog, times, interval_s):
    assert recorded(tmp_path / "run.ome.tiff", times) == interval_s
    lines = [record.getMessage() for record in caplog.records if "TimeIncrement" in record.getMessage()]
    assert [line.endswith(": no TimeIncrement; pass time_interval_s") for line in lines] == (
        [] if interval_s else [True]
    )
    assert recorded(tmp_path / "said.ome.tiff", times, time_interval_s=7.0) == (
        None if times[0][0] + times[-1][0] == 7 else pytest.approx(7 * (times[1][0] - times[0][0]))
    )


def test_two_of_many_time_points_with_a_given_interval(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, time_interval_s=3) as storage:
        for time in (0, 5):
            storage.put({"time": time}, np.zeros((4, 5), np.uint16))
    pixels = from_tiff(path).images[0].pixels
    assert (pixels.size_t, pixels.time_increment) == (2, 15)
    assert [plane.delta_t for plane in pixels.planes] == [None, None]


@pytest.mark.parametrize(("axis", "option"), [("time", "time_interval_s"), ("z", "z_step_um")])
def test_a_given_step_between_uneven_values(tmp_path, caplog, axis, option):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, **{option: 2.0}) as storage:
        for value in (0, 1, 5):
            storage.put({axis: value}, np.zeros((4, 5), np.uint16))
    pixels = from_tiff(path).images[0].pixels
    assert (pixels.time_increment, pixels.physical_size_z) == (None, None)
    (line,) = [record.getMessage() for record in caplog.records]
    assert f"the values along {axis} have unequal steps (0, 1, 5), so no step is written: " in line
    assert len(info(path).check) == 1


def test_one_stack_in_ten_may_be_uneven():
    even, uneven = [0, 1, 2, 3], [0, 1, 2.5, 3.5]
    assert step_of_heights(np.array([even] * 9 + [uneven], float)) == pytest.approx(1, abs=0.05)
    assert np.isnan(step_of_heights(np.array([even] * 8 + [uneven] * 2, float)))


def test_the_step_of_one_value():
    assert even_steps([5]) == (5, 1, 5)


def test_uneven_steps_of_planes_without_neighbours(tmp_path, caplog):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        for time, heights_um in enumerate(({0: 0.0, 2: 3.0}, {1: 1.0, 3: 9.0})):
            for z, height_um in heights_um.items():
                storage.put({"time": time, "z": z}, np.zeros((4, 4), np.uint16), {"z_um": height_um})
    assert "z spacing is irregular: no PhysicalSizeZ" in caplog.text
    assert from_tiff(tmp_path / "run.ome.tiff").images[0].pixels.physical_size_z is None


def test_planes_at_other_distances_than_those_compared_have_no_step():
    planes = 1000
    heights = np.full((planes // 2, planes), np.nan)
    for stack, row in enumerate(heights):
        row[[stack, stack + planes // 2]] = 0.0, 1.0
    assert step_of_heights(heights) is None
