"""From other formats to ours, and between the forms of ours."""

from exengine_ome_tiff.conversion.conversion import ConversionResult, convert
from exengine_ome_tiff.conversion.sources import SkippedFrame

__all__ = [
    "ConversionResult",
    "SkippedFrame",
    "convert",
]
