"""The command `metadata`: the exact record of a frame, and what became of it."""

import argparse
import json
import textwrap
from collections.abc import Mapping
from dataclasses import asdict

from exengine_ome_tiff.cli.output import UsageError, say
from exengine_ome_tiff.cli.paths import path_argument
from exengine_ome_tiff.coordinates import Coordinates
from exengine_ome_tiff.inspection import (
    FrameMetadata,
    NoSuchFrameError,
    read_dataset_metadata,
    read_frame_metadata,
)
from exengine_ome_tiff.inspection.frame_metadata import read_coordinates_text

_WIDTH = 96


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parser of the command."""
    parser = commands.add_parser(
        "metadata",
        help="show a frame's metadata and how it maps to OME-XML",
        description="Show a frame's exact metadata and where each key is in the OME-XML. "
        "Without --coords, show the summary metadata and the options used to write the dataset.",
    )
    parser.add_argument("path", type=path_argument, help="file, folder, or any file of a folder")
    parser.add_argument(
        "--coords",
        type=coordinates_argument,
        metavar="AXIS=VALUE,...",
        help="all coordinates of a frame, such as time=3,channel=DAPI; quote text that consists of digits: "
        'well="12"',
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    parser.set_defaults(work=_metadata)


def coordinates_argument(text: str) -> Coordinates:
    """Read coordinates; the type of such arguments."""
    try:
        return read_coordinates_text(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _metadata(options: argparse.Namespace) -> int:
    if options.coords is None:
        whole = read_dataset_metadata(options.path)
        if options.json:
            print(json.dumps(asdict(whole), indent=2))
            return 0
        _say_json("summary metadata", whole.summary_metadata)
        _say_json("header", whole.header)
        return 0
    try:
        record = read_frame_metadata(options.path, options.coords)
    except NoSuchFrameError as error:
        raise UsageError(f"{options.path}: {error}") from error
    except ValueError as error:  # a number of more than 64 bits
        raise UsageError(error) from error
    if options.json:
        print(json.dumps(asdict(record), indent=2, default=str))
        return 0
    _say_record(record)
    return 0


def _say_record(record: FrameMetadata) -> None:
    z, c, t = record.zct
    say(f"coordinates: {json.dumps(record.coordinates, ensure_ascii=False)}")
    say(f"file: {record.file.name}, frame {record.number} in order of arrival")
    say(f"OME: image {record.image_index} {record.image_name!r}, z={z} c={c} t={t}")
    _say_json("metadata", record.metadata)
    ome = record.ome
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
    """Print JSON on several lines, as it is in the file but for its blanks."""
    say(f"{title}:")
    if isinstance(value, Mapping) and not value:
        say("  {}")
        return
    say(textwrap.indent(json.dumps(value, indent=2, ensure_ascii=False), "  "))


def _say_wrapped(title: str, words: list[str], between: str = " ") -> None:
    """Print words, each in one piece, under a title."""
    say(f"{title}:")
    line = ""
    for number, word in enumerate(words):
        end = between.rstrip() if number < len(words) - 1 else ""
        if line and len(line) + len(word) + len(between) > _WIDTH - 2:
            say(f"  {line}")
            line = ""
        line += (" " if line else "") + word + end
    if line:
        say(f"  {line}")
