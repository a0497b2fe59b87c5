"""The bytes of IFDs: entries, links, and many pages based on the entries of one."""

import struct
from collections.abc import Sequence
from fractions import Fraction
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.tiff.chain import (
    BYTES,
    ENTRY,
    OFFSET,
    RESOLUTION_UNIT,
    STRIP_OFFSETS,
    X_RESOLUTION,
    Y_RESOLUTION,
)

ALIGNMENT = 8
PixelSize: TypeAlias = tuple[float | None, float | None]
"""Width and height of a pixel in micrometres; None if unknown."""

NO_SIZE: PixelSize = (None, None)

_SHORT, _RATIONAL = 3, 5
_CENTIMETRE = 3
_CENTIMETRE_UM = 10_000
_MOST = (1 << 32) - 1
_CODES = (X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT)


class PageKind:
    """Pages of one strip whose IFDs differ only in the offset of the pixels.

    Parameters
    ----------
    entries
        IFD entries of one of these pages.

    Raises
    ------
    ValueError
        The page has more than one strip.
    """

    def __init__(self, entries: bytes) -> None:
        at = _data_offset_at(entries)
        self.entries = entries
        self._before, self._behind = entries[:at], entries[at + OFFSET.size :]
        self._ifd = ifd(entries, 0)
        self.ifd_nbytes = len(self._ifd)
        self._table = np.dtype(
            {
                "names": ["data", "next"],
                "formats": ["<u8", "<u8"],
                "offsets": [OFFSET.size + at, OFFSET.size + len(entries)],
                "itemsize": self.ifd_nbytes,
            }
        )

    def page(self, data_at: int) -> bytes:
        """Return the entries of the page with pixels at an offset."""
        return b"".join((self._before, OFFSET.pack(data_at), self._behind))

    def data_offset(self, entries: bytes) -> int | None:
        """Return the pixel offset in the entries of a page; None if the page is of another kind."""
        at = len(self._before)
        if entries[:at] != self._before or entries[at + OFFSET.size :] != self._behind:
            return None
        return int(OFFSET.unpack_from(entries, at)[0])

    def block(self, data_offsets: Sequence[int], code: int, value_nbytes: int, at: int) -> tuple[bytes, int]:
        """Return the IFDs of pages. The first one has an additional tag, whose value follows all IFDs.

        Parameters
        ----------
        data_offsets
            Offset of the pixels of each page, shape (pages,).
        code
            Code of the tag, larger than all other codes.
        value_nbytes
            Length of its value.
        at
            Offset of the first IFD.

        Returns
        -------
        bytes
            The IFDs.
        int
            Offset of the last IFD's link, which is still 0.
        """
        others_at, end = at + self.block_nbytes(1), at + self.block_nbytes(len(data_offsets))
        entries = self.page(data_offsets[0]) + ENTRY.pack(code, BYTES, value_nbytes, OFFSET.pack(end))
        if len(data_offsets) == 1:
            return ifd(entries, 0), at + OFFSET.size + len(entries)
        others = self.ifds(data_offsets[1:], others_at, is_last=True)
        next_at = end - self.ifd_nbytes + OFFSET.size + len(self.entries)
        return ifd(entries, others_at) + others, next_at

    def block_nbytes(self, n_pages: int) -> int:
        """Return the length of the IFDs that `block` makes for a number of pages."""
        return ifd_bytes(len(self.entries) + ENTRY.size) + (n_pages - 1) * self.ifd_nbytes

    def ifds(
        self, data_offsets: Sequence[int] | npt.NDArray[np.int64], at: int, *, is_last: bool
    ) -> bytearray:
        """Return the IFDs of pages, each linked to the next one.

        Parameters
        ----------
        data_offsets
            Offset of the pixels of each page, shape (pages,).
        at
            Offset of the first IFD.
        is_last
            Whether the last IFD ends the chain instead of linking to the bytes after it.
        """
        ifds = bytearray(self._ifd * len(data_offsets))
        if ifds:
            table = np.frombuffer(ifds, self._table)
            table["data"] = data_offsets
            table["next"] = at + self.ifd_nbytes * np.arange(1, len(table) + 1)
            if is_last:
                table["next"][-1] = 0
        return ifds


def with_entries(page: bytes, more: Sequence[bytes]) -> bytes:
    """Add entries, sorted by code; they replace entries with the same code."""
    entries = [page[at : at + ENTRY.size] for at in range(0, len(page), ENTRY.size)]
    by_code = {int(ENTRY.unpack(entry)[0]): entry for entry in (*entries, *more)}
    return b"".join(by_code[code] for code in sorted(by_code))


def ifd(entries: bytes, next_offset: int) -> bytes:
    """Return the IFD of entries, padded to a multiple of 8 bytes."""
    made = b"".join((OFFSET.pack(len(entries) // ENTRY.size), entries, OFFSET.pack(next_offset)))
    return made.ljust(ifd_bytes(len(entries)), b"\0")


def ifd_bytes(entries_nbytes: int) -> int:
    """Return the length of the IFD of entries."""
    return aligned(2 * OFFSET.size + entries_nbytes)


def aligned(nbytes: int) -> int:
    """Return the next multiple of 8 bytes."""
    return -(-nbytes // ALIGNMENT) * ALIGNMENT


def _data_offset_at(entries: bytes) -> int:
    """Return the position of the pixel offset in the entries of a page of one strip."""
    for at in range(0, len(entries), ENTRY.size):
        code, _, count, _ = ENTRY.unpack_from(entries, at)
        if code == STRIP_OFFSETS and count == 1:
            return at + ENTRY.size - OFFSET.size
    raise ValueError("the page has more than one strip")


def resolution_entries(size_um: PixelSize, factor: int = 1) -> list[bytes]:
    """Return the entries for a pixel size; none if it is unknown or outside their range.

    Parameters
    ----------
    size_um
        Pixel size at full resolution.
    factor
        Width of a pixel of a smaller copy, in pixels at full resolution.
    """
    width_um, height_um = size_um
    if width_um is None or height_um is None:
        return []
    ratios = [_per_centimetre(size * factor) for size in (width_um, height_um)]
    if not all(0 < part <= _MOST for ratio in ratios for part in ratio):
        return []
    values = [(_RATIONAL, struct.pack("<II", *ratio)) for ratio in ratios] + [(_SHORT, bytes([_CENTIMETRE]))]
    return [
        ENTRY.pack(code, kind, 1, value.ljust(8, b"\0"))
        for code, (kind, value) in zip(_CODES, values, strict=True)
    ]


def _per_centimetre(size_um: float) -> tuple[int, int]:
    """Return pixels per centimetre as the closest fraction of two 32-bit numbers."""
    exact = _CENTIMETRE_UM / Fraction(size_um).limit_denominator(1 << 40)
    near = exact.limit_denominator(max(1, int(_MOST // exact)) if exact > 1 else _MOST)
    return near.numerator, near.denominator
