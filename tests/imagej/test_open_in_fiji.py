"""What ImageJ shows of the demo's datasets, opened by the macro that users get, and by other settings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from demos import Demo, make_demo
from exengine_ome_tiff.demo.acquisition import DemoPlan
from readers.imagej import MACRO, Hyperstack, open_in_imagej, unavailable_reason

PLAN = DemoPlan(positions=2, time_points=4, channels=("DAPI", "GFP"), z_slices=3, size=(48, 64))
SETTINGS = {
    "file": ("", ""),
    "folder": ("", ""),
    "virtual": ("virtualStack = false", "virtualStack = true"),
    "colorized": ("color_mode=Composite", "color_mode=Colorized"),
    "default": ("color_mode=Composite", "color_mode=Default"),
}
"""What is replaced in the macro, and by what."""


@dataclass(frozen=True)
class Shown:
    """A dataset, and the windows that ImageJ opened for it."""

    demo: Demo
    windows: list[Hyperstack]


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """What ImageJ showed, by the name of the settings; it is started once."""
    reason = unavailable_reason()
    if reason is not None:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("shown in ImageJ")
    file = make_demo(folder / "5 µm beads.ome.tiff", PLAN, time_interval_s=60.0)
    demos = dict.fromkeys(SETTINGS, file) | {"folder": make_demo(folder / "run", PLAN, time_interval_s=60.0)}
    jobs = []
    for name, change in SETTINGS.items():
        macro = folder / f"{name}.ijm"
        macro.write_text(MACRO.read_text("utf-8").replace(*change), "utf-8")
        jobs.append((macro, demos[name].path))
    home = folder / "ImageJ"
    home.mkdir()
    opened = open_in_imagej(jobs, home)
    return {name: Shown(demos[name], windows) for name, windows in zip(SETTINGS, opened.windows, strict=True)}


@pytest.mark.parametrize("name", SETTINGS)
def test_each_position_is_a_hyperstack_of_its_sizes(shown, name):
    opened = shown[name]
    file = "run.companion.ome" if name == "folder" else opened.demo.path.name
    assert [window.title for window in opened.windows] == [f"{file} - Pos0", f"{file} - Pos1"]
    for window in opened.windows:
        assert window.sizes == {"X": 64, "Y": 48, "C": 2, "Z": 3, "T": 4}
        assert window.bits == 16
        assert window.is_virtual == (name == "virtual")


@pytest.mark.parametrize("name", SETTINGS)
def test_each_pixel_is_what_was_put(shown, name):
    opened = shown[name]
    for position, window in zip(opened.demo.positions, opened.windows, strict=True):
        np.testing.assert_array_equal(window.pixels, opened.demo.stack(position).swapaxes(1, 2))


@pytest.mark.parametrize("name", SETTINGS)
def test_distances_and_times_are_calibrated(shown, name):
    for window in shown[name].windows:
        assert (window.voxel_size, window.unit) == ((0.325, 0.325, 1.5), "microns")
        assert (window.frame_interval, window.time_unit) == (60.0, "sec")


@pytest.mark.parametrize("name", SETTINGS)
def test_labels_name_channel_slice_frame_and_position(shown, name):
    for position, window in zip(("Pos0", "Pos1"), shown[name].windows, strict=True):
        assert window.labels == [
            f"{channel} z:{z}/3 t:{t}/4 - {position}"
            for t in range(1, 5)
            for z in range(1, 4)
            for channel in ("DAPI", "GFP")
        ]


@pytest.mark.parametrize(
    ("name", "mode", "colors"),
    [
        ("file", "composite", [(0, 0, 255), (0, 255, 0)]),
        ("folder", "composite", [(0, 0, 255), (0, 255, 0)]),
        ("virtual", "composite", [(0, 0, 255), (0, 255, 0)]),
        ("colorized", "color", [(0, 0, 255), (0, 255, 0)]),
        ("default", "grayscale", [(255, 0, 0), (0, 255, 0)]),  # ImageJ's own, shown as grey
    ],
)
def test_channels_have_their_colors_unless_the_color_mode_is_default(shown, name, mode, colors):
    for window in shown[name].windows:
        assert (window.mode, window.colors) == (mode, colors)
