"""The state that a storage reports is always correct, and no call interferes with another one's changes."""

import json
import logging
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

import warm
from exengine_ome_tiff import PlaneValues, TiffStorage, Translator, recover, validate
from exengine_ome_tiff.dataset.header import Header
from exengine_ome_tiff.writing import claim, flusher, recorder
from exengine_ome_tiff.writing.state import State
from frames import assert_same, frame

FORMS = ["run.ome.tiff", "run"]


@pytest.fixture(params=FORMS, ids=["file", "folder"])
def path(request, tmp_path):
    return tmp_path / request.param


def begun(path, count=3, **options):
    storage = TiffStorage(path, **options)
    for number in range(count):
        storage.put({"time": number}, frame({"time": number}))
    storage.flush()
    return storage


class OnPlane(Translator):
    """Calls a function during each `put`."""

    def __init__(self, call):
        self.call = call

    def matches(self, tags):  # noqa: ARG002
        return True

    def plane_values(self, tags):
        self.call(tags)
        return PlaneValues()


class TestAwaiting:
    def test_frame_is_announced_once_it_can_be_read(self, path):
        inside, seen = threading.Event(), []

        def wait_a_little(_):
            inside.set()
            time.sleep(0.2)

        with TiffStorage(path, translators=[OnPlane(wait_a_little)]) as storage:

            def consume():
                inside.wait(5)
                came = storage.await_new_image(5)
                seen.append((came, {"time": 0} in storage, len(storage.get_image_coordinates_list())))
                seen.append((storage.await_new_image(0.1), {"time": 0} in storage))

            consumer = threading.Thread(target=consume)
            consumer.start()
            storage.put({"time": 0}, frame({}), {"a": 1})
            consumer.join()
        assert seen == [(True, True, 1), (False, True)]

    def test_waiting_reader_misses_no_frame(self, path):
        count, seen = 300, set()
        with TiffStorage(path) as storage:

            def consume():
                while len(seen) < count and storage.await_new_image(5):
                    seen.update(each["time"] for each in storage.get_image_coordinates_list())

            consumer = threading.Thread(target=consume)
            consumer.start()
            for number in range(count):
                storage.put({"time": number}, frame({}))
            consumer.join()
        assert seen == {*range(count)}


class TestFilesAreCheckedUnderTheLock:
    def finish_first(self, monkeypatch, storage):
        hold = claim.hold

        def hold_later(location):
            storage.close()
            return hold(location)

        monkeypatch.setattr(claim, "hold", hold_later)

    def test_resume(self, path, monkeypatch):
        storage = begun(path)
        self.finish_first(monkeypatch, storage)
        with pytest.raises(FileExistsError, match="is finished"):
            TiffStorage.resume(path)
        assert validate(path) == []
        assert not list(path.parent.rglob("*.lock"))

    def test_recover(self, path, monkeypatch):
        storage = begun(path)
        self.finish_first(monkeypatch, storage)
        assert recover(path).n_frames is None
        assert validate(path) == []

    def test_another_process_was_faster(self, path, monkeypatch):
        hold, first = claim.hold, []

        def hold_later(location):
            if not first:
                first.append(location)
                begun(path, overwrite=True).close()
            return hold(location)

        monkeypatch.setattr(claim, "hold", hold_later)
        with pytest.raises(FileExistsError, match="a moment ago"):
            TiffStorage(path)
        assert validate(path) == []


class TestOnlyOwnFilesAreDeleted:
    @pytest.mark.parametrize("data", [b"", bytes(5000), b"II+\0\x08\0\0\0" + bytes(8) + b"pixels" * 1000])
    @pytest.mark.parametrize("name", ["run_other.ome.tiff", "run_B.ome.tiff", "run.ome.tiff"])
    def test_in_a_folder(self, tmp_path, name, data, caplog):
        folder = tmp_path / "run"
        with TiffStorage(folder) as storage:
            storage.put({"position": "A"}, frame({}))
        (folder / name).write_bytes(data)
        storage = TiffStorage(folder, overwrite=True)
        storage.put({"position": "A"}, frame({}))
        storage.suspend()
        with TiffStorage.resume(folder) as storage:
            storage.put({"position": "B"}, frame({}))
        assert (folder / name).read_bytes() == data
        assert validate(folder) == []
        assert ("already exists" in caplog.text) == (name == "run_B.ome.tiff")
        with TiffStorage.open(folder) as storage:
            assert storage.get_image_coordinates_list() == [{"position": "A"}, {"position": "B"}]

    @pytest.mark.parametrize("data", [b"", bytes(5000), b"II+\0\x08\0\0\0" + bytes(8) + b"pixels" * 1000])
    def test_a_file(self, tmp_path, data):
        path = tmp_path / "run.ome.tiff"
        path.write_bytes(data)
        with pytest.raises(FileExistsError, match="not written by TiffStorage"):
            TiffStorage(path, overwrite=True)
        assert path.read_bytes() == data
        assert list(tmp_path.iterdir()) == [path]

    def test_foreign_companion(self, tmp_path):
        folder = tmp_path / "run"
        with TiffStorage(folder) as storage:
            storage.put({"position": "A"}, frame({}))
        (folder / "ru.companion.ome").write_text("<OME/>")
        with TiffStorage(folder, overwrite=True) as storage:
            storage.put({"position": "B"}, frame({}))
        names = sorted(each.name for each in folder.iterdir())
        assert names == ["ru.companion.ome", "run.companion.ome", "run_B.ome.tiff"]


class TestFlusher:
    def test_survives_any_error_and_logs_it_once(self, tmp_path, monkeypatch, caplog):
        monkeypatch.setattr(flusher, "IDLE_S", 0.01)
        monkeypatch.setattr(recorder, "SLOW_S", 600)
        with TiffStorage(tmp_path / "run.ome.tiff") as storage:
            storage.put({"time": 0}, frame({}))
            (writer,) = storage._recording.index.files
            commit, errors = writer.commit, [MemoryError("no memory")] * 20

            def fail():
                if errors:
                    raise errors.pop()
                commit()

            monkeypatch.setattr(writer, "commit", fail)
            storage.put({"time": 1}, frame({}))
            storage.put({"time": 2}, frame({}))
            wait_until(lambda: not writer.has_waiting)
        assert errors == []
        assert caplog.text.count("could not write waiting frames") == 1

    def test_restarts_after_it_was_ended(self, tmp_path, monkeypatch):
        monkeypatch.setattr(flusher, "IDLE_S", 0.01)
        monkeypatch.setattr(threading, "excepthook", lambda _: None)
        with TiffStorage(tmp_path / "run.ome.tiff") as storage:
            storage.put({"time": 0}, frame({}))
            (writer,) = storage._recording.index.files
            commit, ended = writer.commit, []

            def end_first():
                if not ended:
                    ended.append(True)
                    raise SystemExit
                commit()

            monkeypatch.setattr(writer, "commit", end_first)
            storage.put({"time": 1}, frame({}))
            wait_until(lambda: ended)
            wait_until(lambda: storage._recorder._flusher.is_idle)
            storage.put({"time": 2}, frame({}))
            wait_until(lambda: not writer.has_waiting)

    def test_leaves_nothing_after_the_end(self, tmp_path):
        before = {*threading.enumerate()}
        with TiffStorage(tmp_path / "run.ome.tiff") as storage:
            for number in range(3):
                storage.put({"time": number}, frame({}))
            assert {*threading.enumerate()} > before
        assert {*threading.enumerate()} <= before


def wait_until(is_true):
    end_s = time.monotonic() + 10
    while not is_true():
        assert time.monotonic() < end_s
        time.sleep(0.005)


class TestNestedCalls:
    CALLS = {  # noqa: RUF012 - never changed
        "put": lambda storage: storage.put({"time": 99}, frame({})),
        "flush": lambda storage: storage.flush(),
        "suspend": lambda storage: storage.suspend(),
    }

    @pytest.mark.parametrize("call", CALLS)
    def test_are_refused_and_change_nothing(self, path, call):
        refused = []

        def call_inside(tags):
            if tags["t"] == 1:
                with pytest.raises(RuntimeError, match="during another call") as caught:
                    self.CALLS[call](storage)
                refused.append(caught)

        storage = TiffStorage(path, translators=[OnPlane(call_inside)])
        for number in range(3):
            storage.put({"time": number}, frame({"time": number}), {"t": number})
        assert len(refused) == 1
        assert not storage.is_finished()
        storage.close()
        assert validate(path) == []
        with TiffStorage.open(path) as storage:
            assert storage.get_image_coordinates_list() == [{"time": number} for number in range(3)]
            assert_same(storage[{"time": 1}], frame({"time": 1}))

    @pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timer")
    @pytest.mark.parametrize("seed", range(3))
    def test_a_signal_handler_that_closes_at_any_moment(self, path, seed):
        script = """
            import random, signal, sys
            import numpy as np
            from exengine_ome_tiff import TiffStorage

            storage = TiffStorage(sys.argv[1])

            class Ended(Exception):
                pass

            is_over = False

            def end(*_):
                global is_over
                if is_over:
                    return  # the timer fired once more
                try:
                    storage.close()
                except RuntimeError:
                    pass  # during the first close
                else:
                    is_over = True
                    raise Ended

            signal.signal(signal.SIGALRM, end)
            step_s = random.Random(int(sys.argv[2])).uniform(1e-4, 3e-4)
            number = 0
            try:
                for _ in range(100):
                    storage.put({"time": number}, np.full((8, 8), number, np.uint16))
                    number += 1
                signal.setitimer(signal.ITIMER_REAL, step_s, step_s)
                while True:
                    storage.put({"time": number}, np.full((8, 8), number, np.uint16))
                    number += 1
            except (Ended, RuntimeError):  # the latter if Ended was raised in a __del__, which ignores it
                signal.setitimer(signal.ITIMER_REAL, 0)
                assert is_over
            print(number)
        """
        command = [sys.executable, "-c", textwrap.dedent(script), path, str(seed)]
        done = warm.run(command, cwd=path.parent, timeout_s=60)
        assert done.returncode == 0, done.stderr
        assert validate(path) == []
        with TiffStorage.open(path) as storage:
            there = storage.get_image_coordinates_list()
            assert [each["time"] for each in there][: int(done.stdout)] == [*range(int(done.stdout))]
            assert int(storage[there[-1]][0, 0]) == there[-1]["time"]


def test_collection_during_an_import_leaves_finishing_to_recover(path):
    script = """
        import gc, importlib.abc, logging, sys
        import numpy as np
        from exengine_ome_tiff import TiffStorage

        class Holder: pass

        gc.disable()
        holder = Holder()
        holder.itself, holder.storage = holder, TiffStorage(sys.argv[1])
        for number in range(3):
            holder.storage.put({"time": number}, np.full((8, 8), number, np.uint16))

        class Collector(importlib.abc.MetaPathFinder):
            def find_spec(self, name, path, target=None):
                global holder
                if name == "ome_types.model" and holder is not None:
                    holder = None
                    gc.collect()

        sys.meta_path.insert(0, Collector())
        import ome_types
        assert holder is None
    """
    command = [sys.executable, "-c", textwrap.dedent(script), path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "recover() finishes it" in done.stderr
    assert recover(path).n_frames == 3
    assert validate(path) == []


class TestState:
    def test_unfinished_dataset(self, path):
        storage = begun(path)
        with TiffStorage.open(path, allow_unfinished=True) as reader:
            assert not reader.is_finished()
            assert "unfinished" in repr(reader)
            assert not reader.block_until_finished(0)
            assert not reader.block_until_finished()
        storage.close()
        with TiffStorage.open(path, allow_unfinished=True) as reader:
            assert reader.is_finished()
            assert ", finished" in repr(reader)
            assert reader.block_until_finished(0)

    def test_suspended_storage(self, path):
        storage = begun(path)
        assert ", writing" in repr(storage)
        storage.suspend()
        assert not storage.is_finished()
        assert ", suspended" in repr(storage)
        assert not storage.block_until_finished()
        assert storage.await_new_image()  # frames that have arrived
        assert not storage.await_new_image()
        storage.close()
        assert not storage.is_finished()

    def test_closed_storage(self, path):
        storage = begun(path)
        storage.close()
        assert storage.is_finished()
        assert ", closed" in repr(storage)
        assert storage.block_until_finished()


@pytest.mark.parametrize("part", [(), ("coding",), ("given",), ("plate",), ("given", "objective")])
def test_a_header_with_keys_of_a_later_version(path, part):
    storage = TiffStorage(path, compression="zlib")
    written = json.loads(storage._recording.header.encode())
    written["given"]["objective"] = {"magnification": 20}
    fields = written
    for name in part:
        fields = fields[name]
    fields["later"] = 1
    header = Header.decode(json.dumps(written).encode())
    assert header.coding == storage._recording.header.coding
    assert header.given.objective.magnification == 20
    storage.close()


@pytest.mark.parametrize("state", State)
def test_legal_transitions(state):
    legal = {
        State.WRITING: {State.ENDING},
        State.ENDING: {State.FINISHED, State.SUSPENDED},
        State.FINISHED: set(),
        State.SUSPENDED: set(),
    }
    for other in State:
        if other in legal[state] or other is state:
            assert state.to(other) is other
        else:
            with pytest.raises(RuntimeError, match="cannot become"):
                state.to(other)


def test_types_without_json_are_logged_once_per_dataset(tmp_path, caplog):
    class Odd:
        def __repr__(self):
            return "odd"

    for name in ("a.ome.tiff", "b.ome.tiff"):
        caplog.clear()
        with caplog.at_level(logging.WARNING), TiffStorage(tmp_path / name) as storage:
            for number in range(5):
                storage.put({"time": number}, frame({}), {"odd": Odd(), "number": number})
        assert caplog.text.count("has no JSON form") == 1
