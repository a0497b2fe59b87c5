"""The order of writes in a run: links lead only to what is there, wherever the process or the power ends."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from crash_states import PLANS, Run, apply_change, pixels_of, place_of, record
from effort import effort
from exengine_ome_tiff import OmeTiffError, TiffStorage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MOST_LOST = effort(3, 1000)
"""How many of the last writes before a sync are lost, one at a time."""

pytestmark = pytest.mark.skipif(not hasattr(os, "pwrite"), reason="files are written to at their position")


@pytest.fixture(scope="module", params=[PLANS[0], PLANS[1], PLANS[4]], ids=str)
def run(request, tmp_path_factory):
    name, options = request.param
    return record(tmp_path_factory.mktemp("recorded") / name, options)


def tiffs(run: Run) -> dict[int, str]:
    """Return the names of the TIFF files by their inodes."""
    return {inode: name for name, inode in run.inodes.items() if name.endswith(".tiff")}


def promised(run: Run, n_changes: int) -> int:
    return max(count for at, count in run.promised if at <= n_changes)


def assert_pages(content: bytes, seen: set[int]) -> None:
    """Assert with tifffile that all linked pages are whole; `seen` has the offsets of those known to be."""
    with tifffile.TiffFile(io.BytesIO(content)) as tif:
        for page in tif.pages:
            if page.offset in seen:
                continue
            pixels = page.asarray()
            if pixels.any():  # otherwise it is the blank page
                np.testing.assert_array_equal(pixels, pixels_of(int(pixels[0, 1]) - 1))
            else:
                assert tif.is_ome
            seen.add(page.offset)


def assert_promised(path: Path, contents: Mapping[str, bytes], count: int) -> None:
    """Assert that promised frames are in the files, and no frame has the record of another one."""
    for name, content in contents.items():
        file = path / name if path.suffix == "" else path
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
    try:
        storage = TiffStorage.open(path, allow_unfinished=True)
    except OmeTiffError:
        assert count == 0
        return
    with storage:
        for number in range(count):
            np.testing.assert_array_equal(storage[place_of(number)], pixels_of(number))
        for place in storage.get_image_coordinates_list():
            assert place_of(storage.get_metadata(place)["number"]) == place


def test_after_every_call_readers_find_complete_pages_and_promised_frames(tmp_path, run, caplog):
    names = tiffs(run)
    contents, seen = {name: bytearray() for name in names.values()}, {name: set() for name in names.values()}
    for n_changes, change in enumerate(run.changes, 1):
        name = names.get(change.file)
        if name is None or change.is_sync:
            continue
        apply_change(contents[name], change)
        if any(contents[name][8:16]):
            assert_pages(bytes(contents[name]), seen[name])
        assert [each for each in caplog.records if each.name == "tifffile"] == []
        if len(change.data) == 8:
            there = {name: content for name, content in contents.items() if content}
            assert_promised(tmp_path / run.path.name, there, promised(run, n_changes))
    assert min(map(len, seen.values())) > 12


def test_a_lost_write_costs_no_promised_frame(tmp_path, run):
    names, moments, states = tiffs(run), {at for at, _ in run.promised}, 0
    sure, now = ({name: bytearray() for name in names.values()} for _ in range(2))
    waiting = {name: [] for name in names.values()}

    def lose(name, n_changes):
        """Lose waiting writes of a file."""
        for kept in variants(waiting[name]):
            content = bytearray(sure[name])
            for each in kept:
                apply_change(content, each)
            there = {other: whole for other, whole in (now | {name: content}).items() if whole}
            assert_promised(tmp_path / run.path.name, there, promised(run, n_changes))
            yield there

    for n_changes, change in enumerate(run.changes, 1):
        name = names.get(change.file)
        if name is not None:
            apply_change(now[name], change)
            if change.is_sync:
                states += sum(1 for _ in lose(name, n_changes - 1))
                sure[name], waiting[name] = bytearray(now[name]), []
            else:
                waiting[name].append(change)
        if n_changes in moments:
            states += sum(1 for name in waiting for _ in lose(name, n_changes))
    assert states > 40


def variants(changes):
    """Yield the writes that are on the disk when the power fails: all but one, and that one alone."""
    lengths = [each._replace(data=b"") for each in changes]
    written = [number for number, each in enumerate(changes) if each.data]
    for lost in written[-MOST_LOST:]:
        yield [*changes[:lost], lengths[lost], *changes[lost + 1 :]]
        yield [*lengths[:lost], changes[lost], *lengths[lost + 1 :]]
