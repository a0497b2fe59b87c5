"""Smaller copies of images: means of four pixels, rounded, without overflow."""

import numpy as np
import pytest

from exengine_ome_tiff.tiff import pyramid
from exengine_ome_tiff.tiff.pixels import pixel_format
from exengine_ome_tiff.tiff.pyramid import halved, halved_in_shares, smaller_shapes, tiles
from frames import frame

INTEGERS = ["|i1", "|u1", "<i2", "<u2", "<i4", "<u4"]


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("shape", [(2, 2), (5, 7), (64, 33), (6, 4, 3)], ids=str)
def test_integers_are_means_with_halves_rounded_up(dtype, shape):
    image = frame({"time": 0}, shape, dtype)
    small = halved(image)
    assert (small.shape, small.dtype) == ((shape[0] // 2, shape[1] // 2, *shape[2:]), image.dtype)
    assert small.flags.c_contiguous
    for place in np.ndindex(small.shape):
        row, column, *sample = place
        four = [int(image[2 * row + y, 2 * column + x, *sample]) for y in (0, 1) for x in (0, 1)]
        assert small[place] == (sum(four) + 2) // 4


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("limit", ["min", "max"])
def test_integer_limits_are_kept(dtype, limit):
    value = getattr(np.iinfo(dtype), limit)
    assert (halved(np.full((4, 4), value, dtype)) == value).all()


@pytest.mark.parametrize("dtype", ["<f4", "<f8", "<c8", "<c16"])
def test_floating_point_numbers(dtype):
    image = frame({"time": 0}, (6, 8), dtype)
    means = image.reshape(3, 2, 4, 2).mean(axis=(1, 3))
    assert halved(image).dtype == image.dtype
    np.testing.assert_allclose(halved(image), means, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("dtype", ["<f4", "<f8"])
def test_the_largest_floating_point_numbers_stay(dtype):
    largest = np.finfo(dtype).max
    assert (halved(np.full((2, 2), largest, dtype)) == largest).all()


def test_no_pyramid_levels_without_pixels():
    assert list(smaller_shapes((9, 5), 9)) == [(4, 2), (2, 1)]
    assert list(smaller_shapes((9, 5, 3), 1)) == [(4, 2, 3)]
    assert list(smaller_shapes((1, 5), 3)) == []


def test_infinities_and_nan_are_valid_pixels():
    with np.errstate(all="raise"):
        small = halved(np.array([[np.inf, -np.inf, 1, np.nan], [0, 0, 1, 1], [np.inf] * 4, [1] * 4], "f4"))
    assert np.isnan(small[0]).all()
    assert (small[1] == np.inf).all()


@pytest.mark.parametrize("shape", [(101, 60), (64, 33, 3), (2, 2)], ids=str)
def test_all_cores_make_the_same_copy(shape, monkeypatch):
    monkeypatch.setattr(pyramid, "_PART_BYTES", 500)
    image = frame({"time": 0}, shape, "u1")
    np.testing.assert_array_equal(halved_in_shares(image), halved(image))


@pytest.mark.parametrize("shape", [(50, 70), (32, 48), (33, 49, 3)], ids=str)
@pytest.mark.parametrize("rows", [1, 7, 16, 64])
def test_bands_are_cut_into_tiles(shape, rows):
    image = frame({"time": 0}, shape, "u1")
    bands = [image[top : top + rows] for top in range(0, len(image), rows)]
    cut = [*tiles(bands, pixel_format(shape, "|u1"), (16, 48))]
    columns = -(-shape[1] // 48)
    page = np.vstack([np.hstack(cut[row : row + columns]) for row in range(0, len(cut), columns)])
    np.testing.assert_array_equal(page[: shape[0], : shape[1]], image)
    assert page.shape[:2] == (-(-shape[0] // 16) * 16, columns * 48)
    assert not page[shape[0] :].any()
    assert not page[:, shape[1] :].any()
