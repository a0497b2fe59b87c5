"""ExEngine acquires with the simulated microscope."""

import importlib.util
import threading
import time

import numpy as np
import pytest
from exengine import ExecutionEngine
from exengine.kernel.data_storage_base import DataStorage
from exengine.storage_backends.ndtiff_and_ndram.NDTiffandRAM import NDRAMStorage

from exengine_ome_tiff.demo import acquisition
from exengine_ome_tiff.demo.acquisition import DemoPlan, run
from exengine_ome_tiff.demo.microscope import SimulatedMicroscope
from interrupting import assert_leaves_nothing_held

PLAN = DemoPlan(positions=2, time_points=3, channels=("DAPI", "Cy5"), z_slices=2, size=(32, 40))
COORDINATES = [
    {"time": t, "position": f"Pos{p}", "channel": c, "z": z}
    for t in range(3)
    for p in range(2)
    for c in ("DAPI", "Cy5")
    for z in range(2)
]


class DictStorage(DataStorage):
    """Keeps frames in order of arrival; `fails_at` is the number of the put that raises."""

    def __init__(self, fails_at=None, fails_to_finish=False):
        self.frames = []
        self.fails_at = fails_at
        self.fails_to_finish = fails_to_finish
        self.finished = 0

    def put(self, data_coordinates, data, metadata):
        if len(self.frames) + 1 == self.fails_at:
            raise OSError("disk full")
        self.frames.append((dict(data_coordinates.coordinate_dict), data, metadata))

    def finish(self):
        self.finished += 1
        if self.fails_to_finish:
            raise OSError("disk full")


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before
    assert ExecutionEngine.get_instance() is None


@pytest.fixture(scope="module")
def acquired():
    """Two acquisitions of the same plan in one process: storages, result and progress of the second."""
    first, second, progress = NDRAMStorage(), DictStorage(), []
    run(PLAN, first)
    result = run(PLAN, second, progress=lambda *counts: progress.append(counts))
    return first, second, result, progress


def test_every_coordinate_is_stored_in_order_and_the_storage_is_finished_once(acquired):
    _, storage, _, _ = acquired
    assert [coordinates for coordinates, _, _ in storage.frames] == COORDINATES
    assert storage.finished == 1


def test_same_plan_gives_the_same_pixels(acquired):
    first, second, _, _ = acquired
    assert len(second.frames) == len(COORDINATES) > 0
    for coordinates, frame, _ in second.frames:
        assert coordinates in first
        assert frame.shape == (32, 40)
        assert np.array_equal(first.get_data(coordinates), frame)


def test_frames_show_the_place_of_their_coordinates(acquired):
    _, storage, _, _ = acquired
    assert len(storage.frames) == len(COORDINATES) > 0
    for coordinates, _, metadata in storage.frames:
        assert metadata["XPositionUm"] == {"Pos0": 0.0, "Pos1": 200.0}[coordinates["position"]]
        assert metadata["ZPositionUm"] == (-0.75, 0.75)[coordinates["z"]]


def test_time_points_and_channels_look_different(acquired):
    _, storage, _, _ = acquired
    frames = {
        (c["time"], c["position"], c["channel"], c["z"]): frame.astype(float)
        for c, frame, _ in storage.frames
    }
    first = frames[0, "Pos0", "Cy5", 0]
    for other in ((1, "Pos0", "Cy5", 0), (0, "Pos1", "Cy5", 0), (0, "Pos0", "DAPI", 0)):
        assert np.corrcoef(first.ravel(), frames[other].ravel())[0, 1] < 0.95


def test_result_and_progress_count_the_frames_stored(acquired):
    _, _, result, progress = acquired
    assert result.frames == PLAN.frames == len(COORDINATES) == 24
    assert result.frames_per_s == pytest.approx(24 / result.duration_s)
    assert 0 < result.storing_s < result.duration_s
    assert progress[-1] == (24, 24)
    assert [stored for stored, _ in progress] == sorted(stored for stored, _ in progress)
    assert {total for _, total in progress} == {24}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("fails_at", [3, 24])
def test_storage_that_raises_ends_the_acquisition_with_its_error(fails_at):
    storage = DictStorage(fails_at=fails_at)
    with pytest.raises(OSError, match="disk full"):
        run(PLAN, storage)
    assert [coordinates for coordinates, _, _ in storage.frames] == COORDINATES[: fails_at - 1]


@pytest.mark.timeout(20)
def test_storage_that_cannot_finish_is_reported():
    with pytest.raises(OSError, match="disk full"):
        run(PLAN, DictStorage(fails_to_finish=True))


class StuckMicroscope(SimulatedMicroscope):
    """A microscope whose stage gets stuck after the first time point."""

    def settle(self):
        if self.stand.time_s > 0:
            raise OSError("stage is stuck")


@pytest.mark.timeout(20)
@pytest.mark.filterwarnings("ignore:stage is stuck")
def test_device_that_raises_ends_the_acquisition_and_the_storage_is_finished():
    storage = DictStorage()
    with pytest.raises(OSError, match="stage is stuck"):
        run(PLAN, storage, StuckMicroscope)
    assert [coordinates for coordinates, _, _ in storage.frames] == COORDINATES[:8]
    assert storage.finished == 1


@pytest.mark.timeout(20)
def test_progress_that_raises_ends_the_acquisition():
    def interrupt(stored, _total):
        if stored:
            raise KeyboardInterrupt

    storage = DictStorage()
    with pytest.raises(KeyboardInterrupt):
        run(PLAN, storage, progress=interrupt)
    assert storage.finished == 1


def test_an_interrupted_wait_for_frames_holds_no_lock():
    watch = acquisition._Watch(DictStorage())
    watch.count_handled()
    assert_leaves_nothing_held(lambda: watch.wait_until(1), watch.count_handled)


def test_an_existing_engine_is_left_alone():
    engine = ExecutionEngine()
    try:
        with pytest.raises(RuntimeError, match="ExecutionEngine already exists"):
            run(PLAN, DictStorage())
        assert engine.submit(lambda: 42).await_execution() == 42
    finally:
        engine.shutdown()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"positions": 0}, "positions must be at least 1, not 0"),
        ({"time_points": -1}, "time_points must be at least 1"),
        ({"z_slices": 0}, "z_slices must be at least 1"),
        ({"size": 31}, "size must be at least 32 and at most 8192 pixels each way"),
        ({"size": (512, 8)}, "size must be at least 32 and at most 8192 pixels each way"),
        ({"channels": ()}, "channels must be one or more names"),
        ({"channels": "DAPI"}, "channels must be one or more names, not 'DAPI'"),
        ({"channels": ("DAPI", "")}, "channels must be one or more names"),
        ({"channels": ("DAPI", "DAPI")}, "each channel may occur only once"),
        ({"z_step_um": 0.0}, "z_step_um must be greater than 0"),
        ({"interval_s": float("nan")}, "interval_s must be greater than 0"),
        ({"spacing_um": float("inf")}, "spacing_um must be"),
    ],
)
def test_invalid_plans_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        DemoPlan(**wrong)


def test_plan_of_one_frame_is_at_the_focus():
    plan = DemoPlan(positions=1, time_points=1, channels=("GFP",), z_slices=1, size=64)
    assert (plan.frames, plan.shape, plan.z_um(0)) == (1, (64, 64), 0.0)


@pytest.mark.skipif(importlib.util.find_spec("pymmcore") is not None, reason="the extra is installed")
def test_without_micromanager_the_error_says_what_to_install():
    with pytest.raises(ImportError, match=r'pip install "exengine-ome-tiff\[micromanager\]"'):
        importlib.import_module("exengine_ome_tiff.demo.micromanager_microscope")


def test_a_slow_storage_bounds_the_frames_that_wait():
    waiting, scopes = [], []

    class SlowStorage(DictStorage):
        def put(self, *frame):
            time.sleep(0.005)
            super().put(*frame)
            waiting.append(scopes[0].camera._exposures - len(self.frames))

    def microscope(shape):
        scopes.append(SimulatedMicroscope(shape))
        return scopes[0]

    run(
        DemoPlan(positions=1, time_points=1, channels=("DAPI",), z_slices=60, size=32),
        SlowStorage(),
        microscope,
    )
    assert len(waiting) == 60
    assert max(waiting) <= 20
