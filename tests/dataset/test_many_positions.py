"""More files than a process may open at once."""

import sys
import textwrap

import pytest

import warm
from effort import effort

POSITIONS = effort(120, 1000)
SCRIPT = """
    import resource, sys, time
    from pathlib import Path

    import numpy as np

    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    from exengine_ome_tiff import TiffStorage

    path = Path(sys.argv[1])
    positions, times = int(sys.argv[2]), 5

    def frame(position, time):
        return np.full((16, 16), position * times + time, np.uint16)

    def check(storage):
        for position in (0, 1, positions // 2, positions - 1):
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
def test_many_positions_with_64_open_files(tmp_path, bioformats):
    path = tmp_path / "run"
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), path, str(POSITIONS)]
    done = warm.run(command, cwd=tmp_path, timeout_s=250)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(list(path.iterdir())) == POSITIONS + 1
    with bioformats(path / f"run_{POSITIONS - 1}.ome.tiff") as reader:
        (series,) = reader.series
        assert series.size_t == 5
        values = [int(reader.plane(0, 0, 0, t)[0, 0]) for t in range(5)]
        assert values == [*range(5 * POSITIONS - 5, 5 * POSITIONS)]
        assert reader.warnings == []
