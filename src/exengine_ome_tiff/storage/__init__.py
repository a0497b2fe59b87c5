"""`TiffStorage`: a thread-safe ExEngine storage backend over the layers below."""

from exengine_ome_tiff.storage.images import ImageInfo
from exengine_ome_tiff.storage.recovering import Recovered, recover
from exengine_ome_tiff.storage.tiff_storage import TiffStorage
from exengine_ome_tiff.storage.validating import Problem, validate

__all__ = ["ImageInfo", "Problem", "Recovered", "TiffStorage", "recover", "validate"]
