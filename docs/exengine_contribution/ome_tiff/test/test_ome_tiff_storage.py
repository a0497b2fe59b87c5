import json

import numpy as np
import pytest
from exengine import ExecutionEngine
from exengine.kernel.data_coords import DataCoordinates
from exengine.kernel.data_handler import DataHandler
from exengine.kernel.data_storage_base import DataStorage

pytest.importorskip("exengine_ome_tiff", reason="exengine-ome-tiff is not installed; it needs Python 3.11")
tifffile = pytest.importorskip("tifffile")  # comes with exengine-ome-tiff

from exengine.storage_backends.ome_tiff import TiffStorage

from exengine_ome_tiff import acquisition, export_mosaic, export_offsets, recover

COORDINATES = DataCoordinates(coordinate_dict={"time": 1, "channel": "DAPI", "z": 0})
DATA = np.array([[1, 2], [3, 4]], dtype=np.uint16)
METADATA = {"some": "metadata"}


@pytest.fixture(params=["run.ome.tiff", "folder"])
def path(request, tmp_path):
    return tmp_path / request.param


@pytest.fixture
def data_storage(path):
    storage = TiffStorage(path)
    yield storage
    storage.close()


@pytest.fixture
def engine():
    engine = ExecutionEngine()
    yield
    engine.shutdown()


def test_fully_implements_protocol(data_storage):
    assert isinstance(data_storage, DataStorage)
    for name in ("put", "get_data", "get_metadata", "finish", "close", "__contains__", "__getitem__"):
        assert getattr(TiffStorage, name) is not getattr(DataStorage, name, None), name


def test_put_integration(data_storage):
    assert COORDINATES not in data_storage
    data_storage.put(COORDINATES, DATA, METADATA)
    assert COORDINATES in data_storage
    assert dict(COORDINATES) in data_storage
    assert np.array_equal(data_storage.get_data(COORDINATES), DATA)
    assert np.array_equal(data_storage[COORDINATES], DATA)
    assert data_storage.get_metadata(COORDINATES) == METADATA


def test_what_is_not_there(data_storage):
    data_storage.put(COORDINATES, DATA, METADATA)
    with pytest.raises(KeyError):
        data_storage.get_data(DataCoordinates(time=7))


def test_finish_integration(data_storage):
    data_storage.put(COORDINATES, DATA, METADATA)
    data_storage.finish()
    assert np.array_equal(data_storage.get_data(COORDINATES), DATA)
    with pytest.raises(RuntimeError):
        data_storage.put(DataCoordinates(time=2), DATA, METADATA)


def test_close_integration(path, data_storage):
    data_storage.put(COORDINATES, DATA, METADATA)
    data_storage.close()
    with TiffStorage.open(path) as opened:
        assert np.array_equal(opened.get_data(COORDINATES), DATA)
        assert opened.get_metadata(COORDINATES) == METADATA


@pytest.mark.usefixtures("engine")
def test_the_data_handler_stores_what_others_read(tmp_path):
    path = tmp_path / "run.ome.tiff"
    storage = TiffStorage(path, summary_metadata={"sample": "HeLa"})
    handler = DataHandler(storage)
    for time in range(3):
        for channel in ("DAPI", "GFP"):
            place = DataCoordinates(time=time, channel=channel)
            handler.put(place, DATA + 10 * time + (channel == "GFP"), METADATA, None)
    handler.finish()
    handler.await_completion()
    storage.close()

    with tifffile.TiffFile(path) as opened:
        assert opened.is_ome
        (series,) = opened.series
        assert series.axes == "TCYX"
        stored = series.asarray()
    for time in range(3):
        for channel in range(2):
            assert np.array_equal(stored[time, channel], DATA + 10 * time + channel)


def test_an_acquisition_finishes_the_file(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with acquisition(TiffStorage(path)) as (_, handler):
        handler.put(COORDINATES, DATA, METADATA, None)
    assert np.array_equal(tifffile.imread(path), DATA)


def test_a_run_that_crashed_is_recovered(path, data_storage):
    data_storage.put(COORDINATES, DATA, METADATA)
    data_storage.suspend()
    assert recover(path).n_frames == 1
    with TiffStorage.open(path) as opened:
        assert np.array_equal(opened.get_data(COORDINATES), DATA)


def test_exports_for_other_programs(tmp_path):
    path = tmp_path / "tiles.ome.tiff"
    with TiffStorage(path, pixel_size_um=1) as storage:
        for column in range(2):
            place = {"row": 0, "column": column}
            storage.put(place, DATA + 10 * column, {"x_um": 2 * column, "y_um": 0})
    with tifffile.TiffFile(path) as opened:
        offsets = [page.offset for page in opened.pages]
    assert json.loads(export_offsets(path).read_text()) == offsets
    mosaic = export_mosaic(path, tmp_path / "mosaic.ome.tiff").path
    assert np.array_equal(tifffile.imread(mosaic), np.hstack([DATA, DATA + 10]))
