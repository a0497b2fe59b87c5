"""The step along z from what stages report."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from exengine_ome_tiff.ome.steps import step_of_heights


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
def test_stages_that_round_tremble_and_drift(step, planes, stacks, resolution, noise, is_down, is_late, seed):
    assume(step >= 5 * (resolution + noise))  # finer steps drown in what the stage reports
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
def test_steps_that_are_not_even(heights):
    assert np.isnan(step_of_heights(np.array([heights], float)))


def test_a_stage_that_stands_still_and_one_that_nobody_asked():
    assert step_of_heights(np.full((3, 4), 7.0)) == 0
    assert step_of_heights(np.full((3, 4), np.nan)) is None
