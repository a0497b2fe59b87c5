"""The command `convert`: a dataset of ours from NDTiff, from Micro-Manager, or from one in another form."""

import argparse
import sys
from collections.abc import Sequence
from typing import Literal

from exengine_ome_tiff.cli.output import UsageError, say
from exengine_ome_tiff.cli.paths import check_dataset_name, check_folder, path_argument
from exengine_ome_tiff.cli.progress import ProgressBar
from exengine_ome_tiff.conversion import ConversionResult, convert
from exengine_ome_tiff.text_format import count_text, duration_text, size_text

_MOST_LISTED = 20
_DESCRIPTION = """\
Convert an NDTiff dataset (needs the extra `ndtiff`), Micro-Manager image stacks or image files, or
OME-TIFF of other programs. Convert a dataset of TiffStorage to another layout: one file or a
folder, compressed or not. After an interruption, run the same command again to resume. The exit
status is 0 if everything was converted."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parser of the command."""
    parser = commands.add_parser(
        "convert",
        help="convert NDTiff, Micro-Manager or OME-TIFF data to OME-TIFF",
        description=_DESCRIPTION,
    )
    parser.add_argument(
        "source", type=path_argument, help="dataset: a folder, a file, or any file of a folder"
    )
    parser.add_argument(
        "dest", type=path_argument, help="file ending in .ome.tiff, or folder with one file per position"
    )
    parser.add_argument(
        "--verify", action="store_true", help="read both datasets back and compare them frame by frame"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace the dataset at DEST once the new one is complete"
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
    parser.set_defaults(work=_convert)


def _levels(text: str) -> int | Literal["auto"]:
    if text == "auto":
        return "auto"
    try:
        return int(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected a number or auto") from error


def _convert(options: argparse.Namespace) -> int:
    coding = ("compression", "compression_level", "predictor", "tile", "pyramid_levels")
    wanted = {name: getattr(options, name) for name in (*coding, "checksums", "split_by")}
    wanted = {name: value for name, value in wanted.items() if value is not None and value is not False}
    check_dataset_name(options.dest)
    check_folder(options.dest)
    if options.dest.exists() and not options.overwrite:
        raise UsageError(f"{options.dest} exists; --overwrite replaces a dataset")
    with ProgressBar("frame") as bar:
        try:
            done = convert(
                options.source,
                options.dest,
                overwrite=options.overwrite,
                verify=options.verify,
                progress=bar.step,
                **wanted,
            )
        except (FileExistsError, ValueError, ImportError) as error:
            raise UsageError(error) from error
        except KeyboardInterrupt:
            bar.close()
            say("the frames converted so far are kept: run the same command again to resume", sys.stderr)
            raise
    _report(done)
    return 0 if done.is_complete else 1


def _report(done: ConversionResult) -> None:
    """Print what was done, and on stderr what was not."""
    least = "at least " if any(skipped.n_frames is None for skipped in done.skipped) else ""
    planes = f"{done.n_frames:,} of {least}{count_text(done.n_source_frames, 'plane')}"
    before = f" ({done.n_resumed:,} of them earlier)" if done.n_resumed else ""
    say(f"{done.path}: converted {planes}{before}, {count_text(done.n_images, 'image')}")
    rate = f"{done.megabytes_per_s:.0f} MB/s"
    say(f"{size_text(done.disk_bytes)} on disk, {duration_text(done.seconds)}, {rate}")
    if done.n_overwritten:
        say(f"{count_text(done.n_overwritten, 'frame')} left out, because later frames overwrite them")
    if done.differences == ():
        say("verified: pixels and metadata are identical to the source")
    if done.notes:
        say(f"in the original OME-XML only, which is part of the summary metadata: {', '.join(done.notes)}")
    _list("could not be converted", [f"{skipped.what}: {skipped.reason}" for skipped in done.skipped])
    _list(f"different from the source, so the result stays in {done.path.parent}", done.differences or ())


def _list(title: str, lines: Sequence[str]) -> None:
    if not lines:
        return
    say(f"{title}: {len(lines)}", sys.stderr)
    for line in lines[:_MOST_LISTED]:
        say(f"  {line}", sys.stderr)
    if len(lines) > _MOST_LISTED:
        say(f"  and {len(lines) - _MOST_LISTED} more", sys.stderr)
