"""Pages in, pages out: BigTIFF files that are their own journal. The only place that knows tifffile."""

from exengine_ome_tiff.tiff.buffers import BufferPool
from exengine_ome_tiff.tiff.checksums import Algorithm, algorithm_of
from exengine_ome_tiff.tiff.disk import sync_folder, write_whole
from exengine_ome_tiff.tiff.extents import Extents
from exengine_ome_tiff.tiff.finisher import PageFinisher
from exengine_ome_tiff.tiff.foreign_tiff import ForeignTiff
from exengine_ome_tiff.tiff.hyperstack import Hyperstack, write_hyperstack
from exengine_ome_tiff.tiff.ifd_offsets import ifd_offsets
from exengine_ome_tiff.tiff.journal_reader import (
    JournalPage,
    is_begun,
    open_pages,
    read_description,
    read_head,
    resume,
)
from exengine_ome_tiff.tiff.micromanager import ImageStack, StackPage
from exengine_ome_tiff.tiff.page_coding import PageCoding
from exengine_ome_tiff.tiff.pixels import PixelFormat, as_bytes, packing_of, pixel_format
from exengine_ome_tiff.tiff.reader import PageReader
from exengine_ome_tiff.tiff.stored_page import MarkedFile, StoredPage
from exengine_ome_tiff.tiff.writer import PageWriter

__all__ = [
    "Algorithm",
    "BufferPool",
    "Extents",
    "ForeignTiff",
    "Hyperstack",
    "ImageStack",
    "JournalPage",
    "MarkedFile",
    "PageCoding",
    "PageFinisher",
    "PageReader",
    "PageWriter",
    "PixelFormat",
    "StackPage",
    "StoredPage",
    "algorithm_of",
    "as_bytes",
    "ifd_offsets",
    "is_begun",
    "open_pages",
    "packing_of",
    "pixel_format",
    "read_description",
    "read_head",
    "resume",
    "sync_folder",
    "write_hyperstack",
    "write_whole",
]
