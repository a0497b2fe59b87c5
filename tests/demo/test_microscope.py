"""The simulated devices, used by ExEngine and interactively."""

import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from exengine import ExecutionEngine
from exengine.events.positioner_events import SetPosition1DEvent, SetPosition2DEvent

from exengine_ome_tiff.demo.microscope import SimulatedMicroscope
from exengine_ome_tiff.demo.scene import Scene, View

EXAMPLES = Path(__file__).parents[1] / "data" / "metadata"
SHAPE = (48, 64)
STEP = timedelta(milliseconds=20)


class SteppingClock:
    """A clock that advances by one step at each reading."""

    def __init__(self):
        self.now = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=timezone(timedelta(hours=2)))

    def __call__(self):
        self.now += STEP
        return self.now


@pytest.fixture
def engine():
    engine = ExecutionEngine()
    yield engine
    engine.shutdown()


@pytest.fixture
def microscope(engine):  # noqa: ARG001 the engine has to be there
    return SimulatedMicroscope(SHAPE, Scene(seed=4), SteppingClock())


def capture(camera, count):
    camera.arm(count)
    camera.start()
    frames = [camera.pop_data(timeout=0) for _ in range(count)]
    assert camera.is_stopped()
    return frames


def example(name):
    return json.loads((EXAMPLES / f"{name}.json").read_text())


@pytest.mark.parametrize(
    ("count", "name"), [(1, "exengine_rich_snap_z_16bit"), (3, "exengine_rich_sequence_16bit")]
)
def test_metadata_has_the_keys_order_and_types_of_a_real_recording(microscope, count, name):
    _, metadata = capture(microscope.camera, count)[-1]
    recorded = example(name)
    assert list(metadata) == list(recorded)
    assert {key: type(value) for key, value in metadata.items()} == {
        key: type(value) for key, value in recorded.items()
    }
    shapes = [
        {key: re.sub(r"\d+", "0", str(value)) for key, value in one.items() if isinstance(value, str)}
        for one in (metadata, recorded)
    ]
    assert shapes[0] == shapes[1]


def test_metadata_describes_the_frame(microscope):
    microscope.xy_stage.set_position(12.5, -40.0)
    microscope.z_stage.set_position(1.5)
    for number, (frame, metadata) in enumerate(capture(microscope.camera, 3)):
        assert frame.shape == (int(metadata["Height"]), int(metadata["Width"])) == SHAPE
        assert metadata["ImageNumber"] == str(number)
        assert metadata["ROI"] == "0-0-64-48"
        assert (metadata["XPositionUm"], metadata["YPositionUm"]) == (12.5, -40.0)
        assert metadata["ZPositionUm"] == 1.5
        assert metadata["PixelSizeUm"] == 0.325


def test_elapsed_time_restarts_with_every_sequence_and_stamps_continue(microscope):
    first, second = capture(microscope.camera, 2), capture(microscope.camera, 2)
    for frames in (first, second):
        assert [metadata["ElapsedTime-ms"] for _, metadata in frames] == ["20.00", "40.00"]
    stamps = [metadata["TimeReceivedByCore"] for _, metadata in first + second]
    assert stamps == sorted(set(stamps))
    assert first[0][1]["ReceivedTime"] == f"{stamps[0]} +0200"


def test_snap_shows_what_the_stage_and_filter_brought_into_view(engine, microscope):
    for event in (
        SetPosition2DEvent(microscope.xy_stage, (100, 50)),
        SetPosition1DEvent(microscope.z_stage, -1),
        microscope.channel_event("mCherry"),
        microscope.time_event(30.0),
    ):
        engine.submit(event).await_execution()
    ((frame, _),) = capture(microscope.camera, 1)
    expected = Scene(seed=4).frame(View(SHAPE, 100.0, 50.0, -1.0, 30.0), "mCherry", noise_seed=0)
    assert np.array_equal(frame, expected)


def test_frame_shows_the_moment_of_start(microscope):
    microscope.camera.arm(1)
    microscope.camera.start()
    microscope.xy_stage.set_position(999.0, 0.0)
    _, metadata = microscope.camera.pop_data()
    assert metadata["XPositionUm"] == 0.0


def test_no_two_exposures_have_the_same_noise(microscope):
    first, second = (capture(microscope.camera, 1)[0][0] for _ in range(2))
    assert not np.array_equal(first, second)


def test_pop_data_returns_nothing_before_start_after_the_last_frame_and_after_stop(microscope):
    camera = microscope.camera
    assert camera.pop_data(timeout=0.001) == (None, None)
    capture(camera, 1)
    assert camera.pop_data(timeout=0.001) == (None, None)
    camera.arm()
    camera.start()
    assert camera.pop_data(timeout=0.001)[0] is not None
    assert not camera.is_stopped()
    camera.stop()
    assert camera.is_stopped()
    assert camera.pop_data(timeout=0.001) == (None, None)


def test_devices_can_be_read_from_any_thread_and_by_name(engine, microscope):
    microscope.filter_wheel.label = "GFP"
    microscope.xy_stage.set_position(3.0, 4.0)
    microscope.z_stage.set_position(5.0)
    assert engine.get_device("Filters").label == "GFP"
    assert engine.get_device("XY").get_position() == (3.0, 4.0)
    assert engine.get_device("Z").get_position() == 5.0


def test_without_an_engine_the_error_says_what_to_do():
    with pytest.raises(RuntimeError, match="create the ExecutionEngine first"):
        SimulatedMicroscope(SHAPE)


def test_frames_of_a_sequence_follow_each_other_by_an_exposure(microscope):
    scene = Scene(seed=4)
    for number, (frame, _) in enumerate(capture(microscope.camera, 3)):
        view = View(SHAPE, time_s=number * 0.05)
        assert np.array_equal(frame, scene.frame(view, "DAPI", noise_seed=number))
