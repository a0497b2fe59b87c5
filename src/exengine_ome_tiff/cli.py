"""The command `exengine-ome-tiff`."""

import argparse
import json
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

from tqdm import tqdm

from exengine_ome_tiff.demo.acquisition import DemoPlan, DemoResult, run
from exengine_ome_tiff.demo.microscope import Microscope, SimulatedMicroscope, UnknownChannelError
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.storage import TiffStorage, recover, validate
from exengine_ome_tiff.version import __version__

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
_CHANNELS = {"simulated": ("DAPI", "GFP"), "micromanager": ("DAPI", "FITC")}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments
        Words after the command's name; those of the process by default.

    Returns
    -------
    int
        Exit status: 0 for success, 1 when the work failed, 2 for arguments that make no sense.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        return int(options.work(options))
    except _UsageError as error:
        _say(f"{parser.prog} {options.command}: {error}", sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{parser.prog} {options.command}: interrupted", file=sys.stderr)
        return 130
    except (OSError, OmeTiffError) as error:
        _say(f"{parser.prog} {options.command}: {error}", sys.stderr)
        return 1


def _say(text: str, stream: TextIO | None = None) -> None:
    """Print text that a file may have made: nothing in it moves the cursor, and all of it is shown."""
    stream = stream or sys.stdout
    shown = _CONTROL.sub(lambda match: repr(match[0])[1:-1], text)
    encoding = getattr(stream, "encoding", None) or "utf-8"
    print(shown.encode(encoding, "backslashreplace").decode(encoding), file=stream)


class _UsageError(Exception):
    """The arguments ask for what cannot be."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("exengine-ome-tiff", description="OME-TIFF for ExEngine.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser(
        "demo",
        help="acquire with a simulated microscope",
        description="Run an ExEngine acquisition on a simulated microscope and leave an OME-TIFF.",
    )
    plan = DemoPlan()
    defaults = ", ".join(f"{' '.join(names)} ({hardware})" for hardware, names in _CHANNELS.items())
    demo.add_argument(
        "output",
        nargs="?",
        type=Path,
        default=Path("demo.ome.tiff"),
        help="file ending in .ome.tiff, or folder for one file per position (default: %(default)s)",
    )
    for option, default, metavar, meaning in (
        ("--positions", plan.positions, "N", "stage positions"),
        ("--time-points", plan.time_points, "N", "time points"),
        ("--z-slices", plan.z_slices, "N", "slices of a stack"),
        ("--size", plan.size, "PX", "height and width, pixels"),
    ):
        text = f"{meaning} (default: %(default)s)"
        demo.add_argument(option, type=int, default=default, metavar=metavar, help=text)
    demo.add_argument(
        "--channels", nargs="+", metavar="NAME", help=f"names of the channels (default: {defaults})"
    )
    demo.add_argument(
        "--hardware",
        choices=tuple(_CHANNELS),
        default="simulated",
        help="the simulated microscope, or Micro-Manager's core with its DemoCamera (default: %(default)s)",
    )
    demo.add_argument("--overwrite", action="store_true", help="replace the output")
    demo.set_defaults(work=_demo)
    recovery = commands.add_parser(
        "recover",
        help="finish a dataset whose writer was killed",
        description="Make OME-TIFF of a dataset whose writer ended before it could. No pixel is changed.",
    )
    recovery.set_defaults(work=_recover)
    check = commands.add_parser(
        "validate",
        help="check that a dataset is whole",
        description="Check pages, records, checksums and OME-XML of a dataset. Exit status 0: all is well.",
    )
    check.add_argument("--json", action="store_true", help="print a list of JSON objects")
    check.set_defaults(work=_validate)
    for command in (recovery, check):
        command.add_argument("path", type=Path, help="file, folder, or any file of a folder")
    return parser


def _recover(options: argparse.Namespace) -> int:
    with tqdm(unit="B", unit_scale=True, desc="reading", disable=sys.stderr is None) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        recovered = recover(options.path, progress=progress)
        bar.leave = recovered.frames is not None
    if recovered.frames is None:
        _say(f"{recovered.path}: finished already, nothing to do")
    else:
        _say(f"{recovered.path}: {recovered.frames} frames in {recovered.files} files recovered")
    return 0


def _validate(options: argparse.Namespace) -> int:
    try:
        problems = validate(options.path)
    except ImportError as error:
        raise _UsageError(error) from error
    if options.json:
        print(json.dumps([asdict(problem) | {"file": str(problem.file)} for problem in problems], indent=2))
        return 1 if problems else 0
    for problem in problems:
        page = "" if problem.page is None else f", page {problem.page}"
        _say(f"{problem.file}{page}: {problem.what}\n  to do: {problem.advice}")
    if not problems:
        _say(f"{options.path}: whole")
    return 1 if problems else 0


def _demo(options: argparse.Namespace) -> int:
    try:
        plan = DemoPlan(
            positions=options.positions,
            time_points=options.time_points,
            channels=options.channels or _CHANNELS[options.hardware],
            z_slices=options.z_slices,
            size=options.size,
        )
        make_microscope = _microscope(options.hardware)
    except (ValueError, ImportError) as error:
        raise _UsageError(error) from error
    try:
        storage = TiffStorage(options.output, {"demo": options.hardware}, overwrite=options.overwrite)
    except FileExistsError as error:
        raise _UsageError(f"{options.output} exists; --overwrite replaces it") from error
    bar = tqdm(total=plan.frames, unit="frame", desc="acquiring", disable=sys.stderr is None)
    with storage, bar:
        try:
            result = run(plan, storage, make_microscope, lambda stored, _: bar.update(stored - bar.n))
        except UnknownChannelError as error:
            bar.leave = False
            raise _UsageError(error) from error
        bar.close()
        _report(storage, result)
    return 0


def _microscope(hardware: str) -> Callable[[tuple[int, int]], Microscope]:
    """Choose the microscope; what needs the extra `micromanager` is imported only when it is asked for."""
    if hardware == "simulated":
        return SimulatedMicroscope
    from exengine_ome_tiff.demo.micromanager import MicroManagerMicroscope

    return MicroManagerMicroscope


def _report(storage: TiffStorage, result: DemoResult) -> None:
    """Tell what was written and how to look at it."""
    path = storage.path
    files = [path] if path.is_file() else sorted(path.iterdir())
    megabytes = sum(file.stat().st_size for file in files) / 1e6
    frames_per_s = f"{result.frames_per_s:.0f} frames/s"
    print(f"{path}: {result.frames} frames, {megabytes:.1f} MB, {frames_per_s}, microscope included")
    for image in storage.images:
        sizes = " ".join(f"{axis}={size}" for axis, size in image.sizes.items())
        print(f"  image {image.name}: {sizes} {image.dtype}, channels {', '.join(image.channels)}")
    shown = path if path.is_file() else next(file for file in files if file.suffix == ".ome")
    print(f"To open it in Fiji: Plugins > Bio-Formats > Bio-Formats Importer, then choose {shown.name}")
