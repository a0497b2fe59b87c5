"""Metadata of scripts, whose keys have meaningful names."""

from collections.abc import Iterator
from typing import ClassVar

from exengine_ome_tiff.translate import parse
from exengine_ome_tiff.translate.key_names import VALUE, unit_of
from exengine_ome_tiff.translate.named_facts import NAMED_FACTS, START_NAMES, is_stamp, named_fact, words_of
from exengine_ome_tiff.translate.quantities import Meaning, meanings_of
from exengine_ome_tiff.translate.translator import Dialect, Fact, Note, Rule, Tags, is_known
from exengine_ome_tiff.translate.values import UNKNOWN, PlaneValues, SummaryValues

_FACTS = ("z_step_um", "time_interval_s", "excitation_nm", "emission_nm", "readout_mhz")
"""Quantities that are not values of planes."""
_TARGETS = {
    "exposure_s": "Plane ExposureTime",
    "x_um": "Plane PositionX, StageLabel X",
    "y_um": "Plane PositionY, StageLabel Y",
    "z_um": "Plane PositionZ, StageLabel Z",
    "elapsed_s": "Plane DeltaT, if there is no wall clock",
    "utc_s": "Plane DeltaT, Image AcquisitionDate",
    "pixel_size_um": "Pixels PhysicalSizeX, PhysicalSizeY",
    "pixel_size_y_um": "Pixels PhysicalSizeY",
    "bit_depth": "Pixels SignificantBits",
    "z_step_um": "Pixels PhysicalSizeZ",
    "time_interval_s": "Pixels TimeIncrement",
    "excitation_nm": "Channel ExcitationWavelength",
    "emission_nm": "Channel EmissionWavelength",
    "readout_mhz": "DetectorSettings ReadOutRate",
}
_UNIT_KEYS = ("Unit", "Units", "_unit", "_units", " unit", " units", ".unit", ".units")


class Plain(Dialect):
    """Names with units, in any spelling, and the names of this package."""

    name = "names with units"
    reads_names = True
    notes: ClassVar[tuple[Note, ...]] = (
        Note("position_name", "Image StageLabel Name, Image Name", "position_name"),
        Note("channel_name", "Channel Name, if the coordinate is a number", "channel_name"),
        Note("channel", "Channel Name, if the coordinate is a number", "channel_name"),
        Note("timestamp", "Plane DeltaT, Image AcquisitionDate"),
        Note("magnification", "Objective NominalMagnification, if its label lacks it"),
        Note("NA", "Objective LensNA, if its label lacks it"),
        Note("immersion", "Objective Immersion, beside magnification or NA"),
        *(Note(min(each.names, key=len), each.target) for each in NAMED_FACTS if each.target),
    )
    summary_notes: ClassVar[tuple[Note, ...]] = (
        Note("timestamp", "Image AcquisitionDate"),
        Note("start_time", "Image AcquisitionDate"),
        Note("description", "Image Description"),
        Note("time_interval_s", "Pixels TimeIncrement"),
        Note("z_step_um", "Pixels PhysicalSizeZ"),
        Note("pixel_size_um", "Pixels PhysicalSizeX, PhysicalSizeY, if no frame has it"),
    )

    def matches(self, tags: Tags) -> bool:
        del tags
        return True

    def plane_rules(self, tags: Tags, *, is_recognised: bool) -> Iterator[Rule]:
        del is_recognised
        for key in self.stamp_keys(tags):
            yield from (Rule(key, *clock, _TARGETS["utc_s"]) for clock in parse.CLOCKS)
        for key in _own_first(tags):
            for meaning, only_if in _meanings(key, tags):
                if meaning.field in PlaneValues._fields:
                    yield Rule(key, meaning.field, meaning.read, _TARGETS[meaning.field], only_if=only_if)

    def facts(self, tags: Tags) -> Iterator[Fact]:
        yield from super().facts(tags)
        for key, value in tags.items():
            fact = named_fact(key)
            found = None if fact is None else fact.read(value)
            if fact is not None and is_known(found):
                yield Fact(fact.fact, found, key)
            if is_stamp(key) and parse.parse_time(value) is not None:
                yield Fact("acquired", parse.parse_time(value), key)
        for key, aspect in _aspects(tags):
            yield Fact("pixel_aspect", aspect, key)
        for key in self._measured(tags):
            for meaning, _ in _meanings(key, tags):
                value = meaning.read(tags[key])
                if is_known(value):
                    yield Fact(meaning.field, value, key)

    def fact_keys(self, tags: Tags) -> Iterator[str]:
        yield from super().fact_keys(tags)
        yield from (key for key in tags if named_fact(key) is not None)
        if any(_means(key, "pixel_size_y_um") for key in tags):
            yield from (key for key in tags if _means(key, "pixel_size_um", "pixel_size_y_um"))
        for key in self._measured(tags):
            yield key
            yield from (only_if[0] for _, only_if in _meanings(key, tags) if only_if is not None)

    def stamp_keys(self, tags: Tags) -> Iterator[str]:
        yield from filter(is_stamp, tags)

    def summary_values(self, tags: Tags) -> SummaryValues:
        values: dict[str, float] = {}
        for key in _own_first(tags):
            for meaning, only_if in _meanings(key, tags):
                value = meaning.read(tags[key])
                if is_known(value) and (only_if is None or tags[only_if[0]] == only_if[1]):
                    values.setdefault(meaning.field, value)
        starts = [key for key in tags if words_of(key) in START_NAMES] + [*self.stamp_keys(tags)]
        stamps = [parse.moment(tags[key]) for key in starts]
        return SummaryValues(
            started=next((stamp for stamp in stamps if stamp is not None), None),
            description=parse.text(tags.get("description")),
            time_interval_s=parse.positive(values.get("time_interval_s", 0)),
            z_step_um=values.get("z_step_um"),
            pixel_size_um=values.get("pixel_size_um"),
        )

    @staticmethod
    def _measured(tags: Tags) -> Iterator[str]:
        """Yield the keys of quantities that are facts; a rate may be the camera's, so it is not one."""
        for key in _own_first(tags):
            if _means(key, *_FACTS) and not meanings_of(key)[0].is_rate:
                yield key


def _own_first(tags: Tags) -> list[str]:
    """Return the keys, with those in dicts of any name last."""
    return sorted(tags, key=lambda key: any(each.is_nested for each in meanings_of(key)))


def _means(key: str, *names: str) -> bool:
    return any(each.field in names for each in meanings_of(key))


def _aspects(tags: Tags) -> Iterator[tuple[str, float]]:
    """Yield the keys of pixel heights, and the ratio of height to width."""
    widths_um = [_size_um(key, tags) for key in tags if _means(key, "pixel_size_um")]
    width_um = next(filter(is_known, widths_um), UNKNOWN)
    for key in tags:
        if _means(key, "pixel_size_y_um") and is_known(_size_um(key, tags) / width_um):
            yield key, _size_um(key, tags) / width_um


def _size_um(key: str, tags: Tags) -> float:
    return meanings_of(key)[0].read(tags[key])


def _meanings(key: str, tags: Tags) -> Iterator[tuple[Meaning, tuple[str, object] | None]]:
    """Yield the meanings of a key, and the key for its unit if its name lacks one."""
    meanings = meanings_of(key)
    if meanings and not meanings[0].has_unit:
        base = VALUE.sub("", key)
        for unit_key in (f"{base}{end}" for end in _UNIT_KEYS):
            unit = unit_of(str(tags[unit_key])) if unit_key in tags else None
            if unit is not None:
                yield from ((each, (unit_key, tags[unit_key])) for each in meanings_of(key, unit))
    yield from ((each, None) for each in meanings)
