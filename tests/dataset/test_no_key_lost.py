"""The file contains all metadata that was put: exact in records, readable in OME-XML."""

import json
import math
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from ome_types import from_xml

from effort import effort
from exengine_ome_tiff import TiffStorage
from exengine_ome_tiff.ome.text import valid_text
from readers.bioformats import validate_xml

FRAME = np.ones((4, 4), np.uint8)
KEYS = st.text(max_size=8) | st.sampled_from(
    ["Exposure-ms", "XPositionUm", "PixelSizeUm", "Camera", "Axes", "format", "exposure_ms", "Time", "a.b"]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 70), 1 << 70)
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["frame-dict", "2026-11-22 07:11:23.4 +0100", "1", "🔬", "\x00\x1f\x85\ufffe"])
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)
METADATA = st.dictionaries(KEYS, VALUES, max_size=8)


def leaves(value, path=()):
    """Yield the path and the value of each leaf of nested metadata."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    else:
        yield ".".join(path), value


def same(a, b):
    return a == b or (isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b))


@settings(max_examples=effort(30, 150), deadline=None)
@given(frames=st.lists(METADATA, min_size=1, max_size=4), summary=METADATA)
@pytest.mark.usefixtures("bioformats")
def test_every_leaf_can_be_found_again(frames, summary):
    folder = Path(tempfile.mkdtemp())
    try:
        path = folder / "run.ome.tiff"
        with TiffStorage(path, summary) as storage:
            for time, metadata in enumerate(frames):
                storage.put({"time": time}, FRAME, metadata)
        with TiffStorage.open(path) as storage:
            for time, metadata in enumerate(frames):
                assert json.dumps(storage.get_metadata({"time": time})) == json.dumps(metadata)
            assert json.dumps(storage.summary_metadata) == json.dumps(summary)
        xml = tifffile.tiffcomment(path)
        assert validate_xml(xml) == []
        notes = from_xml(xml).structured_annotations.map_annotations
        tags = {
            key: text
            for note in notes
            if ":metadata" in (note.namespace or "")
            for key, text in note.value.items()
        }
        for metadata in frames:
            for key, value in leaves(metadata) if metadata else ():
                shown = as_shown(key)
                in_ome = key in IN_OME or key.strip(".").rpartition(".")[2] in NESTED_IN_OME
                assert shown in tags or in_ome or is_inside(tags, key) or is_wrapped(metadata), (key, value)
    finally:
        shutil.rmtree(folder)


IN_OME = ("Exposure-ms", "XPositionUm", "PixelSizeUm", "exposure_ms", "Time")
"""Keys with a place in OME; invalid values of them are tested separately."""


NESTED_IN_OME = ("Exposure-ms", "PixelSizeUm", "XPositionUm", "exposure_ms")
"""Keys with units in their names, and names of cameras, which also count in nested dicts."""


def as_shown(key):
    """Return a key as it is in annotations."""
    return key if valid_text(key) == key else json.dumps(key)[1:-1]


def is_inside(tags, key):
    """Whether a nested key is in the JSON of an outer dict, because another frame has a plain value there."""
    around, _, last = key.rpartition(".")
    while around:
        if json.dumps(last) in tags.get(as_shown(around), ""):
            return True
        around, _, last = around.rpartition(".")
    return False


def is_wrapped(metadata):
    """Whether there are Micro-Manager's wrapper keys, or keys that are the same after flattening."""
    keys = [key for key, _ in leaves(metadata)]
    return len(keys) > len(set(keys))


@pytest.mark.parametrize(
    "value", ["x" * 1_000_000, "\x00\x01", "🔬", None, True, math.nan, {"a": {"b": []}}, {}, [], "<&>\"'\n"]
)
def test_hard_values(tmp_path, value, bioformats):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, {"summary": value}) as storage:
        for time in range(3):
            storage.put({"time": time}, FRAME, {"constant": value, "varying": [time, value]})
    with TiffStorage.open(path) as storage:
        for time in range(3):
            got = storage.get_metadata({"time": time})
            assert same(got["constant"], value)
            assert got["varying"][0] == time
            assert same(got["varying"][1], value)
        assert same(storage.summary_metadata["summary"], value)
    assert validate_xml(tifffile.tiffcomment(path)) == []
    with bioformats(path) as reader:
        assert reader.series[0].size_t == 3
        assert reader.warnings == []


def test_columns_too_long_for_the_xml_are_listed_in_it(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path) as storage:
        for time in range(3):
            storage.put({"time": time}, FRAME, {"long": str(time) * 200_000, "short": time})
    notes = from_xml(tifffile.tiffcomment(path)).structured_annotations.map_annotations
    (table,) = (dict(note.value) for note in notes if note.namespace.endswith(":metadata-by-plane"))
    assert table == {"short": "[0,1,2]", "(in the records only)": '["long"]'}


def test_short_columns_are_written_first(tmp_path):
    path = tmp_path / "run.ome.tiff"
    columns = {"first": 200_000, "second": 150_000, "third": 2}
    with TiffStorage(path) as storage:
        for time in range(2):
            metadata = {key: str(time) * (length // 2) for key, length in columns.items()}
            storage.put({"time": time}, FRAME, metadata)
    notes = from_xml(tifffile.tiffcomment(path)).structured_annotations.map_annotations
    (table,) = (dict(note.value) for note in notes if note.namespace.endswith(":metadata-by-plane"))
    assert [*table] == ["third", "second", "(in the records only)"]
