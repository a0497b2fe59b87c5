"""Inspect a dataset: its summary, the metadata of its frames, and a picture."""

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
from exengine_ome_tiff.inspection.preview_page import Preview, preview

__all__ = [
    "DatasetInfo",
    "DatasetMetadata",
    "FrameMetadata",
    "ImageSummary",
    "KeyCoverage",
    "NoSuchFrameError",
    "OmePlane",
    "Preview",
    "info",
    "preview",
    "read_dataset_metadata",
    "read_frame_metadata",
]
