"""`close` and other calls during a `put`: from signal handlers, and from arguments of `put`."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import textwrap
from functools import partial

import pytest

from effort import effort
from exengine_ome_tiff import TiffStorage, validate
from frames import assert_complete, assert_same, frame
from interrupting import called_inside


def place_of(number):
    return {"time": number, "position": number // 3}


def shape_of(size):
    return {"small": (8, 8), "large": (560, 1000)}[size]


class TestFinish:
    """`finish` during another call finishes the dataset; the rest of that call changes nothing."""

    @pytest.mark.parametrize("name", ["run.ome.tiff", "run"])
    @pytest.mark.parametrize(
        ("size", "n_before", "call"),
        [
            ("small", 0, "put"),
            ("small", 2, "put"),
            ("small", 3, "put"),
            ("large", 2, "put"),
            ("small", 2, "flush"),
        ],
    )
    def test_at_any_instruction(self, memory_path, name, size, n_before, call):
        shape = shape_of(size)
        total = self.finish_inside(memory_path / "whole" / name, shape, n_before, call, -1)
        mixed = random.Random(f"{name} {size} {n_before} {call}")  # noqa: S311
        for at in sorted(mixed.sample(range(total), effort(6, 400))):
            self.finish_inside(memory_path / str(at) / name, shape, n_before, call, at)
            shutil.rmtree(memory_path / str(at), ignore_errors=True)

    def finish_inside(self, path, shape, n_before, call, at):
        """Put frames, and finish during the last call; return how many instructions it has."""
        storage, acknowledged = TiffStorage(path, fsync=False), [*range(n_before)]
        for number in acknowledged:
            storage.put(place_of(number), frame(place_of(number), shape), {"number": number})

        def last_call():
            if call == "flush":
                storage.flush(fsync=True)
                return
            place = place_of(n_before)
            storage.put(place, frame(place, shape), {"number": n_before})
            acknowledged.append(n_before)

        count = 0
        try:
            count = called_inside(last_call, storage.finish, at)
        except RuntimeError as error:
            assert str(path) in str(error) or "put after finish() or close()" in str(error)  # noqa: PT017
        storage.finish()
        if acknowledged or path.exists():
            live = storage.get_image_coordinates_list()
            for place in live:
                assert_same(storage[place], frame(place, shape))
            assert assert_complete(path, acknowledged, partial(frame, shape=shape)) == live
        with pytest.raises(RuntimeError, match="accepts no more frames"):
            storage.put(place_of(9), frame({}))
        storage.close()
        return count


SERVICE = """
    import json, os, random, signal, sys
    sys.path[:0] = PATH
    from exengine_ome_tiff import TiffStorage
    from frames import frame

    with TiffStorage(sys.argv[1] + "0.ome.tiff") as first:
        first.put({}, frame({}))  # does all imports
    for number, (path, size) in enumerate(json.loads(sys.argv[2])):
        if os.fork():
            os.wait()
            continue
        storage, n_put = TiffStorage(path, fsync=False), 0

        def stop(*_):
            storage.close()
            print(path, n_put, flush=True)
            os._exit(0)

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
        while True:
            if n_put == 3:
                signal.setitimer(signal.ITIMER_REAL, random.Random(number).uniform(0.001, 0.02))
            place = {"time": n_put, "position": n_put // 3}
            storage.put(place, frame(place, size), {"number": n_put})
            n_put += 1
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timer")
def test_sigterm_handler_of_a_service_closes_the_dataset(memory_path):
    sizes = ((8, 8), (256, 256), (700, 800))
    runs = [
        (str(memory_path / f"{number}.ome.tiff"), sizes[number % 3]) for number in range(1, effort(6, 100))
    ]
    script = textwrap.dedent(SERVICE).replace("PATH", repr(sys.path))
    command = [sys.executable, "-c", script, f"{memory_path}/", json.dumps(runs)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == [path for path, _ in runs], done.stderr
    for line, (_, size) in zip(lines, runs, strict=True):
        path, n_put = line.split()
        assert_complete(memory_path / path, range(int(n_put)), partial(frame, shape=size))


class Foreign:
    """An argument of `put` that calls a function during it."""

    def __init__(self, call):
        self._call = call

    def __array__(self, dtype=None, copy=None):
        self._call()
        return frame({"time": 1, "position": 0}, (8, 8))

    def __repr__(self):
        self._call()
        return "foreign"


class Dying:
    """An object whose last reference is dropped during a `put`."""

    def __init__(self, call):
        self._call = call

    def __array__(self, dtype=None, copy=None):
        other = Dying(self._call)
        del self._call
        del other
        return frame({"time": 1, "position": 0}, (8, 8))

    def __del__(self):
        if hasattr(self, "_call"):
            self._call()


FOREIGN = {
    "__array__": lambda call: (Foreign(call), {"number": 1}),
    "__repr__": lambda call: (frame({"time": 1, "position": 0}, (8, 8)), {"number": 1, "a": Foreign(call)}),
    "__del__": lambda call: (Dying(call), {"number": 1}),
}


@pytest.mark.parametrize("where", FOREIGN)
@pytest.mark.parametrize("what", ["put", "flush", "finish", "close", "read"])
def test_objects_that_call_the_storage_during_put(tmp_path, what, where):
    path, results = tmp_path / "run.ome.tiff", []
    storage = TiffStorage(path)
    first = frame({"time": 0, "position": 0}, (8, 8))
    storage.put(place_of(0), first, {"number": 0})
    calls = {
        "put": lambda: storage.put(place_of(2), first),
        "flush": lambda: storage.flush(fsync=True),
        "finish": storage.finish,
        "close": storage.close,
        "read": lambda: assert_same(storage[place_of(0)], first),
    }

    def call_back():
        if not results:
            results.append(None)
            try:
                calls[what]()
            except RuntimeError as error:
                results.append(error)

    pixels, metadata = FOREIGN[where](call_back)
    is_ended = what in ("finish", "close")
    if is_ended:
        with pytest.raises(RuntimeError, match=r"close\(\) or finish\(\) was called during put"):
            storage.put(place_of(1), pixels, metadata)
    else:
        storage.put(place_of(1), pixels, metadata)
    if what in ("put", "flush"):
        assert "during another call" in str(results[1])
    else:
        assert results == [None]
    storage.close()
    assert validate(path) == []
    with TiffStorage.open(path) as reader:
        assert_same(reader[place_of(0)], first)
        assert [each["time"] for each in reader.get_image_coordinates_list()] == [0] + [1] * (not is_ended)
