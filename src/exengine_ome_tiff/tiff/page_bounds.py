"""Checks of pages in foreign files, so that reading one takes no more memory than its bytes justify."""

import math
from bisect import bisect_right

import numpy as np
import tifffile

from exengine_ome_tiff.errors import OmeTiffError

_MOST_EXPANDED = {1: 1, 5: 1500, 8: 1500, 32946: 1500, 32773: 200}
"""Maximum compression ratio for no compression, LZW, deflate (two codes) and PackBits."""
_MOST_EXPANDED_ELSE = 50_000
_SURELY_BYTES = {1: 0, 7: 1 << 26, 34712: 1 << 26, 33003: 1 << 26, 33005: 1 << 26}
"""Page size that is always allowed: JPEG and JPEG 2000 need few bytes for a page of one value."""
_SURELY_BYTES_ELSE = 1 << 16
_COMPRESSIONS = (*_MOST_EXPANDED, 50000, *_SURELY_BYTES)
_PREDICTORS = (1, 2, 3)


class PageBounds:
    """The bounds of all pages of a file.

    Parameters
    ----------
    size
        Size of the file in bytes.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._extents = Extents()

    def check(self, page: tifffile.TiffPage, owner: int, what: str) -> None:
        """Check that a page is not larger than its bytes can be.

        Parameters
        ----------
        page
            The page.
        owner
            Number or offset of the page, which identifies it when it is read again.
        what
            Name of the page in messages.

        Raises
        ------
        OmeTiffError
            The page is truncated, shares bytes with another page, is too large for its bytes, or has no
            pixels.
        """
        try:
            self._check(page, owner, what)
        except (OmeTiffError, OSError):
            raise
        except Exception as error:  # wrong tags make tifffile raise any kind of error
            raise OmeTiffError(f"{what} has invalid tags: {error}") from error

    def _check(self, page: tifffile.TiffPage, owner: int, what: str) -> None:
        if page.axes not in ("YX", "YXS", "SYX") or page.dtype is None:
            raise OmeTiffError(f"{what} has pixels of a kind that cannot be read ({page.axes or 'none'})")
        compression = int(page.compression)
        if compression not in _COMPRESSIONS or page.predictor not in _PREDICTORS:
            raise OmeTiffError(f"{what} is compressed by method {compression}, which is not supported")
        stored = self._claimed_bytes(page, owner, what)
        most = _SURELY_BYTES.get(compression, _SURELY_BYTES_ELSE)
        most += stored * _MOST_EXPANDED.get(compression, _MOST_EXPANDED_ELSE)
        tile = math.prod(page.tile or (0,)) * page.dtype.itemsize * page.samplesperpixel
        if page.dtype == np.bool_:
            most *= 8
        if page.nbytes > most or (compression != 1 and tile > max(most, page.nbytes)):
            raise OmeTiffError(f"{what} has {stored} bytes, too few for {page.shape} {page.dtype.name}")

    def _claimed_bytes(self, page: tifffile.TiffPage, owner: int, what: str) -> int:
        """Claim the bytes of a page and return their number."""
        stored = 0
        for offset, nbytes in zip(page.dataoffsets, page.databytecounts, strict=False):
            if not 0 <= offset <= offset + nbytes <= self._size:
                raise OmeTiffError(f"{what} is cut off: its pixels lie beyond the end of the file")
            other = self._extents.claim(offset, offset + nbytes, owner)
            if other is not None:
                raise OmeTiffError(f"{what} shares its pixels with another page")
            stored += nbytes
        return stored


class Extents:
    """Ranges of bytes that do not overlap.

    If pages share bytes, a small file can have any number of pixels. So each range belongs to the first owner
    that claims it.
    """

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []
        self._owners: list[int] = []

    def claim(self, start: int, stop: int, owner: int) -> int | None:
        """Claim a range.

        Parameters
        ----------
        start, stop
            Offset of the first byte, and of the first byte after the range.
        owner
            Claimant of the range, who may claim it again.

        Returns
        -------
        int or None
            Owner of a part of the range; None if the claim is valid.
        """
        if stop <= start:
            return None
        at = bisect_right(self._starts, start)
        if at and self._stops[at - 1] > start:
            return None if self._owners[at - 1] == owner else self._owners[at - 1]
        if at < len(self._starts) and self._starts[at] < stop:
            return None if self._owners[at] == owner else self._owners[at]
        self._starts.insert(at, start)
        self._stops.insert(at, stop)
        self._owners.insert(at, owner)
        return None
