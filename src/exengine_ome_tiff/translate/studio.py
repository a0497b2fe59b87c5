"""Image tags and summaries of Micro-Manager Studio 2, 2.0-beta and 1.4, and of the acquisition engines."""

from collections.abc import Mapping
from typing import ClassVar

from exengine_ome_tiff.translate import mmcore, parse
from exengine_ome_tiff.translate.mmcore import MMCore, first_stamp, known_number
from exengine_ome_tiff.translate.tags import dicts, flat, items
from exengine_ome_tiff.translate.times import parse_time
from exengine_ome_tiff.translate.translator import Note, Rule, Tags
from exengine_ome_tiff.translate.values import SummaryValues

_INTERVALS = ("Interval_ms", "IntervalMs", "interval_ms", "WaitInterval")


class Studio(MMCore):
    """Micro-Manager Studio, and scripts that spell their tags as it does."""

    name = "Micro-Manager Studio 2, 1.4"
    keys = frozenset(
        {
            *("Exposure-ms", "ExposureMs", "XPositionUm", "ZPositionUm", "SlicePosition"),
            *("ReceivedTime", "receivedTime", "PositionName", "UUID", "scopeDataKeys", "ScopeDataKeys"),
            *("MicroManagerVersion", "MetadataVersion", "ChNames", "StagePositions", "z-step_um"),
            *("Interval_ms", "StartTime", "ChColors", "Comment", "WellPlateName"),
        }
    )
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("Exposure-ms", "exposure_s", parse.exposure_ms, "Plane ExposureTime"),
        Rule("ExposureMs", "exposure_s", parse.exposure_ms, "Plane ExposureTime"),
        Rule("Exposure", "exposure_s", parse.exposure_ms, "Plane ExposureTime", needs_dialect=True),
        Rule("XPositionUm", "x_um", parse.number, "Plane PositionX, StageLabel X"),
        Rule("YPositionUm", "y_um", parse.number, "Plane PositionY, StageLabel Y"),
        Rule("ZPositionUm", "z_um", parse.number, "Plane PositionZ, StageLabel Z"),
        Rule("SlicePosition", "z_um", parse.number, "Plane PositionZ, StageLabel Z"),
        Rule("ReceivedTime", "utc_s", parse.utc_clock, "Plane DeltaT"),
        Rule("receivedTime", "utc_s", parse.utc_clock, "Plane DeltaT"),
        Rule("ReceivedTime", "local_clock_s", parse.local_clock, "Plane DeltaT"),
        Rule("receivedTime", "local_clock_s", parse.local_clock, "Plane DeltaT"),
        Rule("ElapsedTimeMs", "elapsed_s", parse.milliseconds, "Plane DeltaT, if there is no wall clock"),
        Rule("PixelSize_um", "pixel_size_um", parse.size_um, "Pixels PhysicalSizeX, PhysicalSizeY"),
        *mmcore.RULES,
    )
    notes: ClassVar[tuple[Note, ...]] = (
        Note("ReceivedTime", "Image AcquisitionDate", "acquired", parse_time),
        Note("receivedTime", "Image AcquisitionDate", "acquired", parse_time),
        *mmcore.NOTES,
    )
    summary_notes: ClassVar[tuple[Note, ...]] = (
        Note("StartTime", "Image AcquisitionDate"),
        Note("Time", "Image AcquisitionDate"),
        Note("Interval_ms", "Pixels TimeIncrement, if there are no CustomIntervals_ms"),
        *(Note(key, "Pixels TimeIncrement") for key in _INTERVALS[1:]),
        Note("z-step_um", "Pixels PhysicalSizeZ"),
        Note("PixelSize_um", "Pixels PhysicalSizeX, PhysicalSizeY, if no frame has it"),
        Note("Comment", "Image Description"),
        Note("UserName", "Experimenter UserName, with the option experimenter"),
        Note("ChNames", "Channel Name of numbered channels"),
        Note("ChColors", "Channel Color"),
        Note("StagePositions[].Label", "Image Name of numbered positions"),
        Note("InitialPositionList[].Label", "Image Name of numbered positions"),
        Note("StagePositions[].Properties.Well", "Well, of positions that are not named after one"),
        Note("WellPlateName", "Plate Name"),
        Note("WellPlateRows", "Plate Rows"),
        Note("WellPlateColumns", "Plate Columns"),
        Note("WellPlateDescription", "Plate Description"),
        Note("WellPlateID", "Plate ExternalIdentifier"),
        Note("WellPlateExternalIdentifier", "Plate ExternalIdentifier"),
        Note("WellPlateStatus", "Plate Status"),
        Note("WellPlateRowNamingConvention", "Plate RowNamingConvention"),
        Note("WellPlateColumnNamingConvention", "Plate ColumnNamingConvention"),
        Note("WellPlateWellOriginX", "Plate WellOriginX"),
        Note("WellPlateWellOriginY", "Plate WellOriginY"),
    )

    def summary_values(self, tags: Tags) -> SummaryValues:
        intervals_s = [parse.positive(parse.milliseconds(tags.get(key))) for key in _INTERVALS]
        interval_s = next((each for each in intervals_s if each is not None), None)
        channels = _channel_names(tags)
        return SummaryValues(
            started=first_stamp(tags, ("StartTime", "DateAndTime", "Time")),
            time_interval_s=None if tags.get("CustomIntervals_ms") else interval_s,
            z_step_um=parse.step_um(tags.get("z-step_um")),
            pixel_size_um=parse.known(parse.size_um(tags.get("PixelSize_um"))),
            description=parse.text(tags.get("Comment")),
            user_name=parse.text(tags.get("UserName")),
            channel_names=channels,
            position_names=_position_names(tags),
            channel_colors=_colors(channels, _listed(tags, "ChColors")),
            wells=_wells(tags),
            plate_name=parse.text(tags.get("WellPlateName")),
            plate_rows=parse.count(tags.get("WellPlateRows")),
            plate_columns=parse.count(tags.get("WellPlateColumns")),
            plate_description=parse.text(tags.get("WellPlateDescription")),
            plate_id=parse.text(tags.get("WellPlateExternalIdentifier", tags.get("WellPlateID"))),
            plate_status=parse.text(tags.get("WellPlateStatus")),
            plate_row_naming=_naming(tags.get("WellPlateRowNamingConvention")),
            plate_column_naming=_naming(tags.get("WellPlateColumnNamingConvention")),
            plate_origin_x_um=known_number(tags.get("WellPlateWellOriginX")),
            plate_origin_y_um=known_number(tags.get("WellPlateWellOriginY")),
        )


class AcquisitionEngine(Studio):
    """AcqEngJ and pycro-manager: Studio's tags, and their own with the positions that were asked for."""

    name = "AcqEngJ, pycro-manager"
    keys = frozenset({"Axes", "PixelSize_um", "DateAndTime", "XPosition_um_Intended"})
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("Exposure", "exposure_s", parse.exposure_ms, "Plane ExposureTime", needs_dialect=True),
        Rule("XPosition_um", "x_um", parse.number, "Plane PositionX, StageLabel X"),
        Rule("YPosition_um", "y_um", parse.number, "Plane PositionY, StageLabel Y"),
        Rule("ZPosition_um", "z_um", parse.number, "Plane PositionZ, StageLabel Z"),
        *Studio.rules,
        Rule("XPosition_um_Intended", "x_um", parse.number, "Plane PositionX, if none was measured"),
        Rule("YPosition_um_Intended", "y_um", parse.number, "Plane PositionY, if none was measured"),
        Rule("ZPosition_um_Intended", "z_um", parse.number, "Plane PositionZ, if none was measured"),
    )
    summary_notes: ClassVar[tuple[Note, ...]] = (
        *Studio.summary_notes,
        Note("DateAndTime", "Image AcquisitionDate"),
    )

    def matches(self, tags: Tags) -> bool:
        return super().matches(tags) or any(key.startswith("Axes.") for key in tags)


def _channel_names(tags: Tags) -> dict[int, str]:
    names = map(parse.text, items(_listed(tags, "ChNames")))
    return {number: name for number, name in enumerate(names) if name is not None}


def _positions(tags: Tags) -> list[Tags]:
    """Return the positions of version 2, else those of 1.4."""
    found = (dicts(_listed(tags, key)) for key in ("StagePositions", "InitialPositionList"))
    return [flat(each) for each in next(filter(None, found), [])]


def _label(position: Tags) -> str | None:
    return parse.text(position.get("Label", position.get("label")))


def _position_names(tags: Tags) -> dict[int, str]:
    names = map(_label, _positions(tags))
    return {number: name for number, name in enumerate(names) if name is not None}


def _wells(tags: Tags) -> dict[str, str]:
    """Take the wells that the plug-in for plates gives positions."""
    found = {}
    for position in _positions(tags):
        label = _label(position)
        well = parse.text(position.get("Properties.Well", position.get("properties.Well")))
        if label is not None and well is not None:
            found[label] = well
    return found


def _listed(tags: Tags, key: str) -> object:
    """Return a list, as it is or in a property map."""
    return tags.get(key, tags.get(f"{key}.array"))


def _naming(value: object) -> str | None:
    word = str(value).casefold()
    return word if word in ("letter", "number") else None


def _colors(names: Mapping[int, str], colors: object) -> dict[str, tuple[int, int, int]]:
    """Take red, green and blue out of Java's signed ARGB."""
    found = {number: parse.argb(color) for number, color in enumerate(items(colors))}
    known = {number: rgb for number, rgb in found.items() if rgb is not None}
    return {str(number): rgb for number, rgb in known.items()} | {
        names[number]: rgb for number, rgb in known.items() if number in names
    }
