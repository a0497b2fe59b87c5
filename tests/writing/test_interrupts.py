"""Puts that are interrupted anywhere, as by Ctrl+C: frames acknowledged before and after stay correct."""

import json
import signal
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from ome_types import from_xml

import warm
from effort import effort
from exengine_ome_tiff import TiffStorage, validate
from exengine_ome_tiff.waiting import News
from exengine_ome_tiff.writing import flusher
from exengine_ome_tiff.writing.flusher import Flusher
from interrupting import assert_leaves_nothing_held, is_interrupted

PUTS = effort(1000, 6000)


SCRIPT = """
    import json, random, signal, sys
    sys.path[:0] = PATH
    from test_interrupts import PUTS, metadata_of, pixels_of, place_of
    from exengine_ome_tiff import TiffStorage

    class Interrupted(BaseException):
        pass

    is_open = False  # to an interrupt, which closes it, because timers may fire during its handler

    def interrupt(*_):
        global is_open
        if is_open:
            is_open = False
            raise Interrupted

    signal.signal(signal.SIGALRM, interrupt)
    mixed = random.Random(int(sys.argv[2]))
    storage = TiffStorage(sys.argv[1])
    acknowledged, interrupts, number = [], 0, 0
    while number < PUTS:
        try:
            is_open = True
            while number < PUTS:
                number += 1
                if number % 3 == 0:
                    signal.setitimer(signal.ITIMER_REAL, mixed.uniform(1e-6, 2e-4))
                storage.put(place_of(number), pixels_of(number), metadata_of(number))
                acknowledged.append(number)
                if number % 501 == 500:
                    storage.flush()
            is_open = False
        except Interrupted:
            interrupts += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number in acknowledged:
        assert (storage[place_of(number)] == pixels_of(number)).all(), number
        assert storage.get_metadata(place_of(number)) == metadata_of(number)
    storage.close()
    print(json.dumps([interrupts, acknowledged]))
"""


def place_of(number):
    return {"time": number, "position": number % 2}


def pixels_of(number):
    shape = [(8, 8), (8, 8), (8, 8), (16, 4)][number // 16 % 4]
    return np.full(shape, number, np.uint16)


def metadata_of(number):
    return {"Exposure-ms": number + 1, "number": number, "text": f"text {number}", "kind": number // 500}


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timer")
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["run.ome.tiff", "run"])
def test_interrupted_puts(tmp_path, name, seed):
    script = textwrap.dedent(SCRIPT).replace("PATH", repr([*sys.path, str(Path(__file__).parent)]))
    command = [sys.executable, "-c", script, tmp_path / name, str(seed)]
    done = warm.run(command, cwd=tmp_path, timeout_s=100)
    assert done.returncode == 0, done.stderr
    interrupts, acknowledged = json.loads(done.stdout)
    assert interrupts > PUTS / 50
    assert len(acknowledged) > PUTS / 2
    with TiffStorage.open(tmp_path / name) as reader:
        there = reader.get_image_coordinates_list()
        assert {place["time"] for place in there} >= set(acknowledged)
        for place in there:
            number = place["time"]
            np.testing.assert_array_equal(reader[place], pixels_of(number))
            assert reader.get_metadata(place) == metadata_of(number)
    assert validate(tmp_path / name) == []
    for path in [tmp_path / name] if name.endswith("tiff") else (tmp_path / name).glob("*.tiff"):
        with tifffile.TiffFile(path) as tif:
            assert_exposures(tif.ome_metadata, [page.asarray() for page in tif.pages])


def assert_exposures(document, pages):
    """Assert that each plane has the exposure and the pixels of the same frame."""
    for image in from_xml(document).images:
        (block,) = image.pixels.tiff_data_blocks
        order = image.pixels.dimension_order.value[2:]
        sizes = {axis: getattr(image.pixels, f"size_{axis.lower()}") for axis in "ZCT"}
        for plane in image.pixels.planes:
            place = {"Z": plane.the_z, "C": plane.the_c, "T": plane.the_t}
            index = place[order[0]] + sizes[order[0]] * (place[order[1]] + sizes[order[1]] * place[order[2]])
            number = int(pages[block.ifd + index][0, 0])
            assert plane.exposure_time == pytest.approx((number + 1) / 1000)


def test_flusher_ends_after_an_interrupt_at_any_point(monkeypatch):
    monkeypatch.setattr(flusher, "IDLE_S", 0.01)

    def begin_and_stop(flushing):
        flushing.begin(time.monotonic())
        flushing.stop()

    at, was_interrupted = 0, True
    while was_interrupted:
        flushing = Flusher("run", threading.RLock(), lambda: None)
        others = {*threading.enumerate()}
        flushing.begin(time.monotonic())
        (thread,) = {*threading.enumerate()} - others
        was_interrupted = is_interrupted(lambda flushing=flushing: begin_and_stop(flushing), at)
        flushing.stop()
        thread.join(5)
        assert not thread.is_alive(), f"interrupted before instruction {at}"
        at += 1
    assert at > 20


def test_interrupted_wait_leaves_nothing_held(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        assert_leaves_nothing_held(lambda: storage.await_new_image(timeout=0), storage._recorder._news.tell)


def test_interrupted_wait_raises_and_other_waits_are_notified():
    news = News()

    def wait_too():
        assert news.wait_for(lambda: bool(told), 60)

    at, was_interrupted = 0, True
    while was_interrupted:
        told = []
        other = threading.Thread(target=wait_too, daemon=True)
        other.start()
        was_interrupted = is_interrupted(lambda: news.wait_for(lambda: False, 0.02), at)
        told.append(at)
        news.tell()
        other.join(5)
        assert not other.is_alive(), f"interrupted before instruction {at}"
        at += 1
    assert at > 20
