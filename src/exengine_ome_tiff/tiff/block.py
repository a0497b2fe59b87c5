"""Pages that are going to be linked together."""

from exengine_ome_tiff.tiff.ifds import PageKind
from exengine_ome_tiff.tiff.pixels import PixelFormat

MAX_BLOCK_PAGES = 256
LARGE_BYTES = 1 << 20
"""Pages from this size on wait for no others: what a block of its own costs is little beside their pixels."""
_PAGE_BYTES = 160
"""What a page has in a record at the most, beside its note; places that are filled up included."""
BLOCK_BYTES = 4096
"""What a block has in a record at the most, beside its pages."""


class Block:
    """Pages of one format whose pixels are in the file, and to which nothing leads yet.

    Parameters
    ----------
    pixels
        As they lie in the file.
    number
        Of the format, for the reader.
    kind
        How their IFDs look.
    """

    def __init__(self, pixels: PixelFormat, number: int, kind: PageKind) -> None:
        self.pixels = pixels
        self.number = number
        self.kind = kind
        self.capacity = 1 if pixels.nbytes >= LARGE_BYTES else MAX_BLOCK_PAGES
        self.page_nbytes = kind.ifd_nbytes + _PAGE_BYTES
        """What each adds at the most, its pixels and its note not included."""
        self.handles: list[int] = []
        self.checksums: list[str] = []
