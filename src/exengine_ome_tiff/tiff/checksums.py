"""Checksums of the pixels of a page."""

import hashlib
import zlib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import accumulate
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.tiff import chain
from exengine_ome_tiff.tiff.block_records import decode_block
from exengine_ome_tiff.tiff.page_table import PageHandle, PageTable
from exengine_ome_tiff.tiff.pixels import as_bytes
from exengine_ome_tiff.tiff.shared_file import SharedFile

Algorithm = Literal["crc32", "sha256", "sha1"]


class _Crc32:
    """CRC-32 with the methods of the objects of `hashlib`."""

    def __init__(self) -> None:
        self._crc = 0

    def update(self, pixels: memoryview) -> None:
        """Add bytes."""
        self._crc = zlib.crc32(pixels, self._crc)

    def hexdigest(self) -> str:
        """Return the checksum of all bytes."""
        return f"{self._crc:08x}"


_MAKE: Mapping[str, Callable[[], Any]] = {
    "crc32": _Crc32,
    "sha256": hashlib.sha256,
    "sha1": partial(hashlib.sha1, usedforsecurity=False),
}
_SHA1 = "sha1:"
_SHA1_MARK = b'"checksums": ["sha1:'
_MARK_BYTES = 512
"""Length of the start of a record that includes its first checksum."""


def algorithm_of(option: object) -> Algorithm | None:
    """Return the algorithm of the option `checksums`; True means the fast one.

    Raises
    ------
    ValueError
        The algorithm is unknown.
    """
    if option is False:
        return None
    if option is True:
        return "crc32"
    for algorithm in get_args(Algorithm):
        if option == algorithm:
            return algorithm  # type: ignore[no-any-return]
    raise ValueError(f"got checksums={option!r}, expected True, False or one of {', '.join(_MAKE)}")


def checksum(algorithm: str, bands: Iterable[npt.NDArray[Any]]) -> str:
    """Return ``algorithm:hexadecimal digits`` for a page.

    Parameters
    ----------
    algorithm
        The algorithm.
    bands
        The pixels as stored in the file, before compression, in bands of rows.

    Raises
    ------
    OmeTiffError
        The algorithm is unknown.
    """
    if algorithm not in _MAKE:
        raise OmeTiffError(f"unknown checksum {algorithm!r}")
    sum_of = _MAKE[algorithm]()
    for band in bands:
        sum_of.update(as_bytes(np.ascontiguousarray(band)))
    return f"{algorithm}:{sum_of.hexdigest()}"


def is_right(expected: str, bands: Iterable[npt.NDArray[Any]]) -> bool:
    """Whether pixels match a result of `checksum`, which describes parameters and errors."""
    return checksum(expected.partition(":")[0], bands) == expected


def has_sha1(file: SharedFile, pages: PageTable, handles: Iterable[PageHandle]) -> bool:
    """Whether the record of any of these linked pages has SHA-1 checksums; errors as for `sha1_digests`."""
    with file.reopened("rb") as opened:
        for handle in handles:
            entry = chain.read_ifd(opened, pages.ifd_at(handle)).tag(chain.RECORDS)
            opened.seek(entry.number)
            if _SHA1_MARK in opened.read(min(entry.length, _MARK_BYTES)):
                return True
    return False


def sha1_digests(
    file: SharedFile, pages: PageTable, handles: npt.NDArray[np.int64]
) -> npt.NDArray[np.bytes_]:
    """Read the SHA-1 checksums in the records of pages.

    Parameters
    ----------
    file
        The file with the pages.
    pages
        Table of the pages.
    handles
        Handles of linked pages, shape (n,), n > 0.

    Returns
    -------
    numpy.ndarray
        40 hexadecimal digits for each page, empty for a page without a checksum; shape (n,).

    Raises
    ------
    OmeTiffError
        The file is damaged.
    """
    ifds = pages.ifd_offsets(handles)
    with file.reopened("rb") as opened:
        digests = np.zeros(len(handles), "S40")
        order = np.argsort(ifds, kind="stable")
        for rows in np.split(order, np.flatnonzero(np.diff(ifds[order])) + 1):
            entry = chain.read_ifd(opened, int(ifds[rows[0]])).tag(chain.RECORDS)
            block = decode_block(chain.read_bytes(opened, entry))
            if not block.checksums or not block.checksums[0].startswith(_SHA1):
                continue
            note_ats = accumulate(
                (len(note) + 1 for note in block.notes), initial=entry.number + block.head_nbytes
            )
            found = dict(zip(note_ats, block.checksums, strict=False))
            for row in rows.tolist():
                note_at, _ = pages.note(PageHandle(int(handles[row])))
                digests[row] = found[note_at].removeprefix(_SHA1)
        return digests
