"""Exports for other programs: ImageJ hyperstacks, OME-Zarr, mosaics, tile positions and page offsets."""

from exengine_ome_tiff.export.imagej_export import ExportResult, export_imagej
from exengine_ome_tiff.export.mosaic_export import MosaicResult, export_mosaic, export_tile_configuration
from exengine_ome_tiff.export.tiff_offsets import export_offsets
from exengine_ome_tiff.export.zarr_export import ZarrExportResult, export_ome_zarr

__all__ = [
    "ExportResult",
    "MosaicResult",
    "ZarrExportResult",
    "export_imagej",
    "export_mosaic",
    "export_offsets",
    "export_ome_zarr",
    "export_tile_configuration",
]
