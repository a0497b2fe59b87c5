"""Writing and reading pages of BigTIFF files that are their own journal. Only this package uses tifffile."""

from exengine_ome_tiff.tiff.block_records import decode_format, encode_format
from exengine_ome_tiff.tiff.checksums import Algorithm, algorithm_of, has_sha1, sha1_digests
from exengine_ome_tiff.tiff.decode import segment_shape
from exengine_ome_tiff.tiff.disk import patiently, scratch_array, sync_folder, write_part, write_whole
from exengine_ome_tiff.tiff.file_tail import BufferPool
from exengine_ome_tiff.tiff.final_chain import finish_journal
from exengine_ome_tiff.tiff.foreign_tiff import ForeignTiff, ifd_offsets
from exengine_ome_tiff.tiff.hyperstack import Hyperstack, write_hyperstack
from exengine_ome_tiff.tiff.ifds import PixelSize
from exengine_ome_tiff.tiff.journal_file import JournalFile
from exengine_ome_tiff.tiff.journal_reader import (
    JournalPage,
    begins_like_ours,
    has_no_page,
    is_begun,
    is_record_intact,
    open_journal,
    read_added,
    read_description,
    read_head,
    read_index,
)
from exengine_ome_tiff.tiff.micromanager import ImageStack, StackPage
from exengine_ome_tiff.tiff.page_bounds import Extents
from exengine_ome_tiff.tiff.page_coding import LARGE_AREA_PX, PageCoding, WriteSettings
from exengine_ome_tiff.tiff.page_table import MOST_NOTE_BYTES, PageHandle, PageTable
from exengine_ome_tiff.tiff.pixels import BAND_BYTES, PixelFormat, Window, as_bytes, packing_of, pixel_format
from exengine_ome_tiff.tiff.pyramid import copies_in_file, halved, smaller_shapes
from exengine_ome_tiff.tiff.shared_file import OPEN_FILES, FileGoneError, SharedFile
from exengine_ome_tiff.tiff.smaller_copies import add_in_pause
from exengine_ome_tiff.tiff.stored_page import MarkedFile, StoredPage, read_bands, read_bytes, read_page
from exengine_ome_tiff.tiff.system_calls import CAN_WRITE_BACK, give_back_memory

__all__ = [
    "BAND_BYTES",
    "CAN_WRITE_BACK",
    "LARGE_AREA_PX",
    "MOST_NOTE_BYTES",
    "OPEN_FILES",
    "Algorithm",
    "BufferPool",
    "Extents",
    "FileGoneError",
    "ForeignTiff",
    "Hyperstack",
    "ImageStack",
    "JournalFile",
    "JournalPage",
    "MarkedFile",
    "PageCoding",
    "PageHandle",
    "PageTable",
    "PixelFormat",
    "PixelSize",
    "SharedFile",
    "StackPage",
    "StoredPage",
    "Window",
    "WriteSettings",
    "add_in_pause",
    "algorithm_of",
    "as_bytes",
    "begins_like_ours",
    "copies_in_file",
    "decode_format",
    "encode_format",
    "finish_journal",
    "give_back_memory",
    "halved",
    "has_no_page",
    "has_sha1",
    "ifd_offsets",
    "is_begun",
    "is_record_intact",
    "open_journal",
    "packing_of",
    "patiently",
    "pixel_format",
    "read_added",
    "read_bands",
    "read_bytes",
    "read_description",
    "read_head",
    "read_index",
    "read_page",
    "scratch_array",
    "segment_shape",
    "sha1_digests",
    "smaller_shapes",
    "sync_folder",
    "write_hyperstack",
    "write_part",
    "write_whole",
]
