"""Untrusted folders: a conversion ends soon and changes nothing else; ``FOREIGN_COUNT`` sets their number."""

import contextlib
import os
import random
import resource
import shutil
import time

import numpy as np
import pytest

from acquisitions import nested
from effort import effort
from exengine_ome_tiff import OmeTiffError, convert
from foreign import (
    write_image_stack,
    write_ndtiff,
    write_ndtiff_1,
    write_ndtiff_by_hand,
    write_ome_tiff,
    write_separate_1,
    write_separate_2,
)
from frames import frame

N_INPUTS = int(os.environ.get("FOREIGN_COUNT", effort("20", "400")))
"""Number of damaged variants of each source."""
MOST_SECONDS = 10
MOST_BYTES = 2_000_000
MOST_NEW_MEMORY_KB = 400_000
SUMMARY = {"MicroManagerVersion": "2.0.0", "ChNames": ["DAPI", "FITC"], "Positions": 2}
PLACES = nested(time=range(2), position=range(2), channel=range(2), z=range(1))
FRAMES = [(place, frame(place, (12, 14)), {"ElapsedTime-ms": 5, "Exposure-ms": 1}) for place in PLACES]
NUMBERS = (0, 1, 7, 8, 255, 256, 65535, 1 << 16, (1 << 31) - 1, 1 << 31, (1 << 32) - 1)
TEXTS = (
    b"../",
    b"/etc/passwd",
    b'"',
    b"{",
    b"[" * 2000,
    b"\0",
    b"<!DOCTYPE x>",
    b"9" * 400,
    b'IFD="0" ',
    b"-1",
)


def stack(folder):
    write_image_stack(folder / "run_MMStack_Pos0.ome.tif", SUMMARY, FRAMES, {"Summary": "note"})


def killed_stack(folder):
    frames = [
        (place, pixels, metadata | {f"{name}Index": place[axis] for name, axis in INDICES})
        for place, pixels, metadata in FRAMES
    ]
    write_image_stack(folder / "run_MMStack_Pos0.ome.tif", SUMMARY, frames, is_finished=False)


INDICES = (("Frame", "time"), ("Slice", "z"), ("Channel", "channel"), ("Position", "position"))


def separate_1(folder):
    write_separate_1(folder, SUMMARY, FRAMES, channels=["DAPI", "FITC"], names=["left", "right"])


def separate_2(folder):
    write_separate_2(folder, SUMMARY, FRAMES, names=["left", "right"])


def ndtiff_1(folder):
    write_ndtiff_1(folder, SUMMARY, FRAMES)


def ndtiff_2(folder):
    frames = [
        (place, pixels, metadata | {"Channel": str(place["channel"])}) for place, pixels, metadata in FRAMES
    ]  # without which ndstorage cannot read them
    write_ndtiff_by_hand(folder, 2, SUMMARY, frames)


def ndtiff_3(folder):
    write_ndtiff(folder.parent, "made", SUMMARY, FRAMES).rename(folder)


def ome_tiff(folder):
    arrays = np.stack([pixels for _, pixels, _ in FRAMES]).reshape(2, 2, 2, 1, 12, 14)
    write_ome_tiff(folder, {"left": arrays[:, 0], "right": arrays[:, 1]})


SOURCES = (stack, killed_stack, separate_1, separate_2, ndtiff_1, ndtiff_2, ndtiff_3, ome_tiff)


def damage(data, chance):
    """Damage bytes: truncate them, overwrite numbers, insert texts."""
    data = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data) + 1)
        kind = chance.randrange(5)
        if kind == 0:
            del data[at:]
        elif kind == 1:
            number = chance.choice((*NUMBERS, len(data), at))
            data[at : at + 4] = (number & 0xFFFFFFFF).to_bytes(4, "little")
        elif kind == 2:
            data[at : at + 1] = bytes([chance.randrange(256)])
        elif kind == 3:
            data[at:at] = chance.choice(TEXTS)
        else:
            other = chance.randrange(len(data) + 1)
            data[at : at + 12] = data[other : other + 12]
    return bytes(data)


def tree(folder):
    return {path: path.stat().st_size for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("make", SOURCES)
def test_undamaged_sources_are_converted_completely(make, tmp_path):
    make(tmp_path / "source")
    done = convert(tmp_path / "source", tmp_path / "run.ome.tiff", verify=True)
    assert (done.n_frames, done.is_complete) == (len(FRAMES), True)


@pytest.mark.parametrize("make", SOURCES)
def test_damaged_sources(make, memory_path):
    whole, folder, out = (memory_path / name for name in ("whole", "source", "out"))
    make(whole)
    files = [path.relative_to(whole) for path in sorted(whole.rglob("*")) if path.is_file()]
    memory_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for seed in range(N_INPUTS):
        chance = random.Random(f"{make.__name__} {seed}")  # noqa: S311 - inputs, no secrets
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(whole, folder)
        out.mkdir()
        for name in sorted({chance.choice(files) for _ in range(2)}):
            (folder / name).write_bytes(damage((whole / name).read_bytes(), chance))
        before = tree(memory_path)
        start_s = time.monotonic()
        with contextlib.suppress(OmeTiffError):
            convert(folder, out / "run.ome.tiff", fsync=False)
        assert time.monotonic() - start_s < MOST_SECONDS, seed
        after = tree(memory_path)
        new = {path: size for path, size in after.items() if path.is_relative_to(out)}
        assert sum(new.values()) < MOST_BYTES, (seed, new)
        assert {path: size for path, size in after.items() if path not in new} == before, seed
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory_kb < MOST_NEW_MEMORY_KB


def test_name_that_is_too_long_skips_its_frame_only(tmp_path):
    folder = tmp_path / "source"
    separate_2(folder)
    text = folder / "left" / "metadata.txt"
    name = "left/img_channel000_position000_time000000000_z000.tif"
    (folder / name).unlink()
    text.write_text(text.read_text().replace(name, f"left/{'x' * 300}.tif"))
    done = convert(folder, tmp_path / "run.ome.tiff")
    assert done.n_frames == len(FRAMES) - 1
    assert [skipped.reason for skipped in done.skipped if "File name too long" in skipped.reason]


@pytest.mark.parametrize("make", SOURCES)
def test_pipes_and_links_out_of_the_folder(make, tmp_path):
    folder, private = tmp_path / "source", tmp_path / "private"
    make(folder)
    make(private)
    for path in sorted(private.rglob("*.tif")):
        inside = folder / path.relative_to(private)
        os.mkfifo(inside.with_name(f"zz{inside.name}"))
        inside.unlink()
        inside.symlink_to(path)
    with pytest.raises(OmeTiffError):
        convert(folder, tmp_path / "run.ome.tiff")
    assert not (tmp_path / "run.ome.tiff").exists()
