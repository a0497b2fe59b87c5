"""OME-TIFF storage backend for ExEngine."""

from exengine_ome_tiff.errors import NotFinishedError, OmeTiffError
from exengine_ome_tiff.storage import TiffStorage
from exengine_ome_tiff.version import __version__

__all__ = ["NotFinishedError", "OmeTiffError", "TiffStorage", "__version__"]
