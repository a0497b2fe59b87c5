"""Inspect a dataset: its summary, the metadata of its frames, and a contact sheet."""

from exengine_ome_tiff.inspection.dataset_info import DatasetInfo, ImageSummary, info
from exengine_ome_tiff.inspection.frame_metadata import (
    DatasetMetadata,
    FrameMetadata,
    NoSuchFrameError,
    OmePlane,
    read_dataset_metadata,
    read_frame_metadata,
)
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
