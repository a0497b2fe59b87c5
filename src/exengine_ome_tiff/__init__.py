"""OME-TIFF storage backend for ExEngine."""

from exengine_ome_tiff.coordinates import PlateInfo
from exengine_ome_tiff.errors import NotFinishedError, OmeTiffError
from exengine_ome_tiff.storage import ImageInfo, TiffStorage
from exengine_ome_tiff.version import __version__

__all__ = ["ImageInfo", "NotFinishedError", "OmeTiffError", "PlateInfo", "TiffStorage", "__version__"]
