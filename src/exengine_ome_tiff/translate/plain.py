"""Dicts that scripts make themselves, with names that tell what they mean."""

from collections.abc import Iterator
from typing import ClassVar

from exengine_ome_tiff.translate import parse
from exengine_ome_tiff.translate.mmcore import binning_text, known_number
from exengine_ome_tiff.translate.quantities import QUANTITIES, meanings_of
from exengine_ome_tiff.translate.times import parse_time
from exengine_ome_tiff.translate.translator import Dialect, Note, Rule, Tags, Told, is_known
from exengine_ome_tiff.translate.values import PlaneValues, SummaryValues

_STAMPS = ("timestamp", "datetime", "acquired")
_STEPS = ("z_step_um", "time_interval_s")
_TARGETS = {
    "exposure_s": "Plane ExposureTime",
    "x_um": "Plane PositionX, StageLabel X",
    "y_um": "Plane PositionY, StageLabel Y",
    "z_um": "Plane PositionZ, StageLabel Z",
    "elapsed_s": "Plane DeltaT, where there is no wall clock",
    "utc_s": "Plane DeltaT, Image AcquisitionDate",
    "pixel_size_um": "Pixels PhysicalSizeX, PhysicalSizeY",
    "bit_depth": "Pixels SignificantBits",
    "z_step_um": "Pixels PhysicalSizeZ",
    "time_interval_s": "Pixels TimeIncrement",
}


class Plain(Dialect):
    """Names with their units, in any spelling, and those of this package."""

    name = "names with units"
    reads_names = True
    rules: ClassVar[tuple[Rule, ...]] = tuple(
        Rule(stamp, clock, reader, "Plane DeltaT, Image AcquisitionDate")
        for stamp in _STAMPS
        for clock, reader in (("utc_s", parse.utc_clock), ("local_clock_s", parse.local_clock))
    )
    notes: ClassVar[tuple[Note, ...]] = (
        *(Note(stamp, "Image AcquisitionDate", "acquired", parse_time) for stamp in _STAMPS),
        Note("position_name", "Image StageLabel Name, Image Name", "position_name", parse.text),
        Note("channel_name", "Channel Name, where the coordinate is a number", "channel_name", parse.text),
        Note("camera", "Detector, Channel DetectorSettings", "camera", parse.text),
        Note("binning", "DetectorSettings Binning, where a camera is told", "binning", binning_text),
        Note("gain", "DetectorSettings Gain, where a camera is told", "gain", known_number),
        Note(
            "objective", "Objective Model, NominalMagnification, LensNA, Immersion", "objective", parse.text
        ),
    )
    summary_notes: ClassVar[tuple[Note, ...]] = (
        *(Note(stamp, "Image AcquisitionDate") for stamp in _STAMPS),
        Note("description", "Image Description"),
        Note("time_interval_s", "Pixels TimeIncrement"),
        Note("z_step_um", "Pixels PhysicalSizeZ"),
        Note("pixel_size_um", "Pixels PhysicalSizeX, PhysicalSizeY, where frames do not tell"),
    )

    def matches(self, tags: Tags) -> bool:
        del tags
        return True

    def plane_rules(self, tags: Tags, *, is_recognised: bool) -> Iterator[Rule]:
        yield from super().plane_rules(tags, is_recognised=is_recognised)
        for key in tags:
            for meaning in meanings_of(key):
                if meaning.field in PlaneValues._fields:
                    yield Rule(key, meaning.field, meaning.read, _TARGETS[meaning.field])

    def told(self, tags: Tags) -> Iterator[Told]:
        yield from super().told(tags)
        for key in self._steps(tags):
            for meaning in meanings_of(key):
                value = meaning.read(tags[key])
                if is_known(value):
                    yield Told(meaning.field, value, key)

    def fact_keys(self, tags: Tags) -> Iterator[str]:
        yield from super().fact_keys(tags)
        yield from self._steps(tags)

    def summary_values(self, tags: Tags) -> SummaryValues:
        values: dict[str, float] = {}
        for key in tags:
            for meaning in meanings_of(key):
                value = meaning.read(tags[key])
                if is_known(value):
                    values.setdefault(meaning.field, value)
        stamps = [parse_time(tags.get(key)) for key in _STAMPS]
        return SummaryValues(
            started=next((stamp for stamp in stamps if stamp is not None), None),
            description=parse.text(tags.get("description")),
            time_interval_s=parse.positive(values.get("time_interval_s", 0)),
            z_step_um=values.get("z_step_um"),
            pixel_size_um=values.get("pixel_size_um"),
        )

    @staticmethod
    def _steps(tags: Tags) -> Iterator[str]:
        """Yield keys of steps and intervals, which do not differ from plane to plane."""
        for key in tags:
            if any(each.field in _STEPS and not each.is_rate for each in meanings_of(key)):
                yield key


EXAMPLES = tuple((quantity, _TARGETS[quantity.field]) for quantity in QUANTITIES)
"""Quantities that names with units tell, and where they go."""
