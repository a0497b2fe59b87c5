"""Recovery of generated disk states that a power failure may leave, for all kinds of datasets."""

from __future__ import annotations

import os
import shutil

import pytest

from crash_states import hunt
from effort import effort
from exengine_ome_tiff.tiff import JournalFile

pytestmark = pytest.mark.skipif(not hasattr(os, "pwrite"), reason="files are written to at their position")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", effort([1], [1, 2, 3]))
def test_a_power_failure_costs_no_promised_frame(seed):
    count = effort(40, 1000)
    told, troubles = hunt(count, seed, with_libtiff=shutil.which("tiffinfo") is not None)
    assert troubles == []
    assert told["states"] == count
    assert told["promised_frames"] > 10 * count


def test_a_flush_without_sync_is_noticed(monkeypatch):
    monkeypatch.setattr(JournalFile, "sync", JournalFile.commit)
    _, troubles = hunt(30, 1)
    assert troubles
