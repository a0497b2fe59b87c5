"""Tags of acquisition engines: AcqEngJ, which Studio and pycro-manager use, and pycro-manager's own."""

from typing import ClassVar

from exengine_ome_tiff.translate import parse as read
from exengine_ome_tiff.translate.studio import Studio
from exengine_ome_tiff.translate.translator import Note, Rule, Tags


class AcquisitionEngine(Studio):
    """AcqEngJ and pycro-manager: Studio's tags, and their own with the positions that were asked for."""

    name = "AcqEngJ, pycro-manager"
    keys = frozenset({"Axes", "Exposure", "PixelSize_um", "DateAndTime", "XPosition_um_Intended"})
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("Exposure", "exposure_s", read.duration_ms, "Plane ExposureTime"),
        Rule("XPosition_um", "x_um", read.number, "Plane PositionX, StageLabel X"),
        Rule("YPosition_um", "y_um", read.number, "Plane PositionY, StageLabel Y"),
        Rule("ZPosition_um", "z_um", read.number, "Plane PositionZ, StageLabel Z"),
        *Studio.rules,
        Rule("XPosition_um_Intended", "x_um", read.number, "Plane PositionX, where none was measured"),
        Rule("YPosition_um_Intended", "y_um", read.number, "Plane PositionY, where none was measured"),
        Rule("ZPosition_um_Intended", "z_um", read.number, "Plane PositionZ, where none was measured"),
    )
    summary_notes: ClassVar[tuple[Note, ...]] = (
        *Studio.summary_notes,
        Note("DateAndTime", "Image AcquisitionDate"),
    )

    def speaks(self, tags: Tags) -> bool:
        return super().speaks(tags) or any(key.startswith("Axes.") for key in tags)
