"""More files than a process may have open."""

import subprocess
import sys
import textwrap

import pytest

SCRIPT = """
    import resource, sys, time
    from pathlib import Path

    import numpy as np

    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    from exengine_ome_tiff import TiffStorage

    path = Path(sys.argv[1])
    positions, times = 1000, 5

    def frame(position, time):
        return np.full((16, 16), position * times + time, np.uint16)

    def check(storage):
        for position in (0, 1, 500, 999):
            for time in range(times):
                place = {"position": position, "time": time}
                assert (storage[place] == frame(position, time)).all(), place
                assert storage.get_metadata(place) == {"n": position * time}, place

    storage = TiffStorage(path)
    for time in range(times):
        for position in range(positions):
            storage.put({"position": position, "time": time}, frame(position, time), {"n": position * time})
    check(storage)
    storage.finish()
    check(storage)
    storage.close()
    with TiffStorage.open(path) as storage:
        assert len(storage.get_image_coordinates_list()) == positions * times
        check(storage)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sets a POSIX limit")
def test_a_thousand_positions_with_64_open_files(tmp_path, bioformats):
    path = tmp_path / "run"
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(list(path.iterdir())) == 1001
    with bioformats(path / "run_999.ome.tiff") as reader:
        (series,) = reader.series
        assert series.size_t == 5
        assert [int(reader.plane(0, 0, 0, t)[0, 0]) for t in range(5)] == [4995, 4996, 4997, 4998, 4999]
        assert reader.warnings == []
