"""The plugin in a real napari: names, colours, scale, lazy layers of all positions, files of others."""

import os
import sys

import numpy as np
import pytest
import tifffile

from exengine_ome_tiff import ChannelInfo, TiffStorage
from exengine_ome_tiff.viewers import napari_follower
from exengine_ome_tiff.viewers.napari_reader import get_reader
from frames import frame

napari = pytest.importorskip("napari", reason="napari comes with the extra `napari`")
if sys.platform == "linux" and "DISPLAY" not in os.environ:
    pytest.skip("there is no display, nor Xvfb", allow_module_level=True)

PLUGIN = "exengine-ome-tiff"
CHANNELS = {"DAPI": ChannelInfo("blue"), "GFP": ChannelInfo("#00ff00")}
KNOWN = {"pixel_size_um": 0.5, "z_step_um": 2.0, "time_interval_s": 3.0, "channels": CHANNELS}


@pytest.fixture
def viewer():
    viewer = napari.Viewer()
    yield viewer
    viewer.close()


def write(path, **options):
    storage = TiffStorage(path, **KNOWN | options)
    for position in ("Pos0", "Pos1"):
        for time in range(3):
            for channel in ("DAPI", "GFP"):
                for z in range(2):
                    at = {"position": position, "time": time, "channel": channel, "z": z}
                    storage.put(at, frame(at, (20, 30)))
    return storage


@pytest.mark.parametrize("name", ["run.ome.tiff", "run"])
def test_each_channel_of_all_positions_is_a_layer(tmp_path, viewer, name):
    with write(tmp_path / name) as storage:
        storage.flush()
        viewer.open(tmp_path / name, plugin=PLUGIN)  # unfinished
        assert [layer.name for layer in viewer.layers] == ["DAPI", "GFP"]
        viewer.layers.clear()
    paths = [tmp_path / name, *((tmp_path / name).glob("*.ome") if (tmp_path / name).is_dir() else ())]
    for path in paths:
        viewer.layers.clear()
        viewer.open(path, plugin=PLUGIN)
        dapi, gfp = viewer.layers
        assert (dapi.name, gfp.name) == ("DAPI", "GFP")
        assert gfp.data.shape == (2, 3, 2, 20, 30)
        assert tuple(gfp.axis_labels) == ("position", "time", "z", "y", "x")
        assert gfp.scale.tolist() == [1, 3, 2, 0.5, 0.5]
        assert [str(unit) for unit in gfp.units] == ["pixel", "second", *["micrometer"] * 3]
        assert np.allclose(gfp.colormap.map(1.0).ravel()[:3], (0, 1, 0))
        assert np.allclose(dapi.colormap.map(1.0).ravel()[:3], (0, 0, 1))
        assert type(gfp.data).__module__.startswith("dask")
        at = {"position": "Pos1", "time": 2, "channel": "GFP", "z": 1}
        assert (np.asarray(gfp.data[1, 2, 1]) == frame(at, (20, 30))).all()


def test_the_canvas_shows_both_channels_in_their_colours(tmp_path, viewer):
    with TiffStorage(tmp_path / "run.ome.tiff", **KNOWN) as storage:
        for number, channel in enumerate(CHANNELS):
            pixels = np.zeros((64, 64), np.uint16)
            pixels[:, 32 * number : 32 * number + 32] = 1000
            storage.put({"channel": channel}, pixels)
    viewer.open(tmp_path / "run.ome.tiff", plugin=PLUGIN)
    shown = viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(int)
    blue = (shown[..., 2] > 200) & (shown[..., 1] < 50)
    green = (shown[..., 1] > 200) & (shown[..., 2] < 50)
    assert blue.sum() > 1000
    assert green.sum() > 1000
    assert np.argwhere(blue)[:, 1].mean() < np.argwhere(green)[:, 1].mean()


def test_other_plugins_open_files_of_other_programs(tmp_path):
    tifffile.imwrite(tmp_path / "other.ome.tiff", np.zeros((3, 8, 8), np.uint16), ome=True)
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "other.ome.tiff", tmp_path / "empty", tmp_path / "gone.ome.tiff"):
        assert get_reader(str(path)) is None
    with write(tmp_path / "run.ome.tiff"):
        pass
    assert get_reader(str(tmp_path / "run.ome.tiff")) is not None
    assert get_reader([str(tmp_path / "run.ome.tiff"), str(tmp_path / "other.ome.tiff")]) is None


def test_rgb_images_and_different_shapes_have_separate_layers(tmp_path, viewer):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        storage.put({"position": "a"}, np.zeros((8, 9, 3), np.uint8))
        storage.put({"position": "b"}, np.zeros((8, 9), np.uint16))
        storage.put({"position": "c"}, np.zeros((7, 9), np.uint16))
    viewer.open(tmp_path / "run.ome.tiff", plugin=PLUGIN)
    assert sorted((layer.name, layer.data.shape, layer.rgb) for layer in viewer.layers) == [
        ("a", (8, 9, 3), True),
        ("b", (8, 9), False),
        ("c", (7, 9), False),
    ]


@pytest.mark.parametrize("name", ["run.ome.tiff", "run"])
def test_smaller_copies_are_a_pyramid(tmp_path, viewer, name):
    options = KNOWN | {"pyramid_levels": 2, "tile": (16, 16)}
    with TiffStorage(tmp_path / name, **options) as storage:
        for position in ("Pos0", "Pos1"):
            for channel in ("DAPI", "GFP"):
                at = {"position": position, "time": 0, "channel": channel}
                storage.put(at, np.full((64, 96), 1 + ("DAPI", "GFP").index(channel), np.uint16))
        storage.flush()
        viewer.open(tmp_path / name, plugin=PLUGIN)
        assert not viewer.layers[0].multiscale  # `finish` makes them
        viewer.layers.clear()
    viewer.open(tmp_path / name, plugin=PLUGIN)
    for number, layer in enumerate(viewer.layers):
        assert layer.multiscale
        assert [level.shape for level in layer.data] == [(2, 1, 64, 96), (2, 1, 32, 48), (2, 1, 16, 24)]
        assert tuple(layer.axis_labels) == ("position", "time", "y", "x")
        assert layer.scale.tolist() == [1, 3, 0.5, 0.5]
        for level in layer.data:
            assert (np.asarray(level) == number + 1).all()
    with TiffStorage(tmp_path / "stitched.ome.tiff", pyramid_levels=1, tile=(16, 16)) as storage:
        storage.put({}, np.full((64, 96, 3), 7, np.uint8))
    (layer,) = viewer.open(tmp_path / "stitched.ome.tiff", plugin=PLUGIN)
    assert (layer.rgb, [level.shape for level in layer.data]) == (True, [(64, 96, 3), (32, 48, 3)])


def wait_for(predicate):
    """Process Qt events until a predicate holds."""
    from qtpy.QtTest import QTest

    for _ in range(400):
        if predicate():
            return
        QTest.qWait(50)
    pytest.fail("it did not come")


@pytest.mark.parametrize("name", ["run.ome.tiff", "run"])
def test_a_running_acquisition_is_followed(tmp_path, viewer, monkeypatch, name):
    monkeypatch.setattr(napari_follower, "_LOOK_S", 0.02)
    places = [
        {"position": position, "time": time, "channel": channel}
        for time in range(4)
        for position in ("Pos0", "Pos1")
        for channel in ("DAPI", "GFP")
    ]

    def put(storage, first, stop):
        for at in places[first:stop]:
            storage.put(at, frame(at, (32, 48)))
        storage.flush()

    with TiffStorage(tmp_path / name, **KNOWN, pyramid_levels=1, tile=(16, 16)) as storage:
        put(storage, 0, 2)
        widget_of("Follow a running acquisition")(viewer=viewer, path=tmp_path / name)
        dapi, gfp = viewer.layers
        assert (dapi.name, gfp.name, gfp.data.shape) == ("DAPI", "GFP", (1, 32, 48))
        put(storage, 2, 8)
        wait_for(lambda: viewer.layers["GFP"].data.shape == (2, 2, 32, 48))
        assert viewer.dims.current_step[:2] == (1, 1)  # position and time of the newest frame
        gfp = viewer.layers["GFP"]
        assert (np.asarray(gfp.data[1, 1]) == frame(places[7], (32, 48))).all()
        put(storage, 8, 12)
        wait_for(lambda: gfp.data.shape == (2, 3, 32, 48))
        assert viewer.dims.current_step[:2] == (1, 2)
        viewer.dims.set_current_step(1, 0)  # the user looks at another frame
        put(storage, 12, 16)
        wait_for(lambda: gfp.data.shape == (2, 4, 32, 48))
        assert viewer.dims.current_step[:2] == (1, 0)
    wait_for(lambda: viewer.layers["GFP"].multiscale)
    assert [level.shape for level in viewer.layers["GFP"].data] == [(2, 4, 32, 48), (2, 4, 16, 24)]


def widget_of(title):
    """Make the widget that the menu of a plugin opens."""
    from npe2 import PluginManager

    (found,) = [each for each in PluginManager.instance().iter_widgets() if each.display_name == title]
    return found.get_callable()()


def test_followed_layers_may_be_removed(tmp_path, viewer, monkeypatch, caplog):
    monkeypatch.setattr(napari_follower, "_LOOK_S", 0.02)
    with write(tmp_path / "run.ome.tiff") as storage:
        storage.flush()
        napari_follower.follow(viewer, tmp_path / "run.ome.tiff")
        assert len(viewer.layers) == 2
        viewer.layers.clear()
        napari_follower.follow(viewer, tmp_path / "run.ome.tiff")
        (tmp_path / "run.ome.tiff").rename(tmp_path / "moved.ome.tiff")
        wait_for(lambda: "stopped following" in caplog.text)
        assert len(viewer.layers) == 2
        (tmp_path / "moved.ome.tiff").rename(tmp_path / "run.ome.tiff")
