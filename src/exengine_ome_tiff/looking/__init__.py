"""Looking at a dataset that is there: what it is, what a frame's metadata became, a sheet of pictures."""

from exengine_ome_tiff.looking.coverage import KeyCoverage
from exengine_ome_tiff.looking.info import ChannelSummary, DatasetInfo, ImageSummary, info
from exengine_ome_tiff.looking.record import (
    DatasetRecord,
    FrameRecord,
    NoSuchFrameError,
    OmePlane,
    dataset_record,
    frame_record,
)

__all__ = [
    "ChannelSummary",
    "DatasetInfo",
    "DatasetRecord",
    "FrameRecord",
    "ImageSummary",
    "KeyCoverage",
    "NoSuchFrameError",
    "OmePlane",
    "dataset_record",
    "frame_record",
    "info",
]
