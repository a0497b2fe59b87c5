"""Coordinates of frames: validation, layout of images, plans, wells and file names."""

from exengine_ome_tiff.coordinates.acquisition_plan import AcquisitionPlan, MissingFrames
from exengine_ome_tiff.coordinates.axis_names import standard_names
from exengine_ome_tiff.coordinates.axis_text import coordinates_text, place_text
from exengine_ome_tiff.coordinates.columns import Column, CoordinateTable, Part
from exengine_ome_tiff.coordinates.file_names import (
    MAX_LABEL_BYTES,
    POSITION_ONLY,
    file_key,
    file_label,
    split_axes,
)
from exengine_ome_tiff.coordinates.grouping import check_fold_axes, lay_out
from exengine_ome_tiff.coordinates.key_search import KeySearch
from exengine_ome_tiff.coordinates.keys import Axes, Coordinates, FrameNumber, Key, read_coordinates
from exengine_ome_tiff.coordinates.layout import ImageLayout
from exengine_ome_tiff.coordinates.value_names import ValueNames, choose_names, numbered
from exengine_ome_tiff.coordinates.wells import (
    PlateInfo,
    Well,
    well_of_image,
)

__all__ = [
    "MAX_LABEL_BYTES",
    "POSITION_ONLY",
    "AcquisitionPlan",
    "Axes",
    "Column",
    "CoordinateTable",
    "Coordinates",
    "FrameNumber",
    "ImageLayout",
    "Key",
    "KeySearch",
    "MissingFrames",
    "Part",
    "PlateInfo",
    "ValueNames",
    "Well",
    "check_fold_axes",
    "choose_names",
    "coordinates_text",
    "file_key",
    "file_label",
    "lay_out",
    "numbered",
    "place_text",
    "read_coordinates",
    "split_axes",
    "standard_names",
    "well_of_image",
]
