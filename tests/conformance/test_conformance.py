"""One suite for every ExEngine storage: the contract of `DataStorage`, and complete runs."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import pytest
from exengine import ExecutionEngine
from exengine.device_types import Detector
from exengine.events.detector_events import ReadoutData, StartCapture
from exengine.kernel.data_coords import DataCoordinates
from exengine.kernel.data_handler import DataHandler
from exengine.storage_backends.ndtiff_and_ndram.NDTiffandRAM import NDRAMStorage, NDTiffStorage
from ndstorage import NDTiffDataset
from ndstorage.file_io import BUILTIN_FILE_IO

from exengine_ome_tiff import TiffStorage
from frames import frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from exengine.kernel.data_storage_base import DataStorage

BACKENDS = {
    "TiffStorage file": lambda folder: TiffStorage(folder / "run.ome.tiff"),
    "TiffStorage folder": lambda folder: TiffStorage(folder / "run"),
    "NDRAMStorage": lambda _: NDRAMStorage(),
    "NDTiffStorage": lambda folder: NDTiffStorage(str(folder), "run"),
}
STALE = "gives bytes from before the last write, in the run and after finish"
RACES = "gives bytes from before the last write or not, as its threads race"
CHANGES_COORDINATES = "writes into the coordinates it is given"
NO_KEY_ERROR = "raises a plain Exception"
NO_SUCH_PIXELS = "knows uint8 and uint16 only"
BY_KEYWORD = "hands the axes on as keyword arguments"
ONE_KIND = "keeps one kind of values on an axis"
NO_COPY = "keeps the caller's objects and hands them out"

PEERS_CANNOT = {
    ("NDRAMStorage", "test_a_frame_can_be_read_as_soon_as_put_returns", "other mapping"): CHANGES_COORDINATES,
    ("NDRAMStorage", "test_a_frame_is_found_by_any_mapping", "other mapping"): CHANGES_COORDINATES,
    ("NDRAMStorage", "test_reading_a_missing_frame_raises_key_error", ""): NO_KEY_ERROR,
    ("NDRAMStorage", "test_ints_and_strings_on_one_axis", ""): ONE_KIND,
    ("NDRAMStorage", "test_an_axis_may_have_the_name_of_an_argument", ""): BY_KEYWORD,
    ("NDRAMStorage", "test_the_caller_may_overwrite_its_array", ""): NO_COPY,
    ("NDRAMStorage", "test_the_caller_may_change_its_metadata", ""): NO_COPY,
    ("NDRAMStorage", "test_arrays_that_were_read_may_be_changed", ""): NO_COPY,
    ("NDRAMStorage", "test_no_frame_can_be_put_after_the_end", ""): "takes frames for ever",
    (
        "NDTiffStorage",
        "test_a_frame_can_be_read_as_soon_as_put_returns",
        "other mapping",
    ): CHANGES_COORDINATES,
    ("NDTiffStorage", "test_a_frame_is_found_by_any_mapping", "other mapping"): CHANGES_COORDINATES,
    ("NDTiffStorage", "test_reading_a_missing_frame_raises_key_error", ""): NO_KEY_ERROR,
    ("NDTiffStorage", "test_shapes_of_the_pixel_types_of_all_storages", ""): STALE,
    ("NDTiffStorage", "test_other_pixel_types", ""): NO_SUCH_PIXELS,
    ("NDTiffStorage", "test_rgb", ""): NO_SUCH_PIXELS,
    ("NDTiffStorage", "test_arrays_that_are_not_contiguous", ""): "takes contiguous arrays only",
    ("NDTiffStorage", "test_frames_of_several_shapes", ""): STALE,
    ("NDTiffStorage", "test_frames_of_several_types", ""): STALE,
    ("NDTiffStorage", "test_any_axes_with_ints_and_strings", ""): STALE,
    ("NDTiffStorage", "test_ints_and_strings_on_one_axis", ""): ONE_KIND,
    ("NDTiffStorage", "test_an_axis_may_have_the_name_of_an_argument", ""): BY_KEYWORD,
    ("NDTiffStorage", "test_arrays_that_were_read_may_be_changed", ""): "hands out arrays that are read-only",
    ("NDTiffStorage", "test_the_last_of_two_frames_at_the_same_coordinates_counts", ""): STALE,
    ("NDTiffStorage", "test_frames_stay_readable_after_finish", ""): STALE,
    (
        "NDTiffStorage",
        "test_no_frame_can_be_put_after_the_end",
        "",
    ): "takes frames for ever, after finish into a new file in place of the old",
}
PEERS_CANNOT_SAY = {
    ("NDTiffStorage", "test_frames_put_by_several_threads"): RACES,
    ("NDTiffStorage", "test_a_run_stores_what_the_camera_delivers"): RACES,
    ("NDTiffStorage", "test_frames_are_read_during_the_run"): RACES,
    ("NDTiffStorage", "test_frames_handed_straight_to_the_handler"): RACES,
    ("NDTiffStorage", "test_processed_frames_are_stored"): RACES,
}
"""Tests that a peer fails sometimes."""


@pytest.fixture(params=BACKENDS)
def backend(request):
    test = request.node
    if reason := PEERS_CANNOT_SAY.get((request.param, test.originalname)):
        pytest.xfail(f"{request.param} {reason}")
    for (peer, name, parameters), reason in PEERS_CANNOT.items():
        if (peer, name) == (request.param, test.originalname) and parameters in test.callspec.id:
            request.applymarker(pytest.mark.xfail(strict=True, reason=f"{peer} {reason}"))
    return request.param


@pytest.fixture
def left_open(monkeypatch):
    """Collect the files that NDTiffStorage opens for reading, because it leaves some open."""
    files = []

    def open_and_note(*args, **kwargs):
        files.append(open(*args, **kwargs))  # noqa: PTH123, SIM115
        return files[-1]

    monkeypatch.setattr(BUILTIN_FILE_IO, "open", open_and_note)
    yield files
    for file in files:
        file.close()


@pytest.fixture
def storage(backend, tmp_path, left_open):
    storage = BACKENDS[backend](tmp_path)
    yield storage
    if isinstance(storage, NDTiffStorage):
        dataset = storage._storage
        left_open += [dataset._index_file] if dataset._index_file else []
        left_open += [dataset.current_writer.file] if dataset.current_writer else []
    else:
        storage.close()


def reopened(storage):
    """Close a storage and return one that reads its data."""
    if isinstance(storage, NDRAMStorage):
        return storage
    if isinstance(storage, TiffStorage):
        storage.close()
        return TiffStorage.open(storage.path)
    storage.close()
    again = object.__new__(NDTiffStorage)
    again._storage = NDTiffDataset(storage._storage.path)
    return again


COORDINATES = {"time": 1, "channel": "DAPI", "z": 0}
METADATA = {"text": "µm 🔬", "number": 1.5, "none": None, "list": [1, {"deep": [True, "x"]}]}
ASKED = {
    "dict": dict(COORDINATES),
    "other order": {"z": 0, "channel": "DAPI", "time": 1},
    "DataCoordinates": DataCoordinates(COORDINATES),
    "DataCoordinates by keyword": DataCoordinates(z=0, time=1, channel="DAPI"),
    "other mapping": MappingProxyType(COORDINATES),
}
MISSING = [{"time": 2, "channel": "DAPI", "z": 0}, {"time": 1, "channel": "DAPI"}, {"well": "A1"}, {}]


def put(storage, *all_coordinates, dtype="u2", shape=(16, 24)):
    for coordinates in all_coordinates:
        storage.put(coordinates, frame(coordinates, shape, dtype), METADATA | {"at": dict(coordinates)})


def assert_stored(storage, *all_coordinates, dtype="u2", shape=(16, 24)):
    for coordinates in all_coordinates:
        assert coordinates in storage
        np.testing.assert_array_equal(
            storage.get_data(coordinates), frame(coordinates, shape, dtype), strict=True
        )
        np.testing.assert_array_equal(storage[coordinates], frame(coordinates, shape, dtype), strict=True)
        assert storage.get_metadata(coordinates) == METADATA | {"at": dict(coordinates)}


@pytest.mark.parametrize("given", ASKED.values(), ids=ASKED)
def test_a_frame_can_be_read_as_soon_as_put_returns(storage, given):
    put(storage, given)
    assert_stored(storage, COORDINATES)


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_a_frame_is_found_by_any_mapping(storage, asked):
    put(storage, COORDINATES)
    assert_stored(storage, asked)


def test_a_missing_frame_is_not_contained(storage):
    for coordinates in MISSING:
        assert coordinates not in storage
    put(storage, COORDINATES)
    for coordinates in MISSING:
        assert coordinates not in storage
        assert DataCoordinates(coordinates) not in storage


@pytest.mark.parametrize("missing", MISSING, ids=str)
@pytest.mark.parametrize("method", ["get_data", "get_metadata", "__getitem__"])
def test_reading_a_missing_frame_raises_key_error(storage, method, missing):
    put(storage, COORDINATES)
    with pytest.raises(KeyError) as caught:
        getattr(storage, method)(missing)
    told = ",".join(f"{axis}={value}" for axis, value in missing.items())
    assert (told or "no coordinates") in str(caught.value)


@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (16, 24), (3, 32), (31, 33)], ids=str)
def test_shapes_of_the_pixel_types_of_all_storages(storage, shape, dtype):
    all_coordinates = [{"time": time} for time in range(5)]
    put(storage, *all_coordinates, dtype=dtype, shape=shape)
    assert_stored(storage, *all_coordinates, dtype=dtype, shape=shape)


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "u4", "f4", "f8", ">u2"])
def test_other_pixel_types(storage, dtype):
    put(storage, COORDINATES, dtype=dtype)
    assert_stored(storage, COORDINATES, dtype=dtype)


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_rgb(storage, dtype):
    put(storage, COORDINATES, dtype=dtype, shape=(16, 24, 3))
    assert_stored(storage, COORDINATES, dtype=dtype, shape=(16, 24, 3))


@pytest.mark.parametrize("view", ["transposed", "strided", "reversed"])
def test_arrays_that_are_not_contiguous(storage, view):
    pixels = frame(COORDINATES, (16, 16))
    pixels = {"transposed": pixels.T, "strided": pixels[::2, ::2], "reversed": pixels[::-1]}[view]
    storage.put(COORDINATES, pixels, {})
    np.testing.assert_array_equal(storage.get_data(COORDINATES), pixels, strict=True)


def test_frames_of_several_shapes(storage):
    put(storage, {"time": 0}, shape=(16, 24))
    put(storage, {"time": 1}, shape=(8, 40))
    assert_stored(storage, {"time": 0}, shape=(16, 24))
    assert_stored(storage, {"time": 1}, shape=(8, 40))


def test_frames_of_several_types(storage):
    put(storage, {"time": 0}, dtype="u1")
    put(storage, {"time": 1}, dtype="u2")
    assert_stored(storage, {"time": 0}, dtype="u1")
    assert_stored(storage, {"time": 1}, dtype="u2")


def test_any_axes_with_ints_and_strings(storage):
    all_coordinates = [
        {"well": well, "field": field, "angle": angle}
        for well, field, angle in product(("A1", "B/2"), (-1, 7), ("left", ""))
    ]
    put(storage, *all_coordinates)
    assert_stored(storage, *all_coordinates)


def test_ints_and_strings_on_one_axis(storage):
    all_coordinates = [{"well": "A1"}, {"well": 1}, {"well": "1"}]
    put(storage, *all_coordinates)
    assert_stored(storage, *all_coordinates)


def test_an_axis_may_have_the_name_of_an_argument(storage):
    put(storage, {"self": 1})
    assert_stored(storage, {"self": 1})


def test_the_caller_may_overwrite_its_array(storage):
    pixels = frame(COORDINATES, (64, 64))
    storage.put(COORDINATES, pixels, {})
    pixels[:] = 0
    np.testing.assert_array_equal(storage.get_data(COORDINATES), frame(COORDINATES, (64, 64)), strict=True)


def test_the_caller_may_change_its_metadata(storage):
    metadata = {"list": [1]}
    storage.put(COORDINATES, frame(COORDINATES), metadata)
    metadata["list"].append(2)
    assert storage.get_metadata(COORDINATES) == {"list": [1]}


def test_arrays_that_were_read_may_be_changed(storage):
    put(storage, COORDINATES)
    storage.get_data(COORDINATES)[:] = 0
    storage.get_metadata(COORDINATES).clear()
    assert_stored(storage, COORDINATES)


def test_the_last_of_two_frames_at_the_same_coordinates_counts(storage):
    storage.put(COORDINATES, frame({"first": 1}), {"first": 1})
    storage.put(COORDINATES, frame({"second": 2}), {"second": 2})
    np.testing.assert_array_equal(storage.get_data(COORDINATES), frame({"second": 2}), strict=True)
    assert storage.get_metadata(COORDINATES) == {"second": 2}


def test_metadata_of_a_frame_without_any(storage):
    storage.put(COORDINATES, frame(COORDINATES), {})
    assert storage.get_metadata(COORDINATES) == {}


def test_frames_stay_readable_after_finish(storage):
    all_coordinates = [{"time": time, "channel": "A"} for time in range(70)]
    put(storage, *all_coordinates)
    storage.finish()
    assert_stored(storage, *all_coordinates)
    assert {"time": 70, "channel": "A"} not in storage


def test_finish_and_close_may_be_called_twice(storage):
    put(storage, COORDINATES)
    storage.finish()
    storage.finish()
    assert_stored(storage, COORDINATES)
    storage.close()
    storage.close()


@pytest.mark.parametrize("ended", ["finish", "close"])
def test_no_frame_can_be_put_after_the_end(storage, ended):
    put(storage, COORDINATES)
    getattr(storage, ended)()
    with pytest.raises(RuntimeError):
        put(storage, {"time": 5})


def test_frames_put_by_several_threads(storage):
    parts = [[{"thread": thread, "time": time} for time in range(50)] for thread in range(4)]
    threads = [threading.Thread(target=put, args=(storage, *part)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_stored(storage, *(coordinates for part in parts for coordinates in part))


class CodedCamera(Detector):
    """Delivers the frames of a list of coordinates, one by one, without delay."""

    def __init__(self, name, all_coordinates, shape, dtype):
        super().__init__(name)
        self._coming = iter([(frame(at, shape, dtype), METADATA | {"at": at}) for at in all_coordinates])

    def arm(self, frame_count=None):
        pass

    def start(self):
        pass

    def stop(self):
        pass

    def is_stopped(self):
        return False

    def pop_data(self, timeout=None):  # noqa: ARG002
        return next(self._coming)


@dataclass
class Run:
    """A running engine and a data handler that writes to the storage under test."""

    engine: ExecutionEngine
    storage: DataStorage
    process: Callable[..., object] | None = None

    def __post_init__(self):
        self.handler = DataHandler(self.storage, process_function=self.process)
        self.cameras = []

    def acquire(self, all_coordinates, shape=(16, 24), dtype="u2"):
        camera = CodedCamera(f"camera {len(self.cameras)}", all_coordinates, shape, dtype)
        self.cameras.append(camera)
        self.engine.submit(StartCapture(len(all_coordinates), camera)).await_execution()
        readout = ReadoutData(all_coordinates, camera, self.handler, num_blocks=len(all_coordinates))
        return self.engine.submit(readout)

    def wait_for(self, coordinates):
        deadline_s = time.monotonic() + 20
        while coordinates not in self.storage:
            assert time.monotonic() < deadline_s, f"{coordinates} never came"
            time.sleep(0.001)

    def end(self):
        self.handler.finish()
        self.handler.await_completion()


@pytest.fixture
def engine():
    engine = ExecutionEngine()
    yield engine
    engine.shutdown()


@pytest.fixture
def run(engine, storage):
    run = Run(engine, storage)
    yield run
    run.end()


REGULAR = [
    {"time": t, "position": p, "channel": c, "z": z}
    for t, p, c, z in product(range(3), ("Pos0", "Pos1"), ("DAPI", "GFP"), range(4))
]
IRREGULAR = [
    *({"time": 10 * t, "channel": "DAPI", "z": z, "camera": "left"} for t in (3, 1) for z in (-2, 5, 4)),
    *({"event": e, "channel": "GFP"} for e in range(5)),
]


@pytest.mark.parametrize("acquisition", [REGULAR, IRREGULAR], ids=["regular", "irregular"])
def test_a_run_stores_what_the_camera_delivers(run, storage, acquisition):
    future = run.acquire(acquisition)
    future.await_execution()
    run.wait_for(acquisition[-1])
    assert_stored(storage, *acquisition)
    for coordinates in acquisition:
        pixels, metadata = run.handler.get(DataCoordinates(coordinates))
        np.testing.assert_array_equal(pixels, frame(coordinates, (16, 24)), strict=True)
        assert metadata == METADATA | {"at": coordinates}
    run.end()
    assert_stored(storage, *acquisition)
    run.engine.check_exceptions()


def test_frames_are_read_during_the_run(run, storage):
    first, second = REGULAR[:10], REGULAR[10:]
    run.acquire(first).await_execution()
    run.wait_for(first[-1])
    assert_stored(storage, *first)
    assert second[0] not in storage
    run.acquire(second).await_execution()
    run.wait_for(REGULAR[-1])
    assert_stored(storage, *REGULAR)


def test_a_run_is_the_same_when_its_storage_is_opened_again(run, storage):
    run.acquire(REGULAR).await_execution()
    run.end()
    again = reopened(storage)
    assert_stored(again, *REGULAR)
    assert COORDINATES not in again
    again.close()


def test_frames_handed_straight_to_the_handler(run, storage):
    for coordinates in REGULAR:
        run.handler.put(
            DataCoordinates(coordinates), frame(coordinates, (16, 24)), METADATA | {"at": coordinates}, None
        )
    run.wait_for(REGULAR[-1])
    run.end()
    assert_stored(storage, *REGULAR)


def test_processed_frames_are_stored(engine, storage):
    def invert(coordinates, pixels, metadata):
        return coordinates, ~pixels, metadata | {"processed": True}

    run = Run(engine, storage, invert)
    run.acquire(REGULAR).await_execution()
    run.wait_for(REGULAR[-1])
    run.end()
    for coordinates in REGULAR:
        np.testing.assert_array_equal(storage[coordinates], ~frame(coordinates, (16, 24)), strict=True)
        assert storage.get_metadata(coordinates) == METADATA | {"at": coordinates, "processed": True}


def test_a_run_without_frames(run, storage):
    run.end()
    assert COORDINATES not in storage
