"""From other formats to ours, between the forms of ours, and to ImageJ's own."""

from exengine_ome_tiff.converting.convert import Converted, convert
from exengine_ome_tiff.converting.imagej import Exported, export_imagej
from exengine_ome_tiff.converting.sources import Lost

__all__ = ["Converted", "Exported", "Lost", "convert", "export_imagej"]
