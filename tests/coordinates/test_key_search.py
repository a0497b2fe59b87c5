"""Frames are found in columns at their coordinates."""

from __future__ import annotations

from exengine_ome_tiff.coordinates.columns import CoordinateTable
from exengine_ome_tiff.coordinates.key_search import KeySearch
from exengine_ome_tiff.coordinates.keys import Axes


def search(places):
    axes = Axes()
    return KeySearch(CoordinateTable.of([axes.key(place) for place in places], axes))


def test_places_between_frames_are_empty():
    found = search([{"time": time, "channel": channel} for time in (0, 4) for channel in ("A", 7)])
    assert [found.find({"time": time, "channel": "A"}) for time in range(-1, 6)] == [
        None,
        0,
        None,
        None,
        None,
        2,
        None,
    ]
    assert [found.find({"channel": 7, "time": time}) for time in (0, 4)] == [1, 3]
    for place in ({"time": 0}, {"time": "0", "channel": "A"}, {"time": 0, "channel": "B"}, {}):
        assert found.find(place) is None
    assert found.last_of is None


def test_64_bit_integers_along_many_axes_are_found():
    numbers = (-(2**63), -1, 0, 2**63 - 1)
    places = [dict.fromkeys("abcde", one) | {"c": other} for one in numbers for other in numbers]
    found = search(places)
    assert [found.find(place) for place in places] == [*range(len(places))]
    for place in places:
        for name in "abde":
            assert found.find(place | {name: 5}) is None
    assert found.find(places[0] | {"e": 0}) is None


def test_large_ranges_along_many_axes_are_found():
    places = [{"a": 7**n, "b": n * 10**14, "c": (n * 5 % 8) * 5 * 10**17} for n in range(8)]
    found = search(places)
    assert [found.find(place) for place in places] == [*range(8)]
    for place in places:
        for name, value in place.items():
            assert found.find(place | {name: value + 1}) is None
            assert found.find(place | {name: str(value)}) is None
    assert found.last_of is None


def test_the_last_frame_at_coordinates_counts():
    found = search([{"z": 1}, {"z": 0}, {}, {"z": 1}, {}])
    assert (found.find({"z": 1}), found.find({"z": 0}), found.find({})) == (3, 1, 4)
    first, last = found.last_of
    assert (first.tolist(), last.tolist()) == ([0, 1, 2], [3, 1, 4])


def test_frames_at_all_combinations_of_values_are_found_in_any_order():
    places = [{"z": z, "channel": channel} for channel in "AB" for z in (1, -1, 0)]
    found = search(places)
    assert [found.find(place) for place in places] == [*range(6)]
    for place in ({"z": 2, "channel": "A"}, {"z": -2, "channel": "B"}, {"z": 0, "channel": "C"}):
        assert found.find(place) is None
    assert found.last_of is None
    places[5] = places[4]  # as many frames, but one place is empty and another has two
    found = search(places)
    assert [found.find({"z": z, "channel": "B"}) for z in (1, -1, 0)] == [3, 5, None]
