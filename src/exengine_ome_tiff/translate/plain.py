"""Dicts that scripts make themselves, with names that tell what they mean."""

from exengine_ome_tiff.translate import parse as read
from exengine_ome_tiff.translate.times import parse_time
from exengine_ome_tiff.translate.translator import Note, Rule, TableTranslator, Tags
from exengine_ome_tiff.translate.values import FrameValues, SummaryValues

_STAMPS = ("timestamp", "datetime", "acquired")


class Plain(TableTranslator):
    """Names with their units, as this package spells its own."""

    name = "plain dicts"
    rules = (
        Rule("exposure_ms", "exposure_s", read.duration_ms, "Plane ExposureTime"),
        Rule("exposure_s", "exposure_s", read.duration_s, "Plane ExposureTime"),
        Rule("x_um", "x_um", read.number, "Plane PositionX, StageLabel X"),
        Rule("y_um", "y_um", read.number, "Plane PositionY, StageLabel Y"),
        Rule("z_um", "z_um", read.number, "Plane PositionZ, StageLabel Z"),
        Rule("elapsed_s", "elapsed_s", read.number, "Plane DeltaT, where there is no wall clock"),
        Rule("elapsed_ms", "elapsed_s", read.milliseconds, "Plane DeltaT, where there is no wall clock"),
        Rule("pixel_size_um", "pixel_size_um", read.size_um, "Pixels PhysicalSizeX, PhysicalSizeY"),
        Rule("bit_depth", "bit_depth", read.bits, "Pixels SignificantBits"),
        *(
            Rule(stamp, clock, reader, "Plane DeltaT, Image AcquisitionDate")
            for stamp in _STAMPS
            for clock, reader in (("utc_s", read.utc_clock), ("local_clock_s", read.local_clock))
        ),
    )
    keys = frozenset(rule.key for rule in rules)
    notes = (Note("position_name", "Image StageLabel Name", read.text),)
    summary_notes = (
        *(Note(stamp, "Image AcquisitionDate") for stamp in _STAMPS),
        Note("description", "Image Description"),
        Note("time_interval_s", "Pixels TimeIncrement"),
        Note("z_step_um", "Pixels PhysicalSizeZ"),
    )

    def speaks(self, tags: Tags) -> bool:
        return super().speaks(tags) or any(note.key in tags for note in (*self.notes, *self.summary_notes))

    def frame(self, tags: Tags) -> FrameValues:
        stamps = [parse_time(tags.get(key)) for key in _STAMPS]
        return FrameValues(
            acquired=next((stamp for stamp in stamps if stamp is not None), None),
            position_name=read.text(tags.get("position_name")),
        )

    def summary(self, tags: Tags) -> SummaryValues:
        return SummaryValues(
            started=self.frame(tags).acquired,
            description=read.text(tags.get("description")),
            time_interval_s=read.positive(read.number(tags.get("time_interval_s"))),
            z_step_um=read.positive(abs(read.number(tags.get("z_step_um")))),
            pixel_size_um=read.known(read.size_um(tags.get("pixel_size_um"))),
        )
