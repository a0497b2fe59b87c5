"""Writing one file: what is acknowledged can be read, at any time and also on a full disk."""

from __future__ import annotations

import sys
import textwrap

import numpy as np
import pytest
import tifffile

import warm
from exengine_ome_tiff import NotFinishedError, OmeTiffError
from exengine_ome_tiff.tiff import (
    BufferPool,
    JournalFile,
    PageCoding,
    WriteSettings,
    chain,
    finish_journal,
    open_journal,
    pixel_format,
)
from exengine_ome_tiff.tiff.file_tail import FileTail
from exengine_ome_tiff.tiff.page_table import MAX_BLOCK_PAGES

SHAPE = (4, 6)
SMALL = pixel_format(SHAPE, "<u2")
BUFFER_BYTES = 4 * SMALL.nbytes
"""Room for a block of four small pages."""


def frame(number, pixels=SMALL):
    ramp = np.arange(np.prod(pixels.shape)).reshape(pixels.shape) % 24
    return (ramp + 100 * number).astype(pixels.dtype)


def note(number):
    return b'{"number":%d}' % number


class Book:
    """A writer, and what it has acknowledged: page handles with number and format."""

    def __init__(self, path, buffer_bytes=BUFFER_BYTES, max_buffers=2):
        self.path = path
        self.writer = JournalFile.create(
            path, b"dataset", WriteSettings(), BufferPool(buffer_bytes, max_buffers)
        )
        self.pages = {}

    def append(self, *numbers, pixels=SMALL, at_once=False):
        for number in numbers:
            handle = self.writer.append(frame(number, pixels), pixels, note(number), at_once=at_once)
            assert handle not in self.pages
            self.pages[handle] = number, pixels

    def finish(self, order=None, description=b"description"):
        handles = list(self.pages) if order is None else order
        self.writer.commit()
        finish_journal(self.writer, np.array(handles, np.int64), description, "software")
        return self.writer

    def blank(self, pixels):
        self.writer.commit()
        return self.writer.append_blank(pixels)

    def assert_right(self, reader=None):
        for handle, (number, pixels) in self.pages.items():
            assert_page(reader or self.writer, handle, number, pixels)


def assert_page(reader, handle, number, pixels):
    array = reader.pixels(handle)
    assert array.dtype.str == pixels.dtype
    np.testing.assert_array_equal(array, frame(number, pixels))
    assert reader.note(handle) == note(number)
    assert reader.pages.format(handle) == pixels


def assert_reopened(book):
    """Check that the file has the acknowledged pages in its journal, and no other."""
    reader, pages = open_journal(book.path)
    assert reader.header == b"dataset"
    found = [(page.handle, reader.pages.format(page.handle), page.note) for page in pages]
    expected = sorted((note(number), pixels.shape, pixels.dtype) for number, pixels in book.pages.values())
    assert sorted((text, pixels.shape, pixels.dtype) for _, pixels, text in found) == expected
    numbers = {note(number): number for number, _ in book.pages.values()}
    for handle, pixels, text in found:
        assert_page(reader, handle, numbers[text], pixels)
    reader.close()


@pytest.fixture
def book(tmp_path):
    book = Book(tmp_path / "pages.tif")
    yield book
    book.writer.close()


def read(path):
    with tifffile.TiffFile(path) as tif:
        return [page.asarray() for page in tif.pages]


def assert_pages(path, numbers, pixels=SMALL):
    arrays = read(path)
    assert len(arrays) == len(numbers)
    for array, number in zip(arrays, numbers, strict=True):
        np.testing.assert_array_equal(array, frame(number, pixels))


# pages in, pages out ---------------------------------------------------------------------------------------


def test_an_existing_file_is_refused(book):
    before = book.path.read_bytes()
    with pytest.raises(FileExistsError):
        Book(book.path)
    assert book.path.read_bytes() == before


@pytest.mark.parametrize("count", [1, 3, 4, 5, 8, 9, 23])
@pytest.mark.parametrize("at_once", [False, True])
def test_pages_are_right_at_any_time(book, count, at_once):
    for number in range(count):
        book.append(number, at_once=at_once)
        book.assert_right()
    book.writer.commit()
    book.assert_right()
    reader = book.finish()
    book.assert_right(reader)
    assert_pages(book.path, range(count))
    assert_reopened(book)


def test_frames_wait_until_their_block_is_full(book):
    book.append(0, 1, 2, 3)
    assert book.writer.has_waiting
    book.append(4)
    book.writer.commit()
    assert not book.writer.has_waiting
    book.assert_right()


def test_frames_wait_until_there_are_many_of_them(tmp_path):
    book = Book(tmp_path / "pages.tif", buffer_bytes=1 << 20)
    book.append(*range(MAX_BLOCK_PAGES))
    assert len(read(book.path)) == 1
    assert book.writer.has_waiting
    book.append(MAX_BLOCK_PAGES)
    assert len(read(book.path)) == MAX_BLOCK_PAGES + 1
    book.finish()
    assert_pages(book.path, range(MAX_BLOCK_PAGES + 1))
    assert_reopened(book)
    book.writer.close()


FORMATS = [
    pixel_format((4, 6), "<u2"),
    pixel_format((4, 6), ">u2"),
    pixel_format((4, 6), "|b1"),
    pixel_format((4, 6), "<f2"),
    pixel_format((4, 6), ">c16"),
    pixel_format((1, 1), "|i1"),
    pixel_format((3, 1), "<f8"),
    pixel_format((4, 6, 3), "|u1"),
    pixel_format((4, 6, 4), ">u2"),
    pixel_format((40, 60), "<i4"),
]


def test_formats_may_be_mixed(book):
    for number in range(60):
        book.append(number, pixels=FORMATS[number * 7 % len(FORMATS)], at_once=number % 13 == 0)
    book.assert_right()
    reader = book.finish(sorted(book.pages, key=lambda handle: book.pages[handle][1].shape))
    book.assert_right(reader)
    assert_reopened(book)


@pytest.mark.parametrize(
    "layout",
    [
        np.asfortranarray,
        lambda array: array[::-1, ::-1][::-1, ::-1],
        lambda array: np.repeat(array, 2, 1)[:, ::2],
    ],
    ids=["Fortran", "reversed", "strided"],
)
@pytest.mark.parametrize("at_once", [False, True])
def test_any_memory_layout_and_reused_arrays(book, layout, at_once):
    for number in range(6):
        array = layout(frame(number).copy())
        handle = book.writer.append(array, SMALL, note(number), at_once=at_once)
        book.pages[handle] = number, SMALL
        array[:] = 9
    book.assert_right()
    book.finish()
    assert_pages(book.path, range(6))


def test_reading_returns_a_new_array(book):
    book.append(0, at_once=True)
    book.append(1)
    for handle in book.pages:
        book.writer.pixels(handle)[:] = 9
    book.assert_right()


def test_notes_may_have_any_length(book):
    notes = [b"", b"x", b"y" * 100_000, b"", b"z" * 7, b"{}"]
    handles = [book.writer.append(frame(n), SMALL, text) for n, text in enumerate(notes)]
    assert [book.writer.note(handle) for handle in handles] == notes
    book.writer.commit()
    assert [book.writer.note(handle) for handle in handles] == notes
    reader = book.finish(handles)
    assert [reader.note(handle) for handle in handles] == notes
    reader, pages = open_journal(book.path)
    assert [page.note for page in pages] == notes
    reader.close()


def test_the_number_of_buffers_is_limited(tmp_path):
    pool = BufferPool(BUFFER_BYTES, 2)
    first, second = pool.take(), pool.take()
    assert first.nbytes == second.nbytes == BUFFER_BYTES
    assert pool.take() is None
    pool.give_back(first)
    assert pool.take() is first

    book = Book(tmp_path / "pages.tif", max_buffers=0)
    book.append(0)
    book.append(1, 2, 3, pixels=FORMATS[5])
    book.append(4)
    book.assert_right()
    assert len(read(book.path)) == 2
    book.finish()
    assert_reopened(book)
    book.writer.close()


# finishing -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "order", [range(10), range(9, -1, -1), [7], [3, 1, 8], [2, 2, 2], [0, 5, 0, 5, 9, 0]], ids=str
)
def test_final_order_leaves_out_and_repeats_pages(book, order):
    book.append(*range(9))
    book.append(9, at_once=True)
    numbers = [book.pages[handle][0] for handle in order]
    reader = book.finish(list(order))
    book.assert_right(reader)
    assert_pages(book.path, numbers)
    assert_reopened(book)


def test_description_and_software_are_in_the_first_page(book):
    book.append(*range(6))
    description = "<OME>µ 細胞 </OME>".encode() * 1000
    book.finish(description=description)
    with tifffile.TiffFile(book.path) as tif:
        assert tif.is_bigtiff
        assert tif.pages[0].description == description.decode()
        assert tif.pages[0].software == "software"
        assert [page.description for page in tif.pages[1:]] == [""] * 5
        assert chain.RECORDS not in tif.pages[0].tags


def test_a_blank_page_is_zero_and_not_a_frame(book):
    book.append(0, 1)
    blank = book.blank(SMALL)
    reader = book.finish([blank, 0, blank, 1])
    arrays = read(book.path)
    assert [array.any() for array in arrays] == [False, True, False, True]
    np.testing.assert_array_equal(arrays[3], frame(1))
    book.assert_right(reader)
    assert_reopened(book)


@pytest.mark.parametrize("pixels", FORMATS, ids=str)
def test_a_blank_page_of_any_format(book, pixels):
    book.append(0, pixels=pixels)
    blank = book.blank(pixels)
    book.finish([0, blank])
    first, second = read(book.path)
    assert first.dtype == second.dtype == pixels.stored_dtype
    assert first.shape == second.shape == pixels.shape
    assert not second.any()


def test_an_unfinished_file_is_recognized(book):
    book.append(*range(9))
    book.writer.commit()
    with pytest.raises(NotFinishedError, match=r"pages\.tif"):
        open_journal(book.path)
    book.finish()
    assert_reopened(book)


def test_discard_deletes_the_file(tmp_path):
    for numbers in ([], [0, 1]):
        book = Book(tmp_path / "pages.tif")
        book.append(*numbers)
        book.writer.discard()
        assert list(tmp_path.iterdir()) == []


def test_close_leaves_the_file_as_it_is(book):
    book.append(0, 1, 2, 3, 4, at_once=True)
    before = book.path.read_bytes()
    book.writer.close()
    book.writer.close()
    after = book.path.read_bytes()
    assert before.startswith(after)
    assert before.strip(b"\0") == after.strip(b"\0")  # room that was reserved is given back
    assert_pages(book.path, range(5))


# files that are damaged ------------------------------------------------------------------------------------


@pytest.fixture
def finished(tmp_path):
    book = Book(tmp_path / "pages.tif")
    book.append(*range(9))
    book.finish().close()
    return book.path


def drain(path):
    reader, pages = open_journal(path)
    try:
        return [(page.note, reader.pixels(page.handle)) for page in pages]
    finally:
        reader.close()


def test_a_truncated_file_is_refused(finished):
    whole = finished.read_bytes()
    assert len(drain(finished)) == 9
    with tifffile.TiffFile(finished) as tif:
        start_of_final_chain = tif.pages[0].offset
    for size in range(0, start_of_final_chain, 61):
        finished.write_bytes(whole[:size])
        with pytest.raises(OmeTiffError, match=r"pages\.tif"):
            drain(finished)


@pytest.mark.parametrize("offset", [1, 10**9, 2**62, 2**64 - 1])
def test_a_missing_journal_is_refused(finished, offset):
    data = finished.read_bytes()
    with tifffile.TiffFile(finished) as tif:
        at = tif.pages[0].tags[chain.JOURNAL].valueoffset
    finished.write_bytes(data[:at] + offset.to_bytes(8, "little") + data[at + 8 :])
    with pytest.raises(OmeTiffError, match=r"pages\.tif"):
        drain(finished)


def test_invalid_records_are_refused(finished):
    data = finished.read_bytes()
    finished.write_bytes(data.replace(b'{"pages": ', b'{"wrong": '))
    with pytest.raises(OmeTiffError, match="record"):
        drain(finished)


# a full disk -----------------------------------------------------------------------------------------------

PROLOGUE = """
    import resource, sys
    from contextlib import contextmanager
    from pathlib import Path
    import numpy as np
    import tifffile
    from test_journal_file import Book, assert_reopened, frame, read
    from exengine_ome_tiff.tiff import file_tail, pixel_format

    file_tail._LEAST_RESERVED = file_tail._MOST_RESERVED = 0
    folder = Path(sys.argv[1])
    LARGE = pixel_format((80, 100), "<u2")

    @contextmanager
    def disk_of(nbytes):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (nbytes, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    def attempt(function, *args, **options):
        try:
            function(*args, **options)
        except OSError:
            return 1
        return 0

    def write_all(book):
        failed = 0
        for number in range(6):
            failed += attempt(book.append, number, at_once=True)
        for number in range(6, 20):
            failed += attempt(book.append, number)
        failed += attempt(book.append, 20, pixels=LARGE)
        failed += attempt(book.append, 21, pixels=LARGE)
        for number in range(22, 32):
            failed += attempt(book.append, number)
        failed += attempt(book.writer.commit)
        return failed

    def tell(kind):
        wrong.setdefault(kind, []).append(room)

    def check(function, *args):
        try:
            function(*args)
        except Exception as error:
            tell(f"{function.__name__}: {type(error).__name__}: {str(error).strip()[:60]}")
            return False
        return True

    wrong = {}
    rooms = []
"""

EPILOGUE = """
    for kind, where in wrong.items():
        print(f"{len(where)} of {len(rooms)} disks, as of {where[:3]} bytes: {kind}")
"""


def run_on_small_disks(tmp_path, script):
    """Run a script in a process whose files may not grow; return what it prints: what went wrong."""
    code = "".join(textwrap.dedent(part) for part in (PROLOGUE, script, EPILOGUE))
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{code}", tmp_path]
    done = warm.run(command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    return done.stdout


on_posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX limit of file sizes")


@on_posix
def test_full_disk_keeps_all_acknowledged_frames_and_writing_continues(tmp_path):
    script = """
        book = Book(folder / "all.tif")
        write_all(book)
        size = book.path.stat().st_size
        book.writer.close()
        rooms = range(0, size + 200, 211)
        for room in rooms:
            book = Book(folder / f"{room}.tif")
            with disk_of(room):
                failed = write_all(book)
                if check(book.assert_right) and room > 6000:  # there is room for a first page
                    check(read, book.path)
            if not failed and room < size - 4000:
                tell("no error was raised")
            book.append(40, at_once=True)
            book.append(41, 42, 43)
            book.append(44, pixels=LARGE)
            if check(book.assert_right):
                reader = book.finish()
                check(book.assert_right, reader)
                check(assert_reopened, book)
            book.writer.close()
            book.path.unlink()
    """
    assert run_on_small_disks(tmp_path, script) == ""


@on_posix
@pytest.mark.parametrize("is_flushed", [True, False])
def test_a_full_disk_at_finish_loses_nothing_and_finish_works_later(tmp_path, is_flushed):
    script = f"""
        rooms = range(0, 13_000, 301)
        for room in rooms:
            book = Book(folder / f"{{room}}.tif")
            write_all(book)
            if not {is_flushed}:
                book.append(40, 41, 42)
            book.append(43, at_once=True)
            failed = 0
            with disk_of(book.writer.tail.end + room):
                failed += attempt(book.finish, description=b"d" * 2000)
                if failed:
                    check(book.assert_right)
                    check(read, book.path)
                    failed += attempt(book.finish, description=b"d" * 2000)
            if not failed and room < 2000:
                tell("no error was raised")
            if not failed or check(book.finish):
                check(book.assert_right, book.writer)
                check(assert_reopened, book)
                if len(read(book.path)) != len(book.pages):
                    tell("pages are missing in the final chain")
            book.writer.close()
            book.path.unlink()
    """
    assert run_on_small_disks(tmp_path, script) == ""


@on_posix
def test_a_full_disk_at_finish_leaves_the_file_unchanged(tmp_path):
    script = """
        rooms = range(0, 6_000, 301)
        for room in rooms:
            book = Book(folder / f"{room}.tif")
            book.append(*range(20), at_once=True)
            before = book.path.read_bytes()[: book.writer.tail.end]
            with disk_of(len(before) + room):
                failed = attempt(book.finish, description=b"d" * 2000)
            after = book.path.read_bytes()
            if not failed:
                tell("no error was raised")
            if after[: len(before)] != before:
                tell("bytes have changed")
            if len(after) != len(before):
                tell("the file has grown")
            reader = book.finish(description=b"d" * 2000)
            check(book.assert_right, reader)
            check(assert_reopened, book)
            book.writer.close()
            book.path.unlink()
    """
    assert run_on_small_disks(tmp_path, script) == ""


class FailingWrites:
    """Makes chosen blocks fail when all but the link to them is written."""

    def __init__(self, monkeypatch):
        self.failing = set()
        self.count = 0
        link = FileTail.link

        def failing_link(file, *args):
            self.count += 1
            if self.count in self.failing:
                raise OSError(28, "No space left on device")
            link(file, *args)

        monkeypatch.setattr(FileTail, "link", failing_link)


@pytest.fixture
def writes(monkeypatch):
    return FailingWrites(monkeypatch)


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_a_failed_write_does_not_add_the_frame(book, writes, failing):
    writes.failing = {failing}
    for number in range(5):
        if number + 1 == failing:
            with pytest.raises(OSError, match="space"):
                book.append(number, at_once=True)
        else:
            book.append(number, at_once=True)
        book.assert_right()
    assert len(book.pages) == 4
    book.assert_right(book.finish())
    assert_reopened(book)


def test_a_failed_write_of_a_block_keeps_the_block(book, writes):
    writes.failing = {2, 3, 4}
    book.append(0, 1, 2, 3)
    for _ in range(2):
        with pytest.raises(OSError, match="space"):
            book.append(4, at_once=True)
        book.assert_right()
    with pytest.raises(OSError, match="space"):
        book.writer.commit()
    assert book.writer.has_waiting
    book.append(5)
    book.assert_right()
    book.assert_right(book.finish())
    assert [number for number, _ in book.pages.values()] == [0, 1, 2, 3, 5]
    assert_reopened(book)


def test_a_failed_commit_at_finish_can_be_repeated(book, writes):
    book.append(0, 1, 2, at_once=True)
    book.append(3, 4)
    writes.failing = {4}
    with pytest.raises(OSError, match="space"):
        book.finish()
    book.assert_right()
    book.assert_right(book.finish())
    assert_pages(book.path, range(5))
    assert_reopened(book)


# what is relied on in tifffile ------------------------------------------------------------------------------


@pytest.mark.parametrize("coding", [PageCoding(), PageCoding("zlib"), PageCoding(tile=(16, 16))], ids=str)
def test_a_change_in_how_tifffile_writes_pages_is_reported(tmp_path, monkeypatch, coding):
    pixels = pixel_format((40, 60), "<u2")
    writer = JournalFile.create(
        tmp_path / "pages.tif", b"dataset", WriteSettings(coding), BufferPool(BUFFER_BYTES, 2)
    )
    write = tifffile.TiffWriter.write
    writer.append(frame(0, FORMATS[0]), FORMATS[0], note(0))

    def other_write(self, *arguments, **options):
        written = write(self, *arguments, **options)
        writer.tail.write(b"something behind the IFD")
        return written and (written[0] + 8, written[1])

    with monkeypatch.context() as patch:
        patch.setattr(tifffile.TiffWriter, "write", other_write)
        with pytest.raises(RuntimeError, match=f"tifffile {tifffile.__version__}"):
            writer.append(frame(1, pixels), pixels, note(1))
    handle = writer.append(frame(2, pixels), pixels, note(2))
    writer.commit()
    assert_page(writer, handle, 2, coding.encoded(pixels))
    assert len(read(tmp_path / "pages.tif")) == 2
    writer.close()


# the room of a page -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("tile", [None, (16, 16), (512, 16), (16, 1024)], ids=str)
@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "zstd"])
@pytest.mark.parametrize("shape", [(1, 1), (17, 33), (1000, 1001), (5, 40_000), (40_000, 5)], ids=str)
def test_no_page_exceeds_its_maximum_size(tmp_path, shape, compression, tile):
    pixels, coding = pixel_format(shape, "|u1"), PageCoding(compression, tile=tile)
    data = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    writer = JournalFile.create(tmp_path / "pages.tif", b"dataset", WriteSettings(coding), BufferPool(0, 0))
    before = writer.tail.end
    writer.append(data, pixels, b"")
    assert writer.tail.end - before <= coding.most_nbytes(pixels) + 200  # the tags of the dataset and record
    writer.close()
