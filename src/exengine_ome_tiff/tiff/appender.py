"""Adding a page to a file through tifffile."""

import os
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import tifffile

from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.tiff import chain
from exengine_ome_tiff.tiff.file_tail import FileTail
from exengine_ome_tiff.tiff.page_coding import PageCoding
from exengine_ome_tiff.tiff.pixels import PixelFormat, as_bytes


class Appender:
    """Pages at the end of a file that are in no chain.

    Parameters
    ----------
    file
        Ends with the last page so far.
    coding
        Compression and tiles of all pages.
    """

    def __init__(self, file: FileTail, coding: PageCoding) -> None:
        self._file = file
        self._coding = coding
        self._writer: tifffile.TiffWriter | None = None

    def write(
        self, data: npt.NDArray[Any], pixels: PixelFormat, tags: Sequence[tuple[int, bytes]] = ()
    ) -> tuple[chain.Ifd, int]:
        """Write a page.

        Parameters
        ----------
        data
            Its pixels as they will lie in the file, C-contiguous.
        pixels
            What it is.
        tags
            Private tags: code and value.

        Returns
        -------
        Ifd
            Its IFD, to which nothing leads yet.
        int
            Offset of its pixels; for an encoded page, that of its IFD.

        Raises
        ------
        OSError
            The page was not written; the file is right as it is.
        """
        try:
            with self._file.addition():
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
    ) -> tuple[chain.Ifd, int]:
        start = self._file.seek(0, os.SEEK_END)
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
            self._file.write_at(data_at, as_bytes(np.ascontiguousarray(data)))
        try:
            ifd = chain.read_ifd(self._file, ifd_at)
            self._check(ifd, start, None if pixels.is_encoded else (data_at, pixels.nbytes))
        except OmeTiffError as error:
            raise RuntimeError(
                f"tifffile {tifffile.__version__} writes pages in another way than the versions before it, "
                f"on which this package relies: {error}"
            ) from error
        return ifd, data_at

    def _check(self, ifd: chain.Ifd, start: int, strip: tuple[int, int] | None) -> None:
        """Raise OmeTiffError where tifffile has not written a page as is relied on.

        It leads nowhere, and all that it names lies behind the end of the file as it was; a plain page is the
        one strip that is expected.
        """
        strips = chain.read_strips(self._file, ifd)
        if not strips or (strip is not None and strips != [strip]):
            raise OmeTiffError(f"the strips of the page at offset {ifd.offset} are {strips[:9]}, not {strip}")
        values = [(tag.number, tag.nbytes) for tag in ifd.tags() if tag.nbytes > len(tag.value)]
        parts = [(ifd.offset, ifd.end - ifd.offset), *values, *strips]
        is_added = all(start <= at <= self._file.end - nbytes for at, nbytes in parts)
        if not is_added or ifd.next_offset:
            raise OmeTiffError(f"not all of the page at offset {ifd.offset} was added behind {start}")
