"""Checkpoints: an unfinished file is an OME-TIFF up to the last one."""

from __future__ import annotations

import errno
import logging
import os
import time
import xml.etree.ElementTree as ET
from contextlib import suppress

import numpy as np
import pytest
import tifffile

from exengine_ome_tiff import NotFinishedError, TiffStorage, recover, validate
from exengine_ome_tiff.tiff import disk
from exengine_ome_tiff.tiff.journal_reader import read_head
from exengine_ome_tiff.writing import checkpoint
from exengine_ome_tiff.writing.checkpointer import Checkpointer, CheckpointRule

CHANNELS = ("DAPI", "GFP")
OPTIONS = {"pixel_size_um": 0.5, "checkpoint": False}


def pixels_of(time_point, channel, z):
    return np.full((16, 24), 100 * time_point + 10 * CHANNELS.index(channel) + z, np.uint16)


def put_time_point(storage, time_point, **axes):
    for channel in CHANNELS:
        for z in range(3):
            place = {"time": time_point, "channel": channel, "z": z, **axes}
            storage.put(place, pixels_of(time_point, channel, z), {"Exposure-ms": 10.0})


def companion_uuids(folder):
    (path,) = folder.glob("*.companion.ome")
    return ET.fromstring(path.read_bytes())  # noqa: S314 - we wrote it


def test_tifffile_shows_the_experiment_of_the_last_checkpoint(tmp_path, caplog):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, **OPTIONS) as storage:
        for time_point in range(5):
            put_time_point(storage, time_point)
            if time_point in (1, 3):
                storage.checkpoint()
                with tifffile.TiffFile(path) as tif:
                    assert tif.is_ome
                    (series,) = tif.series
                    assert (series.axes, series.shape[:3]) == ("TCZYX", (time_point + 1, 2, 3))
                    shown = series.asarray()
                for place in storage.get_image_coordinates_list():
                    index = place["time"], CHANNELS.index(place["channel"]), place["z"]
                    np.testing.assert_array_equal(shown[index], storage[place])
        storage.flush()
        assert [each.what for each in validate(path)] == ["not finished"]
        with pytest.raises(NotFinishedError):
            TiffStorage.open(path)
        with TiffStorage.open(path, allow_unfinished=True) as reader:
            assert len(reader.get_image_coordinates_list()) == 30  # including those after the checkpoint
    assert not [record for record in caplog.records if record.name == "tifffile"]
    assert validate(path) == []


def test_bioformats_and_imagej_read_a_checkpoint_without_a_warning(tmp_path, bioformats):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, **OPTIONS) as storage:
        for time_point in range(3):
            put_time_point(storage, time_point)
        storage.checkpoint()
        put_time_point(storage, 3)
        with bioformats(path) as reader:
            assert reader.warnings == []
            (image,) = reader.series
            assert (image.size_t, image.size_c, image.size_z) == (3, 2, 3)
            for z, c, t in np.ndindex(3, 2, 3):
                np.testing.assert_array_equal(reader.plane(0, z, c, t), pixels_of(t, CHANNELS[c], z))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("run.ome.tiff", {}),
        ("run.ome.tiff", {"compression": "zlib", "tile": (16, 16), "pyramid_levels": 1, "checksums": True}),
        ("run", {}),
    ],
)
def test_frames_after_a_checkpoint_are_resumed_recovered_and_finished(tmp_path, name, options):
    path = tmp_path / name
    storage = TiffStorage(path, **OPTIONS, **options)
    for position in ("A", "B"):
        put_time_point(storage, 0, position=position)
    storage.put({"time": 1, "channel": "GFP", "z": 0, "position": "A"}, pixels_of(1, "GFP", 0))
    storage.checkpoint()  # with planes that were never put
    put_time_point(storage, 1, position="B")
    storage.suspend()
    files = sorted(path.glob("*.tiff")) if path.is_dir() else [path]
    for file in files:
        assert not read_head(file).is_finished
        with tifffile.TiffFile(file) as tif:
            assert tif.is_ome
    if path.is_dir():
        assert companion_uuids(path) is not None
    with TiffStorage.resume(path, checkpoint=False) as storage:
        put_time_point(storage, 2, position="A")
        storage.checkpoint()
        put_time_point(storage, 2, position="B")
        storage.suspend()
    assert recover(path).n_frames == 12 + 1 + 6 + 12
    assert validate(path) == []
    with TiffStorage.open(path) as storage:
        for place in storage.get_image_coordinates_list():
            expected = pixels_of(place["time"], place["channel"], place["z"])
            np.testing.assert_array_equal(storage[place], expected)


def test_failed_checkpoint_changes_nothing_and_is_retried(tmp_path, monkeypatch, caplog):
    path = tmp_path / "run.ome.tiff"
    real = checkpoint.write_chain
    failing = True

    def write_chain(file, *arguments):
        if failing:
            disk.write_all(file, b"a part")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(file, *arguments)

    monkeypatch.setattr(checkpoint, "write_chain", write_chain)
    with TiffStorage(path, pixel_size_um=0.5, checkpoint=0.02) as storage:
        put_time_point(storage, 0)
        storage.flush()
        with pytest.raises(OSError, match="bytes are free"):
            storage.checkpoint()
        deadline_s = time.monotonic() + 20
        while not caplog.records and time.monotonic() < deadline_s:
            time.sleep(0.02)
        put_time_point(storage, 1)
        time.sleep(0.1)
        logged = [record for record in caplog.records if record.levelno >= logging.ERROR]
        assert [record.message.partition("OSError")[0] for record in logged] == [
            f"{path}: the checkpoint failed, so other programs show the previous one: "
        ]
        failing = False
        while time.monotonic() < deadline_s:
            with suppress(tifffile.TiffFileError), tifffile.TiffFile(path) as tif:
                if tif.is_ome:
                    break
            time.sleep(0.02)
        else:
            pytest.fail("it was not tried again")
    assert validate(path) == []


def test_when_checkpoints_are_due():
    auto = CheckpointRule("auto")
    assert (auto.interval_s, CheckpointRule(30).interval_s, CheckpointRule(False).interval_s) == (
        10,
        30,
        None,
    )
    assert [auto.has_grown(10, count) for count in (10, 19, 20)] == [False, False, True]
    assert [CheckpointRule(30).has_grown(10, count) for count in (10, 11)] == [False, True]
    for wrong in (0, -1, True, "never", None, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="checkpoint="):
            TiffStorage("never.ome.tiff", checkpoint=wrong)


def test_thread_makes_checkpoints_on_time_and_stops():
    made = []
    counts = iter([1, 1, 2, 2, *[3] * 1000])
    checkpointer = Checkpointer(
        "run", CheckpointRule(0.01), lambda: next(counts), lambda: made.append(1) is None
    )
    checkpointer.start()
    deadline_s = time.monotonic() + 10
    while len(made) < 3 and time.monotonic() < deadline_s:
        time.sleep(0.01)
    checkpointer.stop()
    checkpointer.join()
    assert len(made) == 3  # one per number of frames


def test_checkpoints_without_frames_after_finish_and_during_put(tmp_path):
    path = tmp_path / "run.ome.tiff"
    storage = TiffStorage(path, **OPTIONS)
    storage.checkpoint()
    assert not path.exists() or not read_bytes_link(path)

    class Nosy:
        def __repr__(self):
            with pytest.raises(RuntimeError, match=r"checkpoint\(\) was called during"):
                storage.checkpoint()
            return "asked"

    storage.put({"time": 0}, np.zeros((4, 4), np.uint16), {"who": Nosy()})
    assert storage.get_metadata({"time": 0}) == {"who": "asked"}
    storage.close()
    storage.checkpoint()
    assert validate(path) == []


def read_bytes_link(path):
    return int.from_bytes(path.read_bytes()[8:16], "little")


def test_checkpoint_overtaken_by_finish_changes_nothing(tmp_path, monkeypatch):
    path = tmp_path / "run.ome.tiff"
    real = checkpoint.write_chain
    storage = TiffStorage(path, **OPTIONS)
    put_time_point(storage, 0)

    def write_chain(*arguments):
        storage.finish()
        return real(*arguments)

    monkeypatch.setattr(checkpoint, "write_chain", write_chain)
    with pytest.raises(RuntimeError, match="was cancelled by finish"):
        storage.checkpoint()
    storage.close()
    assert validate(path) == []


def test_header_is_updated_after_everything_else_is_on_disk(tmp_path, monkeypatch):
    path = tmp_path / "run.ome.tiff"
    calls = []
    real_write, real_sync = disk.write_at, disk.sync_file

    def write_at(file, offset, data, *rest):
        calls.append("header" if offset == 8 else "write")
        real_write(file, offset, data, *rest)

    def sync_file(file):
        calls.append("sync")
        real_sync(file)

    with TiffStorage(path, **OPTIONS) as storage:
        put_time_point(storage, 0)
        storage.flush()
        monkeypatch.setattr("exengine_ome_tiff.tiff.disk.write_at", write_at)
        monkeypatch.setattr("exengine_ome_tiff.tiff.disk.sync_file", sync_file)
        storage.checkpoint()
        monkeypatch.undo()
    assert calls[-2:] == ["sync", "header"]


def test_frames_after_a_torn_checkpoint_are_recovered(tmp_path):
    path = tmp_path / "run.ome.tiff"
    storage = TiffStorage(path, **OPTIONS)
    put_time_point(storage, 0)
    storage.checkpoint()
    put_time_point(storage, 1)
    storage.suspend()
    whole = path.read_bytes()
    chain_at = read_bytes_link(path)
    for start, nbytes in ((0, 8), (8, 512), (0, 4096), (200, 100)):
        torn = bytearray(whole)
        torn[chain_at + start : chain_at + start + nbytes] = bytes(nbytes)
        path.write_bytes(torn[: len(whole)])
        # pages after the chain may overlap it only if more than the chain was torn
        with suppress(FileNotFoundError):
            assert recover(path).n_frames >= 6
    path.write_bytes(whole[:chain_at] + bytes(64) + whole[chain_at + 64 :])
    assert recover(path).n_frames == 12
