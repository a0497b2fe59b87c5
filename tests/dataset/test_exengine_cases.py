"""ExEngine's test cases for its own storages, run on `TiffStorage` under its name in ExEngine."""

from __future__ import annotations

import numpy as np
import pytest
from exengine.kernel.data_coords import DataCoordinates
from exengine.kernel.data_storage_base import DataStorage
from exengine.storage_backends.ome_tiff import TiffStorage

COORDINATES = DataCoordinates(coordinate_dict={"time": 1, "channel": "DAPI", "z": 0})
PIXELS = np.array([[1, 2], [3, 4]], dtype=np.uint16)
METADATA = {"some": "metadata"}


@pytest.fixture(params=["run.ome.tiff", "run"], ids=["file", "folder"])
def storage(request, tmp_path):
    storage = TiffStorage(tmp_path / request.param)
    yield storage
    storage.close()


@pytest.fixture
def filled(storage):
    storage.put(COORDINATES, PIXELS, METADATA)
    return storage


def test_all_methods_of_data_storage_are_implemented(storage):
    assert isinstance(storage, DataStorage)
    contract = {
        name for name, value in vars(DataStorage).items() if callable(value) and not name.startswith("_abc")
    }
    assert {"put", "get_data", "get_metadata", "finish", "close", "__contains__", "__getitem__"} <= contract
    for name in contract:
        assert getattr(TiffStorage, name) is not getattr(DataStorage, name)


def test_contains_the_coordinates_that_were_put(filled):
    assert COORDINATES in filled


def test_data_round_trip(filled):
    np.testing.assert_array_equal(filled.get_data(COORDINATES), PIXELS, strict=True)
    np.testing.assert_array_equal(filled[COORDINATES], PIXELS, strict=True)


def test_metadata_round_trip(filled):
    assert filled.get_metadata(COORDINATES) == METADATA


def test_data_and_metadata_round_trip_after_finish(filled):
    filled.finish()
    np.testing.assert_array_equal(filled.get_data(COORDINATES), PIXELS, strict=True)
    assert filled.get_metadata(COORDINATES) == METADATA


def test_finish_without_frames_makes_it_read_only(storage):
    storage.finish()
    assert storage.is_finished()
    with pytest.raises(RuntimeError):
        storage.put(COORDINATES, PIXELS, METADATA)


def test_close_without_frames_leaves_nothing(storage, tmp_path):
    storage.close()
    assert list(tmp_path.iterdir()) == []


def test_close_releases_the_files(filled):
    filled.close()
    renamed = filled.path.rename(filled.path.with_name(f"moved_{filled.path.name}"))
    with TiffStorage.open(renamed) as reopened:
        np.testing.assert_array_equal(reopened.get_data(COORDINATES), PIXELS, strict=True)
