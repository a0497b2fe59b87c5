"""The chain of pages in a file: walking it, replacing it, and what is refused."""

from __future__ import annotations

import itertools
import shutil
import struct
import subprocess

import numpy as np
import pytest
import tifffile

from disks import failing_disk
from exengine_ome_tiff import OmeTiffError, TiffStorage, pieces
from exengine_ome_tiff.tiff import chain, final_chain
from exengine_ome_tiff.tiff.ifds import PageKind

SHAPE = (4, 6)
COUNT = 6


def frame(number):
    return np.arange(24, dtype=np.uint16).reshape(SHAPE) + 100 * number


@pytest.fixture
def path(tmp_path):
    """A journal as tifffile writes it: a page, a block of four, and another page."""
    path = tmp_path / "journal.tif"
    with tifffile.TiffWriter(path, bigtiff=True, byteorder="<", ome=False, shaped=False) as tif:
        for numbers in ([0], [1, 2, 3, 4], [5]):
            tags = [(chain.RECORDS, chain.BYTES, 300, b"r" * 300, True)]
            if numbers == [0]:
                tags.append((chain.DATASET, chain.BYTES, 5, b"short", True))
            data = np.stack([frame(number) for number in numbers])
            tif.write(data, photometric="minisblack", metadata=None, software=False, extratags=tags)
    return path


def read(path):
    with tifffile.TiffFile(path) as tif:
        return [page.asarray() for page in tif.pages]


def journal(path):
    """Return the IFDs of a file, as they are linked."""
    with path.open("rb") as file:
        return list(chain.walk(file, chain.first_offset(file)))


def page_entries(path, numbers):
    ifds = journal(path)
    return [final_chain.Page(ifds[number].public_entries()) for number in numbers]


def rechain(path, numbers, extra=None):
    pages = page_entries(path, numbers)
    with path.open("r+b", buffering=0) as file:
        chain.begin_with(file, final_chain.write_final_chain(file, iter(pages), len(pages), extra or {}))


def assert_pages(arrays, numbers):
    assert len(arrays) == len(numbers)
    for array, number in zip(arrays, numbers, strict=True):
        np.testing.assert_array_equal(array, frame(number))


# walking ---------------------------------------------------------------------------------------------------


def test_walk_gives_the_pages_that_tifffile_gives(path):
    with tifffile.TiffFile(path) as tif:
        offsets = [page.offset for page in tif.pages]
        data_offsets = [page.dataoffsets[0] for page in tif.pages]
        codes = [page.tags.keys() for page in tif.pages]
    ifds = journal(path)
    assert [ifd.offset for ifd in ifds] == offsets
    assert [ifd.next_offset for ifd in ifds] == [*offsets[1:], 0]
    assert [ifd.find(chain.STRIP_OFFSETS).number for ifd in ifds] == data_offsets
    for ifd, of_page in zip(ifds, codes, strict=True):
        assert all(ifd.find(code) for code in of_page)
        assert ifd.find(chain.JOURNAL) is None


def test_walk_from_the_middle(path):
    ifds = journal(path)
    with path.open("rb") as file:
        assert list(chain.walk(file, ifds[3].offset)) == ifds[3:]
        assert list(chain.walk(file, 0)) == []


def test_tags_inside_and_outside_the_entry_are_read(path):
    first = journal(path)[0]
    with path.open("rb") as file:
        assert chain.read_bytes(file, first.find(chain.DATASET)) == b"short"
        assert chain.read_bytes(file, first.find(chain.RECORDS)) == b"r" * 300
        entry = chain.Entry(65000, chain.BYTES, 8, b"8 bytes.")
        assert chain.read_bytes(file, entry) == b"8 bytes."


def test_public_entries_exclude_private_tags(path):
    assert journal(path)
    for ifd in journal(path):
        public = chain.Ifd(0, ifd.public_entries(), 0)
        assert public.find(chain.RECORDS) is None
        assert public.find(chain.DATASET) is None
        assert public.find(chain.STRIP_OFFSETS) == ifd.find(chain.STRIP_OFFSETS)


def test_pages_of_a_kind_differ_only_in_the_pixel_offset(path):
    first, *_, last = journal(path)
    entries = PageKind(first.public_entries()).page(2**40 + 1)
    moved = chain.Ifd(0, entries, 0)
    assert moved.find(chain.STRIP_OFFSETS).number == 2**40 + 1
    back = PageKind(entries).page(first.find(chain.STRIP_OFFSETS).number)
    assert back == first.public_entries()
    assert PageKind(entries).data_offset(last.public_entries()) == last.find(chain.STRIP_OFFSETS).number
    assert PageKind(entries).data_offset(first.entries) is None


def test_a_page_kind_refuses_pages_of_several_strips(tmp_path):
    path = tmp_path / "strips.tif"
    tifffile.imwrite(path, frame(0), bigtiff=True, byteorder="<", rowsperstrip=2, metadata=None)
    with pytest.raises(ValueError, match="strip"):
        PageKind(journal(path)[0].entries)


# what is no chain ------------------------------------------------------------------------------------------


def patch(path, offset, value):
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(value)


def patch_link(path, page, offset):
    ifd = journal(path)[page]
    patch(path, ifd.offset + 8 + len(ifd.entries), struct.pack("<Q", offset))


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"II",
        b"II+\0\x08\0\0\0",
        b"II*\0\x08\0\0\0" + bytes(100),
        b"MM\0+\0\x08\0\0" + bytes(100),
        b"II+\0\x10\0\0\0" + bytes(100),
        b"PK\3\4" + bytes(100),
        b"\xef\xbb\xbf<?xml version",
    ],
    ids=repr,
)
def test_a_bad_header_is_refused(tmp_path, head):
    path = tmp_path / "bad.tif"
    path.write_bytes(head)
    with path.open("rb") as file, pytest.raises(OmeTiffError, match=r"bad\.tif"):
        chain.first_offset(file)


@pytest.mark.parametrize("offset", [1, 8, 15, 10**9, 2**40, 2**62, 2**63, 2**64 - 1])
def test_a_missing_first_page_is_refused(path, offset):
    patch(path, 8, struct.pack("<Q", offset))
    with pytest.raises(OmeTiffError, match=r"journal\.tif"):
        journal(path)


@pytest.mark.parametrize("offset", [10**9, 2**62, 2**63, 2**64 - 1])
@pytest.mark.parametrize("page", [0, 3, COUNT - 1])
def test_a_link_out_of_the_file_is_refused(path, page, offset):
    patch_link(path, page, offset)
    with pytest.raises(OmeTiffError, match=r"journal\.tif"):
        journal(path)


@pytest.mark.parametrize(
    ("page", "back_to"), [(0, 0), (1, 0), (COUNT - 1, 0), (COUNT - 1, COUNT - 1), (4, 2)]
)
def test_a_loop_is_refused(path, page, back_to):
    patch_link(path, page, journal(path)[back_to].offset)
    with path.open("rb") as file:
        ifds = chain.walk(file, chain.first_offset(file))
        assert len(list(itertools.islice(ifds, page + 1))) == page + 1
        with pytest.raises(OmeTiffError, match="back"):
            next(ifds)


@pytest.mark.parametrize("count", [0, 257, 2**32, 2**63, 2**64 - 1])
def test_a_page_without_or_with_too_many_tags_is_refused(path, count):
    patch(path, journal(path)[2].offset, struct.pack("<Q", count))
    with pytest.raises(OmeTiffError, match="page"):
        journal(path)


def test_a_truncated_file_is_refused_or_read_up_to_its_end(path):
    whole = path.read_bytes()
    ifds = journal(path)
    last_end = ifds[-1].offset + 8 + len(ifds[-1].entries) + 8
    for size in range(0, last_end, 7):
        path.write_bytes(whole[:size])
        with pytest.raises(OmeTiffError, match=r"journal\.tif"):
            journal(path)


@pytest.mark.parametrize("count", [10**6, 2**40, 2**62, 2**63, 2**64 - 1])
@pytest.mark.parametrize("offset", [None, 10**9, 2**64 - 1])
def test_a_tag_longer_than_the_file_is_refused(path, count, offset):
    entry = journal(path)[0].find(chain.RECORDS)
    if offset is not None:
        entry = entry._replace(value=struct.pack("<Q", offset))
    with path.open("rb") as file, pytest.raises(OmeTiffError, match="tag"):
        chain.read_bytes(file, entry._replace(length=count))


def test_pixels_beyond_the_end_of_the_file_are_refused(path):
    ifd = journal(path)[-1]
    entry = ifd.find(chain.STRIP_BYTE_COUNTS)
    rest = path.stat().st_size - ifd.find(chain.STRIP_OFFSETS).number

    def check(count):
        value = chain.ENTRY.pack(*entry[:3], chain.OFFSET.pack(count))
        with path.open("rb") as file:
            chain.check_strips(
                file, ifd._replace(entries=ifd.entries.replace(chain.ENTRY.pack(*entry), value))
            )

    check(rest)
    with pytest.raises(OmeTiffError, match="cut off in its pixels"):
        check(rest + 1)


def test_a_page_of_many_tags_is_read(tmp_path):
    path = tmp_path / "tags.tif"
    tags = [(40000 + number, chain.BYTES, 1, bytes([number]), True) for number in range(60)]
    tifffile.imwrite(path, frame(0), bigtiff=True, byteorder="<", metadata=None, extratags=tags)
    (ifd,) = journal(path)
    assert [ifd.find(40000 + number).value[0] for number in range(60)] == list(range(60))


# the final chain -------------------------------------------------------------------------------------------

ORDERS = [
    [0, 1, 2, 3, 4, 5],
    [5, 4, 3, 2, 1, 0],
    [3],
    [2, 0, 5],
    [1, 1, 1],
    [0, 3, 0, 3, 5, 0],
    list(range(COUNT)) * 700,
]


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: str(order[:6]))
def test_tifffile_sees_the_pages_in_their_final_order(path, order):
    rechain(path, order)
    assert_pages(read(path), order)


@pytest.mark.skipif(shutil.which("tiffinfo") is None, reason="tiffinfo of libtiff is not installed")
@pytest.mark.parametrize("order", ORDERS[:-1], ids=str)
def test_libtiff_sees_the_pages_in_their_final_order(path, order):
    rechain(path, order, {chain.IMAGE_DESCRIPTION: (chain.ASCII, b"first page\0")})
    done = subprocess.run(
        [shutil.which("tiffinfo"), "-s", path], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.count("TIFF Directory at offset") == len(order)
    assert done.stdout.count("ImageDescription: first page") == 1
    offsets = [line.split("[")[1].split(",")[0] for line in done.stdout.splitlines() if "0: [" in line]
    with tifffile.TiffFile(path) as tif:
        assert [int(offset) for offset in offsets] == [page.dataoffsets[0] for page in tif.pages]


@pytest.mark.parametrize("order", ORDERS[:-1], ids=str)
def test_libtiff_decodes_the_pages_in_their_final_order(path, order):
    imagecodecs = pytest.importorskip("imagecodecs", reason="imagecodecs brings libtiff")
    rechain(path, order, {chain.IMAGE_DESCRIPTION: (chain.ASCII, b"first page\0")})
    data = path.read_bytes()
    assert_pages([imagecodecs.tiff_decode(data, index=index) for index in range(len(order))], order)


def test_no_pixels_move_and_only_the_header_changes(path):
    before = path.read_bytes()
    rechain(path, [5, 0, 0, 3])
    after = path.read_bytes()
    assert after[: len(before)][:8] == before[:8]
    assert after[: len(before)][16:] == before[16:]
    assert after[8:16] != before[8:16]


def test_the_journal_chain_stays_and_can_be_found(path):
    ifds = journal(path)
    rechain(path, [5, 0], {chain.JOURNAL: (chain.LONG8, struct.pack("<Q", ifds[0].offset))})
    final = journal(path)
    assert [ifd.find(chain.JOURNAL) is not None for ifd in final] == [True, False]
    with path.open("rb") as file:
        assert list(chain.walk(file, final[0].find(chain.JOURNAL).number)) == ifds


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 100, 3_000_001])
def test_additional_tags_of_the_first_page(path, length):
    value = b"d" * length + b"\0"
    rechain(
        path,
        [2, 1, 0],
        {
            chain.SOFTWARE: (chain.ASCII, b"software\0"),
            chain.IMAGE_DESCRIPTION: (chain.ASCII, value),
            chain.JOURNAL: (chain.LONG8, struct.pack("<Q", 123)),
        },
    )
    with tifffile.TiffFile(path) as tif:
        first, *others = tif.pages
        assert first.description == "d" * length
        assert first.tags[chain.SOFTWARE].value == "software"
        assert first.tags[chain.JOURNAL].value == 123
        assert list(first.tags.keys()) == sorted(first.tags.keys())
        assert all(page.description == "" for page in others)
        assert all(chain.JOURNAL not in page.tags for page in others)
    assert_pages(read(path), [2, 1, 0])


def test_offsets_are_aligned(path):
    with path.open("ab") as file:
        file.write(b"odd")
    rechain(path, [2, 1, 0], {chain.IMAGE_DESCRIPTION: (chain.ASCII, b"1234567890\0")})
    for ifd in journal(path):
        assert ifd.offset % 8 == 0
    assert journal(path)[0].find(chain.IMAGE_DESCRIPTION).number % 8 == 0
    assert_pages(read(path), [2, 1, 0])


def test_a_chain_may_be_replaced_again(path):
    rechain(path, [3, 2, 1])
    rechain(path, [0, 2])
    assert_pages(read(path), [1 + 2, 1])


@pytest.mark.parametrize("room", [0, 1, 8, 100, 307, 308, 309, 1000, 1200, 1620])
def test_a_full_disk_leaves_the_file_unchanged(path, room):
    before = path.read_bytes()
    pages = page_entries(path, [5, 4, 3, 2, 1, 0])
    extra = {chain.IMAGE_DESCRIPTION: (chain.ASCII, b"d" * 300 + b"\0")}
    with failing_disk() as disk, path.open("r+b", buffering=0) as file:
        disk.room = room
        with pytest.raises(OSError, match="space"):
            final_chain.write_final_chain(file, pages, len(pages), extra)
    assert path.read_bytes() == before
    assert_pages(read(path), range(COUNT))
    rechain(path, [5, 4], extra)
    assert_pages(read(path), [5, 4])


def test_pages_that_fail_leave_the_file_unchanged(path):
    def pages():
        yield from page_entries(path, [0, 1])
        raise OSError(5, "Input/output error")

    before = path.read_bytes()
    with path.open("r+b", buffering=0) as file, pytest.raises(OSError, match="Input"):
        final_chain.write_final_chain(file, pages(), 3, {})
    assert path.read_bytes() == before


def test_pages_in_parts_are_the_pages_in_one_piece(tmp_path, monkeypatch):
    path, found = tmp_path / "run.ome.tiff", []
    with TiffStorage(path, checkpoint=False) as storage:
        for number in range(40):
            shape = SHAPE if number % 5 else (2, 3)
            storage.put({"time": number}, np.zeros(shape, np.uint16), {"PixelSizeUm": 1 + number // 20})
        storage.flush()
        (file,) = storage._recording.index.files
        order = np.arange(40).reshape(2, 20).T.ravel()
        sizes = [(10, (1.0, 1.0)), (13, (2.0, 2.0)), (17, (1.0, 1.0))]
        for part in (pieces.MANY, 3):
            monkeypatch.setattr(pieces, "MANY", part)
            runs = [*final_chain.final_pages(file, order, sizes, {})]
            assert len({run.kind.page(0) for run in runs}) == 4  # two shapes, two pixel sizes
            found.append([run.kind.page(offset) for run in runs for offset in run.data_offsets.tolist()])
    assert found[0] == found[1]
    assert len({*found[0]}) == 40
