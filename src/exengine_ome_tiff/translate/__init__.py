"""Translates metadata dialects into neutral values with units in their names."""

from exengine_ome_tiff.translate.clocks import FrameOrder, PlaneTimes, plane_times
from exengine_ome_tiff.translate.frame_facts import Agreed, FrameFacts, Group, Written, agreed
from exengine_ome_tiff.translate.interpreter import Interpreter
from exengine_ome_tiff.translate.times import first_with_zone
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
    "FrameFacts",
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
    "first_with_zone",
    "plane_times",
]
