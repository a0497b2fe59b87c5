"""Image tags and summaries of Micro-Manager: its core, Studio 2, 2.0-beta, 1.4, and acquisition engines."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from exengine_ome_tiff.translate import parse
from exengine_ome_tiff.translate.objective_labels import is_objective
from exengine_ome_tiff.translate.translator import (
    LABEL_FACT,
    Dialect,
    Fact,
    Note,
    Rule,
    Tags,
    dicts,
    flat,
    is_known,
    items,
    stage_rules,
)
from exengine_ome_tiff.translate.values import SummaryValues

CAMERA_PROPERTIES = (
    Note("Name", "Detector Manufacturer", "manufacturer"),
    Note("CameraName", "Detector Model", "model"),
    Note("CameraID", "Detector SerialNumber", "serial_number"),
    Note("Binning", "DetectorSettings Binning", "binning", parse.binning),
    Note("Gain", "DetectorSettings Gain", "gain", parse.known_number),
    Note("Offset", "DetectorSettings Offset", "offset", parse.known_number),
    Note(
        "ReadoutRate",
        "DetectorSettings ReadOutRate, from a number (MHz) or text such as 100 MHz",
        "readout_mhz",
        parse.readout_mhz,
    ),
    Note("BitDepth", "Pixels SignificantBits, if no other key has it", "bit_depth", parse.bits),
)
"""Properties of a camera device."""
_EXPOSURE, _LABEL = "-Exposure", "-Label"
_CAMERAS = ("Camera", "Core-Camera")

_INTERVAL, _OTHER_INTERVALS = "time_interval_s", ("IntervalMs", "interval_ms", "WaitInterval")
_RECEIVED = ("ReceivedTime", "receivedTime")
_STARTS = ("StartTime", "DateAndTime", "Time")
_ON_STAGE = "Plane Position{X}, StageLabel {X}"


class MMCore(Dialect):
    """Micro-Manager's core."""

    name = "MMCore, MMCoreJ"
    keys = frozenset({"TimeReceivedByCore", "ElapsedTime-ms", "Camera", "PixelType", "Core-Camera"})
    containers = ("UserData.", "ScopeData.", "scopeData.", "SystemStateCache.", "camera_metadata.", "tags.")
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("ElapsedTime-ms", "elapsed_s", parse.milliseconds, "Plane DeltaT, if there is no wall clock"),
        Rule("TimeReceivedByCore", "local_clock_s", parse.local_clock, "Plane DeltaT"),
        Rule("TimeReceivedByCore", "utc_s", parse.utc_clock, "Plane DeltaT"),
        Rule("PixelSizeUm", "pixel_size_um", parse.size_um, "Pixels PhysicalSizeX, PhysicalSizeY"),
        Rule("BitDepth", "bit_depth", parse.bits, "Pixels SignificantBits"),
    )
    notes: ClassVar[tuple[Note, ...]] = (
        Note("TimeReceivedByCore", "Image AcquisitionDate", "acquired", parse.parse_time),
        Note("Time", "Image AcquisitionDate", "acquired", parse.parse_time),
        Note("PositionName", "Image StageLabel Name, Image Name", "position_name"),
        Note("Channel", "Channel Name, if the coordinate is a number", "channel_name"),
        Note("ChannelName", "Channel Name, if the coordinate is a number", "channel_name"),
        Note("PixelAspect", "Pixels PhysicalSizeY", "pixel_aspect", parse.known_number),
        Note("Camera", "Detector, Channel DetectorSettings", "camera"),
        Note("Core-Camera", "Detector, if no key names a camera", "camera"),
        Note("Binning", "DetectorSettings Binning", "binning", parse.binning),
        Note("Width", "Pixels SizeX", "width", parse.count),
        Note("Height", "Pixels SizeY", "height", parse.count),
        Note("PixelType", "Pixels Type, Channel SamplesPerPixel", "pixel_type"),
        Note("<Objective>-Label", "Objective Model, NominalMagnification, LensNA, Immersion"),
        *(Note(f"<Camera>-{each.key}", each.target) for each in CAMERA_PROPERTIES),
        Note("<Camera>-Exposure", "Plane ExposureTime, if no other key has it"),
    )

    def last_rules(self, tags: Tags) -> Iterator[Rule]:
        """Yield the exposures of cameras in the cache of properties, which may be outdated."""
        cameras = [key for name in _CAMERAS for key in self.spelled(name, tags)]
        for key in tags:
            if cameras and key.endswith(_EXPOSURE):
                device = self._bare(key.removesuffix(_EXPOSURE))
                yield Rule(
                    key, "exposure_s", parse.exposure_ms, "Plane ExposureTime", only_if=(cameras[0], device)
                )

    def facts(self, tags: Tags) -> Iterator[Fact]:
        yield from super().facts(tags)
        for key in self._objectives(tags):
            yield Fact("objective", tags[key], key)
        for key in tags:
            label = parse.text(tags[key]) if key.endswith(_LABEL) else None
            if label is not None:
                yield Fact(f"{LABEL_FACT}{self._bare(key.removesuffix(_LABEL))}", label, key)
        camera = self._camera(tags)
        if camera is None:
            return
        for note in CAMERA_PROPERTIES:
            for key in self.spelled(f"{camera}-{note.key}", tags):
                value = note.read(tags[key])
                if is_known(value):
                    yield Fact(note.fact, value, key)

    def fact_keys(self, tags: Tags) -> Iterator[str]:
        yield from super().fact_keys(tags)
        names = tuple(f"-{note.key}" for note in CAMERA_PROPERTIES)
        yield from (key for key in tags if key.endswith((*names, _LABEL)))

    def _camera(self, tags: Tags) -> str | None:
        """Return the label of the camera that took a frame."""
        labels = (parse.text(tags[key]) for name in _CAMERAS for key in self.spelled(name, tags))
        return next((label for label in labels if label is not None), None)

    def _objectives(self, tags: Tags) -> Iterator[str]:
        """Yield the keys of labels that name an objective."""
        for key in tags:
            if key.endswith(_LABEL):
                device = self._bare(key.removesuffix(_LABEL))
                label = parse.text(tags[key])
                names = [parse.text(tags[each]) for each in self.spelled(f"{device}-Name", tags)]
                if label is not None and is_objective(device, label, names[0] if names else None):
                    yield key

    def _bare(self, key: str) -> str:
        """Return a key without its container."""
        return next((key.removeprefix(each) for each in self.containers if key.startswith(each)), key)


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
        *(Rule(key, *clock, "Plane DeltaT") for clock in parse.CLOCKS for key in _RECEIVED),
        Rule("ElapsedTimeMs", "elapsed_s", parse.milliseconds, "Plane DeltaT, if there is no wall clock"),
        Rule("PixelSize_um", "pixel_size_um", parse.size_um, "Pixels PhysicalSizeX, PhysicalSizeY"),
        *MMCore.rules,
    )
    notes: ClassVar[tuple[Note, ...]] = (
        *(Note(key, "Image AcquisitionDate", "acquired", parse.parse_time) for key in _RECEIVED),
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
        *stage_rules("{X}Position_um_Intended", "Plane Position{X}, if none was measured", is_planned=True),
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
