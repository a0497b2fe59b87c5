"""Any sequence of calls on a storage agrees with a dict, and so does the resulting file.

``STATE_MACHINE_EXAMPLES`` sets the number of sequences.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from effort import effort
from exengine_ome_tiff import TiffStorage
from frames import assert_same, frame, in_file, stored_planes
from readers.bioformats import validate_xml

STRINGS = ["", "a", "A", "a/b", "..", 'q"\\', "µm 🔬", "細", "1", "e\u0301", "é", " ", "x" * 300, "\n\t<&>"]
INTS = [-7, -1, 0, 1, 2, 1000]
PLANE_AXES = {
    "time": [*range(-1, 3), "late", ""],
    "channel": ["DAPI", "GFP", "", "a/b", 'q"', "🔬", 3, -1],
    "z": [-2, 0, 5, "top", "1"],
}
FREE_AXES = ["position", "camera", "well", "level", "?", "items", "µ 🔬", '<&">', "time (t)", "copy"]
KINDS = [
    ((5, 7), "u2"),
    ((5, 7), ">u2"),
    ((7, 5), "u1"),
    ((5, 7), "?"),
    ((3, 5), "u1"),
    ((3, 5, 3), "u1"),
    ((4, 4, 4), ">u2"),
    ((5, 7), ">f4"),
    ((5, 7), "f2"),
    ((1, 1), "i4"),
    ((1, 9), "c8"),
]

plane_coordinates = st.fixed_dictionaries(
    {}, optional={axis: st.sampled_from(values) for axis, values in PLANE_AXES.items()}
)
free_coordinates = st.dictionaries(st.sampled_from(FREE_AXES), st.sampled_from(INTS + STRINGS), max_size=2)
coordinates_of_any_axes = st.tuples(free_coordinates, plane_coordinates).map(
    lambda parts: parts[0] | parts[1]
)
text = st.text(st.characters(exclude_categories=()), max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
metadata_of_any_kind = st.dictionaries(text, json_values, max_size=4) | json_values


def key(coordinates):
    return frozenset(coordinates.items())


def as_json(metadata):
    """Return a value as JSON text, in which NaN equals NaN."""
    return json.dumps({} if metadata is None else json.loads(json.dumps(metadata)))


class StorageMachine(RuleBasedStateMachine):
    """A storage next to a dict of coordinates to (coordinates, pixels, metadata as JSON)."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.model: dict[frozenset[tuple[str, Any]], tuple[dict[str, Any], np.ndarray, str]] = {}
        self.state = "writing"
        self.puts = 0

    @initialize(name=st.sampled_from(["run.ome.tiff", "run"]), summary=metadata_of_any_kind)
    def create(self, name, summary):
        self.path = self.folder / name
        self.summary = as_json(summary)
        self.storage = TiffStorage(self.path, summary)

    def take(self, coordinates, kind, metadata):
        shape, dtype = kind
        self.puts += 1
        pixels = frame({**coordinates, "put": self.puts}, shape, dtype)
        self.storage.put(coordinates, pixels, metadata)
        self.model[key(coordinates)] = (dict(coordinates), pixels.copy(), as_json(metadata))
        pixels.fill(0)

    @precondition(lambda self: self.state == "writing")
    @rule(coordinates=coordinates_of_any_axes, kind=st.sampled_from(KINDS), metadata=metadata_of_any_kind)
    def put(self, coordinates, kind, metadata):
        self.take(coordinates, kind, metadata)

    @precondition(lambda self: self.state == "writing")
    @rule(labels=free_coordinates, count=st.integers(2, 70), kind=st.sampled_from(KINDS))
    def put_series(self, labels, count, kind):
        for time in range(count):
            self.take({**labels, "time": time}, kind, {"n": time})

    @precondition(lambda self: self.state == "writing" and self.model)
    @rule(data=st.data(), kind=st.sampled_from(KINDS), metadata=metadata_of_any_kind)
    def put_again(self, data, kind, metadata):
        coordinates, _, _ = self.draw(data)
        backwards = dict(reversed(coordinates.items()))
        self.take(backwards, kind, metadata)

    @precondition(lambda self: self.state == "writing")
    @rule(coordinates=coordinates_of_any_axes)
    def put_something_bad(self, coordinates):
        with pytest.raises(TypeError):
            self.storage.put({**coordinates, "time": 0.5}, frame(coordinates))
        with pytest.raises(ValueError, match="shape"):
            self.storage.put(coordinates, np.zeros((2, 3, 4, 5), "u1"))
        first = {"first": 1}
        self.take(first, KINDS[0], {})

    @precondition(lambda self: self.state != "writing")
    @rule(coordinates=coordinates_of_any_axes)
    def put_too_late(self, coordinates):
        with pytest.raises(RuntimeError):
            self.storage.put(coordinates, frame(coordinates))

    @precondition(lambda self: self.state != "closed" and self.model)
    @rule(data=st.data())
    def read(self, data):
        coordinates, pixels, metadata = self.draw(data)
        assert coordinates in self.storage
        assert_same(self.storage[coordinates], pixels)
        assert json.dumps(self.storage.get_metadata(coordinates)) == metadata

    @precondition(lambda self: self.state != "closed")
    @rule(coordinates=coordinates_of_any_axes)
    def look_for(self, coordinates):
        assert (coordinates in self.storage) == (key(coordinates) in self.model)
        if key(coordinates) not in self.model:
            with pytest.raises(KeyError):
                self.storage.get_data(coordinates)
            with pytest.raises(KeyError):
                self.storage.get_metadata(coordinates)

    @precondition(lambda self: self.state == "closed")
    @rule(coordinates=coordinates_of_any_axes)
    def look_for_in_closed(self, coordinates):
        with pytest.raises(RuntimeError):
            assert coordinates in self.storage

    @rule()
    def flush(self):
        self.storage.flush()

    @precondition(lambda self: self.state != "writing" or self.puts > 5)
    @rule()
    def finish(self):
        self.storage.finish()
        if self.state == "writing":
            self.state = "finished"
            self.check_storage()
            self.check_files()

    @precondition(lambda self: self.state != "writing")
    @rule()
    def close(self):
        self.storage.close()
        self.state = "closed"

    @precondition(lambda self: self.state == "closed")
    @rule()
    def reopen(self):
        if not self.model:
            assert not self.path.exists()
            with pytest.raises(FileNotFoundError):
                TiffStorage.open(self.path)
            return
        self.storage = TiffStorage.open(self.path)
        self.state = "finished"
        self.check_storage()

    @invariant()
    def lists_what_was_put(self):
        if hasattr(self, "storage") and self.state != "closed":
            assert self.storage.get_image_coordinates_list() == [item[0] for item in self.model.values()]
            assert self.storage.is_finished() == (self.state == "finished")

    def draw(self, data):
        return data.draw(st.sampled_from(list(self.model.values())), label="one of the frames")

    def check_storage(self):
        assert json.dumps(self.storage.summary_metadata) == self.summary
        for coordinates, pixels, metadata in self.model.values():
            assert_same(self.storage.get_data(coordinates), pixels)
            assert json.dumps(self.storage.get_metadata(coordinates)) == metadata

    def check_files(self):
        """Compare every plane in the OME-XML with the last frame at its coordinates."""
        seen = set()
        for file in sorted(self.path.glob("*.ome.tiff")) if self.path.is_dir() else self.files():
            places = set()
            for plane in stored_planes(file):
                put = plane.put_at(self.model.keys() - seen)
                seen.add(put)
                axes = [axis for axis in ("position", "well") if axis in plane.coordinates]
                places.add(tuple(plane.coordinates[axis] for axis in axes))
                expected = in_file(self.model[put][1])
                assert plane.pixels.shape == expected.shape
                np.testing.assert_array_equal(plane.pixels, expected)
            assert len(places) == 1 or not self.path.is_dir()
        assert seen == self.model.keys()

    def files(self):
        return [self.path] if self.path.exists() else []

    def teardown(self):
        try:
            if hasattr(self, "storage"):
                self.finish()
                self.close()
                self.reopen()
                self.storage.close()
        finally:
            shutil.rmtree(self.folder)


TestStorage = pytest.mark.timeout(900)(StorageMachine.TestCase)  # a failure is shrunk for up to five minutes
TestStorage.settings = settings(
    max_examples=int(os.environ.get("STATE_MACHINE_EXAMPLES", str(effort(40, 250)))),
    stateful_step_count=25,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def irregular_frames():
    """Yield frames that combine everything the state machine varies and Java can read."""
    kinds = [kind for kind in KINDS if kind[1] not in ("?", "c8")]
    for number, string in enumerate(STRINGS):
        yield {"position": string, "time": number % 3, "channel": string}, kinds[number % len(kinds)]
    for number, axis in enumerate(FREE_AXES):
        yield {axis: -number, "z": STRINGS[number], "channel": number}, kinds[number % len(kinds)]
    for number, kind in enumerate(kinds):
        yield {"time": 5 * number, "z": -number % 4}, kind
    yield {}, kinds[0]


@pytest.mark.parametrize("name", ["run.ome.tiff", "run"], ids=["file", "folder"])
def test_the_xml_is_valid(bioformats, tmp_path, name):
    path = tmp_path / name
    put = {}
    with TiffStorage(path, {"text": "µ \ud800 <&>"}) as storage:
        for coordinates, (shape, dtype) in irregular_frames():
            put[key(coordinates)] = frame(coordinates, shape, dtype)
            storage.put(coordinates, put[key(coordinates)], {"text": 'µ \ud800 <&> "'})
    files = sorted(path.glob("*.ome.tiff")) if path.is_dir() else [path]
    seen = set()
    for file in files:
        with tifffile.TiffFile(file) as tif:
            assert validate_xml(tif.pages[0].tags["ImageDescription"].value) == []
        planes = list(stored_planes(file))
        seen |= {key(plane.coordinates) for plane in planes}
        with bioformats(file) as opened:
            for plane in planes:
                expected = in_file(put[key(plane.coordinates)])
                np.testing.assert_array_equal(opened.plane(plane.image, plane.z, plane.c, plane.t), expected)
            assert opened.warnings == []
    assert seen == put.keys()
    if path.is_dir():
        assert validate_xml((path / "run.companion.ome").read_bytes()) == []
