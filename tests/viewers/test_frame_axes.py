"""The axes of a growing dataset in viewers, and `view` without its extra."""

import sys

import numpy as np
import pytest

from exengine_ome_tiff import TiffStorage
from exengine_ome_tiff.cli import main
from exengine_ome_tiff.viewers.frame_axes import FrameAxes
from frames import frame


def test_axes_grow_with_the_frames(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        storage.put({"t": 5, "position": "Pos10", "z": 0}, frame({"a": 1}))
        axes = FrameAxes(lambda: storage._recording.index, {})
        assert axes.axes == {"position": ("Pos10",), "t": (5,), "z": (0,)}
        assert not axes.update()
        storage.put({"t": 3, "position": "Pos2", "z": 0, "angle": 90}, frame({"a": 2}))
        storage.put({"t": 3, "position": "Pos2", "z": 1}, frame({"a": 3}))
        storage.put({"t": 4, "position": "Pos2", "z": 1}, frame({"a": 4}, dtype="u1"))
        assert axes.update()
        assert axes.axes == {"position": ("Pos10", "Pos2"), "t": (3, 5), "angle": (None, 90), "z": (0, 1)}
        assert axes.newest == {"t": 3, "position": "Pos2", "z": 1}
        assert axes.n_others == 1
        assert axes.standard("time") == "t"
        place = {"position": "Pos2", "t": 3, "angle": 90, "z": 0}
        assert (axes.plane(place) == frame({"a": 2})).all()
        assert axes.plane(place | {"angle": None}) is None
        assert (axes.plane(place | {"angle": None, "z": 1}) == frame({"a": 3})).all()
        assert axes.plane({"t": 4, "position": "Pos2", "z": 1}) is None  # of another type
        storage.flush()
        with TiffStorage.open(tmp_path / "run.ome.tiff", allow_unfinished=True) as other:
            known = axes.axes
            axes._frames = lambda: other._recording.index  # as after `refresh` of a finished dataset
            assert axes.update()
            assert (axes.axes, axes.n_others) == (known, 1)
            axes._frames = lambda: storage._recording.index
            assert axes.update()
        storage.put(place, np.zeros_like(frame({})))
        assert axes.update()  # a frame was overwritten
        assert not axes.plane(place).any()
        assert FrameAxes(lambda: storage._recording.index, {"position": "Pos10"}).axes == {
            "t": (5,),
            "z": (0,),
        }
        with pytest.raises(ValueError, match="no frame at z=9"):
            FrameAxes(lambda: storage._recording.index, {"z": 9})


def test_without_the_extra_one_line_names_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ndv", None)
    monkeypatch.delitem(sys.modules, "exengine_ome_tiff.viewers.ndv_viewer", raising=False)
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        storage.put({}, frame({}))
        with pytest.raises(ImportError, match=r'pip install "exengine-ome-tiff\[view\]"'):
            storage.view()
    for command in ("view", "show"):
        assert main([command, str(tmp_path / "run.ome.tiff")]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.endswith('view needs ndv: pip install "exengine-ome-tiff[view]"')
