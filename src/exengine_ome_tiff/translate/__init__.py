"""Translates metadata dialects into neutral values with units in their names."""

from exengine_ome_tiff.translate.clocks import FrameOrder, PlaneTimes, plane_times
from exengine_ome_tiff.translate.frame_facts import Agreed, Group, Written, agreed
from exengine_ome_tiff.translate.interpreter import Interpreter
from exengine_ome_tiff.translate.translator import Translator
from exengine_ome_tiff.translate.values import (
    CameraValues,
    FrameValues,
    PlaneTable,
    PlaneValues,
    SummaryValues,
)

__all__ = [
    "Agreed",
    "CameraValues",
    "FrameOrder",
    "FrameValues",
    "Group",
    "Interpreter",
    "PlaneTable",
    "PlaneTimes",
    "PlaneValues",
    "SummaryValues",
    "Translator",
    "Written",
    "agreed",
    "plane_times",
]
