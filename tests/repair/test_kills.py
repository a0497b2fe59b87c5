"""After SIGKILL, any reader finds complete pages, and `recover` finds all acknowledged frames."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile

from effort import effort
from exengine_ome_tiff.tiff.journal_reader import read_head

KILLS, AT_CHECKPOINTS = effort((30, 10), (200, 300))
SCRIPT = Path(__file__).parents[1] / "killing.py"

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork; test_durability kills on Windows"),
    pytest.mark.timeout(2400),
]


def killed(folder, count, *options):
    """Kill, recover and compare `count` times, in two processes; return the number of files in each state."""

    def kill(half):
        command = [sys.executable, SCRIPT, str(half), "--keep", folder, *options]
        return subprocess.run(command, capture_output=True, text=True, timeout=1100, check=False)

    states = Counter()
    with ThreadPoolExecutor() as pool:
        for done in pool.map(kill, (count // 2, count - count // 2)):
            assert done.returncode == 0, done.stderr[-3000:]
            print(done.stdout)  # noqa: T201 - with the seed, to repeat it
            states.update(json.loads(done.stdout))
    assert states["kills"] == count
    return states


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Return copies of the files of processes that were killed at random times."""
    folder = tmp_path_factory.mktemp("found")
    states = killed(folder, KILLS)
    assert states["in finish"] > KILLS / 20
    assert states["writing"] > KILLS / 20
    assert states["in finish, recovery killed"] > 0
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def found_at_checkpoints(tmp_path_factory):
    """Return copies of the files of processes that were killed during and soon after a checkpoint."""
    folder = tmp_path_factory.mktemp("found at checkpoints")
    states = killed(folder, AT_CHECKPOINTS, "--at-checkpoints")
    assert sum(states[state] for state in states if state.startswith("in checkpoint")) > AT_CHECKPOINTS / 20
    return sorted(folder.iterdir())


def pages_of(path):
    with tifffile.TiffFile(path) as tif:
        return [page.asarray() for page in tif.pages]


def test_all_acknowledged_frames_are_recovered(found):
    assert len(found) > KILLS / 4


@pytest.mark.skipif(shutil.which("tiffinfo") is None, reason="tiffinfo of libtiff is not installed")
def test_libtiff_reads_the_killed_files(found):
    assert found
    for path in found[:60]:
        command = ["tiffinfo", "-D", path]  # reads all pixels
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0
        messages = [line for line in done.stderr.splitlines() if "Unknown field with tag" not in line]
        assert messages == []
        assert done.stdout.count("=== TIFF directory") == len(pages_of(path))


def test_bioformats_reads_the_killed_files_as_a_stack(found, bioformats):
    seen = 0
    for path in found:
        if seen == effort(10, 40):
            break
        pages = pages_of(path)
        if len({page.shape for page in pages}) > 1:
            continue  # Bio-Formats makes images of its own of pages of several shapes
        with tifffile.TiffFile(path) as tif:
            if tif.is_ome:
                continue
        with bioformats(path) as reader:
            planes = [
                reader.plane_index(number, index)
                for number, image in enumerate(reader.series)
                for index in range(image.size_z * image.size_c * image.size_t)
            ]
        assert len(planes) == len(pages)
        for plane, page in zip(planes, pages, strict=True):
            np.testing.assert_array_equal(plane, page)
        seen += 1
    assert seen > effort(0, 3)


def test_bioformats_opens_every_file_killed_at_a_checkpoint(found, found_at_checkpoints, bioformats):
    """It shows the images of the last checkpoint, or before the first one a stack of all frames."""
    n_shown = 0
    for path in (*found_at_checkpoints, *filter(is_checkpointed, found[: effort(15, 300)])):
        pages = pages_of(path)
        with tifffile.TiffFile(path) as tif:
            is_ome = tif.is_ome
        with bioformats(path) as reader:
            assert reader.warnings == []
            planes = [
                reader.plane(number, z, c, t)
                for number, image in enumerate(reader.series)
                for z, c, t in np.ndindex(image.size_z, image.size_c, image.size_t)
            ]
            assert {image.size_z for image in reader.series} == {1} or not is_ome
        if is_ome or len({page.shape for page in pages}) == 1:  # else Bio-Formats may show one shape only
            assert len(planes) == len(pages)
        assert planes
        assert all(int(plane[0, 0]) % 100 == 0 for plane in planes)
        n_shown += is_checkpointed(path)
    assert len(found_at_checkpoints) > AT_CHECKPOINTS / 2
    assert n_shown > AT_CHECKPOINTS / 10


def is_checkpointed(path):
    """Whether a file has a checkpoint but is not finished."""
    first_at = int.from_bytes(path.read_bytes()[8:16], "little")
    return first_at > 16 and not read_head(path).is_finished
