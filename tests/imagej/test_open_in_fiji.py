"""The demo's datasets in ImageJ, opened with the macro for users and with other settings."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

from demos import Demo, make_demo
from exengine_ome_tiff import TiffStorage
from exengine_ome_tiff.demo.acquisition import DemoPlan
from frames import frame
from readers.imagej import MACRO, Hyperstack, open_in_imagej, unavailable_reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PLAN = DemoPlan(positions=2, time_points=4, channels=("DAPI", "GFP"), z_slices=3, size=(48, 64))
SETTINGS = {
    "file": ("", ""),
    "folder": ("", ""),
    "virtual": ("virtualStack = false", "virtualStack = true"),
    "colorized": ("color_mode=Composite", "color_mode=Colorized"),
    "default": ("color_mode=Composite", "color_mode=Default"),
}
"""Replacements in the macro."""


@dataclass(frozen=True)
class Shown:
    """A dataset of the demo, and the windows that ImageJ opened for it."""

    demo: Demo
    windows: list[Hyperstack]


MANY = ("DAPI", "CFP", "GFP", "YFP", "Cy3", "mCherry", "Cy5", "BF")
OTHERS = {
    "one frame": [{"time": 0}],
    "one channel": [{"channel": "GFP", "z": z} for z in range(5)],
    "without channel": [{"time": t} for t in range(3)],
    "eight channels": [{"channel": channel} for channel in MANY],
    "colour": [{"time": t} for t in range(2)],
}
"""Datasets of other kinds; frames of "colour" are RGB."""
RUNNING = ("running.ome.tiff", "running")
"""A file and a folder that ImageJ opens while they are written."""
SHOWN_TIMES = 3
"""Time points at their last checkpoint."""


@contextmanager
def running(path: Path) -> Iterator[None]:
    """Put frames in a thread until the end of the block, after a checkpoint."""
    is_over = threading.Event()
    with TiffStorage(path, pixel_size_um=0.5, z_step_um=2.0, checkpoint=False) as storage:

        def put(time: int) -> None:
            for position in ("Pos0", "Pos1"):
                for channel in ("DAPI", "GFP"):
                    for z in range(2):
                        coordinates = {"time": time, "channel": channel, "z": z, "position": position}
                        storage.put(coordinates, other_frame("", coordinates))

        def go_on() -> None:
            time = SHOWN_TIMES
            while not is_over.wait(0.05):
                put(time)
                time += 1

        for time in range(SHOWN_TIMES):
            put(time)
        storage.checkpoint()
        thread = threading.Thread(target=go_on)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()
        assert len(list(storage)) > 8 * SHOWN_TIMES


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """Windows of the demo by the name of the settings, those of the other datasets, and ImageJ's output.

    It is started once.
    """
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
    jobs += [(MACRO, write(folder / f"{name}.ome.tiff", name)) for name in OTHERS]
    jobs += [(MACRO, folder / name) for name in RUNNING]
    with running(folder / RUNNING[0]), running(folder / RUNNING[1]):
        windows = open_in_imagej(jobs, home).windows
    of_demo = {name: Shown(demos[name], found) for name, found in zip(SETTINGS, windows, strict=False)}
    others = dict(zip((*OTHERS, *RUNNING), windows[len(SETTINGS) :], strict=True))
    return of_demo, others, (home / "log.txt").read_text("utf-8", "replace")


def write(path, name):
    with TiffStorage(path) as storage:
        for coordinates in OTHERS[name]:
            storage.put(coordinates, other_frame(name, coordinates))
    return path


def other_frame(name, coordinates):
    """Make a frame that encodes its coordinates, in the lower part of its type's range."""
    shape, dtype = ((20, 30, 3), "u1") if name == "colour" else ((20, 30), "u2")
    return frame(coordinates, shape, dtype) // 16


@pytest.fixture
def shown(opened):
    """ImageJ's windows of the demo, by the name of the settings."""
    return opened[0]


@pytest.fixture
def others(opened):
    """ImageJ's windows of the other datasets, by their names."""
    return opened[1]


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
def test_each_pixel_is_the_one_put(shown, name):
    opened = shown[name]
    for position, window in zip(opened.demo.positions, opened.windows, strict=True):
        np.testing.assert_array_equal(window.pixels, opened.demo.stack(position).swapaxes(1, 2))


@pytest.mark.parametrize("name", SETTINGS)
def test_distances_and_times_are_calibrated(shown, name):
    assert len(shown[name].windows) == 2
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
        ("default", "grayscale", [(255, 0, 0), (0, 255, 0)]),  # ImageJ's default colours, shown as grey
    ],
)
def test_channels_have_their_colors_unless_the_color_mode_is_default(shown, name, mode, colors):
    assert len(shown[name].windows) == 2
    for window in shown[name].windows:
        assert (window.mode, window.colors) == (mode, colors)


@pytest.mark.parametrize("name", ["file", "folder"])
def test_contrast_is_stretched(shown, name):
    assert len(shown[name].windows) == 2
    for window in shown[name].windows:
        assert len(window.ranges) == 2
        for low, high in window.ranges:
            assert 0 < low < high < 4095


@pytest.mark.parametrize(
    ("name", "sizes", "mode", "colors"),
    [
        ("one frame", (1, 1, 1), "none", [(255, 255, 255)]),
        ("one channel", (1, 5, 1), "", [(0, 255, 0)]),
        ("without channel", (1, 1, 3), "", [(255, 255, 255)]),
        ("eight channels", (8, 1, 1), "", [(255, 255, 255)] * 8),
        ("colour", (3, 1, 2), "composite", [(255, 0, 0), (0, 255, 0), (0, 0, 255)]),
    ],
)
def test_other_kinds_of_datasets_open(others, name, sizes, mode, colors):
    (window,) = others[name]
    assert tuple(window.sizes.values()) == (30, 20, *sizes)
    assert (window.mode, window.colors) == (mode, colors)
    every = np.stack([other_frame(name, coordinates) for coordinates in OTHERS[name]])
    if name == "colour":
        every = np.moveaxis(every, -1, 1)
    np.testing.assert_array_equal(window.pixels.reshape(every.shape), every)
    assert window.ranges[0][1] <= every.max()


@pytest.mark.parametrize("name", RUNNING)
def test_a_running_dataset_has_all_frames_up_to_its_last_checkpoint(opened, name):
    _, others, printed = opened
    assert [window.title.rpartition(" - ")[2] for window in others[name]] == ["Pos0", "Pos1"]
    for position, window in zip(("Pos0", "Pos1"), others[name], strict=True):
        assert window.sizes == {"X": 30, "Y": 20, "C": 2, "Z": 2, "T": SHOWN_TIMES}
        assert (window.voxel_size, window.unit) == ((0.5, 0.5, 2.0), "microns")
        assert window.mode == "composite"
        for t, z, c in np.ndindex(SHOWN_TIMES, 2, 2):
            at = {"time": t, "channel": ("DAPI", "GFP")[c], "z": z, "position": position}
            np.testing.assert_array_equal(window.pixels[t, z, c], other_frame("", at))
    for word in ("warn", "error", "exception"):
        assert word not in printed.lower()


def test_the_names_of_many_channels_are_in_the_labels(others):
    (window,) = others["eight channels"]
    assert window.labels == [f"{channel} - eight channels" for channel in MANY]
