"""The index of a finished file: the content of its records, without metadata, in columns.

Layout: 8 bytes with the length of a JSON text, the text, then arrays that begin at multiples of 8 bytes.
"""

import json
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates.columns import Column, CoordinateTable, Numbers, Part, smallest, split
from exengine_ome_tiff.coordinates.keys import read_coordinates
from exengine_ome_tiff.dataset.frame_index import FrameIndex
from exengine_ome_tiff.dataset.records import encode_json
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.pieces import pieces
from exengine_ome_tiff.tiff import MOST_NOTE_BYTES, PageTable, PixelFormat, decode_format, encode_format

_LENGTH = struct.Struct("<Q")
_ALIGNMENT = 8
_FRAME, _PIXELS, _DIRECTORY, _RECORD, _RECORD_BYTES, _FORMAT, _SET = _COLUMNS = (
    "frame",
    "pixels",
    "directory",
    "record",
    "record_bytes",
    "format",
    "axes",
)
_DTYPES = ("|u1", "<u2", "<u4", "<u8", "|i1", "<i2", "<i4", "<i8")
_INT64 = 1 << 63
_MOST = 1 << 62
"""Upper bound of all offsets and numbers."""
_WRONG = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError)

Array = npt.NDArray[np.integer[Any]]


class IndexedFrames(NamedTuple):
    """The frames of a file, in order of arrival.

    Parameters
    ----------
    arrivals
        Their arrival numbers in the dataset.
    coordinates
        Their coordinates.
    pages
        Their pages; handles count frames from 0.
    """

    arrivals: Numbers
    coordinates: CoordinateTable
    pages: PageTable


class IndexEncoder:
    """Makes the indexes of the files of a dataset.

    Parameters
    ----------
    index
        All frames.
    """

    def __init__(self, index: FrameIndex) -> None:
        self._index = index
        files, handles = index.places(np.arange(len(index)))
        self._handles = smallest(handles)
        self._frames_in = dict(split(smallest(files)))
        self._coordinates = index.table()

    def encode(self, number: int) -> list[memoryview]:
        """Return the index of a file, given by its number, in parts.

        The result is empty if the file has further frames, or a frame twice. That happens if `finish` was
        called while another call linked a block.
        """
        file, frames = self._index.files[number], self._frames_in.get(number)
        if frames is None or len(frames) != file.n_linked or not self._index.is_numbered:
            return []
        pages, handles = file.pages, self._handles[frames]
        arrays: dict[str, Array] = {
            _FRAME: _in_parts(self._index.arrivals, frames),
            _PIXELS: _in_parts(pages.data_offsets, handles),
            _DIRECTORY: _in_parts(pages.ifd_offsets, handles),
            _RECORD: _in_parts(lambda part: pages.notes(part)[0], handles),
            _RECORD_BYTES: _in_parts(lambda part: pages.notes(part)[1], handles),
            _FORMAT: _in_parts(lambda part: pages.formats(part)[0], handles),
        }
        if not _are_different(arrays[_PIXELS]):
            return []
        _, formats = pages.formats(handles[:1].astype(np.int64))
        is_whole = len(frames) == len(self._index)
        table = self._coordinates if is_whole else self._coordinates.take(frames)
        set_of = np.zeros(len(frames), np.min_scalar_type(len(table.parts)))
        for at, part in enumerate(table.parts[1:], 1):
            set_of[part.rows] = at
        arrays[_SET] = smallest(set_of)
        parts = [(part.names, [column.compact() for column in part.columns]) for part in table.parts]
        head = {
            "frames": len(frames),
            "columns": {name: array.dtype.str for name, array in arrays.items()},
            "formats": [*map(encode_format, formats)],
            "axes": [{"names": names, "columns": [*map(_described, columns)]} for names, columns in parts],
        }
        of_axes = [column.data for _, columns in parts for column in columns]
        return [*_text(head), *(each for array in (*arrays.values(), *of_axes) for each in _padded(array))]


def _in_parts(column: Callable[[Numbers], Numbers], numbers: Array) -> Array:
    """Make a column in the smallest type, from its parts, because all of it in 64 bits needs much memory."""
    parts = [smallest(column(numbers[piece].astype(np.int64))) for piece in pieces(len(numbers))]
    return smallest(np.concatenate(parts))


def _are_different(offsets: Array) -> bool:
    if (offsets[1:] > offsets[:-1]).all():
        return True
    in_order = np.sort(offsets)
    return bool((in_order[1:] > in_order[:-1]).all())


def _described(column: Column) -> dict[str, object]:
    what: dict[str, object] = {"dtype": column.data.dtype.str}
    return what if column.values is None else what | {"values": column.values}


def _text(head: Mapping[str, object]) -> Iterator[memoryview]:
    text = encode_json(head).encode("ascii")
    text = text.ljust(-(-len(text) // _ALIGNMENT) * _ALIGNMENT)
    yield memoryview(_LENGTH.pack(len(text)))
    yield memoryview(text)


def _padded(array: Array) -> Iterator[memoryview]:
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    if little.nbytes:
        yield little.data.cast("B")
        yield memoryview(bytes(-little.nbytes % _ALIGNMENT))


def decode_index(data: memoryview, file_nbytes: int) -> IndexedFrames:
    """Decode an index made by `IndexEncoder`; nothing in it is trusted.

    Parameters
    ----------
    data
        The index.
    file_nbytes
        Length of the file; all offsets must be inside.

    Raises
    ------
    OmeTiffError
        It is not an index, or not the index of this file.
    """
    try:
        return _decoded(data, file_nbytes)
    except _WRONG as error:
        raise OmeTiffError(f"invalid index: {error}") from error


def _decoded(data: memoryview, file_nbytes: int) -> IndexedFrames:
    """Read an index; raise one of `_WRONG` if it is invalid."""
    (text_nbytes,) = _LENGTH.unpack_from(data) if len(data) >= _LENGTH.size else (0,)
    start = _LENGTH.size + text_nbytes
    _check(0 < text_nbytes <= len(data), "no text")
    head = json.loads(bytes(data[_LENGTH.size : start]))
    arrays = _Arrays(data, start)
    count, kinds = head["frames"], head["columns"]
    _check(isinstance(count, int) and count > 0, f"{count} frames")
    columns = {name: _offsets(arrays.next(kinds[name], count)) for name in _COLUMNS}
    formats = [decode_format(each) for each in head["formats"]]
    set_of, sets = columns[_SET], head["axes"]
    _check(
        int(columns[_FORMAT].max()) < len(formats) and int(set_of.max()) < len(sets), "a number out of range"
    )
    rows_of = {at: rows.astype(np.int64) for at, rows in split(set_of)}
    parts = [_part(each, rows_of[at], arrays) for at, each in enumerate(sets)]
    _check(len({frozenset(part.names) for part in parts}) == len(parts), "duplicate sets of axes")
    _check(arrays.is_at_end, "extra bytes at the end")
    _check_pages(columns, formats, file_nbytes)
    pages = PageTable.of(
        formats, *(columns[name] for name in (_FORMAT, _PIXELS, _DIRECTORY, _RECORD, _RECORD_BYTES))
    )
    return IndexedFrames(columns[_FRAME].astype(np.int64), CoordinateTable(count, parts), pages)


class _Arrays:
    """Reads the arrays of an index in order."""

    def __init__(self, data: memoryview, start: int) -> None:
        self._data = data
        self._at = start

    def next(self, kind: str, count: int) -> Array:
        """Return the next array, given its type and length."""
        _check(kind in _DTYPES, f"an array of type {kind!r}")
        dtype = np.dtype(kind)
        nbytes = count * dtype.itemsize
        _check(self._at + nbytes <= len(self._data), "a truncated array")
        array = np.frombuffer(self._data, dtype, count, self._at)
        self._at += -(-nbytes // _ALIGNMENT) * _ALIGNMENT
        return array

    @property
    def is_at_end(self) -> bool:
        """Whether all arrays have been read."""
        return self._at == len(self._data)


def _part(described: Mapping[str, Any], rows: Numbers, arrays: _Arrays) -> Part:
    """Read the coordinates of the frames that have the same axes."""
    names, columns = tuple(described["names"]), []
    _check([*read_coordinates(dict.fromkeys(names, 0))] == [*names], "a duplicate or invalid axis name")
    for each in described["columns"]:
        array, values = arrays.next(each["dtype"], len(rows)), each.get("values")
        if values is not None:
            values = [read_coordinates({"": value})[""] for value in values]
            _check(len(set(values)) == len(values), "a duplicate value")
            _check(int(array.min()) >= 0 and int(array.max()) < len(values), "a number without a value")
        else:
            _check(int(array.max()) < _INT64, "a number of more than 64 bits")
        columns.append(Column(array.copy(), values))
    _check(len(columns) == len(names), "columns without an axis")
    return Part(names, rows, tuple(columns))


def _offsets(array: Array) -> Array:
    """Check that numbers are not negative, and small enough to be added in 64 bits."""
    _check(int(array.min()) >= 0 and int(array.max()) < _MOST, "a number out of range")
    return array


def _check_pages(columns: Mapping[str, Array], formats: Sequence[PixelFormat], file_nbytes: int) -> None:
    """Check that pages and records are in the file and do not overlap."""
    sizes = np.array([1 if each.is_encoded else min(each.nbytes, _MOST) for each in formats], np.int64)
    _check(int(columns[_RECORD_BYTES].max()) < MOST_NOTE_BYTES, "a record that is too long")
    _check_apart(columns[_PIXELS], sizes[columns[_FORMAT]], file_nbytes)
    _check_apart(columns[_RECORD], columns[_RECORD_BYTES].astype(np.int64), file_nbytes)
    _check(int(columns[_DIRECTORY].max()) < file_nbytes, "a page beyond the end of the file")


def _check_apart(starts: Array, sizes: Numbers, file_nbytes: int) -> None:
    """Check that ranges of bytes are in the file and do not overlap."""
    starts = starts.astype(np.int64)
    if (starts[1:] < starts[:-1]).any():
        order = np.argsort(starts, kind="stable")
        starts, sizes = starts[order], sizes[order]
    ends = starts + sizes
    _check(bool((starts[1:] >= ends[:-1]).all()) and int(ends[-1]) <= file_nbytes, "overlapping pages")


def _check(is_right: bool, what: str) -> None:
    if not is_right:
        raise ValueError(what)
