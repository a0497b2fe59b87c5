"""Tags of acquisition engines: AcqEngJ, which Studio and pycro-manager use, and pycro-manager's own."""

from typing import ClassVar

from exengine_ome_tiff.translate import parse
from exengine_ome_tiff.translate.studio import Studio
from exengine_ome_tiff.translate.translator import Note, Rule, Tags


class AcquisitionEngine(Studio):
    """AcqEngJ and pycro-manager: Studio's tags, and their own with the positions that were asked for."""

    name = "AcqEngJ, pycro-manager"
    keys = frozenset({"Axes", "PixelSize_um", "DateAndTime", "XPosition_um_Intended"})
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("Exposure", "exposure_s", parse.duration_ms, "Plane ExposureTime", needs_dialect=True),
        Rule("XPosition_um", "x_um", parse.number, "Plane PositionX, StageLabel X"),
        Rule("YPosition_um", "y_um", parse.number, "Plane PositionY, StageLabel Y"),
        Rule("ZPosition_um", "z_um", parse.number, "Plane PositionZ, StageLabel Z"),
        *Studio.rules,
        Rule("XPosition_um_Intended", "x_um", parse.number, "Plane PositionX, where none was measured"),
        Rule("YPosition_um_Intended", "y_um", parse.number, "Plane PositionY, where none was measured"),
        Rule("ZPosition_um_Intended", "z_um", parse.number, "Plane PositionZ, where none was measured"),
    )
    summary_notes: ClassVar[tuple[Note, ...]] = (
        *Studio.summary_notes,
        Note("DateAndTime", "Image AcquisitionDate"),
    )

    def matches(self, tags: Tags) -> bool:
        return super().matches(tags) or any(key.startswith("Axes.") for key in tags)
