"""Metadata dialects to neutral values with units in their names. Plain values in, plain values out."""

from exengine_ome_tiff.translate.interpreter import Interpreter
from exengine_ome_tiff.translate.times import delta_t_s, first_with_zone
from exengine_ome_tiff.translate.translator import Translator
from exengine_ome_tiff.translate.values import (
    CameraValues,
    FrameValues,
    PlaneTable,
    PlaneValues,
    SummaryValues,
)

__all__ = [
    "CameraValues",
    "FrameValues",
    "Interpreter",
    "PlaneTable",
    "PlaneValues",
    "SummaryValues",
    "Translator",
    "delta_t_s",
    "first_with_zone",
]
