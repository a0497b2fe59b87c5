"""The command `convert`: NDTiff, Micro-Manager or OME-TIFF data, or another layout of a dataset."""

import argparse
import sys
from collections.abc import Sequence
from typing import Literal

from exengine_ome_tiff.cli.output import UsageError, say, usage_errors
from exengine_ome_tiff.cli.paths import check_output, path_argument
from exengine_ome_tiff.cli.progress import ProgressBar
from exengine_ome_tiff.conversion.conversion import ConversionResult, convert
from exengine_ome_tiff.text_format import count_text, duration_text, size_text

HELP = "convert NDTiff, Micro-Manager or OME-TIFF data to OME-TIFF"
DESCRIPTION = """\
Convert an NDTiff dataset (needs the extra `ndtiff`), Micro-Manager image stacks or image files, or
OME-TIFF of other programs. Convert a dataset of TiffStorage to another layout: one file or a
folder, compressed or not. After an interruption, run the same command again to resume. The exit
status is 0 if everything was converted."""
_MOST_LISTED = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "source", type=path_argument, help="dataset: a folder, a file, or any file of a folder"
    )
    parser.add_argument(
        "output",
        type=path_argument,
        help="file ending in .ome.tiff, or folder with one file per position",
    )
    parser.add_argument(
        "--verify", action="store_true", help="read both datasets back and compare them frame by frame"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace the dataset at OUTPUT once the new one is complete"
    )
    parser.add_argument("--compression", choices=("zlib", "lzw", "zstd"), help="lossless compression")
    parser.add_argument("--compression-level", type=int, metavar="N", help="0 to 9 (zlib), 1 to 22 (zstd)")
    parser.add_argument(
        "--predictor", action="store_true", help="compress differences between neighbouring pixels"
    )
    parser.add_argument(
        "--tile",
        type=int,
        nargs=2,
        metavar=("H", "W"),
        help="height and width of tiles in pixels, multiples of 16",
    )
    parser.add_argument(
        "--pyramid-levels",
        type=_levels,
        metavar="N",
        help="number of pyramid levels, downsampled by 2, or auto",
    )
    parser.add_argument(
        "--split-by",
        nargs="+",
        metavar="AXIS",
        help="axes that split a folder into files (default: position)",
    )
    parser.add_argument(
        "--checksums",
        choices=("crc32", "sha256", "sha1"),
        help="record checksums of the pixels; sha1 also in the OME-XML",
    )


def _levels(text: str) -> int | Literal["auto"]:
    if text == "auto":
        return "auto"
    try:
        return int(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected a number or auto, got {text!r}") from error


def work(options: argparse.Namespace) -> int:
    """Convert the dataset and print what was converted and what was not."""
    coding = ("compression", "compression_level", "predictor", "tile", "pyramid_levels")
    wanted = {name: getattr(options, name) for name in (*coding, "checksums", "split_by")}
    wanted = {name: value for name, value in wanted.items() if value is not None and value is not False}
    check_output(options.output)
    if options.output.exists() and not options.overwrite:
        raise UsageError(f"{options.output} exists; --overwrite replaces a dataset")
    with usage_errors(), ProgressBar("frame") as bar:
        try:
            done = convert(
                options.source,
                options.output,
                overwrite=options.overwrite,
                verify=options.verify,
                progress=bar.step,
                **wanted,
            )
        except KeyboardInterrupt:
            bar.close()
            say("the frames converted so far are kept: run the same command again to resume", sys.stderr)
            raise
    _report(done)
    return 0 if done.is_complete else 1


def _report(done: ConversionResult) -> None:
    """Print what was converted, and on stderr what was not."""
    least = "at least " if any(skipped.n_frames is None for skipped in done.skipped) else ""
    planes = f"{done.n_frames:,} of {least}{count_text(done.n_source_frames, 'plane')}"
    before = f" ({done.n_resumed:,} of them earlier)" if done.n_resumed else ""
    say(f"{done.path}: converted {planes}{before}, {count_text(done.n_images, 'image')}")
    rate = f"{done.megabytes_per_s:.0f} MB/s"
    say(f"{size_text(done.disk_bytes)} on disk, {duration_text(done.seconds)}, {rate}")
    if done.n_overwritten:
        say(f"{count_text(done.n_overwritten, 'frame')} skipped, because later frames overwrite them")
    if done.differences == ():
        say("verified: pixels and metadata are identical to the source")
    if done.notes:
        say(f"kept only in the original OME-XML, in the summary metadata: {', '.join(done.notes)}")
    _list("could not be converted", [f"{skipped.what}: {skipped.reason}" for skipped in done.skipped])
    _list(f"differences from the source; the result stays in {done.path.parent}", done.differences or ())


def _list(title: str, lines: Sequence[str]) -> None:
    if not lines:
        return
    say(f"{title}: {len(lines)}", sys.stderr)
    for line in lines[:_MOST_LISTED]:
        say(f"  {line}", sys.stderr)
    if len(lines) > _MOST_LISTED:
        say(f"  and {len(lines) - _MOST_LISTED} more", sys.stderr)
