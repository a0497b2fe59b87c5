"""An acquisition block stores every frame and ends every thread, even after errors."""

import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial

import numpy as np
import pytest
import tifffile
from exengine import ExecutionEngine
from exengine.data import DataCoordinates
from exengine.events.detector_events import ReadoutData, StartCapture
from exengine.storage_backends.ndtiff_and_ndram import NDRAMStorage

from exengine_ome_tiff import TiffStorage, acquisition
from exengine_ome_tiff.adapters import exengine_acquisition
from exengine_ome_tiff.demo.microscope import SimulatedMicroscope


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = {*threading.enumerate()}
    yield
    assert {*threading.enumerate()} <= before
    assert ExecutionEngine.get_instance() is None


def take(engine, handler, camera, times):
    engine.submit(StartCapture(len(times), camera))
    places = [{"time": each} for each in times]
    return engine.submit(ReadoutData(places, camera, handler, num_blocks=len(times)))


def acquire(storage, n_frames=3, then=lambda *_: None):
    """Acquire frames, then call a function in the block."""
    with acquisition(storage) as (engine, handler):
        camera = SimulatedMicroscope((32, 32)).camera
        take(engine, handler, camera, range(n_frames)).await_execution()
        then(engine, handler, camera)


def frames_in(path):
    """Return the number of frames in a finished dataset, according to tifffile."""
    with tifffile.TiffFile(path) as opened:
        assert opened.is_ome
        return len(opened.series[0])


def test_every_submitted_frame_is_stored_without_waiting_in_the_block(tmp_path):
    for name in ("first.ome.tiff", "second.ome.tiff"):  # twice in one process
        with acquisition(TiffStorage(tmp_path / name)) as (engine, handler):
            camera = SimulatedMicroscope((32, 32)).camera
            for time_point in range(20):
                take(engine, handler, camera, [time_point])
        assert frames_in(tmp_path / name) == 20


def test_an_error_in_the_block_is_raised_after_the_frames_are_stored(tmp_path):
    path = tmp_path / "run.ome.tiff"

    def fail(engine, handler, camera):
        take(engine, handler, camera, [3]).await_execution()
        engine.submit(lambda: time.sleep(0.2))
        engine.submit(ReadoutData([{"time": 9}], camera, handler, num_blocks=1))  # no frame ever comes
        engine.submit(partial((tmp_path / "late").touch))
        raise LookupError("in the block")

    with pytest.raises(LookupError, match="in the block"):
        acquire(TiffStorage(path), then=fail)
    assert frames_in(path) == 4
    assert not (tmp_path / "late").exists(), "an event that waited was executed"


@pytest.mark.filterwarnings("ignore:.*during execution of:UserWarning")
@pytest.mark.parametrize("is_awaited", [True, False])
def test_an_error_in_an_event_is_raised(tmp_path, is_awaited):
    def fail(engine, *_):
        future = engine.submit(lambda: 1 // 0)
        if is_awaited:
            future.await_execution()

    path = tmp_path / "run.ome.tiff"
    with pytest.raises(ZeroDivisionError):
        acquire(TiffStorage(path), then=fail)
    assert frames_in(path) == 3
    acquire(TiffStorage(path, overwrite=True), n_frames=2)
    assert frames_in(path) == 2


def test_the_next_submit_raises_an_error_of_the_storage_once(tmp_path, caplog):
    path = tmp_path / "run.ome.tiff"
    storage = TiffStorage(path)

    def refuse(engine, handler, _):
        handler.put(DataCoordinates(time=7), np.zeros((2, 3, 4, 5), np.uint16), {}, None)
        handler.put(DataCoordinates(time=8), np.zeros((32, 32), np.uint16), {}, None)
        while DataCoordinates(time=8) not in storage:
            time.sleep(0.01)
        with pytest.raises(ValueError, match="time=7"):
            engine.submit(lambda: None)
        engine.submit(lambda: None).await_execution()

    acquire(storage, then=refuse)
    assert "frame not stored at time=7" in caplog.text
    assert frames_in(path) == 4


def test_an_error_of_the_storage_is_raised_at_the_end(tmp_path, caplog):
    path = tmp_path / "run.ome.tiff"
    wrong = (DataCoordinates(time=7), np.zeros((2, 3, 4, 5), np.uint16), {}, None)
    with pytest.raises(ValueError, match="time=7"):
        acquire(TiffStorage(path), then=lambda _, handler, __: handler.put(*wrong))
    assert frames_in(path) == 3

    class Failing(NDRAMStorage):
        def close(self):
            raise OSError("no close")

    with pytest.raises(OSError, match="no close"):
        acquire(Failing())
    with pytest.raises(ZeroDivisionError):
        acquire(Failing(), then=lambda *_: 1 // 0)
    assert "could not close the storage: OSError: no close" in caplog.text


def test_a_process_function_that_fails_costs_no_frame(tmp_path, caplog):
    results = iter([None, lambda *frame: frame, lambda *frame: [frame, ({"extra": 1}, *frame[1:])]])

    def process(*frame):
        result = next(results, "no tuple")
        return result(*frame) if callable(result) else result

    path = tmp_path / "run.ome.tiff"
    with (
        pytest.raises(TypeError, match="got str"),
        acquisition(TiffStorage(path), process_function=process) as (engine, handler),
    ):
        take(engine, handler, SimulatedMicroscope((32, 32)).camera, range(4))
    with TiffStorage.open(path) as storage:
        stored = storage.get_image_coordinates_list()
    assert stored == [{"time": 1}, {"time": 2}, {"extra": 1}, {"time": 3}]
    assert "frame stored without processing at time=3" in caplog.text
    path = tmp_path / "twice.ome.tiff"
    with (
        pytest.raises(ValueError, match="two frames with the same coordinates"),
        acquisition(TiffStorage(path), process_function=lambda *frame: [frame, frame]) as (_, handler),
    ):
        put_numbers(handler, [{"time": number} for number in range(3)])
    assert frames_in(path) == 3
    assert "frame stored without processing at time=3" in caplog.text


class Slow(TiffStorage):
    def put(self, place, data, metadata):
        time.sleep(0.05)
        super().put(place, data, metadata)
        self.values = [*getattr(self, "values", []), int(data[0, 0])]


def put_numbers(handler, coordinates):
    for number, each in enumerate(coordinates):
        handler.put(DataCoordinates(each), np.full((32, 32), number, np.uint16), {"number": number}, None)


@pytest.mark.parametrize(
    "process",
    [None, lambda *frame: frame, lambda *frame: ({"z": 1}, *frame[1:]), lambda *frame: [frame]],
    ids=["none", "same", "one place", "list"],
)
def test_frames_with_equal_coordinates_are_all_stored(tmp_path, process):
    storage = Slow(tmp_path / "run.ome.tiff")
    with acquisition(storage, process_function=process) as (_, handler):
        put_numbers(handler, [{"time": 7}, {"time": 7}, {"time": 8}, {"time": 7}])
    with TiffStorage.open(storage.path) as opened:
        places = opened.get_image_coordinates_list()
        newest = {"z": 1} if {"z": 1} in places else {"time": 7}
        assert opened.get_metadata(newest) == {"number": 3}
    assert storage.values == [0, 1, 2, 3]


@pytest.mark.parametrize("wait_s", [0, 0.02])
def test_a_process_function_cannot_take_the_place_of_other_frames(tmp_path, caplog, wait_s):
    def shift(place, *frame):
        time.sleep(wait_s)
        if place["time"] == 4:
            handlers[0].put(DataCoordinates(place), *frame, None)
        return {"time": place["time"] + 1}, *frame

    handlers = []
    path = tmp_path / "run.ome.tiff"

    def run():
        with acquisition(TiffStorage(path), process_function=shift) as (_, handler):
            handlers.append(handler)
            put_numbers(handler, [{"time": number} for number in range(6)])

    with pytest.raises(ValueError, match=r"returned the coordinates of another frame.*: time=1; return diff"):
        run()
    assert "process_function put a frame at time=4, where another frame is not stored yet" in caplog.text
    with TiffStorage.open(path) as storage:
        numbers = [storage.get_metadata(place)["number"] for place in storage.get_image_coordinates_list()]
    assert numbers == [*range(6)]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_frames_dropped_by_the_data_handler_raise_an_error(tmp_path):
    class Broken:
        def _notify_data(self, *_, stored, **__):
            if stored:
                raise ZeroDivisionError

    def put_five(_, handler, __):
        for number in range(5):
            frame, future = np.zeros((32, 32), np.uint16), Broken() if number == 3 else None
            handler.put(DataCoordinates(time=10 + number), frame, {}, future)

    path = tmp_path / "run.ome.tiff"
    with pytest.raises(RuntimeError, match="dropped 1 frame, because one of its threads ended"):
        acquire(Slow(path), n_frames=0, then=put_five)
    assert frames_in(path) == 4


def test_nothing_is_logged_after_a_second_ctrl_c(tmp_path, monkeypatch, caplog):
    def interrupted(call):
        if call.__name__ == "await_completion":
            raise KeyboardInterrupt
        call()

    def put_and_interrupt(_, handler, __):
        put_numbers(handler, [{"time": number} for number in range(6)])
        raise KeyboardInterrupt

    monkeypatch.setattr(exengine_acquisition, "interruptibly", interrupted)
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        acquire(Slow(tmp_path / "run.ome.tiff"), n_frames=0, then=put_and_interrupt)
    while threading.active_count() > before:
        time.sleep(0.01)
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


def test_an_existing_engine_serves_several_blocks(tmp_path):
    engine = ExecutionEngine()
    submit = engine.submit
    try:
        camera = SimulatedMicroscope((32, 32)).camera
        paths = [tmp_path / "a.ome.tiff", tmp_path / "b.ome.tiff"]
        for path in paths:
            with acquisition(TiffStorage(path)) as (same, handler):
                assert same is engine
                take(engine, handler, camera, range(2))
        with (
            acquisition(TiffStorage(tmp_path / "c.ome.tiff")) as (_, first),
            acquisition(TiffStorage(tmp_path / "d.ome.tiff")) as (_, second),
        ):
            take(engine, first, camera, range(3))
            take(engine, second, camera, range(4))
        assert engine.submit == submit
    finally:
        engine.shutdown()
    assert [frames_in(path) for path in sorted(tmp_path.iterdir())] == [2, 2, 3, 4]


CTRL_C = """
import time
from exengine.events.detector_events import ReadoutData, StartCapture
from exengine_ome_tiff import TiffStorage, acquisition
from exengine_ome_tiff.demo.microscope import SimulatedMicroscope
storage = TiffStorage("run.ome.tiff")
with acquisition(storage) as (engine, handler):
    camera = SimulatedMicroscope((32, 32)).camera
    engine.submit(StartCapture(3, camera))
    readout = engine.submit(ReadoutData([{"time": t} for t in range(9)], camera, handler, num_blocks=9))
    while len(storage.get_image_coordinates_list()) < 3:
        time.sleep(0.01)
    print("three", flush=True)
    readout.await_execution()  # six frames will never come
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_ctrl_c_keeps_the_frames_and_ends_the_process(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", CTRL_C],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "three\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT
    assert errors.splitlines()[-1] == "KeyboardInterrupt"
    assert errors.count("Traceback") == 1, errors
    assert frames_in(tmp_path / "run.ome.tiff") == 3


def test_a_path_is_no_storage(tmp_path):
    with (
        pytest.raises(TypeError, match=r"write acquisition\(TiffStorage"),
        acquisition(tmp_path / "run.ome.tiff"),
    ):
        pass
