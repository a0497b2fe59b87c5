"""ImageJ, with its windows, in a separate process on a separate display.

It is Debian's ImageJ (``/usr/share/java/ij.jar``, or the jar that ``IMAGEJ_JAR`` names) with the Bio-Formats
jar of `readers.bioformats` among its plugins, under Xvfb. Neither asks the network for anything.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tifffile

from readers.bioformats import jar_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MACRO = Path(__file__).parents[2] / "examples" / "open_in_fiji.ijm"
"""The macro with which users open datasets."""

_REPORT = Path(__file__).with_name("report.ijm")
_COMMAND = "EventQueue Report"
"""Menu command that runs the report.

Without a window manager no window is ever activated, and ImageJ waits a second for that whenever a macro
selects an image. It does not wait in a thread that has EventQueue in its name, and a command runs in a
thread that is named after it.
"""
_TIMEOUT_S = 240


@dataclass(frozen=True)
class Hyperstack:
    """A window of ImageJ.

    Attributes
    ----------
    title
        Of the window.
    sizes
        X, Y, C, Z and T.
    voxel_size
        Of x, y and z, in `unit`.
    frame_interval
        In `time_unit`.
    mode
        How channels are shown: "composite", "color" or "grayscale"; "" is one at a time without colours, and
        "none" is an image of one plane.
    bits
        Per pixel.
    is_virtual
        Whether planes are read only when they are shown.
    colors
        Red, green and blue of the brightest pixels of each channel, of 255.
    ranges
        Pixel values of each channel that are shown darkest and brightest.
    labels
        What stands above each picture, in the order of the stack: channels first, then slices, then frames.
    pixels
        Shape (T, Z, C, Y, X), from the TIFF file that ImageJ saved.
    """

    title: str
    sizes: dict[str, int]
    voxel_size: tuple[float, float, float]
    unit: str
    frame_interval: float
    time_unit: str
    mode: str
    bits: int
    is_virtual: bool
    colors: list[tuple[int, ...]]
    ranges: list[tuple[float, ...]]
    labels: list[str]
    pixels: np.ndarray


@dataclass(frozen=True)
class Opened:
    """ImageJ's version, and its windows after each job, in order of appearance."""

    version: str
    windows: list[list[Hyperstack]]


def unavailable_reason() -> str | None:
    """Describe what is missing to run ImageJ here; None if nothing is."""
    if not _ij_jar().is_file():
        return f"ImageJ is not installed (apt-get install imagej): there is no {_ij_jar()}"
    for program, package in (("Xvfb", "xvfb"), ("java", "default-jre")):
        if shutil.which(program) is None:
            return f"{program} is not installed (apt-get install {package})"
    if jar_file() is None:
        return "there is no Bio-Formats jar (pip install bioformats_jar)"
    return None


def open_in_imagej(jobs: Sequence[tuple[Path, Path]], folder: Path) -> Opened:
    """Start ImageJ once, open datasets one after another with macros, and return its windows.

    Parameters
    ----------
    jobs
        Macro, and the file or folder that it gets as its argument.
    folder
        An empty folder for ImageJ's home, plugins and reports.

    Raises
    ------
    TimeoutError
        If ImageJ is not through in time. It then mostly shows a dialog, as of an error in a macro.
    """
    lines = [f"{macro}\t{dataset}" for macro, dataset in jobs]
    (folder / "jobs.txt").write_text("\n".join(lines), "utf-8")
    commands = folder / "plugins"
    commands.mkdir()
    shutil.copy(_REPORT, commands / f"{_COMMAND.replace(' ', '_')}.ijm")
    start = folder / "start.ijm"
    start.write_text(f'doCommand("{_COMMAND}");', "utf-8")
    with running([str(start)], folder):
        _wait_for(folder / "done.txt")
    windows = [_windows(folder, number) for number in range(len(jobs))]
    return Opened((folder / "done.txt").read_text("utf-8").strip(), windows)


@contextlib.contextmanager
def running(macro: Sequence[str], home: Path, size: str = "1280x1024") -> Iterator[str]:
    """Run a macro with its argument in ImageJ; yield the name of its display, and stop both afterwards."""
    plugins = home / "plugins"
    plugins.mkdir(exist_ok=True)
    jar = jar_file()
    assert jar is not None
    (plugins / "bioformats_package.jar").symlink_to(jar)
    # ImageJ searches the folder for temporary files for a running instance, and would pass the macro to it.
    java = [
        "java",
        "-Xmx512m",
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        f"-Duser.home={home}",
        f"-Djava.io.tmpdir={home}",
        "-cp",
        str(_ij_jar()),
    ]
    with _display(size) as display, (home / "log.txt").open("wb") as log:
        command = [*java, "ij.ImageJ", "-ijpath", str(home), "-macro", *macro]
        environment = {**os.environ, "DISPLAY": display, "LC_ALL": "C.UTF-8"}
        with _ended(
            subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        ):
            yield display


@contextlib.contextmanager
def _display(size: str) -> Iterator[str]:
    """Start an X server without a screen on a free display; yield its name."""
    command = ["Xvfb", "-displayfd", "1", "-screen", "0", f"{size}x24", "-nolisten", "tcp"]
    with _ended(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)) as server:
        assert server.stdout is not None
        yield f":{int(server.stdout.readline())}"


@contextlib.contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    with process:
        try:
            yield process
        finally:
            process.kill()


def _wait_for(file: Path) -> None:
    """Wait until ImageJ has written a file."""
    until = time.monotonic() + _TIMEOUT_S
    while not (file.is_file() and file.stat().st_size):
        if time.monotonic() > until:
            log = file.with_name("log.txt").read_text("utf-8", "replace")
            raise TimeoutError(f"ImageJ is not through after {_TIMEOUT_S} s; it printed: {log}")
        time.sleep(0.1)


def _windows(folder: Path, dataset: int) -> list[Hyperstack]:
    reports = sorted(folder.glob(f"{dataset}_*.txt"), key=lambda path: int(path.stem.split("_")[1]))
    return [_hyperstack(report) for report in reports]


def _hyperstack(report: Path) -> Hyperstack:
    values: dict[str, list[list[str]]] = {}
    for line in report.read_text("utf-8").splitlines():
        key, *words = line.split("\t")
        values.setdefault(key, []).append(words)
    sizes = dict(zip("XYCZT", map(int, values["sizes"][0]), strict=True))
    *voxel, unit = values["voxel"][0]
    interval, time_unit = values["interval"][0]
    x, y, z = map(float, voxel)
    return Hyperstack(
        title=values["title"][0][0],
        sizes=sizes,
        voxel_size=(x, y, z),
        unit=unit,
        frame_interval=float(interval),
        time_unit=time_unit,
        mode=values["mode"][0][0],
        bits=int(values["bits"][0][0]),
        is_virtual=values["virtual"][0][0] == "1",
        colors=[tuple(map(int, words)) for words in values["color"]],
        ranges=[tuple(map(float, words)) for words in values["range"]],
        labels=[words[0] for words in values["label"]],
        pixels=tifffile.imread(report.with_suffix(".tif")).reshape([sizes[axis] for axis in "TZCYX"]),
    )


def _ij_jar() -> Path:
    return Path(os.environ.get("IMAGEJ_JAR") or "/usr/share/java/ij.jar")
