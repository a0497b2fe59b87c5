"""Layout of images and translated metadata to OME-XML (schema 2016-06). No file is touched here.

`exengine_ome_tiff.ome.document` imports ome-types, which takes 0.3 s: import it late.
"""

from exengine_ome_tiff.ome.describing import describe
from exengine_ome_tiff.ome.given import ChannelInfo, ExperimenterInfo, Given, ObjectiveInfo
from exengine_ome_tiff.ome.images import ImageValues, OmeImage

__all__ = [
    "ChannelInfo",
    "ExperimenterInfo",
    "Given",
    "ImageValues",
    "ObjectiveInfo",
    "OmeImage",
    "describe",
]
