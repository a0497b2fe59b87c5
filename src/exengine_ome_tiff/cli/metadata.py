"""The command `metadata`: a frame's exact metadata and how it maps to OME-XML."""

import argparse
import json
import textwrap
from collections.abc import Mapping
from dataclasses import asdict

from exengine_ome_tiff.cli.output import UsageError, print_json, say
from exengine_ome_tiff.cli.paths import add_dataset
from exengine_ome_tiff.coordinates.keys import Coordinates
from exengine_ome_tiff.inspection import (
    FrameMetadata,
    NoSuchFrameError,
    read_dataset_metadata,
    read_frame_metadata,
)
from exengine_ome_tiff.inspection.frame_metadata import read_coordinates_text
from exengine_ome_tiff.inspection.text_table import WIDTH

HELP = "show a frame's metadata and how it maps to OME-XML"
DESCRIPTION = """\
Show a frame's exact metadata and where each key is in the OME-XML. Without --coords, show the summary
metadata and the options used to write the dataset."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_dataset(parser)
    parser.add_argument(
        "--coords",
        type=coordinates_argument,
        metavar="AXIS=VALUE,...",
        help="all coordinates of a frame, such as time=3,channel=DAPI; quote text that consists of digits: "
        'well="12"',
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object")


def coordinates_argument(text: str) -> Coordinates:
    """Read coordinates; the type of such arguments."""
    try:
        return read_coordinates_text(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def work(options: argparse.Namespace) -> int:
    """Print the metadata of a frame, or of the dataset."""
    if options.coords is None:
        dataset = read_dataset_metadata(options.path)
        if options.json:
            print_json(asdict(dataset))
        else:
            _say_json("summary metadata", dataset.summary_metadata)
            _say_json("header", dataset.header)
        return 0
    try:
        frame = read_frame_metadata(options.path, options.coords)
    except NoSuchFrameError as error:
        raise UsageError(f"{options.path}: {error}") from error
    except ValueError as error:  # a number of more than 64 bits
        raise UsageError(error) from error
    if options.json:
        print_json(asdict(frame))
    else:
        _say_frame(frame)
    return 0


def _say_frame(frame: FrameMetadata) -> None:
    z, c, t = frame.zct
    say(f"coordinates: {json.dumps(frame.coordinates, ensure_ascii=False)}")
    say(f"file: {frame.file.name}, frame {frame.number} in order of arrival")
    say(f"OME: image {frame.image_index} {frame.image_name!r}, z={z} c={c} t={t}")
    _say_json("metadata", frame.metadata)
    ome = frame.ome
    if ome is None:
        say("The file is not finished: it has no OME-XML yet.")
        return
    for name, attributes in (
        ("Image", ome.image),
        ("Pixels", ome.pixels),
        ("Channel", ome.channel),
        ("Plane", ome.plane),
    ):
        _say_wrapped(name, [f'{key}="{value}"' for key, value in attributes.items()])
    for place, title in (
        ("ome", "keys in OME elements"),
        ("annotation", "keys in annotations of the image"),
        ("annotation by plane", "keys in annotations, by plane"),
        ("record", "keys in the record only"),
    ):
        keys = [key for key, places in ome.keys.items() if place in places]
        if keys:
            _say_wrapped(title, keys, ", ")


def _say_json(title: str, value: object) -> None:
    """Print JSON as stored in the file, on several lines."""
    say(f"{title}:")
    if isinstance(value, Mapping) and not value:
        say("  {}")
        return
    say(textwrap.indent(json.dumps(value, indent=2, ensure_ascii=False), "  "))


def _say_wrapped(title: str, words: list[str], between: str = " ") -> None:
    """Print words under a title; lines break between words only."""
    say(f"{title}:")
    line = ""
    for number, word in enumerate(words):
        end = between.rstrip() if number < len(words) - 1 else ""
        if line and len(line) + len(word) + len(between) > WIDTH - 2:
            say(f"  {line}")
            line = ""
        line += (" " if line else "") + word + end
    if line:
        say(f"  {line}")
