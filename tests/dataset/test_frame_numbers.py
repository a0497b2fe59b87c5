"""The numbers of frames by coordinates, compared with a dict, for any indexed axes."""

import gc
import tracemalloc

import numpy as np
import pytest

from exengine_ome_tiff.coordinates.keys import Axes
from exengine_ome_tiff.dataset import frame_numbers
from exengine_ome_tiff.dataset.frame_numbers import FrameNumbers

ACQUISITIONS = {
    "time, channel, z": lambda n: {"time": n // 6, "channel": "AB"[n // 3 % 2], "z": n % 3},
    "positions, then time": lambda n: {"position": n // 40, "time": n % 40},
    "downwards below zero": lambda n: {"time": n // 50, "z": 20 - n % 50},
    "two sets of axes": lambda n: {"time": n} if n % 3 else {"time": n, "z": -n},
    "text among the numbers": lambda n: {"time": n if n % 5 else f"t{n}"},
    "text only": lambda n: {"site": f"site {n}"},
    "far apart": lambda n: {"time": n * 1_000_003 - (1 << 62), "z": n % 2},
    "no axis": lambda n: {} if n == 0 else {"time": n},
    "another counting axis later": lambda n: {"time": n, "z": 0} if n < 60 else {"time": "end", "z": n},
}


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Move numbers into blocks after few frames."""
    monkeypatch.setattr(frame_numbers, "_FIRST_CHECK", 30)
    monkeypatch.setattr(frame_numbers, "_SAMPLE", 30)


class Model:
    """Coordinates and numbers in plain dicts."""

    def __init__(self):
        self.axes = Axes()
        self.found = FrameNumbers(self.axes)
        self.put_at = []

    def put(self, coordinates):
        is_known = coordinates in self.put_at
        self.put_at.append(coordinates)
        key = self.axes.key(coordinates)
        assert self.found.put(key, len(self.put_at) - 1) is is_known

    def check(self, found, count, **stop):
        put_at = self.put_at[:count]
        latest = {tuple(sorted(each.items())): number for number, each in enumerate(put_at)}
        table, numbers = found.latest(**stop)
        assert [*zip(table.coordinates(), numbers.tolist(), strict=True)] == [
            (dict(each), number) for each, number in latest.items()
        ]
        assert all((np.diff(part.rows) > 0).all() for part in table.parts)
        for start in (1, len(latest) // 2, len(latest)):
            rest, rest_numbers = found.latest(start, **stop)
            assert rest.coordinates() == table.coordinates()[start:]
            assert rest_numbers.tolist() == numbers.tolist()[start:]
        replaced, replaced_numbers = found.replaced(**stop)
        lost = sorted({*range(count)} - {*latest.values()})
        assert sorted(replaced_numbers.tolist()) == lost
        assert found.n_replaced(**stop) == len(lost)
        of_replaced = zip(replaced.coordinates(), replaced_numbers.tolist(), strict=True)
        assert all(each == put_at[number] for each, number in of_replaced)
        for each in self.put_at:
            assert found.get(self.axes.key(each), **stop) == latest.get(tuple(sorted(each.items())))


@pytest.mark.parametrize("overwrites", [False, True])
@pytest.mark.parametrize("name", ACQUISITIONS)
def test_numbers_agree_with_a_dict(name, overwrites):
    model = Model()
    for number in range(300):
        model.put(ACQUISITIONS[name](number))
        if overwrites and not number % 7:
            model.put(model.put_at[number * 37 % len(model.put_at)])
        if number in (0, 29, 31, 200):
            model.check(model.found, len(model.put_at))
    model.check(model.found, len(model.put_at))
    assert model.found.get(model.axes.key({"time": 1 << 62, "z": 0})) is None
    for count in (0, 1, 45, len(model.put_at) - 3, len(model.put_at)):
        earlier = model.found.until(count)
        model.check(earlier, count)
        model.check(model.found, count, stop=count)
    earlier = model.found.until(100)
    for number in range(100, 160):
        earlier.put(model.axes.key(model.put_at[number]), number)
    model.check(earlier, 160)
    model.check(model.found, len(model.put_at))


@pytest.mark.parametrize("name", ["time, channel, z", "positions, then time", "downwards below zero"])
def test_a_frame_takes_few_bytes(name):
    axes = Axes()
    keys = [axes.key(ACQUISITIONS[name](number)) for number in range(20_000)]
    tracemalloc.start()
    try:
        found = FrameNumbers(axes)
        for number, key in enumerate(keys):
            found.put(key, number)
        nbytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert nbytes < 20_000 * 40


def test_a_frame_of_many_wells_takes_few_bytes(monkeypatch):
    monkeypatch.undo()  # the real sample
    axes = Axes()
    keys = [axes.key({"time": n // 768, "well": n % 768 // 2, "channel": "AB"[n % 2]}) for n in range(20_000)]
    keys += [axes.key({"time": n // 384, "well": f"W{n % 384}"}) for n in range(20_000)]
    found = FrameNumbers(axes)
    for number, key in enumerate(keys):
        found.put(key, number)
    assert len(found._books.by_key) < 1000


@pytest.mark.parametrize("name", ["time, channel, z", "text only"])
def test_a_frame_replaced_during_the_call(name):
    model = Model()
    for number in range(100):
        model.put(ACQUISITIONS[name](number))

    class Replaced(list):
        def __getitem__(self, item):
            model.put(model.put_at[7])  # as another thread does
            return super().__getitem__(item)

    model.found._replaced = Replaced(model.found._replaced)
    table, numbers = model.found.latest(stop=100)
    assert len(model.put_at) > 100
    assert numbers.tolist() == [*range(100)]
    assert table.coordinates() == model.put_at[:100]


def test_a_frame_replaced_while_blocks_are_read(monkeypatch):
    model = Model()
    for number in range(100):
        model.put(ACQUISITIONS["time, channel, z"](number))
    filled = frame_numbers._filled

    def replace_first(*arguments):
        model.put(model.put_at[7])  # as another thread does
        return filled(*arguments)

    monkeypatch.setattr(frame_numbers, "_filled", replace_first)
    table, numbers = model.found.latest(stop=100)
    assert len(model.put_at) > 100
    assert numbers.tolist() == [*range(100)]
    assert table.coordinates() == model.put_at[:100]


def test_the_garbage_collector_visits_no_more_objects_for_more_frames():
    axes = Axes()
    keys = [axes.key({"time": number, "z": 0}) for number in range(20_000)]
    found = FrameNumbers(axes)
    gc.collect()
    before = len(gc.get_objects())
    for number, key in enumerate(keys):
        found.put(key, number)
    gc.collect()  # it stops visiting tuples of integers
    assert len(gc.get_objects()) - before < 100
