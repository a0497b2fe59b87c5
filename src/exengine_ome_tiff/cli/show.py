"""The command `show`: a contact sheet of a dataset."""

import argparse
from pathlib import Path
from typing import Literal

from exengine_ome_tiff.cli.output import UsageError, say
from exengine_ome_tiff.inspection import contact_sheet
from exengine_ome_tiff.tiff import write_whole

_FORMATS: dict[str, Literal["PNG", "JPEG"]] = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parser of the command."""
    parser = commands.add_parser(
        "show",
        help="draw a contact sheet",
        description="Draw a dataset: a row for each image, a column for each time point, channels merged in "
        "their colours. Needs the extra `show`.",
    )
    parser.add_argument("path", type=Path, help="file, folder, or any file of a folder")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="picture, ending in .png or .jpg"
    )
    parser.add_argument(
        "--z",
        choices=("middle", "max"),
        default="middle",
        help="the plane in the middle, or the maximum of all (default: %(default)s)",
    )
    for option, default, meaning in (
        ("--rows", 12, "images at the most"),
        ("--columns", 6, "time points at the most"),
    ):
        text = f"{meaning}, evenly chosen (default: %(default)s)"
        parser.add_argument(option, type=int, default=default, metavar="N", help=text)
    parser.add_argument(
        "--cell", type=int, default=192, metavar="PX", help="longer side of a cell (default: %(default)s)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the picture")
    parser.set_defaults(work=_show)


def _show(options: argparse.Namespace) -> int:
    output: Path = options.output
    kind = _FORMATS.get(output.suffix.lower())
    if kind is None:
        raise UsageError(f"{output}: a picture ends in {', '.join(_FORMATS)}")
    if output.exists() and not (options.overwrite and output.is_file()):
        raise UsageError(f"{output} exists; --overwrite replaces a picture")
    if not output.absolute().parent.is_dir():
        raise UsageError(f"{output}: there is no such folder")
    try:
        sheet = contact_sheet(
            options.path,
            rows=options.rows,
            columns=options.columns,
            z=options.z,
            cell_px=options.cell,
            format=kind,
        )
    except (ValueError, ImportError) as error:
        raise UsageError(error) from error
    write_whole(output.absolute(), sheet.encoded, fsync=False)
    say(
        f"{output}: {sheet.width} x {sheet.height} pixels, {sheet.images} of {sheet.all_images} images, "
        f"{sheet.times} of {sheet.all_times} time points"
    )
    return 0
