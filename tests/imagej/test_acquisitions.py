"""Ordinary acquisitions with gaps, odd stages and odd clocks, as Bio-Formats and ImageJ show them."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from exengine_ome_tiff import TiffStorage
from readers.imagej import MACRO, open_in_imagej, unavailable_reason

TIFFCP = shutil.which("tiffcp")
PLACES = ("left", "right")


@dataclass(frozen=True)
class Shown:
    """An image as readers show it; None for unknown values.

    Attributes
    ----------
    sizes
        Planes along Z, C and T.
    delta_t_s
        Of all planes, in the order of their frames.
    imagej_interval_s
        What ImageJ makes of times where there is no interval.
    planes
        Numbers of the frames at indices Z, C and T.
    """

    sizes: tuple[int, int, int]
    name: str | None = None
    channels: tuple[str, ...] | None = None
    pixel_size_um: float | None = 0.5
    z_step_um: float | None = None
    interval_s: float | None = None
    delta_t_s: tuple[float, ...] = ()
    imagej_interval_s: float | None = None
    planes: dict[tuple[int, int, int], int] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """The frames put, and the images expected."""

    frames: list[tuple[dict[str, int | str], dict[str, Any]]]
    images: list[Shown]
    summary: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


def local_time(clock):
    return f"2024-10-27 {clock}:00.0"


CASES = {
    "a channel without z beside a stack": Case(
        [({"channel": "BF"}, {}), *(({"channel": "GFP", "z": z}, {}) for z in range(3))],
        [Shown((3, 2, 1), channels=("BF", "GFP"), planes={(0, 0, 0): 0, (0, 1, 0): 1, (2, 1, 0): 3})],
    ),
    "a reference without time beside a lapse": Case(
        [({"channel": "BF"}, {}), *(({"channel": "GFP", "time": t}, {}) for t in range(3))],
        [Shown((1, 2, 3), channels=("BF", "GFP"), planes={(0, 0, 0): 0, (0, 1, 2): 3})],
    ),
    "a stage that rounds to 100 nm": Case(
        [({"z": z}, {"ZPositionUm": round(z * 0.25, 1)}) for z in range(21)],
        [Shown((21, 1, 1), z_step_um=0.25)],
    ),
    "a slice that was left out": Case(
        [({"z": z}, {"ZPositionUm": z * 0.5}) for z in (0, 2, 4, 6)],
        [Shown((4, 1, 1), z_step_um=1.0)],
        {"z-step_um": 0.5},
    ),
    "times that were left out unevenly": Case(
        [({"time": t}, {"ElapsedTime-ms": t * 1e4}) for t in (0, 2, 8)],
        [Shown((1, 1, 3), delta_t_s=(0, 20, 80), imagej_interval_s=40)],
        {"Interval_ms": 10_000},
    ),
    "a position that was skipped twice": Case(
        [({"time": t, "position": p}, {}) for t in range(4) for p in PLACES if p == "left" or t in (0, 3)],
        [Shown((1, 1, 4), "left", interval_s=60), Shown((1, 1, 2), "right", interval_s=180)],
        options={"time_interval_s": 60},
    ),
    "a focus offset of a channel": Case(
        [
            *(({"channel": "GFP", "z": z}, {"ZPositionUm": z * 1.5}) for z in range(5)),
            ({"channel": "BF", "z": 2}, {"ZPositionUm": 12.0}),
        ],
        [Shown((5, 2, 1), channels=("GFP", "BF"), z_step_um=1.5)],
    ),
    "two cameras, the later one first": Case(
        [
            ({"time": t, "camera": camera}, {"timestamp": f"2024-05-01T10:00:0{t}.{ms}Z"})
            for t in range(2)
            for camera, ms in (("B", 510), ("A", 500))
        ],
        [
            Shown((1, 1, 2), "camera B", delta_t_s=(0.01, 1.01), imagej_interval_s=1),
            Shown((1, 1, 2), "camera A", delta_t_s=(0, 1), imagej_interval_s=1),
        ],
    ),
    "pixel sizes that differ by rounding": Case(
        [({"time": t}, {"PixelSizeUm": size_um}) for t, size_um in enumerate((0.3, 0.1 * 3))],
        [Shown((1, 1, 2), pixel_size_um=0.3)],
    ),
    "the end of summer time": Case(
        [
            ({"time": t}, {"TimeReceivedByCore": local_time(clock), "ElapsedTime-ms": elapsed_s * 1e3})
            for t, (clock, elapsed_s) in enumerate(
                (("02:30", 0), ("02:50", 1200), ("02:10", 2400), ("02:30", 3600))
            )
        ],
        [Shown((1, 1, 4), delta_t_s=(0, 1200, 2400, 3600), imagej_interval_s=1200)],
    ),
    "a clock that stands still": Case(
        [({"time": t}, {"ElapsedTime-ms": 0.0}) for t in range(3)], [Shown((1, 1, 3))]
    ),
    "channels taken to and fro": Case(
        [
            ({"position": p, "channel": c}, {})
            for p, channels in (("left", ("DAPI", "GFP")), ("right", ("GFP", "DAPI")))
            for c in channels
        ],
        [
            Shown((1, 2, 1), "left", ("DAPI", "GFP"), planes={(0, 0, 0): 0, (0, 1, 0): 1}),
            Shown((1, 2, 1), "right", ("DAPI", "GFP"), planes={(0, 0, 0): 3, (0, 1, 0): 2}),
        ],
    ),
    "numbered channels and positions with names": Case(
        [
            ({"position": p, "channel": c}, {"Channel": ("DAPI", "GFP")[c], "PositionName": PLACES[p]})
            for p in range(2)
            for c in range(2)
        ],
        [Shown((1, 2, 1), place, ("DAPI", "GFP")) for place in PLACES],
    ),
    "short names of axes": Case(
        [({"t": t, "c": c, "p": p}, {}) for t in range(2) for c in ("DAPI", "GFP") for p in PLACES],
        [Shown((1, 2, 2), place, ("DAPI", "GFP")) for place in PLACES],
    ),
    "Unix time": Case(
        [({"time": t}, {"timestamp": 1714550400.5 + 2 * t}) for t in range(3)],
        [Shown((1, 1, 3), delta_t_s=(0, 2, 4), imagej_interval_s=2)],
    ),
    "wells and fields": Case(
        [({"field": f, "well": "A1"}, {}) for f in range(2)],
        [Shown((1, 1, 1), f"A1, field {f}") for f in range(2)],
    ),
}


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    """The path of each dataset by its name."""
    folder, paths = tmp_path_factory.mktemp("acquisitions"), {}
    for number, (name, case) in enumerate(CASES.items()):
        paths[name] = folder / f"run{number}.ome.tiff"
        told = any("PixelSizeUm" in metadata for _, metadata in case.frames)
        options = case.options | (
            {} if told else {"pixel_size_um": 0.5}
        )  # without it ImageJ ignores the interval
        with TiffStorage(paths[name], case.summary, **options) as storage:
            for frame, (coordinates, metadata) in enumerate(case.frames):
                storage.put(coordinates, np.full((8, 10), 100 + frame, np.uint16), metadata)
    return paths


@pytest.fixture(scope="module")
def windows(datasets, tmp_path_factory):
    """The windows of ImageJ by the name of the dataset; "plain" is one of ImageJ's own TIFF opener."""
    reason = unavailable_reason()
    if reason is not None or TIFFCP is None:
        pytest.skip(reason or "libtiff's tools are not installed")
    folder = tmp_path_factory.mktemp("acquisitions in ImageJ")
    opener = folder / "open.ijm"
    opener.write_text("open(getArgument());", "utf-8")
    path, classic = folder / "run.ome.tiff", folder / "classic.tif"
    with TiffStorage(path, pixel_size_um=0.1625) as storage:
        for time in range(3):
            storage.put({"time": time}, np.full((8, 10), time, np.uint16))
    subprocess.run([TIFFCP, path, classic], check=True, capture_output=True)  # it cannot open BigTIFF
    home = folder / "ImageJ"
    home.mkdir()
    jobs = [*((MACRO, path) for path in datasets.values()), (opener, classic)]
    return dict(zip([*CASES, "plain"], open_in_imagej(jobs, home).windows, strict=True))


def quantity(told, unit):
    if told is None:
        return None
    assert told[1] == unit
    return told[0]


@pytest.mark.parametrize("name", CASES)
def test_bioformats(datasets, bioformats, name):
    case = CASES[name]
    with bioformats(datasets[name]) as reader:
        assert reader.warnings == []
        assert len(reader.series) == len(case.images)
        for number, (series, image) in enumerate(zip(reader.series, case.images, strict=True)):
            assert (series.size_z, series.size_c, series.size_t) == image.sizes
            assert image.name in (None, series.name)
            assert image.channels in (None, tuple(series.channel_names))
            assert quantity(series.physical_size_x, "µm") == pytest.approx(image.pixel_size_um)
            assert quantity(series.physical_size_z, "µm") == pytest.approx(image.z_step_um, abs=0.002)
            assert quantity(series.time_increment, "s") == pytest.approx(image.interval_s)
            times_s = [quantity(plane["delta_t"], "s") for plane in series.planes]
            assert [each for each in times_s if each is not None] == pytest.approx([*image.delta_t_s])
            for (z, c, t), frame in image.planes.items():
                assert (reader.plane(number, z, c, t) == 100 + frame).all()


@pytest.mark.parametrize("name", CASES)
def test_imagej(windows, name):
    images = CASES[name].images
    for window, image in zip(windows[name], images, strict=True):
        assert tuple(window.sizes[axis] for axis in "ZCT") == image.sizes
        assert image.name is None or window.title.endswith(f" - {image.name}") or len(images) == 1
        if image.channels and len(window.labels) > 1:
            count = len(image.channels)
            assert [label.split(" ")[0] for label in window.labels[:count]] == [*image.channels]
        assert (window.voxel_size[0], window.unit) == (pytest.approx(image.pixel_size_um), "microns")
        if image.z_step_um:
            assert window.voxel_size[2] == pytest.approx(image.z_step_um, abs=0.002)
        interval_s = image.interval_s or image.imagej_interval_s
        assert window.frame_interval == pytest.approx(interval_s or 0)


def test_the_tiff_opener_of_imagej_reads_the_pixel_size(windows):
    (window,) = windows["plain"]
    assert (window.voxel_size[:2], window.unit) == ((0.1625, 0.1625), "µm")
