"""Adding pages to a file through tifffile."""

import os
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import tifffile

from exengine_ome_tiff.tiff import chain
from exengine_ome_tiff.tiff.coding import PageCoding
from exengine_ome_tiff.tiff.growing_file import GrowingFile
from exengine_ome_tiff.tiff.pixels import PixelFormat

BLOCK_OVERHEAD_BYTES = 4096
PAGE_OVERHEAD_BYTES = 512
"""What IFDs take at the most of a block and of each of its pages, records not included."""


class Block(NamedTuple):
    """Where pages are that were written with one call.

    Parameters
    ----------
    ifd_at
        Offset of the first one's IFD.
    data_at
        Offset of the first one's pixels, behind which the others' lie; for encoded pages, which are alone in
        their block, that of its IFD.
    record_at
        Offset of the value of the RECORDS tag, 0 where there is none.
    """

    ifd_at: int
    data_at: int
    record_at: int


class Appender:
    """Pages at the end of a file.

    Parameters
    ----------
    file
        Ends with the last page so far.
    coding
        Compression and tiles of all pages.
    is_linked
        Whether pages become part of the file's chain, or nothing leads to them yet.
    """

    def __init__(self, file: GrowingFile, coding: PageCoding, *, is_linked: bool) -> None:
        self._file = file
        self._coding = coding
        self._is_linked = is_linked
        self._has_pages = False
        self._writer: tifffile.TiffWriter | None = None

    def write(
        self, data: npt.NDArray[Any], pixels: PixelFormat, tags: Sequence[tuple[int, bytes]] = ()
    ) -> Block:
        """Write pages of one format in one block.

        Parameters
        ----------
        data
            Pixels as they will lie in the file, shape (pages, ...) or that of one page, C-contiguous.
        pixels
            What its pages are.
        tags
            Private tags of the first page: code and value; one of them may be RECORDS.

        Returns
        -------
        Block

        Raises
        ------
        OSError
            The pages were not written; the file is right as it is.
        """
        try:
            if self._writer is None:
                with self._file.addition(is_linked=self._is_linked):  # the header, which leads nowhere yet
                    self._writer = self._new_writer()
            with self._file.addition(is_linked=self._is_linked):
                return self._write(self._writer, data, pixels, tags)
        except BaseException:
            self._writer = None  # it has lost track of the file; another one will find its way
            raise

    def _write(
        self,
        writer: tifffile.TiffWriter,
        data: npt.NDArray[Any],
        pixels: PixelFormat,
        tags: Sequence[tuple[int, bytes]],
    ) -> Block:
        self._file.seek(0, os.SEEK_END)
        is_rgb = pixels.samples > 1
        place = writer.write(
            # room for plain pixels, which are written without tifffile: it misses when they do not fit
            data if pixels.is_encoded else None,
            shape=data.shape,
            dtype=data.dtype,
            photometric="rgb" if is_rgb else "minisblack",
            planarconfig="contig" if is_rgb else None,
            metadata=None,
            software=False,
            extratags=[(code, chain.BYTES, len(value), value, True) for code, value in tags],
            returnoffset=True,
            **self._coding.arguments(pixels),
        )
        ifd_at = data_at = self._file.last_write_at  # it writes the IFD last, when it knows all offsets
        if not pixels.is_encoded:
            data_at = place[0]  # type: ignore[index] # it is there for pages that are not encoded
            self._file.write_at(data_at, np.ascontiguousarray(data).reshape(-1).view(np.uint8).data)
        record = chain.read_ifd(self._file, ifd_at).find(chain.RECORDS)
        self._has_pages = True
        return Block(ifd_at, data_at, 0 if record is None else record.number)

    def _new_writer(self) -> tifffile.TiffWriter:
        """Let tifffile begin the file, find the end of its chain, or write pages that are in no chain."""
        self._file.seek(0)
        mode: Literal["r+", "w"] = "r+" if self._is_linked and self._has_pages else "w"
        return tifffile.TiffWriter(
            cast("Any", self._file), mode=mode, bigtiff=True, byteorder="<", ome=False, shaped=False
        )
