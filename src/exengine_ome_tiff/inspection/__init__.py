"""Looking at a dataset that is there: what it is, what a frame's metadata became, a sheet of pictures."""

from exengine_ome_tiff.inspection.frame_metadata import (
    DatasetRecord,
    FrameRecord,
    NoSuchFrameError,
    OmePlane,
    dataset_record,
    frame_record,
)
from exengine_ome_tiff.inspection.info import ChannelSummary, DatasetInfo, ImageSummary, info
from exengine_ome_tiff.inspection.key_coverage import KeyCoverage
from exengine_ome_tiff.inspection.sheet import ContactSheet, contact_sheet

__all__ = [
    "ChannelSummary",
    "ContactSheet",
    "DatasetInfo",
    "DatasetRecord",
    "FrameRecord",
    "ImageSummary",
    "KeyCoverage",
    "NoSuchFrameError",
    "OmePlane",
    "contact_sheet",
    "dataset_record",
    "frame_record",
    "info",
]
