"""OME-XML (schema 2016-06) from the layout of images and their metadata. This package accesses no files.

`exengine_ome_tiff.ome.document` imports ome-types, which takes 0.3 s: import it late.
"""

from exengine_ome_tiff.ome.foreign_document import ForeignDocument, read_foreign_ome
from exengine_ome_tiff.ome.image_description import describe
from exengine_ome_tiff.ome.image_values import OME_TYPES, DatasetValues, ImageValues, OmeImage
from exengine_ome_tiff.ome.text import valid_text
from exengine_ome_tiff.ome.user_values import (
    ACQUISITION_MODES,
    ChannelInfo,
    ExperimenterInfo,
    FilterInfo,
    Given,
    LightSourceInfo,
    MicroscopeInfo,
    ObjectiveInfo,
)
from exengine_ome_tiff.ome.xml_reader import ImageElement

__all__ = [
    "ACQUISITION_MODES",
    "OME_TYPES",
    "ChannelInfo",
    "DatasetValues",
    "ExperimenterInfo",
    "FilterInfo",
    "ForeignDocument",
    "Given",
    "ImageElement",
    "ImageValues",
    "LightSourceInfo",
    "MicroscopeInfo",
    "ObjectiveInfo",
    "OmeImage",
    "describe",
    "read_foreign_ome",
    "valid_text",
]
