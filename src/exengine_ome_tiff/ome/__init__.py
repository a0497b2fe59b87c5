"""Layout of images and translated metadata to OME-XML (schema 2016-06). No file is touched here."""

from exengine_ome_tiff.ome.document import Place, ome_xml
from exengine_ome_tiff.ome.images import OmeImage

__all__ = ["OmeImage", "Place", "ome_xml"]
