"""The chain of pages (IFDs) in a BigTIFF file: walking it and reading its tags.

Layout of header, IFDs and tags: TIFF 6.0 section 2 with the 64-bit fields of BigTIFF.
"""

import os
import struct
from collections.abc import Container, Generator, Iterator, Sequence
from io import FileIO
from operator import add
from typing import Any, NamedTuple, Protocol

from exengine_ome_tiff.errors import ForeignFileError, OmeTiffError
from exengine_ome_tiff.tiff.disk import write_at

NEW_SUBFILE_TYPE = 254
COMPRESSION = 259
STRIP_OFFSETS = 273
STRIP_BYTE_COUNTS = 279
TILE_OFFSETS = 324
TILE_BYTE_COUNTS = 325
IMAGE_DESCRIPTION = 270
X_RESOLUTION = 282
Y_RESOLUTION = 283
RESOLUTION_UNIT = 296
SOFTWARE = 305
SUB_IFDS = 330

DATASET = 65140
"""Private tag of the first page of the journal chain: facts about the dataset, as JSON."""
RECORDS = 65141
"""Private tag of the first page of each block: the records of all its frames, as lines of JSON."""
JOURNAL = 65142
"""Private tag of the first page of the final chain: offset of the first page of the journal chain. If the
link of its last page does not lead to a page, the offset of that page follows."""

NAMES = 65143
"""Private tag of the first page of the final chain: names of channels and positions, as JSON."""
CHECKPOINT = 65144
"""Private tag of the first page of a checkpoint's chain: offset of the first page of the journal chain.
Unfinished files have it instead of `JOURNAL`."""

INDEX = 65145
"""Private tag of the first page of the final chain: offset, length and CRC-32 of the index. The index holds
the contents of the records in columns, which makes opening fast. A file may lack it."""

BYTES = 7
ASCII = 2
LONG = 4
LONG8 = 16
IFD8 = 18

_HEADER = b"II" + struct.pack("<HHH", 43, 8, 0)
FIRST_IFD_AT = len(_HEADER)
HEADER_BYTES = FIRST_IFD_AT + 8
ENTRY = struct.Struct("<HHQ8s")
OFFSET = struct.Struct("<Q")
_CODE = struct.Struct("<H18x")
_CODE_BYTES = struct.Struct("<H")
_MAX_ENTRIES = 256
_USUAL_IFD_BYTES = 8 + 20 * ENTRY.size + 8
_STRIPS = (STRIP_OFFSETS, STRIP_BYTE_COUNTS, TILE_OFFSETS, TILE_BYTE_COUNTS)
_NUMBERS = {3: "H", LONG: "I", LONG8: "Q", IFD8: "Q"}
_TYPE_BYTES = {1: 1, ASCII: 1, 3: 2, LONG: 4, 5: 8, 6: 1, BYTES: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
"""Bytes of one value for each type; other types have 8."""


class Readable(Protocol):
    """A readable file."""

    @property
    def name(self) -> Any:
        """Its path."""
        ...

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a position."""
        ...

    def read(self, size: int, /) -> bytes:
        """Read bytes."""
        ...


class Entry(NamedTuple):
    """One tag of an IFD, as stored in the file."""

    code: int
    type: int
    length: int
    value: bytes
    """The value itself if it fits into 8 bytes, otherwise its offset."""

    @property
    def nbytes(self) -> int:
        """Size of the value in bytes."""
        return self.length * _TYPE_BYTES.get(self.type, 8)

    @property
    def number(self) -> int:
        """The value, or its offset, as a number."""
        return int(OFFSET.unpack(self.value)[0])

    @property
    def numbers(self) -> tuple[int, ...] | None:
        """The values if they are numbers that fit into the entry, otherwise None."""
        kind = _NUMBERS.get(self.type)
        if kind is None or self.nbytes > len(self.value):
            return None
        return struct.unpack_from(f"<{self.length}{kind}", self.value)


class Strips(NamedTuple):
    """The strips or tiles of a page.

    Parameters
    ----------
    offsets, counts
        Offset and size in bytes of each one.
    nbytes
        Bytes of all of them and of the lists of their offsets and sizes.
    """

    offsets: Sequence[int]
    counts: Sequence[int]
    nbytes: int


class Ifd(NamedTuple):
    """One page's directory of tags."""

    offset: int
    entries: bytes
    next_offset: int

    @property
    def end(self) -> int:
        """Offset of the first byte after it."""
        return self.next_at + OFFSET.size

    @property
    def next_at(self) -> int:
        """Offset of its link to the next IFD."""
        return self.offset + OFFSET.size + len(self.entries)

    def find(self, code: int) -> Entry | None:
        """Return the entry of a tag, or None."""
        wanted = _CODE_BYTES.pack(code)
        for at in range(0, len(self.entries), ENTRY.size):
            if self.entries.startswith(wanted, at):
                return Entry._make(ENTRY.unpack_from(self.entries, at))
        return None

    def tag(self, code: int) -> Entry:
        """Return the entry of a tag; OmeTiffError if the page lacks it."""
        entry = self.find(code)
        if entry is None:
            raise OmeTiffError(f"the page at offset {self.offset} has no tag {code}")
        return entry

    def tags(self) -> Iterator[Entry]:
        """Return all entries."""
        return map(Entry._make, ENTRY.iter_unpack(self.entries))

    @property
    def is_sorted(self) -> bool:
        """Whether its tags are in ascending order, as TIFF requires; in other bytes they rarely are."""
        codes = [code for (code,) in _CODE.iter_unpack(self.entries)]
        return codes == sorted(set(codes))

    def without(self, codes: Container[int]) -> bytes:
        """Return the entries except those of some tags."""
        entries = (self.entries[at : at + ENTRY.size] for at in range(0, len(self.entries), ENTRY.size))
        return b"".join(entry for entry in entries if ENTRY.unpack(entry)[0] not in codes)

    def public_entries(self) -> bytes:
        """Return the entries without this package's private tags, which are the last ones."""
        end = len(self.entries)
        while end and ENTRY.unpack_from(self.entries, end - ENTRY.size)[0] >= DATASET:
            end -= ENTRY.size
        return self.entries[:end]


def header(first: int) -> bytes:
    """Return the header of a file that has its first IFD at an offset."""
    return _HEADER + OFFSET.pack(first)


def first_offset(file: Readable) -> int:
    """Return the offset of the first IFD.

    Raises
    ------
    OmeTiffError
        The file is not a little-endian BigTIFF file.
    """
    file.seek(0)
    header = file.read(FIRST_IFD_AT + OFFSET.size)
    if len(header) < FIRST_IFD_AT + OFFSET.size or not header.startswith(_HEADER):
        raise ForeignFileError(f"{file.name}: not a little-endian BigTIFF file")
    return int(OFFSET.unpack_from(header, FIRST_IFD_AT)[0])


def read_link(file: Readable, at: int) -> int:
    """Read the link at an offset; 0 ends a chain.

    Raises
    ------
    OmeTiffError
        The file ends before it.
    """
    file.seek(at)
    data = file.read(OFFSET.size)
    if len(data) < OFFSET.size:
        raise OmeTiffError(f"{file.name}: cut off before offset {at}")
    return int(OFFSET.unpack(data)[0])


def read_ifd(file: Readable, offset: int, size: int | None = None) -> Ifd:
    """Read the IFD at an offset.

    Parameters
    ----------
    file
        The file.
    offset
        Offset of the IFD.
    size
        Known minimum size of the file.

    Raises
    ------
    OmeTiffError
        There is no IFD at this offset.
    """
    if offset >= (file.seek(0, os.SEEK_END) if size is None else size):
        raise OmeTiffError(f"{file.name}: no page at offset {offset}")
    file.seek(offset)
    data = file.read(_USUAL_IFD_BYTES)
    count = OFFSET.unpack_from(data)[0] if len(data) >= OFFSET.size else 0
    if not 0 < count <= _MAX_ENTRIES:
        raise OmeTiffError(f"{file.name}: no page at offset {offset}")
    end = OFFSET.size + count * ENTRY.size
    if len(data) < end + OFFSET.size:
        data += file.read(end + OFFSET.size - len(data))
        if len(data) < end + OFFSET.size:
            raise OmeTiffError(f"{file.name}: the page at offset {offset} is cut off")
    return Ifd(offset, data[OFFSET.size : end], OFFSET.unpack_from(data, end)[0])


def walk(file: Readable, offset: int) -> Generator[Ifd, None, None]:
    """Yield the IFDs of a chain from the one at `offset` to the last.

    Raises
    ------
    OmeTiffError
        A link leads out of the file, backwards or into its own IFD. Both chains that this package writes only
        lead forward, so a chain cannot have more pages than fit into the file.
    """
    size = 0
    while offset:
        if offset >= size:
            size = file.seek(0, os.SEEK_END)  # the file may have grown
        ifd = read_ifd(file, offset, size)
        yield ifd
        if 0 < ifd.next_offset < ifd.end:
            raise OmeTiffError(f"{file.name}: the page at offset {offset} links back to {ifd.next_offset}")
        offset = ifd.next_offset


def read_bytes(file: Readable, entry: Entry) -> bytes:
    """Read the value of a tag of type BYTES or ASCII.

    Raises
    ------
    OmeTiffError
        It has another type, or the file ends before it.
    """
    if entry.type not in (ASCII, BYTES):
        raise OmeTiffError(f"{file.name}: tag {entry.code} is not text")
    if entry.length <= len(entry.value):
        return entry.value[: entry.length]
    if entry.number + entry.length > file.seek(0, os.SEEK_END):
        raise OmeTiffError(f"{file.name}: cut off in tag {entry.code}")
    file.seek(entry.number)
    return file.read(entry.length)


def read_numbers(file: Readable, entry: Entry, size: int | None = None) -> tuple[int, ...]:
    """Read the value of a tag whose type is one of SHORT, LONG, LONG8 and IFD8; `size` as for `read_ifd`.

    Raises
    ------
    OmeTiffError
        It has another type, or the file ends before it.
    """
    if (inside := entry.numbers) is not None:
        return inside
    kind = _NUMBERS.get(entry.type)
    if kind is None:
        raise OmeTiffError(f"{file.name}: tag {entry.code} does not contain numbers")
    is_inside = entry.number + entry.nbytes <= (file.seek(0, os.SEEK_END) if size is None else size)
    file.seek(entry.number)
    data = file.read(entry.nbytes) if is_inside else b""
    if len(data) < entry.nbytes:  # also in a file that this process has cut off
        raise OmeTiffError(f"{file.name}: cut off in tag {entry.code}")
    return struct.unpack_from(f"<{entry.length}{kind}", data)


def check_strips(file: Readable, ifd: Ifd) -> Strips:
    """Check that the values of all tags of a page, and its strips or tiles, are inside the file.

    Raises
    ------
    OmeTiffError
        They are not, or they overlap.
    """
    size = file.seek(0, os.SEEK_END)
    total = 0
    for code, kind, length, value in ENTRY.iter_unpack(ifd.entries):
        nbytes = length * _TYPE_BYTES.get(kind, 8)
        if nbytes > len(value) and OFFSET.unpack(value)[0] + nbytes > size:
            raise OmeTiffError(f"{file.name}: the page at offset {ifd.offset} is cut off in tag {code}")
        total += nbytes if code in _STRIPS else 0
    offsets, counts = read_strips(file, ifd, size)
    # without a loop in Python, because a large page has 100,000 tiles, and each region of it comes here
    if max(map(add, offsets, counts), default=0) > size:
        raise OmeTiffError(f"{file.name}: the page at offset {ifd.offset} is cut off in its pixels")
    total += sum(counts)
    if total > size:
        raise OmeTiffError(f"{file.name}: the strips of the page at offset {ifd.offset} overlap")
    return Strips(offsets, counts, total)


def read_strips(file: Readable, ifd: Ifd, size: int | None = None) -> tuple[Sequence[int], Sequence[int]]:
    """Return offsets and sizes of the strips or tiles of a page; `size` as for `read_ifd`.

    Raises
    ------
    OmeTiffError
        The lists of offsets and sizes are cut off, or differ in length.
    """
    numbers = {
        fields[0]: read_numbers(file, Entry._make(fields), size)
        for fields in ENTRY.iter_unpack(ifd.entries)
        if fields[0] in _STRIPS
    }
    offsets, counts = (
        (*numbers.get(strips, ()), *numbers.get(tiles, ()))
        for strips, tiles in ((STRIP_OFFSETS, TILE_OFFSETS), (STRIP_BYTE_COUNTS, TILE_BYTE_COUNTS))
    )
    if len(offsets) != len(counts):
        raise OmeTiffError(f"{file.name}: the page at offset {ifd.offset} has strips without a size")
    return offsets, counts


def begin_with(file: FileIO, offset: int) -> None:
    """Make an IFD the first one of the file, with one write of eight bytes.

    Parameters
    ----------
    file
        The file, open for reading and writing without a buffer.
    offset
        Offset of the IFD.
    """
    write_at(file, FIRST_IFD_AT, OFFSET.pack(offset))
