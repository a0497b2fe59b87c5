"""Frame and summary metadata of pymmcore-plus, and useq events."""

import re
from collections.abc import Iterator
from typing import Any

from exengine_ome_tiff.translate import parse
from exengine_ome_tiff.translate.devices import Devices
from exengine_ome_tiff.translate.tags import dicts
from exengine_ome_tiff.translate.times import parse_time
from exengine_ome_tiff.translate.translator import Dialect, Note, Rule, Tags, stage_rules
from exengine_ome_tiff.translate.values import CameraValues, SummaryValues

_FORMATS = ("frame-dict", "summary-dict")
_PLAN, _PLATE = "mda_sequence.time_plan", "mda_sequence.stage_positions.plate"
_BITS = re.compile(r"[A-Za-z]+(\d{1,2})(?:p|Packed|msb|lsb)?")


class UseqEvent(Dialect):
    """`useq.MDAEvent` as a dict, on its own or within metadata."""

    name = "useq MDAEvent"
    containers = ("mda_event.", "event.")
    keys = frozenset({"min_start_time", "x_pos", "y_pos", "z_pos", "reset_event_timer", "channel.config"})
    rules = (
        Rule("exposure", "exposure_s", parse.exposure_ms, "Plane ExposureTime", needs_dialect=True),
        *stage_rules("{x}_pos", "Plane Position{X}, if none was measured", needs_dialect=True),
    )
    notes = (
        Note("pos_name", "Image StageLabel Name, Image Name", "position_name"),
        Note("channel.config", "Channel Name, if the coordinate is a number", "channel_name"),
    )


class PymmcorePlus(Dialect):
    """`FrameMetaV1` and `SummaryMetaV1`, from 0.11 on."""

    name = "pymmcore-plus"
    is_general = False
    rules = (
        Rule(
            "mda_event.exposure",
            "exposure_s",
            parse.exposure_ms,
            "Plane ExposureTime of frames that hardware triggers",
            only_if=("hardware_triggered", True),
        ),
        Rule("exposure_ms", "exposure_s", parse.exposure_ms, "Plane ExposureTime"),
        Rule("pixel_size_um", "pixel_size_um", parse.size_um, "Pixels PhysicalSizeX, PhysicalSizeY"),
        *stage_rules("position.{x}", "Plane Position{X}, StageLabel {X}"),
        Rule("runner_time_ms", "elapsed_s", parse.milliseconds, "Plane DeltaT"),
    )
    notes = (
        Note("camera_device", "Detector, Channel DetectorSettings", "camera"),
        Note("mda_event.properties", "Objective, DetectorSettings, of this frame and those after it"),
        Note("property_values", "Objective, DetectorSettings, of this frame and those after it"),
        Note("mda_event.channel.config", "Objective, DetectorSettings, by the presets of the summary"),
    )
    summary_notes = (
        Note("datetime", "Image AcquisitionDate", "started", parse_time),
        Note("mda_sequence.time_plan", "Pixels TimeIncrement, if all intervals are the same"),
        Note("mda_sequence.z_plan.step", "Pixels PhysicalSizeZ", "z_step_um", parse.step_um),
        Note("mda_sequence.channels[].config", "Channel Name of numbered channels"),
        Note("mda_sequence.stage_positions[].name", "Image Name of numbered positions"),
        Note(f"{_PLATE}.name", "Plate Name", "plate_name"),
        Note(f"{_PLATE}.rows", "Plate Rows", "plate_rows", parse.count),
        Note(f"{_PLATE}.columns", "Plate Columns", "plate_columns", parse.count),
        Note("image_infos[].pixel_size_um", "Pixels PhysicalSizeX, PhysicalSizeY, if no frame has it"),
        Note("image_infos[].pixel_format", "Pixels SignificantBits, if no frame has it"),
        Note("devices", "Detector Manufacturer, Model, SerialNumber; DetectorSettings; Objective"),
    )

    def matches(self, tags: Tags) -> bool:
        return tags.get("format") in _FORMATS

    def summary_values(self, tags: Tags) -> SummaryValues:
        devices = Devices.of(tags)
        images = dicts(tags.get("image_infos"))
        sizes = [parse.known(parse.size_um(image.get("pixel_size_um"))) for image in images]
        return SummaryValues(
            time_interval_s=_interval_s(tags),
            pixel_size_um=next((size for size in sizes if size is not None), None),
            objective=devices.objective(devices.state),
            channel_names=_names(tags.get("mda_sequence.channels"), "config"),
            position_names=_names(tags.get("mda_sequence.stage_positions"), "name"),
            cameras={camera.label: camera for camera in _cameras(tags, devices)},
            **self.noted(tags),
        )


def _names(parts: object, key: str) -> dict[int, str]:
    """Return the names of the parts of a plan by number."""
    names = [parse.text(each.get(key)) for each in dicts(parts)]
    return {number: name for number, name in enumerate(names) if name is not None}


def _interval_s(tags: Tags) -> float | None:
    """Return the interval of a plan; None if its phases differ."""
    prefix = f"{_PLAN}."
    plan = {key.removeprefix(prefix): value for key, value in tags.items() if key.startswith(prefix)}
    phases: list[Any] = dicts(plan.get("phases", tags.get(_PLAN))) or [plan]
    intervals = set()
    for phase in phases:
        interval_s = parse.span_s(phase.get("interval"))
        duration_s, loops = parse.span_s(phase.get("duration")), parse.number(phase.get("loops"))
        if interval_s != interval_s and loops > 1:
            interval_s = duration_s / (loops - 1)  # useq starts the last loop at the end
        intervals.add(parse.positive(interval_s))
    return intervals.pop() if len(intervals) == 1 else None


def _cameras(tags: Tags, devices: Devices) -> Iterator[CameraValues]:
    formats = {each.get("camera_label"): each.get("pixel_format") for each in dicts(tags.get("image_infos"))}
    for device in dicts(tags.get("devices")):
        label = str(device.get("label"))
        if device.get("type") not in ("CameraDevice", "Camera"):
            continue
        known: dict[str, Any] = {fact.name: fact.value for fact in devices.camera(devices.state, label)}
        known.setdefault("manufacturer", parse.text(device.get("name")))
        match = _BITS.fullmatch(str(formats.get(label)))
        known.setdefault("bit_depth", float(match[1]) if match is not None else None)
        yield CameraValues(label, **known)
