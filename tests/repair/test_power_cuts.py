"""Real power cuts: an ext4 image, shut down while a process writes to it."""

from __future__ import annotations

import json
import os
import random
import signal
import struct
import subprocess
import sys
import textwrap
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from effort import effort
from exengine_ome_tiff import TiffStorage, recover, validate

EXT4_SHUTDOWN = 0x8004587D
WITHOUT_ITS_LOG = 2
"""Shuts the file system down; what it has not written to its disk is lost."""

WRITER = """
    import json, os, sys, time
    import numpy as np
    from exengine_ome_tiff import TiffStorage

    def write(path, kind, count):
        options = {"compression": "zlib", "pyramid_levels": 1} if kind == "compressed" else {}
        storage = TiffStorage(path, **options)
        for number in range(count):
            shape = (700, 800) if number % 10 == 7 else (30, 40)
            pixels = np.full(shape, number % 5000, np.uint16)
            storage.put({"position": number % 2, "time": number}, pixels, {"number": number})
            if number % 20 == 19:
                storage.flush(fsync=True)
                print(number + 1, flush=True)
            elif number % 6 == 5:
                storage.flush()
        return storage

    write(sys.argv[1], "compressed", 1).close()  # does all imports
    for line in sys.stdin:
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            print("ended", flush=True)
            continue
        try:
            print(os.getpid(), flush=True)
            write(*json.loads(line), 2000)  # bounded, so that a fast machine does not fill the disk
            time.sleep(60)
        finally:
            os._exit(0)
"""


def run_as_root(*command: object) -> None:
    subprocess.run([str(each) for each in command], check=True, capture_output=True)


@pytest.fixture
def ext4(tmp_path):
    """Return a folder and a function that mounts a file system there; skip without permission."""
    if not sys.platform.startswith("linux") or os.geteuid():
        pytest.skip("a file system can only be mounted by root, on Linux")
    image, folder = tmp_path / "ext4.img", tmp_path / "disk"
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(1 << 30)

    def mount():
        run_as_root("mount", "-o", "loop", image, folder)

    try:
        run_as_root("mkfs.ext4", "-q", image)
        mount()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no ext4 can be mounted from a file here")
    yield folder, mount
    if folder.is_mount():
        run_as_root("umount", "--lazy", folder)


def cut_power(folder: Path) -> None:
    import fcntl  # not on Windows

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.ioctl(descriptor, EXT4_SHUTDOWN, struct.pack("I", WITHOUT_ITS_LOG))
    finally:
        os.close(descriptor)


@pytest.fixture
def writer(tmp_path):
    """Start a process that forks one which writes for each line that it is sent."""
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(WRITER), tmp_path / "first.ome.tiff"]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        bufsize=1,
    ) as process:
        yield process
        process.kill()


@pytest.mark.timeout(900)
def test_a_power_cut_costs_no_promised_frame(ext4, writer):
    folder, mount = ext4
    chance = random.Random(1)  # noqa: S311
    for number in range(effort(3, 40)):
        path = folder / str(number) / ("run" if number % 2 else "run.ome.tiff")
        path.parent.mkdir()
        writer.stdin.write(json.dumps([str(path), "compressed" if number % 3 == 1 else "plain"]) + "\n")
        child = int(writer.stdout.readline())
        promised = int(writer.stdout.readline())
        time.sleep(chance.uniform(0, 0.3))
        cut_power(folder)
        with suppress(ProcessLookupError):  # an error of the disk ends it, too
            os.kill(child, signal.SIGKILL)
        for line in iter(writer.stdout.readline, "ended\n"):
            promised = int(line)
        run_as_root("umount", folder)
        mount()
        recover(path)
        problems = [
            each for each in map(str, validate(path)) if "decode" not in each and "decompress" not in each
        ]
        assert problems == []
        with TiffStorage.open(path) as storage:
            for time_point in range(promised):
                place = {"position": time_point % 2, "time": time_point}
                assert (storage[place] == time_point % 5000).all()
                assert storage.get_metadata(place) == {"number": time_point}
            assert np.all(
                [
                    storage.get_metadata(each)["number"] == each["time"]
                    for each in storage.get_image_coordinates_list()
                ]
            )
        run_as_root("rm", "-r", path.parent)
