"""The command `demo`: acquire with a simulated microscope."""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from exengine_ome_tiff.cli.output import UsageError, say, usage_errors
from exengine_ome_tiff.cli.paths import check_output, path_argument
from exengine_ome_tiff.cli.progress import ProgressBar
from exengine_ome_tiff.dataset.location import is_tiff
from exengine_ome_tiff.demo.acquisition import DemoPlan, DemoResult, Microscope, run
from exengine_ome_tiff.demo.microscope import SimulatedMicroscope, UnknownChannelError
from exengine_ome_tiff.text_format import count_text, duration_text, size_text
from exengine_ome_tiff.tiff_storage import TiffStorage

HELP = "acquire with a simulated microscope"
DESCRIPTION = "Run an ExEngine acquisition on a simulated microscope and record it as OME-TIFF."
_CHANNELS = {"simulated": ("DAPI", "GFP"), "micromanager": ("DAPI", "FITC")}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    plan = DemoPlan()
    defaults = ", ".join(f"{' '.join(names)} ({hardware})" for hardware, names in _CHANNELS.items())
    parser.add_argument(
        "output",
        nargs="?",
        type=path_argument,
        help="file ending in .ome.tiff, or folder with one file per position "
        "(default: demo.ome.tiff; if that exists, demo_001.ome.tiff and so on)",
    )
    for option, default, metavar, meaning in (
        ("--positions", plan.positions, "N", "stage positions"),
        ("--time-points", plan.time_points, "N", "time points"),
        ("--z-slices", plan.z_slices, "N", "slices per stack"),
        ("--size", plan.size, "PX", "height and width in pixels"),
    ):
        text = f"{meaning} (default: %(default)s)"
        parser.add_argument(option, type=int, default=default, metavar=metavar, help=text)
    parser.add_argument(
        "--channels",
        nargs="+",
        metavar="NAME",
        help=f"channel names, separated by spaces or commas (default: {defaults})",
    )
    parser.add_argument(
        "--hardware",
        choices=tuple(_CHANNELS),
        default="simulated",
        help="the simulated microscope, or Micro-Manager's core with its DemoCamera (default: %(default)s)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the output")


def _output_and_channels(options: argparse.Namespace) -> tuple[Path | None, list[str]]:
    """Return the output, if given, and the channels; a file name after ``--channels`` is the output."""
    words = [word.strip() for text in options.channels or () for word in text.split(",")]
    output = options.output
    if len(words) > 1 and output is None and is_tiff(Path(words[-1])):
        output = path_argument(words.pop())
    for word in words:
        if is_tiff(Path(word)):
            raise UsageError(f"--channels: expected channel names, got the file name {word}")
    return output, words or list(_CHANNELS[options.hardware])


def work(options: argparse.Namespace) -> int:
    """Acquire, and print what was recorded."""
    given, channels = _output_and_channels(options)
    output = given or Path("demo.ome.tiff")
    numbered = given is None and output.exists() and not options.overwrite
    check_output(output)
    with usage_errors():
        plan = DemoPlan(options.positions, options.time_points, channels, options.z_slices, options.size)
        make_microscope = _microscope(options.hardware)
    try:
        summary = {"demo": options.hardware}
        storage = TiffStorage(output, summary, overwrite=options.overwrite, numbered=numbered)
    except FileExistsError as error:
        reason = str(error) if options.overwrite else f"{output} exists; --overwrite replaces it"
        raise UsageError(reason) from error
    with storage, ProgressBar("frame", leave=True) as bar:
        try:
            result = run(plan, storage, make_microscope, partial(bar.step, "acquiring"))
        except UnknownChannelError as error:
            raise UsageError(error) from error
        except KeyboardInterrupt:
            bar.close()
            _report_kept(storage)
            raise
        bar.close()
        _report(storage, result)
    return 0


def _microscope(hardware: str) -> Callable[[tuple[int, int]], Microscope]:
    """Choose the microscope; import what needs the extra `micromanager` only if it is chosen."""
    if hardware == "simulated":
        return SimulatedMicroscope
    from exengine_ome_tiff.demo.micromanager_microscope import MicroManagerMicroscope

    return MicroManagerMicroscope


def _report_kept(storage: TiffStorage) -> None:
    """Finish the dataset after Ctrl+C, and report on stderr what it contains."""
    kept = len(storage.get_image_coordinates_list())
    storage.close()
    frames = f"{count_text(kept, 'frame')} kept in {storage.path}"
    say(frames if kept else "no frames were stored, so no file was kept", sys.stderr)


def _report(storage: TiffStorage, result: DemoResult) -> None:
    """Print what was recorded and how to open it."""
    path = storage.path
    files = [path] if path.is_file() else sorted(path.iterdir())
    frames, size = count_text(result.frames, "frame"), size_text(sum(file.stat().st_size for file in files))
    say(f"{path}: {frames}, {size}, in {duration_text(result.duration_s)}")
    share = f"{duration_text(result.storing_s)} of it, {result.frames / result.storing_s:.0f} frames/s"
    say(f"  storing took {share}; the rest is the simulated microscope and ExEngine, one frame at a time")
    for image in storage.images:
        sizes = " ".join(f"{axis}={size}" for axis, size in image.sizes.items())
        say(f"  image {image.name}: {sizes} {image.dtype}, channels {', '.join(image.channels)}")
    opens = path if path.is_file() else next(file for file in files if file.suffix == ".ome")
    say(f"To open it in Fiji: Plugins > Bio-Formats > Bio-Formats Importer, then choose {opens.name}")
