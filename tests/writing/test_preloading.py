"""Modules for `finish` are imported during the run, between frames."""

import os
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

from exengine_ome_tiff import TiffStorage
from exengine_ome_tiff.writing import preloader
from exengine_ome_tiff.writing.forks import FORKS

FRAME = np.ones((8, 9), np.uint16)
NAME = "module_of_a_test"


@pytest.fixture
def late(tmp_path, monkeypatch):
    """Make the preloader import a slow module; return the events of its start and end."""
    begun, may_end = threading.Event(), threading.Event()
    (tmp_path / f"{NAME}.py").write_text("import sys\nsys.of_test(sys.modules[__name__])\n")

    def load(module):
        begun.set()
        assert may_end.wait(10)
        module.ome_xml = None

    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "of_test", load, raising=False)
    monkeypatch.setattr(preloader, "_DOCUMENT", NAME)
    monkeypatch.setattr(preloader, "find_spec", lambda _: None)
    yield begun, may_end
    may_end.set()
    sys.modules.pop(NAME, None)


def test_import_starts_in_the_first_pause_after_the_first_frame(tmp_path, late):
    begun, may_end = late
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        assert not begun.wait(0.1)
        storage.put({"time": 0}, FRAME)
        assert begun.wait(10)
        for time_point in range(1, 4):  # frames are accepted meanwhile
            storage.put({"time": time_point}, FRAME)
        assert not preloader.is_loaded()
        may_end.set()
        while not preloader.is_loaded():
            time.sleep(0.001)
    assert not any(thread.name == "TiffStorage import" for thread in threading.enumerate())


def test_import_waits_for_a_pause(tmp_path, late, monkeypatch):
    begun, may_end = late
    monkeypatch.setattr("exengine_ome_tiff.writing.recorder.QUIET_S", 0.2)
    with TiffStorage(tmp_path / "run.ome.tiff", fsync=False) as storage:
        last_s = time.monotonic()
        until_s, longest_s = last_s + 0.4, 0.0
        while time.monotonic() < until_s and longest_s < 0.15:  # a busy machine pauses, too
            assert not begun.is_set()
            storage.put({"time": time.monotonic_ns()}, FRAME)
            longest_s, last_s = max(longest_s, time.monotonic() - last_s), time.monotonic()
        assert begun.wait(10)
        may_end.set()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_fork_waits_for_the_import(tmp_path, late):
    begun, may_end = late
    before = FORKS.count
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        storage.put({"time": 0}, FRAME)
        assert begun.wait(10)
        threading.Timer(0.1, may_end.set).start()
        child = os.fork()
        if not child:
            os._exit(preloader.is_loaded() and before + 1 == FORKS.count)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
        assert before == FORKS.count


def test_failed_import_is_raised_by_finish_only(tmp_path, late, monkeypatch):
    begun, _ = late

    def fail(module):
        begun.set()
        raise ImportError(module)

    monkeypatch.setattr(sys, "of_test", fail)
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        storage.put({"time": 0}, FRAME)
        assert begun.wait(10)
    with TiffStorage.open(tmp_path / "run.ome.tiff") as storage:
        assert storage.get_image_coordinates_list() == [{"time": 0}]


SCRIPT = """
    import sys, time
    import numpy as np
    from exengine_ome_tiff import TiffStorage

    with TiffStorage(sys.argv[1], checkpoint=False) as storage:
        storage.put({"time": 0}, np.ones((2000, 2000), np.uint16))
        assert "ome_types" not in sys.modules
        until_s = time.monotonic() + 50
        while not hasattr(sys.modules.get("exengine_ome_tiff.ome.document"), "ome_xml"):
            assert time.monotonic() < until_s
            time.sleep(0.01)
        before = set(sys.modules)
    assert {*sys.modules} == before
"""


def test_finish_needs_no_further_imports(tmp_path):
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), str(tmp_path / "run.ome.tiff")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


DASK = """
    import sys, time
    import numpy as np
    from exengine_ome_tiff import TiffStorage

    class SlowDisk:
        def find_spec(self, name, path=None, target=None):
            if name == "dask.config":  # dask begins with it
                time.sleep(2)

    sys.meta_path.insert(0, SlowDisk())
    with TiffStorage(sys.argv[1]) as storage:
        storage.put({"time": 0}, np.ones((8, 9), np.uint16))
        import dask.array
"""


def test_dask_can_be_imported_at_the_same_time(tmp_path):
    pytest.importorskip("dask")
    command = [sys.executable, "-c", textwrap.dedent(DASK), str(tmp_path / "run.ome.tiff")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
