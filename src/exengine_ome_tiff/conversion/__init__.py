"""From other formats to ours, between the forms of ours, and to ImageJ's own."""

from exengine_ome_tiff.conversion.conversion import ConversionResult, convert
from exengine_ome_tiff.conversion.imagej_export import ExportResult, export_imagej
from exengine_ome_tiff.conversion.sources import SkippedFrame

__all__ = ["ConversionResult", "ExportResult", "SkippedFrame", "convert", "export_imagej"]
