"""Planned frames that did not come are reported at the end of a run and by `info`."""

import numpy as np
import pytest

from exengine_ome_tiff import TiffStorage, info
from exengine_ome_tiff.inspection.text_table import table


@pytest.mark.parametrize("name", ["run.ome.tiff", "run"])
def test_missing_planned_frames_are_reported(tmp_path, caplog, name):
    path = tmp_path / name
    plan = {"position": ["A", "B"], "time": 4, "channel": ["DAPI", "GFP"]}
    with TiffStorage(path, plan=plan) as storage:
        for position, times in (("A", 3), ("B", 2)):
            for time in range(times):
                for channel in ("DAPI", "GFP"):
                    place = {"position": position, "time": time, "channel": channel}
                    storage.put(place, np.zeros((8, 8), np.uint16))
        storage.flush()
        running = info(path)
        assert (running.n_planned, running.n_missing, running.is_finished) == (16, 6, False)
    message = "6 of 16 planned frames are missing, including all of time=3: record them again"
    assert caplog.text.count(message) == 1
    found = info(path)
    assert [str(each) for each in found.check if each.kind == "plan"] == [
        f"{message}, unless the run was stopped on purpose"
    ]
    assert "  planned        16 frames, 6 missing" in table(found)


def test_a_complete_plan_reports_nothing(tmp_path, caplog):
    with TiffStorage(tmp_path / "run.ome.tiff", plan={"time": 2}) as storage:
        for time in range(2):
            storage.put({"t": time}, np.zeros((8, 8), np.uint16))
    assert "planned" not in caplog.text
    found = info(tmp_path / "run.ome.tiff")
    assert (found.n_planned, found.n_missing, found.check) == (2, 0, ())
    assert "  planned        2 frames, all recorded" in table(found)


def test_a_plan_stays_when_a_run_is_resumed(tmp_path):
    path = tmp_path / "run.ome.tiff"
    storage = TiffStorage(path, plan={"time": 3})
    storage.put({"time": 0}, np.zeros((8, 8), np.uint16))
    storage.suspend()
    with TiffStorage.resume(path) as storage:
        storage.put({"time": 2}, np.zeros((8, 8), np.uint16))
    assert (info(path).n_planned, info(path).n_missing) == (3, 1)
    assert "1 of 3 planned frames is missing" in str(info(path).check)
    with pytest.raises(TypeError, match="plan"):
        TiffStorage(tmp_path / "other.ome.tiff", plan=3)
    assert not (tmp_path / "other.ome.tiff").exists()


@pytest.mark.parametrize(
    ("plan", "fix"),
    [
        ({"t": 2, "channel": 2}, "the plan has channel 0, 1, but the frames have 'DAPI', 'GFP'"),
        ({"frame": 2}, "no frame has the planned axis 'frame'; the axes are 'time', 'channel'"),
        ({"time": [5], "channel": ["DAPI"]}, "the plan has time 5, but the frames have 0, 1"),
        ({"time": [1], "channel": ["DAPI"]}, "record them again, unless the run was stopped on purpose"),
    ],
    ids=str,
)
def test_a_plan_that_no_frame_fits_says_what_differs(tmp_path, plan, fix):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, plan=plan) as storage:
        for place in ({"time": 0, "channel": "DAPI"}, {"time": 1, "channel": "GFP"}):
            storage.put(place, np.zeros((8, 8), np.uint16))
    found = info(path)
    told = [str(each) for each in found.check if each.kind == "plan"]
    n = found.n_planned
    assert told == [f"{n} of {n} planned frame{'s are' if n > 1 else ' is'} missing: {fix}"]
