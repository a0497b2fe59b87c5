"""Write the bytes of a real file, with their meaning, into docs/explanation/file_format.md.

python docs/make_hexdump.py
"""

import json
import re
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from exengine_ome_tiff import TiffStorage

PAGE = Path(__file__).parent / "explanation" / "file_format.md"
TAGS = {
    254: "NewSubfileType",
    256: "ImageWidth",
    257: "ImageLength",
    258: "BitsPerSample",
    259: "Compression",
    262: "PhotometricInterpretation",
    270: "ImageDescription",
    273: "StripOffsets",
    277: "SamplesPerPixel",
    278: "RowsPerStrip",
    279: "StripByteCounts",
    282: "XResolution",
    283: "YResolution",
    296: "ResolutionUnit",
    305: "Software",
    65140: "DATASET",
    65141: "RECORDS",
    65142: "JOURNAL",
    65145: "INDEX",
}
TYPES = {2: "ASCII", 3: "SHORT", 4: "LONG", 5: "RATIONAL", 7: "UNDEFINED", 16: "LONG8"}
DATASET, RECORDS, INDEX, STRIP_OFFSETS, STRIP_BYTE_COUNTS = 65140, 65141, 65145, 273, 279
_UUID = re.compile(rb"urn:uuid:[-0-9a-f]{36}")
_NO_UUID = b"urn:uuid:00000000-0000-4000-8000-000000000000"


def write() -> tuple[bytes, bytes]:
    """Return a file before and after `finish`: three frames, the last two in one block."""
    frames = np.arange(36, dtype=np.uint16).reshape(3, 3, 4)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.ome.tiff"
        with TiffStorage(path, {"sample": "HeLa"}) as storage:
            for time, pixels in enumerate(frames):
                storage.put({"time": time, "channel": "GFP"}, pixels, {"exposure_ms": 10.0})
            storage.flush()
            unfinished = path.read_bytes()
        finished = path.read_bytes()
    return _UUID.sub(_NO_UUID, unfinished), _UUID.sub(_NO_UUID, finished)


def u64(data: bytes, at: int) -> int:
    """Read an 8-byte number."""
    return int(struct.unpack_from("<Q", data, at)[0])


def row(data: bytes, at: int, sizes: tuple[int, ...], meaning: str) -> str:
    """Show the bytes at an offset, in groups of the given sizes."""
    groups = []
    for size in sizes:
        groups.append(data[at : at + size].hex())
        at += size
    return f"{at - sum(sizes):06x}  {' '.join(groups):<44} {meaning}".rstrip()


def page(data: bytes, at: int) -> tuple[dict[int, tuple[int, int]], int]:
    """Return offset and count of the value of each tag of a page, and the offset of the next page."""
    tags = {}
    count = u64(data, at)
    for entry in range(at + 8, at + 8 + 20 * count, 20):
        code, _, number = struct.unpack_from("<HHQ", data, entry)
        tags[code] = (u64(data, entry + 12), number)
    return tags, u64(data, at + 8 + 20 * count)


def page_rows(data: bytes, at: int, shown: frozenset[int] = frozenset(TAGS)) -> Iterator[str]:
    """Show the directory of a page, without the tags that are left out."""
    count = u64(data, at)
    yield row(data, at, (8,), f"a page with {count} tags: code, type, count, value or its offset")
    end = at + 8 + 20 * count
    is_cut = False
    for entry in range(at + 8, end, 20):
        code, kind, number = struct.unpack_from("<HHQ", data, entry)
        if code not in shown:
            if not is_cut:
                yield "        ..."
            is_cut = True
            continue
        is_cut = False
        value = u64(data, entry + 12)
        if code == INDEX:
            told = f"3 numbers at {value:06x}"
        elif number > 1:
            told = f"{number} bytes at {value:06x}"
        elif kind == 5:
            told = "1/1"
        elif code in (STRIP_OFFSETS, 65142):
            told = f"{value:06x}"
        else:
            told = f"{value}"
        yield row(data, entry, (2, 2, 8, 8), f"{code} {TAGS[code]}, {TYPES[kind]}: {told}")
    following = u64(data, end)
    yield row(data, end, (8,), f"next page at {following:06x}" if following else "no next page")


def text_rows(data: bytes, at: int, length: int, *, is_whole: bool) -> Iterator[str]:
    """Show the lines of a text, or its beginning."""
    for line in data[at : at + length].decode("ascii").splitlines(keepends=True):
        text = line.replace("\n", "\\n") if is_whole else f"{line[:87]}..."
        yield f"{at:06x}  {text}"
        at += len(line)


def pixel_rows(data: bytes, tags: dict[int, tuple[int, int]]) -> Iterator[str]:
    """Show the pixels of a page, one image row per line."""
    at, length = tags[STRIP_OFFSETS][0], tags[STRIP_BYTE_COUNTS][0]
    for start in range(at, at + length, 8):
        yield row(data, start, (2, 2, 2, 2), "pixels, a row of the frame")


def unfinished_rows(data: bytes) -> Iterator[str]:
    """Show the first page and the block of two pages after it."""
    yield row(data, 0, (2, 2, 2, 2), '"II" (little-endian), 43 (BigTIFF), offsets of 8 bytes, 0')
    first = u64(data, 8)
    yield row(data, 8, (8,), f"first page at {first:06x}")
    yield from page_rows(data, first)
    tags, second = page(data, first)
    yield from text_rows(data, *tags[DATASET], is_whole=False)
    yield from text_rows(data, *tags[RECORDS], is_whole=True)
    yield from pixel_rows(data, tags)
    yield ""
    block, third = page(data, second)
    last, _ = page(data, third)
    yield from pixel_rows(data, block)
    yield from pixel_rows(data, last)
    yield from page_rows(data, second, frozenset((256, STRIP_OFFSETS, STRIP_BYTE_COUNTS, RECORDS)))
    yield from page_rows(data, third, frozenset((256, STRIP_OFFSETS, STRIP_BYTE_COUNTS)))
    yield from text_rows(data, *block[RECORDS], is_whole=True)


def index_rows(data: bytes, at: int) -> Iterator[str]:
    """Show the text and the arrays of the index."""
    length = u64(data, at)
    yield row(data, at, (8,), f"index: {length} bytes of text")
    text = data[at + 8 : at + 8 + length].decode("ascii")
    yield f"{at + 8:06x}  {text[:87]}..."
    head, at = json.loads(text), at + 8 + length
    count, arrays = head["frames"], [*head["columns"].items()]
    for axes in head["axes"]:
        dtypes = [each["dtype"] for each in axes["columns"]]
        arrays += zip(axes["names"], dtypes, strict=True)
    for name, dtype in arrays:
        size = np.dtype(dtype).itemsize
        values = np.frombuffer(data, dtype, count, at).tolist()
        yield row(data, at, (size,) * count, f"{name}: {', '.join(map(str, values))}")
        at += -(-size * count // 8) * 8


def finished_rows(data: bytes) -> Iterator[str]:
    """Show the bytes that `finish` adds, without pages that resemble others."""
    first = u64(data, 8)
    yield row(data, 8, (8,), f"first page at {first:06x}, previously {16:06x}")
    yield "        ...     everything up to here is unchanged"
    tags, _ = page(data, first)
    index = [u64(data, tags[INDEX][0] + 8 * number) for number in range(3)]
    yield from index_rows(data, index[0])
    at, length = tags[270]
    yield f"{at:06x}  {' '.join(data[at : at + 87].decode('ascii').split())}..."
    yield f"        ... {length} bytes of OME-XML in UTF-8, the last of them 0"
    meaning = f"index: at {index[0]:06x}, {index[1]} bytes, their CRC-32"
    yield row(data, tags[INDEX][0], (8, 8, 8), meaning)
    yield from page_rows(data, first, frozenset((256, 270, STRIP_OFFSETS, 305, 65142, INDEX)))


def has_block_of_two(data: bytes) -> bool:
    """Whether the last two frames share a block; they do not if a busy computer pauses between them."""
    _, second = page(data, u64(data, 8))
    tags, third = page(data, second)
    at, _ = tags[RECORDS]
    return third != 0 and bool(json.loads(data[at:].split(b"\n", 1)[0])["pages"] == 2)


def pictures() -> dict[str, str]:
    """Return the text of both dumps."""
    unfinished, finished = write()
    while not has_block_of_two(unfinished):
        unfinished, finished = write()
    return {
        "unfinished": "\n".join(unfinished_rows(unfinished)),
        "finished": "\n".join(finished_rows(finished)),
    }


def with_pictures(text: str) -> str:
    """Return the page with new dumps."""
    for name, picture in pictures().items():
        place = re.compile(rf"(<!-- bytes: {name} -->\n```text\n).*?(\n```)", re.DOTALL)
        text, count = place.subn(lambda match, new=picture: match[1] + new + match[2], text)
        if count != 1:
            raise ValueError(f"{PAGE} has {count} places for the picture {name!r}")
    return text


if __name__ == "__main__":
    PAGE.write_text(with_pictures(PAGE.read_text("utf-8")), "utf-8", newline="\n")
