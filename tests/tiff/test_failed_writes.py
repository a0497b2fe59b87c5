"""A journal file after failed writes: it does not grow, and starts anew where the state is unknown."""

from __future__ import annotations

import errno

import numpy as np
import pytest
import tifffile

from disks import failing_disk
from exengine_ome_tiff.tiff import BufferPool, JournalFile, PageCoding, WriteSettings, pixel_format

SMALL = pixel_format((4, 6), "<u2")


def new_writer(path, coding):
    return JournalFile.create(path, b"dataset", WriteSettings(coding), BufferPool(1000, 2))


def append(writer, number, *, at_once=False):
    pixels = np.full(SMALL.shape, number, np.uint16)
    return writer.append(pixels, SMALL, b"%d" % number, at_once=at_once)


def values(path):
    with tifffile.TiffFile(path) as tif:
        return [int(page.asarray()[0, 0]) for page in tif.pages]


def test_links_that_fail_do_not_make_the_file_longer(tmp_path):
    path = tmp_path / "pages.tif"
    writer = new_writer(path, PageCoding())
    for number in range(100):
        append(writer, number)
    end = writer.tail.end
    with failing_disk() as fake:
        fake.failing = lambda _: errno.EIO if fake.events else 0  # from the link on
        for _ in range(20):
            fake.events.clear()
            with pytest.raises(OSError, match="free"):
                writer.commit()
            assert fake.events == ["link"]
            assert writer.tail.end == end
    writer.commit()
    writer.close()
    assert values(path) == [*range(100)]


@pytest.mark.parametrize("coding", [PageCoding(), PageCoding(tile=(16, 16))], ids=str)
def test_a_writer_of_tifffile_that_failed_is_not_used_again(tmp_path, monkeypatch, coding):
    write, failed = tifffile.TiffWriter.write, []

    def write_or_lose_track(self, *arguments, **options):
        assert self not in failed
        try:
            return write(self, *arguments, **options)
        except OSError:
            failed.append(self)
            raise

    monkeypatch.setattr(tifffile.TiffWriter, "write", write_or_lose_track)
    path = tmp_path / "pages.tif"
    writer = new_writer(path, coding)
    with failing_disk() as fake:
        fake.failing = lambda _: errno.EIO if fake.writes else 0
        with pytest.raises(OSError, match="free"):
            append(writer, 0)
    for number in range(1, 3):
        append(writer, number, at_once=True)
    writer.close()
    assert len(failed) == 1
    assert values(path) == [1, 2]


@pytest.mark.parametrize("coding", [PageCoding(), PageCoding("zlib"), PageCoding(tile=(16, 16))], ids=str)
def test_pages_that_fail_leave_nothing_behind_the_end(tmp_path, coding):
    path = tmp_path / "pages.tif"
    writer = new_writer(path, coding)
    for number in range(3):  # by tifffile, and as it does
        for _ in range(5):
            with failing_disk() as fake:
                end = writer.tail.end
                fake.failing = lambda _, fake=fake: errno.EIO if fake.writes > 1 else 0
                with pytest.raises(OSError, match="free"):
                    append(writer, number, at_once=True)
                assert writer.tail.end == end
        append(writer, number, at_once=True)
    writer.close()
    assert values(path) == [0, 1, 2]
