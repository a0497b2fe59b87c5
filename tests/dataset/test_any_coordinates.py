"""Any set of coordinates gives a correct OME-TIFF: three readers check examples from hypothesis."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from acquisitions import put_all
from effort import effort
from exengine_ome_tiff import TiffStorage
from frames import frame
from readers.check import assert_readers_agree

NUMBERS = st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(-3, 3)
TEXTS = st.text(max_size=12) | st.sampled_from(["DAPI", "GFP", "A1", "B2-Site_0", "1", "a/b", "a\\b", "CON"])
VALUES = NUMBERS | TEXTS
PLANE_AXES = ("time", "channel", "z")
OTHER_AXES = ("position", "camera", "angle", "well", "row", "?", "µ <x>", "time (T)")
KINDS = [((5, 7), "u2"), ((4, 3), "u2"), ((5, 7), "f4"), ((5, 7, 3), "u1"), ((1, 3), "i1")]


@st.composite
def acquisitions(draw):
    """Draw frames with few values per axis, so that frames share images and some planes are missing."""
    axes = draw(st.lists(st.sampled_from([*PLANE_AXES, *OTHER_AXES]), max_size=6, unique=True))
    values = {axis: draw(st.lists(VALUES, min_size=1, max_size=4, unique_by=repr)) for axis in axes}
    point = st.fixed_dictionaries({}, optional={axis: st.sampled_from(values[axis]) for axis in axes})
    # the first frame decides which of the images that differ in kind only has the first kind
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=2, unique=True))
    points = draw(st.lists(st.tuples(point, st.sampled_from(kinds)), min_size=1, max_size=25))
    return [(place, frame(place | {"put": number}, *kind)) for number, (place, kind) in enumerate(points)]


@st.composite
def options(draw):
    inside = draw(st.permutations(["angle", "row", "camera"]))
    parents = draw(st.lists(st.sampled_from("ZCT"), max_size=2, unique=True))
    return {"fold_axes": dict(zip(inside, parents, strict=False))}


@settings(
    max_examples=effort(25, 150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(put=acquisitions(), options=options(), name=st.sampled_from(["run.ome.tiff", "run"]))
@pytest.mark.usefixtures("bioformats")
def test_readers_agree_on_any_acquisition(caplog, put, options, name):
    note([place for place, _ in put])
    folder = Path(tempfile.mkdtemp())
    try:
        with TiffStorage(folder / name, **options) as storage:
            put_all(storage, put)
        assert_readers_agree(folder / name, put, caplog)
    finally:
        shutil.rmtree(folder)
