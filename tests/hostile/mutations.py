"""Small datasets, and mutations that damage them: random ones, and ones that know the format."""

from __future__ import annotations

import json
import random
import re
import struct
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest import mock
from uuid import UUID

import numpy as np

from exengine_ome_tiff import ChannelInfo, ObjectiveInfo, PlateInfo, TiffStorage
from exengine_ome_tiff.tiff import chain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

Files = dict[str, bytes]
"""Files of a dataset by name."""

_TAGS = {
    "Camera": "Cam",
    "Cam-Binning": "2x2",
    "PixelSizeUm": 0.5,
    "BitDepth": 12,
    "TimeReceivedByCore": "2026-11-22 07:11:23.414179",
    "nested": {"list": [1, {"deep": None}], "text": "\u00b5"},
}
_PLAN = [{"x": 0.5 * number, "y": -1.0} for number in range(20)]
_PLACES = [{"time": 0, "channel": "A"}, {"time": 0, "channel": "B"}, {"time": 1, "channel": "B"}]


class Seed(NamedTuple):
    """An undamaged dataset."""

    name: str
    is_folder: bool
    files: Files


def make_seeds(folder: Path) -> list[Seed]:
    """Write all seeds, with the same bytes each time."""
    rgb = (4, 6, 3)
    wells = {
        "plate": PlateInfo({"p": "A1", "q": "B2-Site_1"}, rows=2, columns=3),
        "channels": {"A": ChannelInfo(color="#00FF00", excitation_nm=488)},
        "objective": ObjectiveInfo("60x", numerical_aperture=1.4, immersion="Oil"),
        "pixel_size_um": 0.25,
    }
    angles = [{"time": time, "angle": angle, "position": "p"} for time in (0, 1) for angle in (0, 90)]
    positions = [{"position": position, **place} for position in "pq" for place in _PLACES]
    plans: list[tuple[str, bool, bool, dict[str, Any], list[dict[str, Any]], tuple[int, ...], str]] = [
        ("plain", False, True, {}, _PLACES, (4, 6), "u2"),
        ("plain unfinished", False, False, {}, _PLACES, (4, 6), ">u2"),
        ("zlib", False, True, {"compression": "zlib", "predictor": True}, _PLACES, (4, 6), "u2"),
        ("zlib unfinished", False, False, {"compression": "zlib"}, _PLACES, (4, 6), "f4"),
        ("tiled", False, True, {"compression": "zlib", "tile": (16, 16)}, _PLACES, (4, 20), "u1"),
        ("pyramid", False, True, {"compression": "zlib", "pyramid_levels": 2}, _PLACES, (4, 6), "u1"),
        ("pyramid unfinished", False, False, {"pyramid_levels": 1}, _PLACES, (4, 6), "i2"),
        ("checksums", False, True, {"checksums": "sha256"}, _PLACES, (4, 6), "u2"),
        ("modulo", False, True, {"fold_axes": {"angle": "T"}, **wells}, angles, (4, 6), "bool"),
        ("RGB", False, True, {}, _PLACES, rgb, "u1"),
        ("RGB unfinished", False, False, {"compression": "zlib", "checksums": True}, _PLACES, rgb, "u1"),
        ("folder", True, True, wells, positions, (4, 6), "u1"),
        ("folder unfinished", True, False, {"checksums": True}, positions, (4, 6), "u1"),
        ("plan", False, True, {}, _PLACES, (4, 6), "u2"),
        ("plan unfinished", False, False, {"compression": "zlib"}, _PLACES, (4, 6), "u2"),
    ]
    seeds = []
    for number, (name, is_folder, is_finished, options, places, shape, dtype) in enumerate(plans):
        target = folder / str(number) / ("run" if is_folder else "run.ome.tiff")
        with mock.patch("exengine_ome_tiff.dataset.header.uuid4", lambda number=number: UUID(int=number)):
            storage = TiffStorage(target, {"Comment": name, "StartTime": "2026-11-22 07:11:20"}, **options)
        for count, place in enumerate(places):
            pixels = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
            plan = {"event": {"n": count, "sequence": _PLAN}} if name.startswith("plan") else {}
            tags = {"ElapsedTime-ms": count, **_TAGS, **plan}
            storage.put(place, pixels + np.asarray(count, dtype), tags)
        if is_finished:
            storage.finish()
        else:
            storage.flush()
        inside = target if is_folder else target.parent
        # a file that is being written has reserved space after its end, which would only slow the tests down
        files = {path.name: path.read_bytes() for path in sorted(inside.iterdir())}
        if not is_finished:
            files = {each: content.rstrip(b"\0") + bytes(8) for each, content in files.items() if content}
        seeds.append(Seed(name, is_folder, files))
        storage.close()
    return seeds


class Mutation(NamedTuple):
    """A damaged dataset."""

    seed: Seed
    files: Files
    what: str


def mutate(seeds: list[Seed], start: int, number: int) -> Mutation:
    """Make a damaged dataset; the same numbers give the same dataset."""
    chance = random.Random(f"{start}:{number}")  # noqa: S311
    seed = seeds[number % len(seeds)]
    files, told = dict(seed.files), []
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        if seed.is_folder and chance.random() < 0.1:
            told.append(_change_folder(chance, files))
            continue
        name = chance.choice([*files])
        change = chance.choice(_OF_XML if name.endswith(".ome") else _OF_TIFF)
        try:
            files[name] = change(chance, files[name], seeds)
            told.append(f"{change.__name__} in {name}")
        except (struct.error, IndexError, ValueError, KeyError, TypeError, RecursionError):
            told.append(f"no {change.__name__} in {name}")  # an earlier change removed the target of this one
    return Mutation(seed, files, ", ".join(told))


# content of a file -----------------------------------------------------------------------------------------


class _Tag(NamedTuple):
    """An entry of an IFD."""

    at: int
    code: int
    type: int
    count: int
    value: int


class _Ifd(NamedTuple):
    at: int
    tags: list[_Tag]
    link_at: int


def _ifds(data: bytes) -> list[_Ifd]:
    """Find the IFDs of all chains that can be followed."""
    found: dict[int, _Ifd] = {}
    waiting = [struct.unpack_from("<Q", data, 8)[0]]
    while waiting and len(found) < 100:
        at = waiting.pop()
        if at in found or not 16 <= at <= len(data) - 16:
            continue
        (count,) = struct.unpack_from("<Q", data, at)
        link_at = at + 8 + 20 * count
        if count > 100 or link_at + 8 > len(data):
            continue
        tags = [
            _Tag(at + 8 + 20 * n, *struct.unpack_from("<HHQQ", data, at + 8 + 20 * n)) for n in range(count)
        ]
        found[at] = _Ifd(at, tags, link_at)
        waiting.append(struct.unpack_from("<Q", data, link_at)[0])
        waiting += [tag.value for tag in tags if tag.code in (chain.JOURNAL, chain.SUB_IFDS)]
    return list(found.values())


def _with(data: bytes, at: int, new: bytes) -> bytes:
    return b"".join((data[:at], new, data[at + len(new) :]))


def _number(chance: random.Random, data: bytes) -> int:
    """Choose a number that is likely to hurt."""
    offsets = [ifd.at for ifd in _ifds(data)] or [16]
    near = chance.choice([*offsets, len(data), 0, 16, 1 << 32, 1 << 31, 1 << 16, 1 << 63, 1 << 62, 1 << 43])
    return max(0, min(near + chance.choice((-8, -1, 0, 0, 0, 1, 8, 20)), (1 << 64) - 1))


def _tag(chance: random.Random, data: bytes) -> _Tag:
    return chance.choice(chance.choice(_ifds(data)).tags)


# random mutations ------------------------------------------------------------------------------------------


def flip_bits(chance: random.Random, data: bytes, _seeds: list[Seed]) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 2, 8, 64))):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def set_bytes(chance: random.Random, data: bytes, _seeds: list[Seed]) -> bytes:
    new = chance.choice((b"\0", b"\xff", b"\n", b'"', b"{")) * chance.choice((1, 4, 8, 20))
    return _with(data, chance.randrange(len(data)), new)


def truncate(chance: random.Random, data: bytes, _seeds: list[Seed]) -> bytes:
    return data[: chance.randrange(len(data))]


def cut_out(chance: random.Random, data: bytes, _seeds: list[Seed]) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + data[at + chance.choice((1, 8, 20, 200)) :]


def repeat(chance: random.Random, data: bytes, _seeds: list[Seed]) -> bytes:
    at, count = chance.randrange(len(data)), chance.choice((1, 8, 20, 200))
    return data[:at] + data[at : at + count] * chance.choice((2, 3, 50)) + data[at + count :]


def splice(chance: random.Random, data: bytes, seeds: list[Seed]) -> bytes:
    other = chance.choice([*chance.choice(seeds).files.values()])
    at, count = chance.randrange(len(other)), chance.choice((8, 20, 200, 2000))
    return _with(data, chance.randrange(len(data)), other[at : at + count])


# mutations that know the format ----------------------------------------------------------------------------


def change_header(chance: random.Random, data: bytes, _seeds: list[Seed]) -> bytes:
    return _with(data, 8, struct.pack("<Q", _number(chance, data)))


def change_link(chance: random.Random, data: bytes, _seeds: list[Seed]) -> bytes:
    return _with(data, chance.choice(_ifds(data)).link_at, struct.pack("<Q", _number(chance, data)))


def change_tag_count(chance: random.Random, data: bytes, _seeds: list[Seed]) -> bytes:
    return _with(data, chance.choice(_ifds(data)).at, struct.pack("<Q", chance.choice((0, 1, 5, 30, 300))))


def change_code(chance: random.Random, data: bytes, _seeds: list[Seed]) -> bytes:
    codes = [tag.code for ifd in _ifds(data) for tag in ifd.tags] + [32997, 32998, 317, 266, 338, 347, 700]
    return _with(data, _tag(chance, data).at, struct.pack("<H", chance.choice(codes)))


def change_type(chance: random.Random, data: bytes, _seeds: list[Seed]) -> bytes:
    return _with(data, _tag(chance, data).at + 2, struct.pack("<H", chance.choice((*range(20), 65535))))


def change_count(chance: random.Random, data: bytes, _seeds: list[Seed]) -> bytes:
    tag = _tag(chance, data)
    count = chance.choice((_number(chance, data), tag.count + 1, max(0, tag.count - 1), 0, 2 * tag.count))
    return _with(data, tag.at + 4, struct.pack("<Q", count))


def change_value(chance: random.Random, data: bytes, _seeds: list[Seed]) -> bytes:
    tag = _tag(chance, data)
    value = chance.choice(
        (_number(chance, data), tag.value + 1, tag.value >> 1, chance.randrange(256), 50000)
    )
    return _with(data, tag.at + 12, struct.pack("<Q", value & (1 << 64) - 1))


def swap_tags(chance: random.Random, data: bytes, _seeds: list[Seed]) -> bytes:
    one, other = _tag(chance, data).at, _tag(chance, data).at
    return _with(_with(data, one, data[other : other + 20]), other, data[one : one + 20])


def change_text(chance: random.Random, data: bytes, _seeds: list[Seed]) -> bytes:
    """Append another text, and point the tag to it."""
    tags = [tag for ifd in _ifds(data) for tag in ifd.tags if tag.code in _CHANGES]
    tag = chance.choice(tags)
    text = _CHANGES[tag.code](chance, data[tag.value : tag.value + min(tag.count, len(data))])
    entry = struct.pack("<HHQQ", tag.code, tag.type, len(text), len(data))
    return _with(data, tag.at, entry) + text.ljust(8, b"\0")


_NASTY: list[Any] = [
    *(None, True, -1, 0, 1, 3, 2**31, 2**63, 2**64, -(2**63), 10**400, 1e308, float("nan"), float("inf")),
    *(
        "",
        "x",
        "\ud800",
        "\0",
        "\x1b[2J",
        "<u2",
        ">f8",
        "O",
        "(2,3)f4",
        "M8[7D]",
        "V9999999999",
        "A1-Site_" + "9" * 30,
    ),
    *(
        "../../x",
        "urn:uuid:",
        "NaN",
        "auto",
        "zlib",
        "2026-11-22 07:11:23 +0000",
        "9999-12-31 23:59:59 -2300",
    ),
    *(
        [],
        [[]],
        [-1, 5],
        [5, -5],
        [0, 0],
        [2**40, 2**40],
        [1] * 70,
        {},
        {"": {}},
        {"PropVal": 1, "PropType": 2},
    ),
    *({"time": True}, {"time": 1.5}, {"time": None}, {"position": "q"}, {"z": 2**63}, {"\ud83d": "\ude00"}),
]
_RAW = (
    b"[" * 5000,
    b'{"a":' * 5000,
    b"9" * 5000,
    b"{",
    b"\xff\xfe",
    b"1" * 4000,
    b"-Infinity",
    b'"',
    b"\n\n",
    b"",
)


def nasty_json(chance: random.Random, text: bytes) -> bytes:
    """Change something inside JSON, or make it invalid."""
    if chance.random() < 0.15:
        at = chance.randrange(len(text) + 1)
        return text[:at] + chance.choice(_RAW) + text[at + chance.choice((0, 0, 1, 5)) :]
    value = json.loads(text)
    spots = list(_spots(value))
    for _ in range(chance.choice((1, 1, 2))):
        container, key = chance.choice(spots)
        action = chance.random()
        if action < 0.1 and isinstance(container, dict):
            container.pop(key, None)
        elif action < 0.15 and isinstance(container, dict):
            container[chance.choice(("", "x" * 300, "\ud800", "time", "position"))] = chance.choice(_NASTY)
        elif action < 0.2 and isinstance(container[key], list):
            container[key] *= 2
        else:
            container[key] = chance.choice(_NASTY)
    return json.dumps(value, separators=(",", ":")).encode()


def _spots(value: Any) -> Iterator[tuple[Any, Any]]:
    for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _spots(inner)


def nasty_records(chance: random.Random, text: bytes) -> bytes:
    """Change, remove or reorder lines of a record."""
    lines = text.rstrip(b"\n").split(b"\n")
    action = chance.random()
    if action < 0.1:
        chance.shuffle(lines)
    elif action < 0.2:
        lines.insert(chance.randrange(len(lines)), chance.choice(lines))
    elif action < 0.3:
        del lines[chance.randrange(len(lines))]
    else:
        at = chance.randrange(len(lines))
        lines[at] = nasty_json(chance, lines[at])
    return b"\n".join((*lines, b""))


_ENTITIES = '<!DOCTYPE OME [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>'
_NASTY_XML = (
    *("", "-1", "0", "99999999999999999999", "NaN", "&#0;", "&b;", "&c;", "<", "\ud800", "Image:0", "double"),
    *(
        "../../../etc/passwd",
        "/etc/passwd",
        "C:\\x",
        "urn:uuid:00000000-0000-0000-0000-000000000001",
        "XYTCZ",
    ),
    *("urn:lsid:" + "a." * 30 + "!", "<a>" * 3000, "<Image/>", "</Pixels>", "<!--", "]]>", _ENTITIES),
)


def nasty_xml(chance: random.Random, text: bytes) -> bytes:
    """Change a token, the encoding, or the start of the document."""
    xml = text.rstrip(b"\0").decode("utf-8", "replace")
    action = chance.random()
    if action < 0.1:
        return (_ENTITIES + xml).encode()
    if action < 0.2:
        encoding = chance.choice(("utf-16", "utf-7", "utf-32", "cp037", "latin-1"))
        xml = (_ENTITIES + xml).replace("UTF-8", encoding.upper())
        return xml.encode(encoding, "replace")
    tokens = [match.span() for match in re.finditer(r'"[^"]*"|>[^<]+<|<[^<>]*>|\w+', xml)]
    start, stop = chance.choice(tokens)
    new = chance.choice((*_NASTY_XML, xml[slice(*chance.choice(tokens))]))
    if xml[start] == '"' and not new.startswith('"'):
        new = f'"{new}"'
    return (xml[:start] + new + xml[stop:]).encode("utf-8", "surrogatepass")


def change_xml(chance: random.Random, data: bytes, _seeds: list[Seed]) -> bytes:
    return nasty_xml(chance, data)


def change_index(chance: random.Random, data: bytes, _seeds: list[Seed]) -> bytes:
    """Append another index, usually with its checksum."""
    (place,) = (tag.value for ifd in _ifds(data) for tag in ifd.tags if tag.code == chain.INDEX)
    at, nbytes, crc = struct.unpack_from("<3Q", data, place)
    index = data[at : at + min(nbytes, len(data))]
    (length,) = struct.unpack_from("<Q", index)
    text, arrays = index[8 : 8 + length], index[8 + length :]
    if chance.random() < 0.6:
        text = nasty_json(chance, text)
        text = text.ljust(-(-len(text) // 8) * 8)
    else:
        for _ in range(chance.choice((1, 1, 4))):
            arrays = _with(arrays, chance.randrange(len(arrays)), chance.randbytes(chance.choice((1, 2, 8))))
    index = struct.pack("<Q", chance.choice((*[len(text)] * 9, _number(chance, data)))) + text + arrays
    crc = chance.choice((*[zlib.crc32(index)] * 9, crc))
    place_of_index = struct.pack(
        "<3Q", len(data), chance.choice((*[len(index)] * 9, _number(chance, data))), crc
    )
    return _with(data, place, place_of_index) + index


_CHANGES: Mapping[int, Callable[[random.Random, bytes], bytes]] = {
    chain.DATASET: nasty_json,
    chain.RECORDS: nasty_records,
    chain.IMAGE_DESCRIPTION: nasty_xml,
}
_BLIND = (flip_bits, set_bytes, truncate, cut_out, repeat, splice)
_KNOWING = (
    *(change_header, change_link, change_tag_count, change_code, change_type, change_count, change_value),
    *(swap_tags, *[change_text] * 9, *[change_index] * 4),
)
_OF_TIFF = (*_BLIND, *_KNOWING)
_OF_XML = (*_BLIND, *[change_xml] * 6)


def _change_folder(chance: random.Random, files: Files) -> str:
    name = chance.choice([*files])
    action = chance.choice(("gone", "copied", "renamed", "empty", "with another one's content"))
    if action == "gone" and len(files) > 1:
        del files[name]
    elif action == "copied":
        files[f"copy {name}"] = files[name]
    elif action == "renamed":
        files[f"\u00e4 {name}"] = files.pop(name)
    elif action == "empty":
        files[name] = b""
    else:
        files[name] = files[chance.choice([*files])]
    return f"{name} {action}"
