"""Layout of images and translated metadata to OME-XML (schema 2016-06). No file is touched here.

`exengine_ome_tiff.ome.document` imports ome-types, which takes 0.3 s: import it late.
"""

from exengine_ome_tiff.ome.image_description import describe
from exengine_ome_tiff.ome.images import OME_TYPES, ImageValues, OmeImage
from exengine_ome_tiff.ome.text import valid_text
from exengine_ome_tiff.ome.user_values import ChannelInfo, ExperimenterInfo, Given, ObjectiveInfo

__all__ = [
    "OME_TYPES",
    "ChannelInfo",
    "ExperimenterInfo",
    "Given",
    "ImageValues",
    "ObjectiveInfo",
    "OmeImage",
    "describe",
    "valid_text",
]
