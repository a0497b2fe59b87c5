"""Encoded pages: which threads decode them, and how threads share work."""

import os
import threading
import time

import numpy as np
import pytest
import tifffile

from exengine_ome_tiff import OmeTiffError, TiffStorage, threads
from exengine_ome_tiff.tiff import decode, disk
from frames import assert_same, frame


@pytest.fixture
def decoders(monkeypatch):
    """Names of the threads that decoded strips or tiles on a machine of three cores."""
    names = []
    decompress = decode._is_decompressed_into

    def noting(*arguments):
        names.append(threading.current_thread().name)
        time.sleep(0.005)  # or one thread may be done before another one has begun
        return decompress(*arguments)

    monkeypatch.setattr(decode, "_is_decompressed_into", noting)
    monkeypatch.setattr(threads, "CORES", 3)
    return names


def test_only_large_pages_use_several_threads(tmp_path, decoders):
    with TiffStorage(tmp_path / "run.ome.tiff", compression="zlib") as storage:
        for number, side in enumerate((64, 600, 1024)):
            pixels = frame({"time": number}, (side, side))
            storage.put({"position": number}, pixels)
            decoders.clear()
            assert_same(storage[{"position": number}], pixels)
            assert (len(set(decoders)) > 1) == (side == 1024)
            assert threading.current_thread().name in decoders


def test_an_image_of_encoded_pages_is_read_by_all_cores(tmp_path, decoders):
    stack = np.stack([frame({"time": time}, (256, 200)) for time in range(12)])
    with TiffStorage(tmp_path / "run.ome.tiff", compression="zlib") as storage:
        for time, pixels in enumerate(stack):
            storage.put({"time": time}, pixels)
        assert_same(storage.images[0].asarray(), stack)
    assert len(set(decoders)) > 1


def test_an_encoded_page_takes_few_system_calls(tmp_path, monkeypatch):
    sides, counts = (64, 600), []
    with TiffStorage(tmp_path / "run.ome.tiff", compression="zlib") as storage:
        for number, side in enumerate(sides):
            storage.put({"position": number}, frame({"position": number}, (side, side)))
    with TiffStorage.open(tmp_path / "run.ome.tiff") as storage:
        with tifffile.TiffFile(storage.path) as tiff:
            n_strips = [len(page.dataoffsets) for page in tiff.pages]
        read_at = disk.read_at
        monkeypatch.setattr(disk, "read_at", lambda *arguments: counts.append(1) or read_at(*arguments))
        for number, strips in enumerate(n_strips):
            storage[{"position": number}]  # opens the file
            counts.clear()
            storage[{"position": number}]
            assert len(counts) == 1 + strips + (2 if strips > 1 else 0)  # IFD, strips and their two lists
    assert n_strips[0] == 1 < n_strips[1]


@pytest.mark.parametrize("compression", ["zlib", "zstd"])
@pytest.mark.parametrize("options", [{}, {"predictor": True}, {"tile": (32, 48)}], ids=str)
def test_pages_are_the_same_however_they_are_decoded(tmp_path, monkeypatch, compression, options):
    pixels = frame({"time": 1}, (300, 500))
    with TiffStorage(tmp_path / "run.ome.tiff", compression=compression, **options) as storage:
        storage.put({}, pixels)
    with TiffStorage.open(tmp_path / "run.ome.tiff") as storage:
        assert_same(storage[{}], pixels)
        monkeypatch.setattr(decode, "_decoders", dict)
        assert_same(storage[{}], pixels)


@pytest.mark.parametrize("compression", ["zlib", "zstd"])
def test_a_damaged_page_is_reported_in_the_same_way_by_each_decoder(tmp_path, monkeypatch, compression):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, compression=compression) as storage:
        storage.put({}, frame({"time": 1}, (300, 500)))
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        at = page.dataoffsets[0] + (page.databytecounts[0] - 1 if compression == "zlib" else 0)
    data = bytearray(path.read_bytes())
    data[at] ^= 0xFF  # the checksum of zlib; zstd has none
    path.write_bytes(data)
    with TiffStorage.open(path) as storage:
        errors = []
        for decoders in (decode._decoders, dict):
            monkeypatch.setattr(decode, "_decoders", decoders)
            with pytest.raises(OmeTiffError, match="cannot be decoded") as caught:
                storage[{}]
            errors.append(str(caught.value))
    assert errors[0] == errors[1]


def test_an_error_in_any_share_is_raised():
    def work(items):
        if 4 in items:
            raise OSError("4")

    threads.in_shares(work, range(4))
    with pytest.raises(OSError, match="4"):
        threads.in_shares(work, range(5))


def helpers():
    return [thread for thread in threading.enumerate() if thread.name == "TiffStorage helper"]


def test_helpers_are_used_again_and_end_by_themselves(monkeypatch):
    monkeypatch.setattr(threads, "CORES", 3)
    monkeypatch.setattr(threads, "_IDLE_S", 0.05)
    monkeypatch.setattr(threads, "_helpers", threads._Helpers())
    before, seen = {*helpers()}, set()
    for _ in range(20):
        threads.in_shares(lambda _: time.sleep(0.001), range(6))
        seen |= {*helpers()}
    assert 1 <= len(seen - before) <= 4  # one that has just ended may be replaced
    until_s = time.monotonic() + 10
    while {*helpers()} - before and time.monotonic() < until_s:
        time.sleep(0.01)
    assert not {*helpers()} - before


def test_shares_can_be_divided_again():
    done = []

    def work(items):
        threads.in_shares(done.extend, [(item, part) for item in items for part in "ab"])

    threads.in_shares(work, range(50))
    assert sorted(done) == [(item, part) for item in range(50) for part in "ab"]


def test_no_thread_waits_for_helpers_that_cannot_start(monkeypatch):
    def fail(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threads, "CORES", 3)
    monkeypatch.setattr(threads, "_helpers", threads._Helpers())
    monkeypatch.setattr(threading.Thread, "start", fail)
    done = []
    threads.in_shares(done.extend, range(9))
    assert sorted(done) == [*range(9)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_forked_process_has_its_own_helpers(monkeypatch):
    monkeypatch.setattr(threads, "CORES", 3)
    threads.in_shares(lambda _: time.sleep(0.001), range(6))
    assert helpers()
    child = os.fork()
    if not child:
        names = set()
        threads.in_shares(lambda _: (names.add(threading.get_ident()), time.sleep(0.02)), range(6))
        os._exit(len(names) < 2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
