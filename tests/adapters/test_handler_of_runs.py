"""The handler for pymmcore-plus with synthetic events; tests/micromanager has real ones."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest

from exengine_ome_tiff import TiffStorage
from exengine_ome_tiff.adapters.pymmcore_plus_handler import TiffStorageHandler

pytestmark = pytest.mark.usefixtures("threads_without_exengine")


def test_imported_exengine_devices_are_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(threading.Thread, "start", lambda *_, **__: None)
    with pytest.raises(RuntimeError, match="separate process"):
        TiffStorageHandler(tmp_path / "run.ome.tiff")


def event(config=None, pos_name=None, **index):
    channel = None if config is None else SimpleNamespace(config=config)
    return SimpleNamespace(index=index, channel=channel, pos_name=pos_name)


def stored(path, events, **options):
    """Return the coordinates of events in a file."""
    with TiffStorageHandler(path, **options) as handler:
        handler.sequenceStarted(None, {"format": "summary-dict"})
        for number, (each, camera) in enumerate(events):
            handler.frameReady(np.full((8, 9), number, np.uint16), each, {"camera_device": camera})
        handler.sequenceFinished(None)
        assert handler.storage.is_finished()
    with TiffStorage.open(path) as storage:
        found = storage.get_image_coordinates_list()
        assert [int(storage[place][0, 0]) for place in found] == list(range(len(events)))
        return found


def test_axes_have_names(tmp_path):
    events = [
        (event("DAPI", "A1", t=0, p=0, c=0, z=2, g=1), "Left"),
        (event("DAPI", "A1", t=1, p=3, c=0), "Left"),  # another position of the same name
        (event("DAPI", t=0, c=1, cam=1), "Right"),  # another channel of the same preset
        (event("GFP", "later"), "Left"),
        (event(t=7, angle=3), "Left"),
    ]
    assert stored(tmp_path / "run.ome.tiff", events) == [
        {"time": 0, "position": "A1", "channel": "DAPI", "z": 2, "tile": 1},
        {"time": 1, "position": 3, "channel": "DAPI"},
        {"time": 0, "channel": 1, "camera": "Right"},
        {"time": 0, "channel": "GFP", "position": "later"},
        {"time": 7, "angle": 3},
    ]


def test_events_without_an_index_are_numbered(tmp_path):
    events = [(event(), "Camera"), (event(), "Camera")]
    assert stored(tmp_path / "run", events) == [{"time": 0}, {"time": 1}]


def test_existing_files_are_refused_before_the_run(tmp_path):
    path = tmp_path / "run.ome.tiff"
    stored(path, [(event(t=0), "Camera")])
    with pytest.raises(FileExistsError, match="overwrite=True"):
        TiffStorageHandler(path)
    with pytest.raises(TypeError, match="compresion"):
        TiffStorageHandler(tmp_path / "new.ome.tiff", compresion="zlib")
    assert stored(path, [(event(t=3), "Camera")], overwrite=True) == [{"time": 3}]


def test_errors_are_logged_and_raised_at_the_end(tmp_path, caplog):
    path = tmp_path / "run.ome.tiff"
    handler = TiffStorageHandler(path)
    handler.sequenceStarted(None, {})
    handler.frameReady(np.zeros((2, 8, 8), np.uint16), event(t=0), {})
    handler.frameReady(np.ones((8, 8), np.uint16), event(t=1), {})
    handler.sequenceFinished(None)
    with pytest.raises(ExceptionGroup, match="not all of the run is stored") as raised:
        handler.close()
    assert [type(each) for each in raised.value.exceptions] == [ValueError]
    assert "time=0" in caplog.text
    handler.close()
    with TiffStorage.open(path) as storage:
        assert storage.get_image_coordinates_list() == [{"time": 1}]


def test_a_path_of_another_format_is_refused_before_the_run(tmp_path):
    with pytest.raises(ValueError, match="expected a file name ending in"):
        TiffStorageHandler(tmp_path / "run.zarr")


def test_a_run_that_cannot_be_stored_is_logged(tmp_path, caplog):
    handler = TiffStorageHandler(tmp_path / "run.ome.tiff", pixel_size_um=-1)
    handler.sequenceStarted(None, {})
    handler.frameReady(np.ones((8, 8), np.uint16), event(t=0), {})
    handler.sequenceFinished(None)
    assert "no frames of the run are stored" in caplog.text
    with pytest.raises(ExceptionGroup) as raised:
        handler.close()
    assert [type(each) for each in raised.value.exceptions] == [ValueError]
    late = TiffStorageHandler(tmp_path / "late.ome.tiff")
    late.frameReady(np.ones((8, 8), np.uint16), event(t=0), {})
    with pytest.raises(ExceptionGroup) as raised:
        late.close()
    assert "before sequenceStarted" in str(raised.value.exceptions[0])
