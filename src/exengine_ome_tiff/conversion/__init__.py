"""From other formats to ours, between the forms of ours, to ImageJ's own, and to OME-Zarr."""

from exengine_ome_tiff.conversion.conversion import ConversionResult, convert
from exengine_ome_tiff.conversion.imagej_export import ExportResult, export_imagej
from exengine_ome_tiff.conversion.sources import SkippedFrame
from exengine_ome_tiff.conversion.zarr_export import ZarrExportResult, export_ome_zarr

__all__ = [
    "ConversionResult",
    "ExportResult",
    "SkippedFrame",
    "ZarrExportResult",
    "convert",
    "export_imagej",
    "export_ome_zarr",
]
