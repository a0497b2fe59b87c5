"""Image tags and summaries of Micro-Manager Studio 2, 2.0-beta and 1.4, and of the acquisition engines."""

from collections.abc import Mapping
from typing import ClassVar

from exengine_ome_tiff.translate import parse
from exengine_ome_tiff.translate.mmcore import MMCore
from exengine_ome_tiff.translate.translator import Note, Rule, Tags, dicts, flat, items, stage_rules
from exengine_ome_tiff.translate.values import SummaryValues

_INTERVAL, _OTHER_INTERVALS = "time_interval_s", ("IntervalMs", "interval_ms", "WaitInterval")
_STARTS = ("StartTime", "DateAndTime", "Time")
_ON_STAGE = "Plane Position{X}, StageLabel {X}"


def _interval_s(value: object) -> float | None:
    return parse.positive(parse.milliseconds(value))


def _naming(value: object) -> str | None:
    word = str(value).casefold()
    return word if word in ("letter", "number") else None


class Studio(MMCore):
    """Micro-Manager Studio, and scripts that use its tags."""

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
        *stage_rules("{X}PositionUm", _ON_STAGE),
        Rule("SlicePosition", "z_um", parse.number, "Plane PositionZ, StageLabel Z"),
        Rule("ReceivedTime", "utc_s", parse.utc_clock, "Plane DeltaT"),
        Rule("receivedTime", "utc_s", parse.utc_clock, "Plane DeltaT"),
        Rule("ReceivedTime", "local_clock_s", parse.local_clock, "Plane DeltaT"),
        Rule("receivedTime", "local_clock_s", parse.local_clock, "Plane DeltaT"),
        Rule("ElapsedTimeMs", "elapsed_s", parse.milliseconds, "Plane DeltaT, if there is no wall clock"),
        Rule("PixelSize_um", "pixel_size_um", parse.size_um, "Pixels PhysicalSizeX, PhysicalSizeY"),
        *MMCore.rules,
    )
    notes: ClassVar[tuple[Note, ...]] = (
        Note("ReceivedTime", "Image AcquisitionDate", "acquired", parse.parse_time),
        Note("receivedTime", "Image AcquisitionDate", "acquired", parse.parse_time),
        *MMCore.notes,
    )
    summary_notes: ClassVar[tuple[Note, ...]] = (
        Note("StartTime", "Image AcquisitionDate"),
        Note("Time", "Image AcquisitionDate"),
        Note(
            "Interval_ms", "Pixels TimeIncrement, if there are no CustomIntervals_ms", _INTERVAL, _interval_s
        ),
        *(Note(key, "Pixels TimeIncrement", _INTERVAL, _interval_s) for key in _OTHER_INTERVALS),
        Note("z-step_um", "Pixels PhysicalSizeZ", "z_step_um", parse.step_um),
        Note(
            "PixelSize_um",
            "Pixels PhysicalSizeX, PhysicalSizeY, if no frame has it",
            "pixel_size_um",
            parse.size_um,
        ),
        Note("Comment", "Image Description", "description"),
        Note("UserName", "Experimenter UserName, with the option experimenter", "user_name"),
        Note("ChNames", "Channel Name of numbered channels"),
        Note("ChColors", "Channel Color"),
        Note("StagePositions[].Label", "Image Name of numbered positions"),
        Note("InitialPositionList[].Label", "Image Name of numbered positions"),
        Note("StagePositions[].Properties.Well", "Well, of positions that are not named after one"),
        Note("WellPlateName", "Plate Name", "plate_name"),
        Note("WellPlateRows", "Plate Rows", "plate_rows", parse.count),
        Note("WellPlateColumns", "Plate Columns", "plate_columns", parse.count),
        Note("WellPlateDescription", "Plate Description", "plate_description"),
        Note("WellPlateExternalIdentifier", "Plate ExternalIdentifier", "plate_id"),
        Note("WellPlateID", "Plate ExternalIdentifier", "plate_id"),
        Note("WellPlateStatus", "Plate Status", "plate_status"),
        Note("WellPlateRowNamingConvention", "Plate RowNamingConvention", "plate_row_naming", _naming),
        Note(
            "WellPlateColumnNamingConvention", "Plate ColumnNamingConvention", "plate_column_naming", _naming
        ),
        Note("WellPlateWellOriginX", "Plate WellOriginX", "plate_origin_x_um", parse.known_number),
        Note("WellPlateWellOriginY", "Plate WellOriginY", "plate_origin_y_um", parse.known_number),
    )

    def summary_values(self, tags: Tags) -> SummaryValues:
        noted = self.noted(tags)
        if tags.get("CustomIntervals_ms"):
            noted.pop(_INTERVAL, None)
        channels = _channel_names(tags)
        return SummaryValues(
            started=parse.first_with_zone(parse.parse_time(tags.get(key)) for key in _STARTS),
            channel_names=channels,
            position_names=_position_names(tags),
            channel_colors=_colors(channels, _listed(tags, "ChColors")),
            wells=_wells(tags),
            **noted,
        )


class AcquisitionEngine(Studio):
    """AcqEngJ and pycro-manager: Studio's tags, and their own with the intended positions."""

    name = "AcqEngJ, pycro-manager"
    keys = frozenset({"Axes", "PixelSize_um", "DateAndTime", "XPosition_um_Intended"})
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("Exposure", "exposure_s", parse.exposure_ms, "Plane ExposureTime", needs_dialect=True),
        *stage_rules("{X}Position_um", _ON_STAGE),
        *Studio.rules,
        *stage_rules("{X}Position_um_Intended", "Plane Position{X}, if none was measured"),
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
    """Return the positions of version 2, or else of 1.4."""
    found = (dicts(_listed(tags, key)) for key in ("StagePositions", "InitialPositionList"))
    return [flat(each) for each in next(filter(None, found), [])]


def _label(position: Tags) -> str | None:
    return parse.text(position.get("Label", position.get("label")))


def _position_names(tags: Tags) -> dict[int, str]:
    names = map(_label, _positions(tags))
    return {number: name for number, name in enumerate(names) if name is not None}


def _wells(tags: Tags) -> dict[str, str]:
    """Return the wells that the plate plug-in assigns to positions."""
    found = {}
    for position in _positions(tags):
        label = _label(position)
        well = parse.text(position.get("Properties.Well", position.get("properties.Well")))
        if label is not None and well is not None:
            found[label] = well
    return found


def _listed(tags: Tags, key: str) -> object:
    """Return a list, whether plain or in a property map."""
    return tags.get(key, tags.get(f"{key}.array"))


def _colors(names: Mapping[int, str], colors: object) -> dict[str, tuple[int, int, int]]:
    """Return the colours by number and by name."""
    found = {number: parse.argb(color) for number, color in enumerate(items(colors))}
    known = {number: rgb for number, rgb in found.items() if rgb is not None}
    return {str(number): rgb for number, rgb in known.items()} | {
        names[number]: rgb for number, rgb in known.items() if number in names
    }
