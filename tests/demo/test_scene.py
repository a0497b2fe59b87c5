"""The sample is reproducible, in focus at its cells, and moves."""

from itertools import pairwise

import numpy as np
import pytest

from exengine_ome_tiff.demo.scene import MAX_COUNTS, OFFSET_COUNTS, TILE_UM, Scene, View, cell_in_tile

SCENE = Scene(seed=1)
CHANNELS = ("DAPI", "GFP", "mCherry", "Cy5", "Anything at all \N{GREEK SMALL LETTER ALPHA}")


def sharpness(picture):
    """Return the mean squared difference between neighbouring pixels."""
    return float(np.mean(np.diff(picture, axis=0) ** 2) + np.mean(np.diff(picture, axis=1) ** 2))


def some_cell():
    """Return a cell of the scene away from the origin."""
    return next(cell for column in range(5, 50) if (cell := cell_in_tile(1, column, 3)) is not None)


@pytest.mark.parametrize("shape", [(32, 32), (64, 96), (131, 77)])
@pytest.mark.parametrize("channel", CHANNELS)
def test_frame_is_like_that_of_a_12_bit_camera(shape, channel):
    frame = SCENE.frame(View(shape), channel, noise_seed=0)
    assert frame.dtype == np.uint16
    assert frame.shape == shape
    assert frame.min() > OFFSET_COUNTS / 2
    assert frame.max() < MAX_COUNTS


@pytest.mark.parametrize("channel", CHANNELS)
def test_large_frame_shows_bright_cells_and_dark_background_and_is_not_saturated(channel):
    frame = SCENE.frame(View((384, 384), y_um=-3000.0), channel, noise_seed=0)
    dark, bright = np.percentile(frame, [2, 99.5])
    assert OFFSET_COUNTS < dark < 300
    assert bright > 400
    assert frame.max() < MAX_COUNTS


@pytest.mark.parametrize("channel", CHANNELS)
def test_frames_depend_only_on_the_arguments(channel):
    view = View((64, 64), x_um=12.0, time_s=30.0)
    frame = SCENE.frame(view, channel, noise_seed=5)
    assert np.array_equal(frame, Scene(seed=1).frame(view, channel, noise_seed=5))
    assert not np.array_equal(frame, SCENE.frame(view, channel, noise_seed=6))
    assert not np.allclose(SCENE.light(view, channel), Scene(seed=2).light(view, channel), atol=20)


def test_noise_is_shot_noise():
    view = View((128, 128))
    frames = np.stack([SCENE.frame(view, "GFP", noise_seed=i) for i in range(40)]).astype(float)
    mean, variance = frames.mean(axis=0), frames.var(axis=0, ddof=1)
    dark, bright = mean < np.percentile(mean, 10), mean > np.percentile(mean, 90)
    ratio = variance[bright].mean() / variance[dark].mean()
    light = SCENE.light(view, "GFP")
    assert light[bright].mean() / light[dark].mean() * 0.5 < ratio < light[bright].mean() / light[dark].mean()


@pytest.mark.parametrize("channel", CHANNELS)
def test_same_place_has_the_same_cells_wherever_the_stage_is(channel):
    shift_px = 40
    here = SCENE.light(View((96, 128), x_um=-500.0, y_um=70.0), channel)
    moved = SCENE.light(View((96, 128), x_um=-500.0 + shift_px * SCENE.pixel_size_um, y_um=70.0), channel)
    np.testing.assert_allclose(here[:, shift_px:], moved[:, :-shift_px], atol=1.0)
    assert not np.allclose(here, moved, atol=50)


def test_a_larger_frame_has_the_smaller_one_in_its_middle():
    small, large = (SCENE.light(View(shape), "GFP") for shape in ((64, 96), (128, 160)))
    np.testing.assert_allclose(large[32:-32, 32:-32], small, atol=1.0)


@pytest.mark.parametrize("channel", ["DAPI", "GFP", "mCherry"])
def test_sharpness_peaks_where_the_cell_is_and_falls_off_smoothly(channel):
    cell = some_cell()
    distances_um = np.arange(-6.0, 6.1, 0.5)
    values = [
        sharpness(SCENE.light(View((48, 48), cell.x_um, cell.y_um, cell.z_um + d), channel))
        for d in distances_um
    ]
    middle = len(values) // 2
    assert abs(int(np.argmax(values)) - middle) <= 1
    assert values[0] < 0.5 * max(values)
    assert values[-1] < 0.5 * max(values)
    assert np.abs(np.diff(values)).max() < 0.5 * (max(values) - min(values))


def test_cells_have_different_heights():
    heights_um = {cell.z_um for i in range(-8, 8) if (cell := cell_in_tile(1, i, -i)) is not None}
    assert len(heights_um) > 8
    assert 1.0 < max(heights_um) - min(heights_um) <= 5.0


def test_cells_stay_in_their_neighbourhood():
    cells = {column: cell_in_tile(3, column, 7) for column in range(-20, 20)}
    there = {column: cell for column, cell in cells.items() if cell is not None}
    assert 20 < len(there) < 40
    for column, cell in there.items():
        assert abs(cell.x_um - column * TILE_UM) < TILE_UM / 2
        assert abs(cell.y_um - 7 * TILE_UM) < TILE_UM / 2


def test_channels_differ():
    pictures = [SCENE.light(View((128, 128)), channel).ravel() for channel in CHANNELS]
    for i, first in enumerate(pictures):
        for second in pictures[:i]:
            assert np.corrcoef(first, second)[0, 1] < 0.97


def test_nuclei_are_where_bodies_are_dim():
    cell = some_cell()
    view = View((33, 33), cell.x_um, cell.y_um, cell.z_um)
    dapi, gfp = SCENE.light(view, "DAPI"), SCENE.light(view, "GFP")
    in_nucleus = dapi > 0.5 * dapi.max()
    assert np.median(gfp[in_nucleus]) < np.median(gfp[~in_nucleus])


@pytest.mark.parametrize("channel", ["DAPI", "GFP", "mCherry"])
def test_cells_move_gently_between_time_points(channel):
    frames = [SCENE.light(View((160, 160), time_s=t), channel).ravel() for t in (0.0, 0.05, 60.0, 120.0)]
    at_once, *later = [np.corrcoef(a, b)[0, 1] for a, b in pairwise(frames)]
    assert at_once > 0.9999
    assert all(correlation < 0.97 for correlation in later)


def test_any_time_is_valid():
    assert np.isfinite(SCENE.light(View((32, 32), time_s=1e7), "mCherry")).all()
