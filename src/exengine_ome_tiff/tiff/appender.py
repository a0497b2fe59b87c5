"""Adding pages to a file: tifffile lays out the first page of each kind; the others are modelled on it."""

import os
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from itertools import accumulate, islice
from typing import Any, Self, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import tifffile

from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.threads import in_shares, workers
from exengine_ome_tiff.tiff import chain
from exengine_ome_tiff.tiff.file_tail import FileTail
from exengine_ome_tiff.tiff.ifds import aligned, ifd, with_entries
from exengine_ome_tiff.tiff.page_coding import COMPRESSION_CODES, PageCoding
from exengine_ome_tiff.tiff.pixels import PixelFormat, as_bytes

PagePixels: TypeAlias = "npt.NDArray[Any] | Iterator[npt.NDArray[Any]]"
_WRITE_BYTES = 1 << 16
"""Strips and tiles are written in pieces of at least this size, because each write lets another thread run
first."""
_BATCH_BYTES = 2 << 20
"""Strips and tiles of pages that tifffile lays out are encoded in batches of at least this size."""
_EMPTY_FRAME = bytes.fromhex("28b52ffd2000010000")
"""What zstd makes of nothing; decoders ignore it."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """The strips or tiles of pages of one format."""

    height: int
    width: int
    page_shape: tuple[int, ...]
    are_tiles: bool

    @classmethod
    def of(cls, pixels: PixelFormat, arguments: Mapping[str, Any]) -> Self:
        """Return the parts of pages that tifffile writes with these arguments."""
        if arguments["tile"] is not None:
            height, width = arguments["tile"]
            return cls(height, width, pixels.stored_shape, are_tiles=True)
        return cls(arguments["rowsperstrip"], pixels.stored_shape[1], pixels.stored_shape, are_tiles=False)

    @property
    def count(self) -> int:
        """Number of parts of a page."""
        return -(-self.page_shape[0] // self.height) * self._columns

    @property
    def tags(self) -> tuple[int, int]:
        """Codes of the tags with their offsets and lengths."""
        if self.are_tiles:
            return chain.TILE_OFFSETS, chain.TILE_BYTE_COUNTS
        return chain.STRIP_OFFSETS, chain.STRIP_BYTE_COUNTS

    @property
    def _columns(self) -> int:
        return -(-self.page_shape[1] // self.width)

    def cut(self, page: npt.NDArray[Any], number: int) -> npt.NDArray[Any]:
        """Return a part of a page, C-contiguous; the last tiles are filled up with zeros."""
        row, column = divmod(number, self._columns)
        top, left = row * self.height, column * self.width
        part = page[top : top + self.height, left : left + self.width]
        if self.are_tiles and part.shape[:2] != (self.height, self.width):
            whole = np.zeros((self.height, self.width, *page.shape[2:]), page.dtype)
            whole[: part.shape[0], : part.shape[1]] = part
            return whole
        return np.ascontiguousarray(part)


class _EncodedKind:
    """Encoded pages whose IFDs differ only in their strips or tiles and records.

    tifffile needs half a millisecond of Python for each page, as long as zstd takes for 512 x 512 pixels.

    Parameters
    ----------
    entries
        IFD entries of a page that tifffile wrote, without private tags.
    parts
        Its strips or tiles.
    encode
        Encodes one of them.
    """

    def __init__(self, entries: bytes, parts: _Parts, encode: Callable[[npt.NDArray[Any]], bytes]) -> None:
        self._tags = *parts.tags, chain.RECORDS
        self._entries = with_entries(entries, [chain.ENTRY.pack(code, 0, 0, bytes(8)) for code in self._tags])
        codes = [code for code, *_ in chain.ENTRY.iter_unpack(self._entries)]
        self._places = [codes.index(code) * chain.ENTRY.size for code in self._tags]
        """Places of the entries that differ: offsets and lengths of the parts, and the record."""
        self._parts = parts
        self._encode = encode

    def encode(self, data: npt.NDArray[Any], write: Callable[[bytes], None]) -> tuple[list[int], bytes]:
        """Encode the parts of a page on all cores, and write the first ones in the meantime.

        Parameters
        ----------
        data
            The pixels of the page.
        write
            Writes the bytes that come next; only the calling thread calls it.

        Returns
        -------
        list of int
            Length of each part in bytes.
        bytes
            The last parts, which are still to be written.
        """
        numbers = range(self._parts.count)
        encoded: dict[int, bytes] = {}
        sizes: list[int] = []
        following = BytesIO()
        """Parts to write next. No part is visited twice, because a page may have many small ones."""
        caller = threading.get_ident()

        def take() -> None:
            while (part := encoded.pop(len(sizes), None)) is not None:
                sizes.append(len(part))
                following.write(part)

        def work(share: Sequence[int]) -> None:
            for number in share:
                encoded[number] = self._encode(self._parts.cut(data, number))
                if threading.get_ident() == caller:
                    take()
                    if following.tell() >= _WRITE_BYTES:
                        write(following.getvalue())
                        following.seek(0)
                        following.truncate()

        in_shares(work, numbers)
        take()
        return sizes, following.getvalue()

    def page(self, sizes: Sequence[int], record: bytes, at: int) -> tuple[bytes, chain.Ifd]:
        """Return what follows the strips or tiles of a page.

        Parameters
        ----------
        sizes
            Length of each encoded strip or tile in bytes.
        record
            The record of the block.
        at
            Offset of the first one, a multiple of 8; the others follow it.

        Returns
        -------
        bytes
            The values that the IFD refers to, and the IFD.
        Ifd
            The same IFD.
        """
        count, offsets = len(sizes), [*accumulate(sizes, initial=at)]
        end, lists_at = offsets.pop(), aligned(at + sum(sizes))
        places = lists_at, lists_at + 8 * count
        lists = struct.pack(f"<{2 * count}Q", *offsets, *sizes)
        if count == 1:
            lists, places = b"", (at, sizes[0])
        record_at = lists_at + len(lists)
        changed = (
            (chain.LONG8, count, places[0]),
            (chain.LONG8, count, places[1]),
            (chain.BYTES, len(record), record_at),
        )
        entries = bytearray(self._entries)
        for place, code, (kind, length, value) in zip(self._places, self._tags, changed, strict=True):
            chain.ENTRY.pack_into(entries, place, code, kind, length, chain.OFFSET.pack(value))
        ifd_at = aligned(record_at + len(record))
        padded_record = record.ljust(ifd_at - record_at, b"\0")
        page = bytes(lists_at - end), lists, padded_record, ifd(bytes(entries), 0)
        return b"".join(page), chain.Ifd(ifd_at, bytes(entries), 0)


def _encoder(
    pixels: PixelFormat, parts: _Parts, arguments: Mapping[str, Any]
) -> Callable[[npt.NDArray[Any]], bytes]:
    """Return the function that encodes strips or tiles of pages.

    If a strip or tile has as many bytes as pixels, and a pixel has several bytes, Bio-Formats reads that many
    times the bytes. What follows the strip is no zstd, so Bio-Formats 7 cannot decode it; other codecs ignore
    what follows. Such a part therefore gets another length.

    Parameters
    ----------
    pixels
        The format of the pages.
    parts
        Their strips or tiles.
    arguments
        The arguments with which tifffile writes them.
    """
    name, level = arguments["compression"], arguments.get("compressionargs", {})
    compress = tifffile.TIFF.COMPRESSORS[COMPRESSION_CODES[name]]
    is_refused = name == "zstd" and pixels.stored_dtype.itemsize > 1
    refused_nbytes = parts.height * parts.width if is_refused else -1

    def encode(part: npt.NDArray[Any]) -> bytes:
        encoded = bytes(compress(part, **level))
        return encoded + _EMPTY_FRAME if len(encoded) == refused_nbytes else encoded

    if "predictor" not in arguments:
        return encode
    differences = tifffile.TIFF.PREDICTORS[arguments["predictor"]]
    return lambda part: encode(differences(part, axis=1))


def _encoded(data: PagePixels, pixels: PixelFormat, arguments: Mapping[str, Any]) -> Iterator[bytes]:
    """Yield the strips or tiles of a page for tifffile, which would lose exceptions of signal handlers."""
    parts = _Parts.of(pixels, arguments)
    each = map(partial(parts.cut, data), range(parts.count)) if isinstance(data, np.ndarray) else data
    if arguments["compression"] is None:
        yield from (part.tobytes() for part in each)
        return
    encode = _encoder(pixels, parts, arguments)
    nbytes = parts.height * parts.width * pixels.samples * pixels.stored_dtype.itemsize
    while batch := [*islice(each, max(workers(), _BATCH_BYTES // nbytes))]:
        yield from _encoded_batch(batch, encode)


def _encoded_batch(
    batch: Sequence[npt.NDArray[Any]], encode: Callable[[npt.NDArray[Any]], bytes]
) -> list[bytes]:
    """Encode strips or tiles on all cores."""
    encoded: dict[int, bytes] = {}

    def work(share: Sequence[int]) -> None:
        for number in share:
            encoded[number] = encode(batch[number])

    in_shares(work, range(len(batch)))
    return [encoded[number] for number in range(len(batch))]


class Appender:
    """Adds pages to the end of a file without linking them.

    Parameters
    ----------
    file
        The file, which ends with the last page so far.
    coding
        Compression and tiles of all pages.
    """

    def __init__(self, file: FileTail, coding: PageCoding) -> None:
        self._file = file
        self._coding = coding
        self._writer: tifffile.TiffWriter | None = None
        self._kinds: dict[PixelFormat, _EncodedKind] = {}

    def write(
        self, data: PagePixels, pixels: PixelFormat, tags: Sequence[tuple[int, bytes]] = ()
    ) -> tuple[chain.Ifd, int]:
        """Write a page.

        Parameters
        ----------
        data
            The pixels as stored in the file: a C-contiguous array, or the tiles of a tiled page.
        pixels
            The format of the page.
        tags
            Private tags: code and value.

        Returns
        -------
        Ifd
            Its IFD, which is not linked yet.
        int
            Offset of its pixels; for an encoded page, of its IFD.

        Raises
        ------
        OSError
            The page could not be written; the file is still valid.
        """
        try:
            with self._file.addition():
                kind = self._kinds.get(pixels)
                is_alike = [code for code, _ in tags] == [chain.RECORDS]
                if kind is not None and is_alike and isinstance(data, np.ndarray):
                    at = aligned(self._file.end)
                    sizes, last = kind.encode(data, partial(self._write_next, at))
                    behind, made = kind.page(sizes, tags[0][1], at)
                    self._write_next(at, last + behind)
                    return made, made.offset
                if self._writer is None:
                    self._file.seek(0)
                    self._writer = tifffile.TiffWriter(
                        cast("Any", self._file),
                        mode="w",
                        bigtiff=True,
                        byteorder="<",
                        ome=False,
                        shaped=False,
                    )
                written, data_at = self._write(self._writer, data, pixels, tags)
                self._learn(written, pixels)
                return written, data_at
        except BaseException:
            self._writer = None  # it has lost track of the file, so the next page gets a new one
            raise

    def _write_next(self, start: int, data: bytes) -> None:
        """Write bytes of a page that starts at an offset, after those that are there."""
        self._file.write_at(max(start, self._file.end), data)

    def _write(
        self,
        writer: tifffile.TiffWriter,
        data: PagePixels,
        pixels: PixelFormat,
        tags: Sequence[tuple[int, bytes]],
    ) -> tuple[chain.Ifd, int]:
        start = self._file.seek(0, os.SEEK_END)
        is_rgb, arguments = pixels.samples > 1, self._coding.arguments(pixels)
        place = writer.write(
            # only room for plain pixels: tifffile does not notice when the disk has no space for them
            _encoded(data, pixels, arguments) if pixels.is_encoded else None,
            shape=pixels.stored_shape,
            dtype=pixels.stored_dtype,
            photometric="rgb" if is_rgb else "minisblack",
            planarconfig="contig" if is_rgb else None,
            metadata=None,
            software=False,
            extratags=[(code, chain.BYTES, len(value), value, True) for code, value in tags],
            returnoffset=True,
            **arguments,
        )
        ifd_at = data_at = self._file.last_write_at  # tifffile writes the IFD last
        if isinstance(data, np.ndarray) and not pixels.is_encoded:
            data_at = place[0]  # type: ignore[index] # never None for plain pages
            self._file.write_at(data_at, as_bytes(np.ascontiguousarray(data)))
        try:
            ifd = chain.read_ifd(self._file, ifd_at)
            self._check(ifd, start, None if pixels.is_encoded else (data_at, pixels.nbytes))
        except OmeTiffError as error:
            raise RuntimeError(
                f"tifffile {tifffile.__version__} writes pages differently from the versions "
                f"that this package relies on: {error}"
            ) from error
        return ifd, data_at

    def _learn(self, written: chain.Ifd, pixels: PixelFormat) -> None:
        """Model the next pages of a format on one that tifffile wrote, if possible."""
        arguments, entries = self._coding.arguments(pixels), written.public_entries()
        if arguments["compression"] is None:  # tifffile copies plain tiles fast enough, one by one
            return
        parts = _Parts.of(pixels, arguments)
        others = chain.Ifd(0, entries, 0).without(parts.tags)
        if all(tag.nbytes <= len(tag.value) for tag in chain.Ifd(0, others, 0).tags()):
            self._kinds[pixels] = _EncodedKind(entries, parts, _encoder(pixels, parts, arguments))

    def _check(self, ifd: chain.Ifd, start: int, strip: tuple[int, int] | None) -> None:
        """Raise OmeTiffError if a page that tifffile wrote does not have the expected layout.

        Its IFD links to no other page, and everything it refers to is after the previous end of the file.
        A plain page consists of one strip at the expected place.
        """
        strips = [*zip(*chain.read_strips(self._file, ifd), strict=True)]
        if not strips or (strip is not None and strips != [strip]):
            raise OmeTiffError(f"the strips of the page at offset {ifd.offset} are {strips[:9]}, not {strip}")
        values = [(tag.number, tag.nbytes) for tag in ifd.tags() if tag.nbytes > len(tag.value)]
        parts = [(ifd.offset, ifd.end - ifd.offset), *values, *strips]
        is_added = all(start <= at <= self._file.end - nbytes for at, nbytes in parts)
        if not is_added or ifd.next_offset:
            raise OmeTiffError(f"not all of the page at offset {ifd.offset} was added after {start}")
