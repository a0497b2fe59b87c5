"""The chain of pages (IFDs) in a BigTIFF file: walking it, and putting a new one in its place.

While frames arrive, tifffile links one page after the other in order of arrival: the *journal chain*.
`write_final_chain` appends another chain, in another order, and then points the file's header at it, which is
one write of eight bytes. Its IFDs name the same pixels at the same offsets: no pixel moves.
Layout of header, IFDs and tags: TIFF 6.0 section 2 with the 64-bit fields of BigTIFF.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping
from io import FileIO
from typing import BinaryIO, NamedTuple

from exengine_ome_tiff.errors import OmeTiffError

STRIP_OFFSETS = 273
STRIP_BYTE_COUNTS = 279
IMAGE_DESCRIPTION = 270
SOFTWARE = 305

DATASET = 65140
"""Private tag of the first page of the journal chain: what holds for the whole dataset, as JSON."""
RECORDS = 65141
"""Private tag of the first page of each block: the records of all frames in the block, as lines of JSON."""
JOURNAL = 65142
"""Private tag of the first page of the final chain: offset of the first page of the journal chain."""

BYTES = 7
ASCII = 2
LONG8 = 16

_HEADER = b"II" + struct.pack("<HHH", 43, 8, 0)
_FIRST_IFD_AT = len(_HEADER)
_ENTRY = struct.Struct("<HHQ8s")
_OFFSET = struct.Struct("<Q")
_MAX_ENTRIES = 4096
_USUAL_IFD_BYTES = 8 + 20 * _ENTRY.size + 8
_WRITE_BYTES = 1 << 20
_MAX_OFFSET = 1 << 43  # what ext4 can have; a larger one is no offset


class Entry(NamedTuple):
    """One tag of an IFD, as it lies in the file."""

    code: int
    type: int
    length: int
    value: bytes
    """The value itself where it fits into 8 bytes, else its offset."""

    @property
    def number(self) -> int:
        """The value, or its offset, as a number."""
        return int(_OFFSET.unpack(self.value)[0])


class Ifd(NamedTuple):
    """One page's directory of tags."""

    offset: int
    entries: bytes
    next_offset: int

    def find(self, code: int) -> Entry | None:
        """Return the entry of a tag, or None."""
        for at in range(0, len(self.entries), _ENTRY.size):
            entry = Entry(*_ENTRY.unpack_from(self.entries, at))
            if entry.code == code:
                return entry
        return None

    @property
    def has_records(self) -> bool:
        """Whether this is the first page of a block: RECORDS is the last of its tags then."""
        return bool(_ENTRY.unpack_from(self.entries, len(self.entries) - _ENTRY.size)[0] == RECORDS)

    def public_entries(self) -> bytes:
        """Return the entries without our private tags, which are the last ones."""
        end = len(self.entries)
        while end and _ENTRY.unpack_from(self.entries, end - _ENTRY.size)[0] >= DATASET:
            end -= _ENTRY.size
        return self.entries[:end]


def first_offset(file: BinaryIO | FileIO) -> int:
    """Return the offset of the first IFD.

    Raises
    ------
    OmeTiffError
        The file is no little-endian BigTIFF.
    """
    file.seek(0)
    header = file.read(_FIRST_IFD_AT + _OFFSET.size)
    if len(header) < _FIRST_IFD_AT + _OFFSET.size or not header.startswith(_HEADER):
        raise OmeTiffError(f"{file.name}: not a little-endian BigTIFF file")
    return int(_OFFSET.unpack_from(header, _FIRST_IFD_AT)[0])


def read_ifd(file: BinaryIO | FileIO, offset: int) -> Ifd:
    """Read the IFD at an offset.

    Raises
    ------
    OmeTiffError
        There is no IFD.
    """
    if offset > _MAX_OFFSET:
        raise OmeTiffError(f"{file.name}: no page at offset {offset}")
    file.seek(offset)
    data = file.read(_USUAL_IFD_BYTES)
    count = _OFFSET.unpack_from(data)[0] if len(data) >= _OFFSET.size else 0
    if not 0 < count <= _MAX_ENTRIES:
        raise OmeTiffError(f"{file.name}: no page at offset {offset}")
    end = _OFFSET.size + count * _ENTRY.size
    if len(data) < end + _OFFSET.size:
        data += file.read(end + _OFFSET.size - len(data))
        if len(data) < end + _OFFSET.size:
            raise OmeTiffError(f"{file.name}: the page at offset {offset} is cut off")
    return Ifd(offset, data[_OFFSET.size : end], _OFFSET.unpack_from(data, end)[0])


def walk(file: BinaryIO | FileIO, offset: int) -> Iterator[Ifd]:
    """Yield the IFDs of a chain from the one at `offset` to the last.

    Raises
    ------
    OmeTiffError
        A link leads nowhere, or back: both chains that this package writes only lead forward.
    """
    while offset:
        ifd = read_ifd(file, offset)
        yield ifd
        if 0 < ifd.next_offset <= offset:
            raise OmeTiffError(f"{file.name}: the page at offset {offset} leads back to {ifd.next_offset}")
        offset = ifd.next_offset


def read_bytes(file: BinaryIO | FileIO, entry: Entry) -> bytes:
    """Read the value of a tag of type BYTES.

    Raises
    ------
    OmeTiffError
        The file ends before it.
    """
    if entry.length <= len(entry.value):
        return entry.value[: entry.length]
    if entry.number + entry.length > file.seek(0, 2):
        raise OmeTiffError(f"{file.name}: cut off in tag {entry.code}")
    file.seek(entry.number)
    return file.read(entry.length)


def write_all(file: FileIO, data: bytes | bytearray | memoryview) -> None:
    """Write bytes to an unbuffered file, all of them."""
    rest = memoryview(data).cast("B")
    while rest:
        rest = rest[file.write(rest) or 0 :]


def end_chain(file: FileIO, last: Ifd | None) -> None:
    """Make an IFD the last of its chain, where a write that failed may have left a link to nothing.

    Parameters
    ----------
    file
        The file, open for reading and writing without a buffer.
    last
        The IFD, None for a file without any.
    """
    file.seek(_FIRST_IFD_AT if last is None else last.offset + _OFFSET.size + len(last.entries))
    write_all(file, _OFFSET.pack(0))


def empty_page(file: FileIO, ifd: Ifd) -> None:
    """Make a page of one strip one without pixels, which readers show black.

    Parameters
    ----------
    file
        The file, open for reading and writing without a buffer.
    """
    for at in range(0, len(ifd.entries), _ENTRY.size):
        if _ENTRY.unpack_from(ifd.entries, at)[0] in (STRIP_OFFSETS, STRIP_BYTE_COUNTS):
            file.seek(ifd.offset + _OFFSET.size + at + _ENTRY.size - _OFFSET.size)
            write_all(file, _OFFSET.pack(0))


def write_final_chain(
    file: FileIO, pages: Iterable[bytes], count: int, extra: Mapping[int, tuple[int, bytes]]
) -> None:
    """Append a chain of pages and make it the file's chain.

    Until the last eight bytes are written the file stays what it was; after an error it is cut back to it.

    Parameters
    ----------
    file
        The file, open for reading and writing without a buffer.
    pages
        Entries of each page; their offsets point at what is in the file already.
    count
        How many pages there are.
    extra
        Further tags of the first page by their code: type, and value in the file's byte order.
    """
    start = file.seek(0, 2)
    try:
        entries = [_entry_of(file, code, *value) for code, value in extra.items()]
        at = table_at = _align(file)
        chunk = bytearray()
        for number, page in enumerate(pages, 1):
            public = _with_entries(page, entries) if number == 1 else page
            at += _aligned(2 * _OFFSET.size + len(public))
            chunk += _OFFSET.pack(len(public) // _ENTRY.size)
            chunk += public
            chunk += _OFFSET.pack(at if number < count else 0)
            chunk += bytes(-len(chunk) % 8)
            if len(chunk) > _WRITE_BYTES:
                write_all(file, chunk)
                chunk = bytearray()
        write_all(file, chunk)
    except OSError:
        file.truncate(start)
        raise
    file.seek(_FIRST_IFD_AT)
    write_all(file, _OFFSET.pack(table_at))


def with_data_offset(entries: bytes, offset: int) -> bytes:
    """Return the entries of a page of one strip with its pixels somewhere else."""
    for at in range(0, len(entries), _ENTRY.size):
        code, kind, count, _ = _ENTRY.unpack_from(entries, at)
        if code == STRIP_OFFSETS and count == 1:
            moved = _ENTRY.pack(code, kind, count, _OFFSET.pack(offset))
            return b"".join((entries[:at], moved, entries[at + _ENTRY.size :]))
    raise ValueError("the page has more than one strip")


def _with_entries(page: bytes, more: list[bytes]) -> bytes:
    """Add entries, keeping them sorted by code."""
    entries = [page[at : at + _ENTRY.size] for at in range(0, len(page), _ENTRY.size)] + more
    return b"".join(sorted(entries, key=lambda entry: int(_ENTRY.unpack(entry)[0])))


def _entry_of(file: FileIO, code: int, kind: int, value: bytes) -> bytes:
    """Make an entry, writing its value at the end of the file where it does not fit into the entry."""
    size = 8 if kind == LONG8 else 1
    if len(value) <= _OFFSET.size:
        return _ENTRY.pack(code, kind, len(value) // size, value.ljust(8, b"\0"))
    at = _align(file)
    write_all(file, value)
    return _ENTRY.pack(code, kind, len(value) // size, _OFFSET.pack(at))


def _aligned(nbytes: int) -> int:
    return (nbytes + 7) // 8 * 8


def _align(file: FileIO) -> int:
    """Fill up to a multiple of 8 bytes and return the position."""
    at = file.tell()
    write_all(file, bytes(_aligned(at) - at))
    return _aligned(at)
