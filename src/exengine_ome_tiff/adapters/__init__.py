"""Adapters to other frameworks, one module each."""

from exengine_ome_tiff.adapters.exengine_acquisition import acquisition
from exengine_ome_tiff.adapters.pymmcore_plus_handler import TiffStorageHandler

__all__ = ["TiffStorageHandler", "acquisition"]
