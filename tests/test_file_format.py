"""The page on the file format is correct: its bytes, and its reader."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exengine_ome_tiff import TiffStorage, recover
from frames import frame
from test_documents import blocks

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "explanation" / "file_format.md"
MAX_LINES = 80
PIXELS = [
    *(((3, 5), dtype) for dtype in ("?", "u1", "i2", "<u2", ">u2", "u4", "f2", "f4", "f8", "c8")),
    ((3, 5, 3), "u1"),
    ((3, 5, 4), "u2"),
]
PACKED = [
    (np.arange(15, dtype=np.uint32).reshape(3, 5) << 3, "RGB32"),
    (np.arange(15, dtype=np.uint32).reshape(3, 5) << 20, "RGB32"),
    (np.arange(15, dtype=np.uint64).reshape(3, 5) << np.uint64(30), "RGB64"),
    (np.arange(15, dtype=np.uint64).reshape(3, 5) << np.uint64(50), "RGB64"),
    (np.linspace(-1, 1, 15, dtype=np.float32).view(np.uint32).reshape(3, 5), "GRAY32"),
]


@pytest.fixture(scope="module")
def reader():
    """Return the source of the page's reader and its definitions."""
    (source,) = (code for _, code in blocks(PAGE.read_text("utf-8")) if "def read_file" in code)
    names: dict[str, Any] = {}
    exec(source, names)  # noqa: S102
    return source, names["read_file"]


def test_the_reader_is_short_and_needs_numpy_only(reader):
    source, _ = reader
    assert len(source.splitlines()) < MAX_LINES
    imported = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert {ast.unparse(node) for node in imported} == {
        "import json",
        "import struct",
        "from pathlib import Path",
        "import numpy as np",
    }


def put_all(storage):
    """Put frames of all kinds, some of them twice; return the expected result, by arrival."""
    expected = {}

    def put(coordinates, pixels, metadata):
        storage.put(coordinates, pixels, metadata)
        expected.pop(tuple(coordinates.items()), None)
        expected[tuple(coordinates.items())] = (coordinates, pixels, metadata)

    for time in range(20):
        for shape, dtype in PIXELS:
            at = {"time": time, "channel": f"µ {dtype}", "position": "A1", "samples": len(shape)}
            put(at, frame(at, shape, dtype), {"n": [time, None], "text": "\n\x00🔬"})
    for number, (words, pixel_type) in enumerate(PACKED):
        put({"packed": number}, words, {"PixelType": pixel_type})
    put({"packed": 0}, frame({"again": 1}), {})
    return list(expected.values())


def assert_read(read, expected):
    summary, frames = read
    assert summary == {"sample": "HeLa"}
    assert len(frames) == len(expected)
    for (coordinates, pixels, metadata), (at, put, said) in zip(frames, expected, strict=True):
        assert (coordinates, metadata) == (at, said)
        np.testing.assert_array_equal(pixels, put, strict=True)


def test_the_reader_reads_all_of_an_unfinished_and_of_a_finished_file(reader, tmp_path):
    _, read_file = reader
    path, copy = tmp_path / "run.ome.tiff", tmp_path / "copy.ome.tiff"
    with TiffStorage(path, {"sample": "HeLa"}) as storage:
        expected = put_all(storage)
        storage.flush()
        copy.write_bytes(path.read_bytes())
    assert_read(read_file(copy), expected)
    assert_read(read_file(path), expected)


def test_the_reader_resolves_repeated_text(reader, tmp_path):
    _, read_file = reader
    path, copy = tmp_path / "run.ome.tiff", tmp_path / "copy.ome.tiff"
    plan = {"positions": [{"x": n / 3, "name": f"µ {n}\n"} for n in range(400)]}
    other = [plan, "\x1a12,5,00000000\x1a" * 20]
    expected = []
    with TiffStorage(path, {"sample": "HeLa"}) as storage:
        for time in range(60):
            at = {"time": time, "samples": 2 + (time % 7 == 3)}
            said = {"z": {"at": time, "plan": plan if time < 20 else other}, "t": time}
            expected.append((at, frame(at, (3, 5, 3)[: at["samples"]]), plan if time == 30 else said))
            storage.put(*expected[-1])
            if time in (0, 1, 40):
                storage.flush()
        storage.flush()
        copy.write_bytes(path.read_bytes())
    assert_read(read_file(copy), expected)
    assert_read(read_file(path), expected)
    assert copy.read_bytes().count(b'"name":"\\u00b5 399\\n"') == 1  # in the first record


def test_the_reader_returns_the_last_frame_at_coordinates_though_its_block_comes_first(reader, tmp_path):
    _, read_file = reader
    path, shapes = tmp_path / "run.ome.tiff", ((8, 8), (4, 6), (4, 6), (8, 8))
    put = [({"time": min(n, 2)}, frame({"put": n}, shape), {"n": n}) for n, shape in enumerate(shapes)]
    with TiffStorage(path, {"sample": "HeLa"}) as storage:
        for each in put:
            storage.put(*each)
    assert_read(read_file(path), [*put[:2], put[3]])


def test_the_reader_stops_at_a_truncation(reader, tmp_path):
    _, read_file = reader
    path, copy = tmp_path / "run.ome.tiff", tmp_path / "copy.ome.tiff"
    big = [({"time": time}, frame({"time": time}, (1024, 600)), {}) for time in range(4)]
    with TiffStorage(path, {"sample": "HeLa"}) as storage:
        for put in big:
            storage.put(*put)
        copy.write_bytes(path.read_bytes())
    assert_read(read_file(copy), big)
    link = read_file.__globals__["read_page"](np.memmap(copy, np.uint8, "r"), 16)[1]
    with copy.open("r+b") as file:
        file.truncate(link)
    assert_read(read_file(copy), big[:1])


def test_the_reader_ends_at_a_link_without_target(reader, tmp_path):
    _, read_file = reader
    read_page = read_file.__globals__["read_page"]
    path, copy = tmp_path / "run.ome.tiff", tmp_path / "copy.ome.tiff"
    frames = [({"time": time}, frame({"time": time}), {}) for time in range(5)]
    with TiffStorage(path, {"sample": "HeLa"}) as storage:
        for put in frames:
            storage.put(*put)
        storage.flush()
        data = bytearray(path.read_bytes())
    buffer, at = np.frombuffer(bytes(data), np.uint8), 16
    while following := read_page(buffer, at)[1]:
        at = following
    link = at + 8 + 20 * int.from_bytes(data[at : at + 8], "little")
    data[link : link + 8] = len(data).to_bytes(8, "little")
    copy.write_bytes(data)
    assert_read(read_file(copy), frames)
    assert recover(copy).n_frames == len(frames)
    assert_read(read_file(copy), frames)


def test_the_reader_finds_frames_after_pyramids_and_blank_pages(reader, tmp_path):
    _, read_file = reader
    expected = [(at, frame(at, (64, 64)), {}) for at in ({"time": 0, "z": 0}, {"time": 2, "z": 5})]
    with TiffStorage(tmp_path / "run.ome.tiff", {"sample": "HeLa"}) as storage:
        for put in expected:
            storage.put(*put)
    assert_read(read_file(tmp_path / "run.ome.tiff"), expected)
    with TiffStorage(tmp_path / "tiled.ome.tiff", compression="zlib", pyramid_levels=1) as storage:
        storage.put({}, np.zeros((64, 64), np.uint8))
    with pytest.raises(NotImplementedError, match="compressed or tiled"):
        read_file(tmp_path / "tiled.ome.tiff")


def test_the_bytes_on_the_page_are_current():
    spec = importlib.util.spec_from_file_location("make_hexdump", DOCS / "make_hexdump.py")
    assert spec is not None
    assert spec.loader is not None
    make_hexdump = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_hexdump)
    page = PAGE.read_text("utf-8")
    assert make_hexdump.with_pictures(page) == page, "run python docs/make_hexdump.py"
