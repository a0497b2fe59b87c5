"""Missing planes: black in readers, absent in `TiffStorage`, listed in the OME-XML.

Unless they are listed, Bio-Formats opens nothing, or shows other planes in place of the missing ones.
"""

import json
from itertools import product

import pytest

from acquisitions import frames_at, nested, put_all
from exengine_ome_tiff import TiffStorage
from readers.check import assert_readers_agree

_TWELVE = nested(time=(0, 1), channel=("DAPI", "GFP"), z=(0, 1, 2))
CASES = {
    "two of twelve": [place for number, place in enumerate(_TWELVE) if number not in (4, 9)],
    "the first plane": _TWELVE[1:],
    "stopped early": _TWELVE[:-4],
    "ten times planned, six came": nested(time=range(10), z=(0,))[:6],
    "half of the times without a z": [{"time": time} | ({} if time % 2 else {"z": 1}) for time in range(10)],
    "channels in turn": [{"channel": ("DAPI", "GFP")[time % 2], "time": time} for time in range(10)],
    "twelve of twenty-four": [
        {"z": z, "channel": channel, "time": time}
        for time, channel, z in product(range(4), ("DAPI", "GFP"), range(3))
        if (time + z + (channel == "GFP")) % 2
    ],
    "the second image": [
        *nested(position=("a",), time=(0, 1), z=(0, 1)),
        *nested(position=("b",), time=(0, 1), z=(0, 1))[:-1],
    ],
    "both images, other planes": [
        *nested(position=("a",), time=(0, 1), z=(0, 1))[1:],
        *nested(position=("b",), time=(0, 1), z=(0, 1))[:-1],
    ],
    "a diagonal": [{"time": number, "channel": str(number), "z": number} for number in range(4)],
}
CODINGS = {
    "plain": {},
    "zlib": {"compression": "zlib"},
    "tiles": {"tile": (16, 16)},
    "pyramid": {"pyramid_levels": 2},
}


@pytest.mark.parametrize("kind", [((20, 24), "u2"), ((20, 24, 3), "u1")], ids=["gray", "RGB"])
@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ["run.ome.tiff", "run"])
@pytest.mark.usefixtures("bioformats")
def test_missing_planes_are_black_absent_and_listed(tmp_path, caplog, name, case, coding, kind):
    put = frames_at(CASES[case], *kind)
    with TiffStorage(tmp_path / name, **CODINGS[coding]) as storage:
        put_all(storage, put)
        assert_absent(storage, CASES[case])
    with TiffStorage.open(tmp_path / name) as storage:
        assert_absent(storage, CASES[case])
    documents = assert_readers_agree(tmp_path / name, put, caplog)
    for document in documents:
        notes = {note.id: note for note in document.structured_annotations.map_annotations}
        for image in document.images:
            refs = [notes[ref.id] for ref in image.annotation_refs if ref.id in notes]
            named = [note.value["ZCT and count"] for note in refs if note.namespace.endswith("not-acquired")]
            planes = {(plane.the_z, plane.the_c, plane.the_t) for plane in image.pixels.planes}
            sizes = (image.pixels.size_z, len(image.pixels.channels), image.pixels.size_t)
            missing = {*product(*map(range, sizes))} - planes
            assert not missing or len(named) == 1
            order = ["ZCT".index(axis) for axis in image.pixels.dimension_order.value[2:]]
            assert {place for text in named for place in runs(json.loads(text), sizes, order)} == missing


def runs(named, sizes, order):
    """Yield the indices (z, c, t) of runs of planes along the dimension order."""
    places = sorted(product(*map(range, sizes)), key=lambda place: [place[axis] for axis in reversed(order)])
    for *first, count in named:
        start = places.index(tuple(first))
        yield from places[start : start + count]


def assert_absent(storage, places):
    """Assert that, among all combinations of values, only those that were put have a frame."""
    there = {frozenset(place.items()) for place in places}
    for image in storage.images:
        axes = {axis: {place.get(axis) for place in places} for axis in ("time", "channel", "z")}
        for values in product(*axes.values()):
            along = {axis: value for axis, value in zip(axes, values, strict=True) if value is not None}
            place = image.coordinates | along
            if frozenset(place.items()) in there:
                assert place in storage
            else:
                assert place not in storage
                with pytest.raises(KeyError):
                    storage.get_data(place)
                with pytest.raises(KeyError):
                    storage.get_metadata(place)
