"""Pages in, pages out: BigTIFF files that are their own journal. The only place that knows tifffile."""

from exengine_ome_tiff.tiff.buffers import BufferPool
from exengine_ome_tiff.tiff.coding import PageCoding
from exengine_ome_tiff.tiff.open_files import OpenFiles
from exengine_ome_tiff.tiff.opening import JournalPage, open_finished, read_dataset
from exengine_ome_tiff.tiff.pixels import PixelFormat, packing_of, pixel_format
from exengine_ome_tiff.tiff.reader import PageReader
from exengine_ome_tiff.tiff.writer import PageWriter

__all__ = [
    "BufferPool",
    "JournalPage",
    "OpenFiles",
    "PageCoding",
    "PageReader",
    "PageWriter",
    "PixelFormat",
    "open_finished",
    "packing_of",
    "pixel_format",
    "read_dataset",
]
