"""Frames are distributed over images and planes."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exengine_ome_tiff.coordinates.columns import CoordinateTable
from exengine_ome_tiff.coordinates.grouping import lay_out
from exengine_ome_tiff.coordinates.keys import Axes

NAMES = {"Z": "z", "C": "channel", "T": "time"}


def layouts(all_coordinates, kinds=None):
    kinds = kinds or ["kind"] * len(all_coordinates)
    known = [*dict.fromkeys(kinds)]
    kind_of = np.array([known.index(kind) for kind in kinds], np.int64)
    return lay_out(np.arange(len(kinds)), table(all_coordinates), kind_of, known)


def table(all_coordinates):
    axes = Axes()
    return CoordinateTable.of([axes.key(coordinates) for coordinates in all_coordinates], axes)


def test_frames_of_a_table_in_another_order_keep_their_planes():
    frames = [{"time": 1, "channel": "B"}, {"time": 0, "channel": "B"}, {"time": 0, "channel": "A"}]
    turned = CoordinateTable.joined([table(frames[::-1])], np.array([2, 1, 0]))
    (layout,) = lay_out(np.arange(3), turned, np.zeros(3, np.int64), ["kind"])
    assert turned.coordinates() == frames
    assert planes(layout) == dict(enumerate(frames))
    assert turned.take(np.array([0, 2])).coordinates() == [frames[0], frames[2]]


def planes(layout):
    """Return the coordinates of each frame in the layout of an image, by frame number."""
    found = {}
    for number, place in zip(layout.frames.tolist(), layout.zct().tolist(), strict=True):
        along = {NAMES[axis]: layout.values[axis][index] for axis, index in zip("ZCT", place, strict=True)}
        if number >= 0:
            found[number] = dict(layout.labels) | {k: v for k, v in along.items() if v is not None}
    return found


def test_no_frames_make_no_image():
    assert layouts([]) == []


def test_a_frame_without_coordinates_is_one_plane():
    (layout,) = layouts([{}])
    assert layout.labels == ()
    assert layout.sizes == {"Z": 1, "C": 1, "T": 1}
    assert layout.values == {"Z": (None,), "C": (None,), "T": (None,)}
    assert layout.frames.tolist() == [0]


def test_labels_include_a_folded_axis():
    places = [{"time": t, "channel": c, "angle": a} for t in (0, 2) for c in ("GFP", "RFP") for a in (0, 90)]
    (layout,) = lay_out(np.arange(8), table(places), np.zeros(8, np.int64), ["kind"], {"angle": "T"})
    assert [layout.label("T", at) for at in range(4)] == [
        "t=0 angle 0",
        "t=0 angle 90",
        "t=2 angle 0",
        "t=2 angle 90",
    ]
    assert [layout.label("C", at) for at in range(2)] == ["GFP", "RFP"]
    assert layout.label("Z", 0) == ""


@pytest.mark.parametrize("order", ["".join(order) for order in permutations("ZCT")])
def test_a_regular_acquisition_is_in_order_of_arrival(order):
    sizes = {"Z": 3, "C": 2, "T": 4}
    slowest_first = [range(sizes[axis]) for axis in reversed(order)]
    arrived = [
        {NAMES[axis]: index for axis, index in zip(reversed(order), indices, strict=True)}
        for indices in product(*slowest_first)
    ]
    (layout,) = layouts(arrived)
    assert layout.order == order
    assert layout.sizes == sizes
    assert layout.frames.tolist() == list(range(24))


@pytest.mark.parametrize("order", [("T", "Z"), ("Z", "T"), ("C", "T"), ("Z", "C")])
def test_a_missing_axis_does_not_change_the_order(order):
    fast, slow = order
    arrived = [{NAMES[slow]: s, NAMES[fast]: f} for s in range(3) for f in range(4)]
    (layout,) = layouts(arrived)
    assert layout.frames.tolist() == list(range(12))


def test_ints_rank_by_value_and_strings_by_first_arrival():
    (layout,) = layouts([{"channel": value} for value in ("DAPI", 7, "Cy5", -2, "A", 0, "10")])
    assert layout.values["C"] == (-2, 0, 7, "DAPI", "Cy5", "A", "10")


def test_a_frame_without_an_axis_takes_the_first_place():
    (layout,) = layouts([{"z": 0, "time": 1}, {"time": 2}, {"z": -5, "time": 1}])
    assert layout.values == {"Z": (-5, 0), "C": (None,), "T": (1, 2)}
    assert layout.cube().tolist() == [[[2, 0]], [[1, -1]]]


def test_a_frame_whose_place_is_taken_makes_a_separate_image():
    stack = [{"z": z, "time": t} for t in range(2) for z in (5, 6)]
    first, second = layouts([{"time": 0}, *stack])
    assert (first.lacking, first.frames.tolist(), first.values["Z"]) == (("z",), [0], (None,))
    assert (second.lacking, second.frames.tolist()) == ((), [1, 2, 3, 4])
    assert first.name("run", "kind") == "run without z"
    assert second.name("run", "kind") == "run"


def test_projections_of_a_channel_share_an_image_even_if_a_slice_is_missing():
    stacks = [{"time": t, "z": z, "channel": "GFP"} for t in range(3) for z in range(2) if (t, z) != (1, 0)]
    projections = [{"time": t, "channel": "GFP"} for t in range(3)]
    snap = {"time": 0, "channel": "BF"}
    stack, projection = layouts([*stacks, *projections, snap])
    assert projection.lacking == ("z",)
    assert sorted(projection.frames.tolist()) == [5, 6, 7]
    assert stack.values["C"] == ("GFP", "BF")
    assert stack.cube()[0].tolist() == [[0, 1], [8, -1]]


def test_frames_that_lack_different_axes_and_collide():
    found = layouts([{"z": 0}, {"time": 0}, {"z": 1}, {"time": 1}])
    assert [(layout.lacking, layout.frames.tolist()) for layout in found] == [
        ((), [0, 2]),
        (("z",), [1, 3]),
    ]


@pytest.mark.parametrize(
    "names", [("t", "c", "z", "p"), ("Time", "Channel", "Z", "Position"), ("T", "C", "Z", "P")]
)
def test_common_spellings_are_standard_axes(names):
    arrived = [dict(zip(names, values, strict=True)) for values in product((0, 1), "AB", (0, 1), ("x", "y"))]
    found = layouts(arrived)
    assert [layout.labels for layout in found] == [(("position", "x"),), (("position", "y"),)]
    assert [layout.sizes for layout in found] == [{"Z": 2, "C": 2, "T": 2}] * 2


@pytest.mark.parametrize(
    ("spellings", "time"),
    [(("t", "time"), "time"), (("time", "Time"), "time"), (("T", "t"), "t"), (("TIME", "Time"), "TIME")],
)
def test_one_of_several_spellings_counts(spellings, time):
    arrived = [dict(zip(spellings, (1, 2), strict=True)), dict(zip(spellings, (1, 3), strict=True))]
    (other,) = {*spellings} - {time}
    found = layouts(arrived)
    assert {value for layout in found for value in layout.values["T"]} == {frame[time] for frame in arrived}
    assert [dict(layout.labels) for layout in found] == [
        {other: value} for value in dict.fromkeys(frame[other] for frame in arrived)
    ]


def test_channels_have_the_same_order_in_all_images():
    arrived = [{"channel": "C", "time": 0}] + [
        {"position": p, "channel": c} for p, channels in (("a", "BA"), ("b", "ABC")) for c in channels
    ]
    assert [layout.values["C"] for layout in layouts(arrived)] == [("C",), ("B", "A"), ("C", "B", "A")]


def test_labels_are_in_natural_order():
    (layout,) = layouts(
        [{"round": 1, "column": 2, "Row": 3, "camera": 4, "field": 5, "Well": "A1", "p": "x", "angle": 6}]
    )
    assert layout.name("run", "kind") == "x, A1, field 5, Row 3, column 2, round 1, camera 4, angle 6"


def test_gaps_between_values_take_no_plane():
    (layout,) = layouts([{"z": 1000}, {"z": -1000}, {"z": 0}])
    assert layout.values["Z"] == (-1000, 0, 1000)
    assert layout.frames.tolist() == [1, 2, 0]


def test_missing_planes_have_no_frame():
    (layout,) = layouts([{"z": 0, "time": 0}, {"z": 1, "time": 0}, {"z": 1, "time": 1}])
    assert sorted(layout.frames.tolist()) == [-1, 0, 1, 2]
    (gap,) = np.flatnonzero(layout.frames < 0)
    assert layout.zct()[gap].tolist() == [0, 0, 1]


def test_every_other_axis_separates_images():
    arrived = [
        {"position": p, "camera": c, "time": t} for t in range(2) for p in ("B", "A") for c in (1, "1")
    ]
    found = layouts(arrived)
    assert [layout.labels for layout in found] == [
        (("position", "B"), ("camera", 1)),
        (("position", "B"), ("camera", "1")),
        (("position", "A"), ("camera", 1)),
        (("position", "A"), ("camera", "1")),
    ]
    assert [layout.frames.tolist() for layout in found] == [[0, 4], [1, 5], [2, 6], [3, 7]]


def test_the_order_of_axis_names_does_not_matter():
    (layout,) = layouts([{"row": 1, "column": 2, "z": 0}, {"z": 1, "column": 2, "row": 1}])
    assert layout.labels == (("row", 1), ("column", 2))
    assert layout.frames.tolist() == [0, 1]


def test_different_sets_of_axes_make_different_images():
    found = layouts([{"row": 1}, {"column": 1}, {"row": 1, "column": 1}, {}])
    assert [dict(layout.labels) for layout in found] == [
        {"row": 1},
        {"column": 1},
        {"row": 1, "column": 1},
        {},
    ]
    assert not any(layout.is_variant for layout in found)


def test_frames_of_another_kind_make_a_variant():
    found = layouts([{"z": 0}, {"z": 1}, {"z": 2}, {"z": 0, "well": 1}], ["gray", "rgb", "gray", "rgb"])
    assert [(layout.kind, layout.is_variant) for layout in found] == [
        ("gray", False),
        ("rgb", True),
        ("rgb", False),
    ]
    assert [layout.values["Z"] for layout in found] == [(0, 2), (1,), (0,)]


def test_frame_numbers_may_have_gaps():
    places = table([{"time": 1}, {"time": 0}])
    (layout,) = lay_out(np.array([3, 10]), places, np.zeros(2, np.int64), ["kind"])
    assert layout.frames.tolist() == [10, 3]


VALUES = st.integers(-3, 3) | st.sampled_from(["", "A", "a", "0"])
COORDINATES = st.dictionaries(st.sampled_from(["z", "channel", "time", "position", "", "level"]), VALUES)


@given(
    st.lists(
        st.tuples(COORDINATES, st.sampled_from(["gray", "rgb"])),
        max_size=25,
        unique_by=lambda item: frozenset(item[0].items()),
    )
)
def test_every_frame_is_one_plane_with_its_coordinates(arrived):
    all_coordinates = [coordinates for coordinates, _ in arrived]
    found = layouts(all_coordinates, [kind for _, kind in arrived])
    back = {}
    for layout in found:
        own = planes(layout)
        assert own
        assert not back.keys() & own.keys()
        assert {arrived[number][1] for number in own} == {layout.kind}
        assert len(layout.frames) == np.prod(list(layout.sizes.values()))
        assert sorted(layout.order) == ["C", "T", "Z"]
        back |= own
    assert back.keys() == {*range(len(arrived))}
    for layout in found:
        firsts_along = {NAMES[axis]: values[0] for axis, values in layout.values.items()}
        for number, told in planes(layout).items():
            put = all_coordinates[number]
            assert put.items() <= told.items()  # what it lacks is the first value
            assert {axis: told[axis] for axis in told.keys() - put.keys()}.items() <= firsts_along.items()
    firsts = [min(planes(layout)) for layout in found]
    assert firsts == sorted(firsts)
    identities = [(layout.labels, layout.kind, layout.lacking) for layout in found]
    assert len(set(identities)) == len(identities)
    for labels in {layout.labels for layout in found}:
        kinds = dict.fromkeys((layout.kind, layout.is_variant) for layout in found if layout.labels == labels)
        assert [is_variant for _, is_variant in kinds] == [False] + [True] * (len(kinds) - 1)
        names = [layout.name("run", layout.kind) for layout in found if layout.labels == labels]
        assert len({*names}) == len(names)


def test_a_nearly_empty_image_is_split():
    places = [{"time": number, "z": number * 7, "channel": "A"} for number in range(300)]
    found = layouts(places)
    assert sum(len(layout.frames) for layout in found) == 300
    assert [layout.labels for layout in found] == [(("z", place["z"]),) for place in places]
    assert [layout.values["T"] for layout in found] == [(place["time"],) for place in places]


def test_the_shortest_axis_is_split():
    places = [{"time": n, "z": n % 60, "channel": f"C{n % 59}"} for n in range(600)]
    found = layouts(places)
    assert {layout.labels[0][0] for layout in found} == {"channel"}
    assert sum(int((layout.frames >= 0).sum()) for layout in found) == 600


def test_stacks_at_some_time_points_stay_one_image():
    places = [{"time": t, "z": z} for t in range(2000) for z in range(50 if t % 100 == 0 else 1)]
    (layout,) = layouts(places)
    assert layout.sizes == {"Z": 50, "C": 1, "T": 2000}


def test_channels_of_frames_that_arrive_in_another_order():
    (layout,) = layouts([{"time": t, "channel": c} for t, c in ((0, 1), (0, 0), (1, 0), (1, 1), (2, 1))])
    numbers, channels = layout.channel_of_frames()
    assert (numbers.tolist(), channels.tolist()) == ([0, 1, 2, 3, 4], [1, 0, 0, 1, 1])
