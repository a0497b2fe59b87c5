"""What is in a file whose writer ends in the middle of a write: whole pages, and no link to anything else."""

from __future__ import annotations

import errno
import os
import sys
import zlib

import numpy as np
import pytest
import tifffile

from disks import failing_disk
from exengine_ome_tiff.tiff import (
    BufferPool,
    JournalFile,
    PageCoding,
    WriteSettings,
    decode,
    disk,
    finish_journal,
    open_journal,
    pixel_format,
)
from exengine_ome_tiff.tiff.file_tail import FileTail
from exengine_ome_tiff.tiff.shared_file import SharedFile

SMALL, LARGE = pixel_format((4, 6), "<u2"), pixel_format((800, 700), "<u2")


class Killed(BaseException):
    """Ends a write anywhere."""


def frame(number, pixels):
    return np.full(pixels.shape, number, pixels.dtype)


def new_writer(path, coding, buffer_bytes=1000):
    return JournalFile.create(path, b"dataset", WriteSettings(coding), BufferPool(buffer_bytes, 2))


def write_all(writer, committed):
    """Write frames one by one and in blocks, telling which are in the file."""
    number = 0
    for pixels, count, at_once in ((SMALL, 2, True), (SMALL, 7, False), (LARGE, 2, False), (SMALL, 9, False)):
        for _ in range(count):
            writer.append(frame(number, pixels), pixels, b"%d" % number, at_once=at_once)
            number += 1
            if at_once or pixels is LARGE:
                committed.append(number - 1)
        writer.commit()
        committed.extend(each for each in range(number) if each not in committed)


@pytest.mark.parametrize("coding", [PageCoding(), PageCoding("zlib")], ids=["plain", "zlib"])
def test_wherever_a_write_stops_all_linked_pages_are_complete(tmp_path, caplog, coding):
    ends = 0
    for stop in range(1, 400):
        path = tmp_path / f"{stop}.tif"
        writer, committed = new_writer(path, coding), []
        with failing_disk() as fake:

            def end(_, fake=fake, stop=stop):
                if fake.writes >= stop:
                    raise Killed
                return 0

            fake.failing = end
            try:
                write_all(writer, committed)
            except Killed:
                ends += 1
            else:
                writer.close()
                break
        reader, pages = None, []
        if path.read_bytes()[8:16].strip(b"\0"):  # there is a first page
            with tifffile.TiffFile(path) as tif:
                values = [set(np.unique(page.asarray()).tolist()) for page in tif.pages]
            assert all(len(value) == 1 for value in values)
            if values:
                reader, pages = open_journal(path, allow_unfinished=True)
        found = {}
        for page in pages:
            found[int(page.note)] = page.handle
        for number, handle in found.items():
            assert (reader.pixels(handle) == number).all()
        assert set(committed) <= set(found)
        assert not [record for record in caplog.records if "zero" not in record.getMessage()]
        if reader is not None:
            reader.close()
        writer.close()
    assert ends > 15


class OtherSystem:
    """The module `os` of a system that has not what Linux has."""

    def __init__(self, name):
        self.name = name

    def __getattr__(self, name):
        if name == "posix_fallocate" or (name == "pwrite" and self.name == "nt"):
            raise AttributeError(name)
        return getattr(os, name)


@pytest.mark.skipif(sys.platform == "win32", reason="the systems are simulated with the calls of POSIX")
@pytest.mark.parametrize(("name", "reserved"), [("nt", True), ("posix", False)], ids=["Windows", "macOS"])
def test_on_other_systems(tmp_path, monkeypatch, name, reserved):
    monkeypatch.setattr(disk, "os", OtherSystem(name))
    path = tmp_path / "pages.tif"
    writer, committed = new_writer(path, PageCoding()), []
    writer.append(frame(0, SMALL), SMALL, b"0")
    assert (path.stat().st_size > 60_000) == reserved
    writer.commit()
    writer.sync()
    disk.sync_folder(tmp_path)
    writer.close()
    size = path.stat().st_size
    assert path.read_bytes()[-8:] == frame(0, SMALL).tobytes()[-8:]
    assert size < 2000
    path.unlink()
    writer = new_writer(path, PageCoding())
    write_all(writer, committed)
    finish_journal(writer, np.array(committed, np.int64), b"description", "software", fsync=True)
    writer.close()
    with tifffile.TiffFile(path) as tif:
        assert [int(page.asarray()[0, 0]) for page in tif.pages] == committed


def test_a_file_system_that_cannot_reserve(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    with failing_disk() as fake:
        monkeypatch.setattr(fake, "posix_fallocate", refuse, raising=False)
        writer, committed = new_writer(tmp_path / "pages.tif", PageCoding()), []
        write_all(writer, committed)
        assert [int(writer.pixels(handle)[0, 0]) for handle in committed] == committed
        writer.close()


def test_a_file_that_is_finished_while_it_is_read_has_its_pages(tmp_path):
    path = tmp_path / "pages.tif"
    writer, committed = new_writer(path, PageCoding()), []
    write_all(writer, committed)
    reader, pages = open_journal(path, allow_unfinished=True)
    finish_journal(writer, np.array(committed, np.int64), b"description", "software")
    writer.close()
    assert [int(page.note) for page in pages] == committed
    reader.close()


def test_writes_that_fail_do_not_make_the_file_longer(tmp_path):
    path = tmp_path / "pages.tif"
    writer = new_writer(path, PageCoding())
    writer.append(frame(0, LARGE), LARGE, b"0")
    with failing_disk() as fake:
        for _ in range(20):
            fake.failing = lambda _, first=fake.writes: errno.EIO if fake.writes > first + 1 else 0
            with pytest.raises(OSError, match="free"):
                writer.append(frame(1, LARGE), LARGE, b"1")
    writer.append(frame(2, LARGE), LARGE, b"2")
    writer.close()
    assert path.stat().st_size < 3 * LARGE.nbytes


@pytest.mark.parametrize("buffer_bytes", [1000, 1 << 16])
def test_space_is_reserved_for_all_waiting_frames(tmp_path, buffer_bytes):
    counts = []
    for room in range(0, 150_000, 997):
        writer = new_writer(tmp_path / f"{room}.tif", PageCoding(), buffer_bytes)
        taken = []
        with failing_disk() as fake:
            fake.room = room
            for number in range(400):
                pixels = LARGE if number % 50 == 49 and buffer_bytes == 1000 else SMALL
                try:
                    handle = writer.append(frame(number, pixels), pixels, b"n" * (number % 90))
                except OSError:
                    break
                taken.append((handle, number))
            writer.commit()  # has its room, however little there is
        for handle, number in taken:
            assert (writer.pixels(handle) == number).all()
        counts.append(len(taken))
        writer.close()
    assert counts[0] == 0 < counts[-1]


def test_buffers_return_to_the_pool_once_written(tmp_path):
    pool = BufferPool(1000, 1)
    path = tmp_path / "a.tif"
    writer = JournalFile.create(path, b"dataset", WriteSettings(), pool)
    for number in range(3):
        writer.append(frame(number, SMALL), SMALL, b"")
    assert pool.take() is None
    writer.sync()
    assert pool.take() is not None
    writer.close()


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the call of POSIX")
def test_a_partial_reservation_is_released(tmp_path, monkeypatch):
    def reserve_in_part(descriptor, start, nbytes):
        os.ftruncate(descriptor, start + nbytes // 2)
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "a.tif"
    path.write_bytes(b"1234567890")
    monkeypatch.setattr(os, "posix_fallocate", reserve_in_part)
    with path.open("r+b", buffering=0) as file, pytest.raises(OSError, match="space"):
        disk.reserve(file, 10, 1000)
    assert path.read_bytes() == b"1234567890"


def test_bytes_written_during_a_read_are_read_from_the_file(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"")
    tail = FileTail(SharedFile(path), BufferPool(1000, 1))
    tail.add(b"12345678")
    waiting = tail._waiting
    buffer = memoryview(bytearray(8))
    assert tail.read_waiting(0, buffer)
    assert buffer == b"12345678"

    class GivenBack:
        """Memory that is written, and has other bytes by now."""

        def __getitem__(self, part):
            tail._waiting = None
            return b"87654321"[part]

    tail._waiting = waiting._replace(buffer=GivenBack())
    assert not tail.read_waiting(0, buffer)
    tail.close()


def test_padding_to_multiples_of_eight_is_zero(tmp_path):
    pool = BufferPool(1000, 1)
    used = pool.take()
    used[:] = b"\xff" * 1000
    pool.give_back(used)
    path = tmp_path / "a"
    path.write_bytes(b"")
    tail = FileTail(SharedFile(path), pool)
    tail.add(b"123")
    tail.add(b"456")
    tail.write_waiting()
    tail.close()
    assert path.read_bytes()[:11] == b"123\0\0\0\0\x00456"


def test_a_failed_frame_leaves_nothing_in_its_block(tmp_path):
    path = tmp_path / "a.tif"
    settings = WriteSettings(checksums="crc32")
    writer = JournalFile.create(path, b"dataset", settings, BufferPool(1000, 1))
    for number in range(2):
        writer.append(frame(number, SMALL), SMALL, b"%d" % number, at_once=True)
    with failing_disk() as fake:
        fake.failing = lambda _: errno.EIO
        with pytest.raises(OSError, match=r"a\.tif"):
            writer.append(frame(9, SMALL), SMALL, b"9", at_once=True)
    writer.append(frame(2, SMALL), SMALL, b"2", at_once=True)
    assert writer._waiting_nbytes == 0
    writer.close()
    _, pages = open_journal(path, allow_unfinished=True)
    told = [(page.note, page.checksum) for page in pages]
    assert told == [
        (b"%d" % number, f"crc32:{zlib.crc32(frame(number, SMALL).tobytes()):08x}") for number in range(3)
    ]


def test_a_page_that_decompresses_to_too_many_bytes_is_refused():
    assert len(decode._decompressed(8, zlib.compress(bytes(100)), 10)) == 11
