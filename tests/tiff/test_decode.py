"""Encoded pages: which threads decode them."""

import threading

import numpy as np
import pytest

from exengine_ome_tiff import TiffStorage, threads
from frames import assert_same, frame


@pytest.fixture
def decoders(monkeypatch):
    """Names of the threads that decoded strips or tiles on a machine of three cores."""
    names = []
    from exengine_ome_tiff.tiff import decode

    decompressed = decode._decompressed

    def noting(*arguments):
        names.append(threading.current_thread().name)
        return decompressed(*arguments)

    monkeypatch.setattr(decode, "_decompressed", noting)
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    return names


def test_only_large_pages_start_threads(tmp_path, decoders):
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


def test_an_error_in_any_share_is_raised():
    def work(items):
        if 4 in items:
            raise OSError("4")

    threads.in_shares(work, range(4))
    with pytest.raises(OSError, match="4"):
        threads.in_shares(work, range(5))
