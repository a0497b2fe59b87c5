"""From other formats to ours, between the forms of ours, and to ImageJ's own."""

from exengine_ome_tiff.conversion.conversion import Converted, convert
from exengine_ome_tiff.conversion.imagej import Exported, export_imagej
from exengine_ome_tiff.conversion.sources import Lost

__all__ = ["Converted", "Exported", "Lost", "convert", "export_imagej"]
