"""`view` in real ndv windows: sliders, colours, scale, and the newest frame of a running acquisition."""

import os
import sys
import threading
import time

import numpy as np
import pytest

from exengine_ome_tiff import ChannelInfo, TiffStorage
from exengine_ome_tiff.cli import main
from frames import frame

ndv = pytest.importorskip("ndv", reason="ndv comes with the extra `view`")
if sys.platform == "linux" and "DISPLAY" not in os.environ:
    pytest.skip("there is no display, nor Xvfb", allow_module_level=True)

from qtpy.QtWidgets import QApplication  # noqa: E402

WAIT_S = 20
BLUE, GREEN = (0, 0, 255), (0, 255, 0)
CHANNELS = {"DAPI": ChannelInfo("blue"), "GFP": ChannelInfo("#00ff00")}
KNOWN = {"pixel_size_um": 0.5, "z_step_um": 2.0, "channels": CHANNELS}


@pytest.fixture(autouse=True)
def _offline(monkeypatch):
    """Keep ndv from waiting for button icons from the web."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")


@pytest.fixture
def opened(monkeypatch):
    """Open viewers with `view` without waiting until they are closed."""
    monkeypatch.setattr("exengine_ome_tiff.viewers.ndv_viewer.run_app", lambda: None)
    viewers = []

    def open_viewer(storage, **selection):
        viewers.append(storage.view(**selection))
        return viewers[-1]

    yield open_viewer
    for viewer in viewers:
        viewer.close()
    ndv.process_events()


def wait_until(is_so):
    end_s = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < end_s
        ndv.process_events()
        time.sleep(0.01)


def screenshot(viewer):
    """Take a screenshot of the window, shape (Y, X, 3)."""
    corner, size = viewer.widget().mapToGlobal(viewer.widget().rect().topLeft()), viewer.widget().size()
    place = corner.x(), corner.y(), size.width(), size.height()
    picture = QApplication.primaryScreen().grabWindow(0, *place).toImage()
    picture = picture.convertToFormat(picture.Format.Format_RGB888)
    bits = picture.constBits()
    bits.setsize(picture.sizeInBytes())
    rows = np.frombuffer(bits, np.uint8).reshape(picture.height(), picture.bytesPerLine())
    return rows[:, : picture.width() * 3].reshape(picture.height(), picture.width(), 3).astype(int)


def columns_of(viewer, color, tolerance=60):
    """Return the columns of the screenshot that have a colour."""
    is_color = (np.abs(screenshot(viewer) - color) < tolerance).all(axis=2)
    rows = is_color.sum(axis=1) > 20  # not the small samples of colour maps
    return np.argwhere(is_color & rows[:, None])[:, 1]


def bar(number, of):
    """Make a frame with one of several vertical bars bright."""
    pixels = np.zeros((64, 64), np.uint16)
    pixels[:, 64 // of * number : 64 // of * (number + 1)] = 1000
    return pixels


def test_sliders_are_axes_and_channels_have_names_colours_and_scale(tmp_path, opened):
    with TiffStorage(tmp_path / "run.ome.tiff", **KNOWN) as storage:
        for position in ("Pos0", "Pos1"):
            for at_time in range(3):
                for channel in CHANNELS:
                    for z in range(3):
                        at = {"position": position, "time": at_time, "channel": channel, "z": z}
                        if at != {"position": "Pos0", "time": 0, "channel": "GFP", "z": 1}:
                            storage.put(at, frame(at, (20, 30)))
    viewer = opened(TiffStorage.open(tmp_path / "run.ome.tiff"))
    array, model = viewer.data_wrapper, viewer.display_model
    assert viewer.widget().windowTitle() == "run.ome.tiff"
    assert array.dims == ("position", "time", "channel", "z", "y", "x")
    assert array.sizes() == {"position": 2, "time": 3, "channel": 2, "z": 3, "y": 20, "x": 30}
    assert (model.channel_axis, str(model.channel_mode)) == ("channel", "composite")
    assert [model.luts[number].name for number in range(2)] == ["DAPI", "GFP"]
    ends = [tuple(model.luts[number].cmap(1.0).rgba8)[:3] for number in range(2)]
    assert ends == [BLUE, GREEN]
    assert dict(model.scales) == {"y": 0.5, "x": 0.5, "z": 2.0}
    assert array.summary_info() == "position Pos0, time 0, z 1, 30 x 20 uint16, 0.5 µm per pixel"
    model.current_index.update({"position": 1, "time": 2})
    assert array.summary_info().startswith("position Pos1, time 2, z 1")
    at = {"position": "Pos1", "time": 2, "channel": "GFP", "z": 1}
    shown = array.isel({0: 1, 1: slice(2, 3), 3: slice(1, 2), 5: slice(3, 9)})
    assert shown.shape == (1, 1, 2, 1, 20, 6)
    assert (shown[0, 0, 1, 0] == frame(at, (20, 30))[:, 3:9]).all()
    assert not array.isel({0: 0, 1: 0, 2: 1, 3: 1}).any()  # never put


def test_the_window_shows_both_channels_in_their_colours(tmp_path, opened):
    with TiffStorage(tmp_path / "run.ome.tiff", **KNOWN) as storage:
        for number, channel in enumerate(CHANNELS):
            storage.put({"channel": channel}, bar(number, 2))
    viewer = opened(TiffStorage.open(tmp_path / "run.ome.tiff"))
    wait_until(lambda: columns_of(viewer, BLUE).size > 1000 and columns_of(viewer, GREEN).size > 1000)
    assert columns_of(viewer, BLUE).mean() < columns_of(viewer, GREEN).mean()
    viewer.close()
    viewer = opened(TiffStorage.open(tmp_path / "run.ome.tiff"), channel="GFP")
    wait_until(lambda: columns_of(viewer, GREEN).size > 1000)
    assert not columns_of(viewer, BLUE).size


def test_the_newest_frame_is_shown_while_frames_come(tmp_path, opened):
    with TiffStorage(tmp_path / "run.ome.tiff", **KNOWN) as storage:
        storage.put({"time": 0, "channel": "GFP"}, bar(0, 4))
        viewer = opened(storage)
        index = viewer.display_model.current_index
        wait_until(lambda: columns_of(viewer, GREEN).size > 1000)
        first = columns_of(viewer, GREEN).mean()
        thread = threading.Thread(
            target=lambda: [storage.put({"time": time, "channel": "GFP"}, bar(time, 4)) for time in (1, 2)]
        )
        thread.start()
        wait_until(lambda: index.get("time") == 2)
        wait_until(
            lambda: columns_of(viewer, GREEN).size > 1000 and columns_of(viewer, GREEN).mean() > first + 50
        )
        thread.join()
        index["time"] = 0  # by hand
        storage.put({"time": 3, "channel": "GFP"}, bar(3, 4))
        wait_until(lambda: viewer.data_wrapper.sizes()["time"] == 4)
        assert index["time"] == 0
        index["time"] = 3
        storage.put({"time": 4, "channel": "DAPI"}, bar(3, 4))  # a new channel
        wait_until(lambda: index["time"] == 4)
        wait_until(lambda: columns_of(viewer, BLUE).size > 1000)
        assert [viewer.display_model.luts[number].name for number in range(2)] == ["GFP", "DAPI"]
        storage.put({"time": 4, "channel": "GFP"}, bar(0, 4))  # at the indices shown
        wait_until(lambda: columns_of(viewer, GREEN).size > 1000)


def test_another_process_follows_until_the_end(tmp_path, opened):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, **KNOWN) as storage:
        storage.put({"time": 0, "channel": "GFP"}, bar(0, 4))
        storage.flush()
        with TiffStorage.open(path, allow_unfinished=True) as follower:
            viewer = opened(follower)
            index = viewer.display_model.current_index
            wait_until(lambda: columns_of(viewer, GREEN).size > 1000)
            storage.put({"time": 1, "channel": "GFP"}, bar(1, 4))
            storage.flush()
            wait_until(lambda: index["time"] == 1)
            storage.put({"time": 2, "channel": "DAPI"}, bar(2, 4))
            storage.finish()
            wait_until(lambda: index["time"] == 2)
            wait_until(lambda: columns_of(viewer, BLUE).size > 1000)
            assert follower.is_finished()


def test_rgb_images_and_other_pixel_types(tmp_path, opened, caplog):
    with TiffStorage(tmp_path / "run.ome.tiff", pixel_size_um=0.5) as storage:
        storage.put({"position": "rgb"}, np.full((8, 9, 3), (200, 80, 0), np.uint8))
        for z in range(2):
            storage.put({"position": "complex", "z": z}, np.full((8, 9), 3 - 4j, np.complex64))
    storage = TiffStorage.open(tmp_path / "run.ome.tiff")
    viewer = opened(storage)
    assert "only 8x9 complex64 frames are shown, without 1 frame of another shape or type" in caplog.text
    assert viewer.data_wrapper.sizes() == {"position": 1, "z": 2, "y": 8, "x": 9}
    assert (viewer.data_wrapper.isel({}) == 5).all()
    viewer = opened(storage, position="rgb")
    assert viewer.data_wrapper.sizes() == {"y": 8, "x": 9, "sample": 3}
    wait_until(lambda: columns_of(viewer, (200, 80, 0), 12).size > 1000)
    with pytest.raises(ValueError, match="no frame at position=gone"):
        storage.view(position="gone")


def test_the_command_opens_a_window_of_an_unfinished_dataset(tmp_path, monkeypatch):
    titles = []
    monkeypatch.setattr(
        "exengine_ome_tiff.viewers.ndv_viewer.run_app",
        lambda: titles.extend(
            each.windowTitle() for each in QApplication.topLevelWidgets() if each.isVisible()
        ),
    )
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        storage.put({"position": 3}, bar(0, 2))
        storage.flush()
        for command in ("view", "show"):
            assert main([command, str(tmp_path / "run.ome.tiff"), "--coords", "position=3"]) == 0
    assert "run.ome.tiff" in titles


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a display")
def test_without_a_display_an_error_says_so(tmp_path, monkeypatch, capsys):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        storage.put({}, bar(0, 2))
    assert main(["view", str(tmp_path / "run.ome.tiff")]) == 1
    assert capsys.readouterr().err.startswith("exengine-ome-tiff view: no display to open a window on")


def test_a_deleted_dataset_is_no_longer_followed(tmp_path, opened, caplog):
    path = tmp_path / "run.ome.tiff"
    storage = TiffStorage(path)
    storage.put({"time": 0}, bar(0, 2))
    storage.flush()
    with TiffStorage.open(path, allow_unfinished=True) as follower:
        viewer = opened(follower)
        path.unlink()
        wait_until(lambda: "run.ome.tiff: stopped following" in caplog.text)
        assert viewer.data_wrapper.isel({}).any()
    with pytest.raises(OSError, match="run"):
        storage.close()


NOTEBOOK = """
import asyncio
import numpy as np
from exengine_ome_tiff import TiffStorage

storage = TiffStorage(PATH)
storage.put({"time": 0, "channel": "GFP"}, np.arange(4096).reshape(64, 64).astype("u2"))
viewer = storage.view()
storage.put({"time": 1, "channel": "GFP"}, np.arange(4096).reshape(64, 64).astype("u2"))


def canvas_of(widget):
    if hasattr(widget, "get_frame"):
        return widget
    found = map(canvas_of, getattr(widget, "children", ()))
    return next((each for each in found if each is not None), None)


canvas = canvas_of(viewer.widget())
canvas.handle_event({"event_type": "resize", "width": 300, "height": 300, "pixel_ratio": 1})
for _ in range(200):
    await asyncio.sleep(0.1)
    frame = canvas.get_frame()
    time = viewer.display_model.current_index.get("time")
    if time == 1 and frame is not None and frame[..., 1].max() > 200:
        break
print(time, frame[..., :3].reshape(-1, 3).max(axis=0).tolist())
storage.close()
"""


def test_a_notebook_shows_a_widget_that_follows(tmp_path):
    nbclient = pytest.importorskip("nbclient", reason="nbclient runs notebooks")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    source = NOTEBOOK.replace("PATH", repr(str(tmp_path / "run.ome.tiff")))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    printed = [each["text"] for each in notebook.cells[0].outputs if each.get("name") == "stdout"]
    assert printed == ["1 [0, 255, 0]\n"]
