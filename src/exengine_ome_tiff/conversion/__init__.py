"""Conversion from other formats to datasets of `TiffStorage`, and between their layouts."""

from exengine_ome_tiff.conversion.conversion import ConversionResult, convert
from exengine_ome_tiff.conversion.sources import SkippedFrame

__all__ = ["ConversionResult", "SkippedFrame", "convert"]
