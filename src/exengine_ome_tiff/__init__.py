"""OME-TIFF storage backend for ExEngine."""

from exengine_ome_tiff.version import __version__

TYPE_CHECKING = False  # importing `typing` would delay the moment when the command handles Ctrl+C

_HOMES = {
    "adapters": ("TiffStorageHandler", "acquisition"),
    "conversion.conversion": ("ConversionResult", "convert"),
    "conversion.sources": ("SkippedFrame",),
    "coordinates.wells": ("PlateInfo",),
    "dataset": ("ImageInfo",),
    "errors": ("BeingWrittenError", "NotFinishedError", "OmeTiffError"),
    "export.imagej_export": ("ExportResult", "export_imagej"),
    "export.mosaic_export": ("MosaicResult", "export_mosaic", "export_tile_configuration"),
    "export.tiff_offsets": ("export_offsets",),
    "export.zarr_export": ("ZarrExportResult", "export_ome_zarr"),
    "inspection": (
        "DatasetInfo",
        "FrameMetadata",
        "Preview",
        "info",
        "preview",
        "read_frame_metadata",
    ),
    "ome.user_values": (
        "ChannelInfo",
        "ExperimenterInfo",
        "FilterInfo",
        "LightSourceInfo",
        "MicroscopeInfo",
        "ObjectiveInfo",
    ),
    "reading": ("Image", "Images"),
    "repair": ("Problem", "RecoveryResult", "recover", "validate"),
    "tiff_storage": ("TiffStorage",),
    "translate.translator": ("Translator",),
    "translate.values": ("CameraValues", "FrameValues", "PlaneValues", "SummaryValues"),
}
"""Public names by module. A module is imported when one of its names is first used."""

if TYPE_CHECKING:
    from exengine_ome_tiff.adapters import TiffStorageHandler, acquisition
    from exengine_ome_tiff.conversion.conversion import ConversionResult, convert
    from exengine_ome_tiff.conversion.sources import SkippedFrame
    from exengine_ome_tiff.coordinates.wells import PlateInfo
    from exengine_ome_tiff.dataset import ImageInfo
    from exengine_ome_tiff.errors import BeingWrittenError, NotFinishedError, OmeTiffError
    from exengine_ome_tiff.export.imagej_export import ExportResult, export_imagej
    from exengine_ome_tiff.export.mosaic_export import MosaicResult, export_mosaic, export_tile_configuration
    from exengine_ome_tiff.export.tiff_offsets import export_offsets
    from exengine_ome_tiff.export.zarr_export import ZarrExportResult, export_ome_zarr
    from exengine_ome_tiff.inspection import (
        DatasetInfo,
        FrameMetadata,
        Preview,
        info,
        preview,
        read_frame_metadata,
    )
    from exengine_ome_tiff.ome.user_values import (
        ChannelInfo,
        ExperimenterInfo,
        FilterInfo,
        LightSourceInfo,
        MicroscopeInfo,
        ObjectiveInfo,
    )
    from exengine_ome_tiff.reading import Image, Images
    from exengine_ome_tiff.repair import Problem, RecoveryResult, recover, validate
    from exengine_ome_tiff.tiff_storage import TiffStorage
    from exengine_ome_tiff.translate.translator import Translator
    from exengine_ome_tiff.translate.values import CameraValues, FrameValues, PlaneValues, SummaryValues
else:

    def __getattr__(name: str) -> object:
        from importlib import import_module

        for module, names in _HOMES.items():
            if name in names:
                return getattr(import_module(f"{__name__}.{module}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = [
    "BeingWrittenError",
    "CameraValues",
    "ChannelInfo",
    "ConversionResult",
    "DatasetInfo",
    "ExperimenterInfo",
    "ExportResult",
    "FilterInfo",
    "FrameMetadata",
    "FrameValues",
    "Image",
    "ImageInfo",
    "Images",
    "LightSourceInfo",
    "MicroscopeInfo",
    "MosaicResult",
    "NotFinishedError",
    "ObjectiveInfo",
    "OmeTiffError",
    "PlaneValues",
    "PlateInfo",
    "Preview",
    "Problem",
    "RecoveryResult",
    "SkippedFrame",
    "SummaryValues",
    "TiffStorage",
    "TiffStorageHandler",
    "Translator",
    "ZarrExportResult",
    "__version__",
    "acquisition",
    "convert",
    "export_imagej",
    "export_mosaic",
    "export_offsets",
    "export_ome_zarr",
    "export_tile_configuration",
    "info",
    "preview",
    "read_frame_metadata",
    "recover",
    "validate",
]
