"""Statements of README and comparison about ome-writers, and the same with `TiffStorage`."""

import numpy as np
import ome_writers
import pytest
import tifffile

from exengine_ome_tiff import TiffStorage

FRAME = np.ones((16, 16), np.uint16)


def dimensions(*names_and_counts):
    kinds = {"t": "time", "y": "space", "x": "space"}
    return [
        ome_writers.Dimension(name=name, count=count, type=kinds.get(name, "other"))
        for name, count in names_and_counts
    ]


def stream(path, *names_and_counts):
    settings = ome_writers.AcquisitionSettings(
        root_path=str(path),
        dimensions=dimensions(*names_and_counts, ("y", 16), ("x", 16)),
        dtype="uint16",
        format=ome_writers.OmeTiffFormat(backend="tifffile"),
    )
    return ome_writers.create_stream(settings)


def test_a_run_of_unknown_shape(tmp_path):
    with stream(tmp_path / "theirs.ome.tiff", ("t", 2)) as theirs:
        theirs.append(FRAME)
        theirs.append(FRAME)
        with pytest.raises(IndexError, match="exceed total of 2 frames"):
            theirs.append(FRAME)
    with TiffStorage(tmp_path / "ours.ome.tiff") as ours:
        for time in (0, 1, 2, 7):
            ours.put({"time": time}, FRAME)
        assert ours.images[0].sizes["T"] == 4


def test_axis_unknown_to_ome(tmp_path):
    with pytest.raises(NotImplementedError):
        stream(tmp_path / "theirs.ome.tiff", ("t", 2), ("angle", 2))
    with TiffStorage(tmp_path / "ours.ome.tiff") as ours:
        ours.put({"time": 0, "angle": "left"}, FRAME)
        ours.put({"time": 0, "angle": "right"}, FRAME)
        assert [image.coordinates for image in ours.images] == [{"angle": "left"}, {"angle": "right"}]


def test_an_array_that_its_caller_reuses(tmp_path):
    frame = np.zeros((16, 16), np.uint16)
    with stream(tmp_path / "theirs.ome.tiff", ("t", 100)) as theirs:
        for time in range(100):
            frame[:] = time
            theirs.append(frame)
    with TiffStorage(tmp_path / "ours.ome.tiff") as ours:
        for time in range(100):
            frame[:] = time
            ours.put({"time": time}, frame)
    assert [*tifffile.imread(tmp_path / "theirs.ome.tiff").max((1, 2))] != [*range(100)]
    assert [*tifffile.imread(tmp_path / "ours.ome.tiff").max((1, 2))] == [*range(100)]
