"""Looking at a dataset that is there: what it is, what a frame's metadata became, a sheet of pictures."""

from exengine_ome_tiff.inspection.frame_metadata import (
    DatasetMetadata,
    FrameMetadata,
    NoSuchFrameError,
    OmePlane,
    read_dataset_metadata,
    read_frame_metadata,
)
from exengine_ome_tiff.inspection.info import DatasetInfo, ImageSummary, info
from exengine_ome_tiff.inspection.key_coverage import KeyCoverage
from exengine_ome_tiff.inspection.sheet import ContactSheet, contact_sheet

__all__ = [
    "ContactSheet",
    "DatasetInfo",
    "DatasetMetadata",
    "FrameMetadata",
    "ImageSummary",
    "KeyCoverage",
    "NoSuchFrameError",
    "OmePlane",
    "contact_sheet",
    "info",
    "read_dataset_metadata",
    "read_frame_metadata",
]
