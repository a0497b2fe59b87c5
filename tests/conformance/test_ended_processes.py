"""The comparison's numbers for killed processes: how many frames are left."""

import subprocess
import sys

import pytest

from exengine_ome_tiff import recover

FRAMES = 300
WRITE = """
import os, time
import numpy as np
frame = np.ones((64, 64), np.uint16)
{begin}
for number in range({frames}):
    {put}
time.sleep(1)  # longer than anybody collects frames
os._exit(1)
"""
OURS = WRITE.format(
    begin="from exengine_ome_tiff import TiffStorage; storage = TiffStorage('run.ome.tiff')",
    put="storage.put({'time': number}, frame, {'number': number})",
    frames=FRAMES,
)
NDTIFF = WRITE.format(
    begin="from exengine.storage_backends.ndtiff_and_ndram import NDTiffStorage\n"
    "storage = NDTiffStorage('.', 'run')",
    put="storage.put({'time': number}, frame, {'number': number})",
    frames=FRAMES,
)
NDTIFF_COUNT = """
import glob
from ndstorage import NDTiffDataset
dataset = NDTiffDataset(*glob.glob("run*"))
print("\\n", len(dataset.get_image_coordinates_list()))
"""
OME_WRITERS = WRITE.format(
    begin=f"""
import ome_writers
sizes = [("t", {FRAMES}, "time"), ("y", 64, "space"), ("x", 64, "space")]
storage = ome_writers.create_stream(ome_writers.AcquisitionSettings(
    root_path="run.ome.tiff", dtype="uint16", format=ome_writers.OmeTiffFormat(backend="tifffile"),
    dimensions=[ome_writers.Dimension(name=name, count=count, type=kind) for name, count, kind in sizes]))
""",
    put="storage.append(frame)",
    frames=FRAMES,
)
OME_WRITERS_COUNT = """
import tifffile
with tifffile.TiffFile("run.ome.tiff") as tif:
    print("\\n", len(tif.pages))
"""


def python(source, folder):
    """Run a script in its own process, because peers leave files open and print."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", source],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_all_our_frames_are_recovered(tmp_path):
    assert python(OURS, tmp_path).returncode == 1
    assert recover(tmp_path / "run.ome.tiff").n_frames == FRAMES


@pytest.mark.parametrize(
    ("write", "count", "most"),
    [(NDTIFF, NDTIFF_COUNT, FRAMES - 1), (OME_WRITERS, OME_WRITERS_COUNT, 1)],
    ids=["NDTiffStorage", "ome-writers"],
)
def test_peers_lose_frames(tmp_path, write, count, most):
    done = python(write, tmp_path)
    assert done.returncode == 1, done.stderr
    counted = python(count, tmp_path)
    assert counted.returncode == 0, counted.stderr
    assert 0 < int(counted.stdout.splitlines()[-1].split()[-1]) <= most
