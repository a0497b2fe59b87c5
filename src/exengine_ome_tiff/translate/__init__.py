"""Metadata dialects to neutral values with units in their names. Plain values in, plain values out."""

from exengine_ome_tiff.translate.micromanager import acquired, pixel_type, plane_values
from exengine_ome_tiff.translate.times import delta_t_s
from exengine_ome_tiff.translate.values import ImageValues, PlaneTable, PlaneValues, image_values

__all__ = [
    "ImageValues",
    "PlaneTable",
    "PlaneValues",
    "acquired",
    "delta_t_s",
    "image_values",
    "pixel_type",
    "plane_values",
]
