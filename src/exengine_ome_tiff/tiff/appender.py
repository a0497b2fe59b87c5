"""Adding pages to a file: tifffile writes the first page of each kind, and the others are modelled on it."""

import os
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import accumulate, takewhile
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import tifffile

from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.threads import in_shares
from exengine_ome_tiff.tiff import chain
from exengine_ome_tiff.tiff.file_tail import FileTail
from exengine_ome_tiff.tiff.ifds import aligned, ifd, with_entries
from exengine_ome_tiff.tiff.page_coding import PageCoding
from exengine_ome_tiff.tiff.pixels import PixelFormat, as_bytes

PagePixels: TypeAlias = "npt.NDArray[Any] | Iterator[npt.NDArray[Any]]"
_WRITE_BYTES = 1 << 16
"""Strips are written in pieces of at least this size, because each write lets another thread run first."""


class _EncodedKind:
    """Pages of encoded strips whose IFDs differ only in their strips and records.

    tifffile needs half a millisecond of Python for each page, as long as zstd takes for 512 x 512 pixels.

    Parameters
    ----------
    entries
        IFD entries of a page that tifffile wrote, without private tags.
    rows
        Number of rows in a strip.
    encode
        Encodes a strip.
    """

    def __init__(self, entries: bytes, rows: int, encode: Callable[[npt.NDArray[Any]], bytes]) -> None:
        own = chain.STRIP_OFFSETS, chain.STRIP_BYTE_COUNTS, chain.RECORDS
        self._entries = with_entries(entries, [chain.ENTRY.pack(code, 0, 0, bytes(8)) for code in own])
        codes = [code for code, *_ in chain.ENTRY.iter_unpack(self._entries)]
        self._places = [codes.index(code) * chain.ENTRY.size for code in own]
        """Places of the entries that differ: offsets and lengths of the strips, and the record."""
        self._rows = rows
        self._encode = encode

    def encode(self, data: npt.NDArray[Any], write: Callable[[bytes], None]) -> tuple[list[int], list[bytes]]:
        """Encode the strips of a page on all cores, and write the first ones in the meantime.

        Parameters
        ----------
        data
            The pixels of the page.
        write
            Writes the bytes that come next; only the calling thread calls it.

        Returns
        -------
        list of int
            Length of each strip in bytes.
        list of bytes
            The last strips, which are still to be written.
        """
        starts = range(0, len(data), self._rows)
        encoded: dict[int, bytes] = {}
        sizes: list[int] = []
        caller = threading.get_ident()

        def next_strips() -> list[bytes]:
            return [*takewhile(len, (encoded.get(start, b"") for start in starts[len(sizes) :]))]

        def work(share: Sequence[int]) -> None:
            for start in share:
                encoded[start] = self._encode(data[start : start + self._rows])
                if threading.get_ident() == caller:
                    strips = next_strips()
                    if sum(map(len, strips)) >= _WRITE_BYTES:
                        write(b"".join(strips))
                        for strip in strips:
                            del encoded[starts[len(sizes)]]
                            sizes.append(len(strip))

        in_shares(work, starts)
        rest = next_strips()
        return [*sizes, *map(len, rest)], rest

    def page(self, sizes: Sequence[int], record: bytes, at: int) -> tuple[bytes, chain.Ifd]:
        """Return the part of a page that follows its strips.

        Parameters
        ----------
        sizes
            Length of each encoded strip in bytes.
        record
            The record of the block.
        at
            Offset of the first strip, a multiple of 8; the others follow it.

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
            (chain.STRIP_OFFSETS, chain.LONG8, count, places[0]),
            (chain.STRIP_BYTE_COUNTS, chain.LONG8, count, places[1]),
            (chain.RECORDS, chain.BYTES, len(record), record_at),
        )
        entries = bytearray(self._entries)
        for place, (code, kind, length, value) in zip(self._places, changed, strict=True):
            chain.ENTRY.pack_into(entries, place, code, kind, length, chain.OFFSET.pack(value))
        ifd_at = aligned(record_at + len(record))
        padded_record = record.ljust(ifd_at - record_at, b"\0")
        page = bytes(lists_at - end), lists, padded_record, ifd(bytes(entries), 0)
        return b"".join(page), chain.Ifd(ifd_at, bytes(entries), 0)


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
                    sizes, strips = kind.encode(data, partial(self._write_next, at))
                    behind, made = kind.page(sizes, tags[0][1], at)
                    self._write_next(at, b"".join((*strips, behind)))
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
        is_rgb = pixels.samples > 1
        place = writer.write(
            # only room for plain pixels: tifffile does not notice when the disk has no space for them
            data if pixels.is_encoded else None,
            shape=pixels.stored_shape,
            dtype=pixels.stored_dtype,
            photometric="rgb" if is_rgb else "minisblack",
            planarconfig="contig" if is_rgb else None,
            metadata=None,
            software=False,
            extratags=[(code, chain.BYTES, len(value), value, True) for code, value in tags],
            returnoffset=True,
            **self._coding.arguments(pixels),
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
        compression = self._coding.compression
        arguments = self._coding.arguments(pixels)
        entries = written.public_entries()
        lists = chain.STRIP_OFFSETS, chain.STRIP_BYTE_COUNTS
        others = chain.Ifd(0, entries, 0).without(lists)
        is_inside = all(tag.nbytes <= len(tag.value) for tag in chain.Ifd(0, others, 0).tags())
        if compression is None or arguments["tile"] or "predictor" in arguments or not is_inside:
            return
        encoder = tifffile.TIFF.COMPRESSORS[written.tag(chain.COMPRESSION).number]
        level = arguments.get("compressionargs", {})
        self._kinds[pixels] = _EncodedKind(
            entries,
            written.tag(chain.ROWS_PER_STRIP).number,
            lambda strip: bytes(encoder(strip, **level)),
        )

    def _check(self, ifd: chain.Ifd, start: int, strip: tuple[int, int] | None) -> None:
        """Raise OmeTiffError if a page that tifffile wrote does not have the expected layout.

        Its IFD links to no other page, and everything it refers to is after the previous end of the file.
        A plain page consists of one strip at the expected place.
        """
        strips = chain.read_strips(self._file, ifd)
        if not strips or (strip is not None and strips != [strip]):
            raise OmeTiffError(f"the strips of the page at offset {ifd.offset} are {strips[:9]}, not {strip}")
        values = [(tag.number, tag.nbytes) for tag in ifd.tags() if tag.nbytes > len(tag.value)]
        parts = [(ifd.offset, ifd.end - ifd.offset), *values, *strips]
        is_added = all(start <= at <= self._file.end - nbytes for at, nbytes in parts)
        if not is_added or ifd.next_offset:
            raise OmeTiffError(f"not all of the page at offset {ifd.offset} was added after {start}")
