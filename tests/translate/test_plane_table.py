"""A table of planes takes memory only for known values."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from exengine_ome_tiff.translate.values import PlaneTable, PlaneValues


def values_of(number):
    """Make values of a plane: one field in all planes, one that begins late, and one in few planes."""
    known = {"elapsed_s": number / 2}
    if number >= 5000:
        known["exposure_s"] = -number
    if number % 3000 == 7:
        known["z_um"] = number * 10
    return PlaneValues(**known)


def assert_has(table, numbers):
    assert len(table) == len(numbers)
    expected = np.array([values_of(number) for number in numbers]).reshape(-1, len(PlaneValues._fields))
    columns = table.columns()
    assert [*columns] == [*PlaneValues._fields]
    for name, column in zip(columns, expected.T, strict=True):
        np.testing.assert_array_equal(columns[name], column)


@pytest.mark.parametrize("count", [0, 1, 1023, 1024, 1025, 4095, 4096, 4097, 10_000])
def test_columns_have_the_added_values(count):
    table = PlaneTable()
    for number in range(count):
        table.append(values_of(number))
    assert_has(table, range(count))


def test_unknown_values_take_no_memory():
    table = PlaneTable()
    tracemalloc.start()
    for number in range(40_960):
        table.append(PlaneValues(elapsed_s=float(number)))
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken < 10 * 40_960
