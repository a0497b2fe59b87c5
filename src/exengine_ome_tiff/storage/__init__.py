"""`TiffStorage`: a thread-safe ExEngine storage backend over the layers below."""

from exengine_ome_tiff.storage.images import ImageInfo
from exengine_ome_tiff.storage.recovering import Recovered, recover
from exengine_ome_tiff.storage.tiff_storage import TiffStorage

__all__ = ["ImageInfo", "Recovered", "TiffStorage", "recover"]
