"""Frame and summary metadata of pymmcore-plus, its devices and their state, and useq events."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from exengine_ome_tiff.translate import parse
from exengine_ome_tiff.translate.objective_labels import is_objective
from exengine_ome_tiff.translate.studio import CAMERA_PROPERTIES
from exengine_ome_tiff.translate.translator import (
    Dialect,
    Fact,
    Note,
    Rule,
    Tags,
    dicts,
    is_known,
    items,
    stage_rules,
)
from exengine_ome_tiff.translate.values import CameraValues, SummaryValues

Setting: TypeAlias = tuple[str, str, object]
"""A device, a property of it, and the value."""
State: TypeAlias = Mapping[tuple[str, str], object]
"""Values by device and property."""

_EVENTS = ("mda_event.", "event.", "")
_PRESET, _GROUP, _PROPERTIES, _VALUES = "channel.config", "channel.group", "properties", "property_values"
_SETTING_KEYS = (*(f"{event}{_PROPERTIES}" for event in _EVENTS), _VALUES)
STATE_KEYS = (*(f"{event}{key}" for event in _EVENTS for key in (_PRESET, _GROUP)), *_SETTING_KEYS)
"""Keys of frames for the settings changed before the exposure."""

_FORMATS = ("frame-dict", "summary-dict")
_PLAN, _PLATE = "mda_sequence.time_plan", "mda_sequence.stage_positions.plate"
_BITS = re.compile(r"[A-Za-z]+(\d{1,2})(?:p|Packed|msb|lsb)?")


@dataclass(frozen=True)
class Devices:
    """The devices in a summary.

    Parameters
    ----------
    state
        All properties when the acquisition began.
    names
        Name of each device in its adapter.
    labels
        Labels of the states of each device.
    presets
        Settings by group and preset.
    calibrated
        Devices that the presets of pixel sizes depend on.
    """

    state: State = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, Sequence[object]] = field(default_factory=dict)
    presets: Mapping[tuple[str, str], tuple[Setting, ...]] = field(default_factory=dict)
    calibrated: frozenset[str] = frozenset()

    @classmethod
    def of(cls, tags: Tags) -> "Devices":
        """Read the devices from summary metadata."""
        devices = {str(each.get("label")): each for each in dicts(tags.get("devices"))}
        state = {
            (label, str(each.get("name"))): each.get("value")
            for label, device in devices.items()
            for each in dicts(device.get("properties"))
        }
        presets = {
            (str(group.get("name")), str(preset.get("name"))): tuple(_settings(preset.get("settings")))
            for group in dicts(tags.get("config_groups"))
            for preset in dicts(group.get("presets"))
        }
        calibrated = {
            device
            for preset in dicts(tags.get("pixel_size_configs"))
            for device, _, _ in _settings(preset.get("settings"))
        }
        return cls(
            state,
            {label: str(device.get("name")) for label, device in devices.items()},
            {label: items(device.get("labels")) for label, device in devices.items()},
            presets,
            frozenset(calibrated),
        )

    @property
    def state_keys(self) -> tuple[str, ...]:
        """Keys of frames that change the state."""
        return STATE_KEYS if self.presets else _SETTING_KEYS

    def changed(self, state: State, tags: Tags) -> State:
        """Return the state of a frame, from the state of the previous frame and the tags of this one."""
        settings: list[Setting] = []
        for event in _EVENTS:
            preset = str(tags.get(f"{event}{_GROUP}", "Channel")), str(tags.get(f"{event}{_PRESET}"))
            settings += self.presets.get(preset, ())
            settings += _settings(tags.get(f"{event}{_PROPERTIES}"))
        settings += _settings(tags.get(_VALUES))
        return {**state, **{(device, name): value for device, name, value in self._labelled(settings)}}

    def objective(self, state: State) -> str | None:
        """Return the label of the objective in the light path."""
        for device in dict.fromkeys(device for device, name in state if name == "Label"):
            label = parse.text(state[device, "Label"])
            if label is not None and (
                device in self.calibrated or is_objective(device, label, self.names.get(device))
            ):
                return label
        return None

    @staticmethod
    def set_labels(state: State) -> Iterator[tuple[str, str]]:
        """Yield devices and their current labels."""
        for (device, name), value in state.items():
            if name == "Label" and isinstance(value, str) and value:
                yield device, value

    @staticmethod
    def camera(state: State, label: str) -> Iterator[Fact]:
        """Yield the properties of a camera."""
        for note in CAMERA_PROPERTIES:
            value = note.read(state.get((label, note.key)))
            if is_known(value):
                yield Fact(note.fact, value)

    def _labelled(self, settings: Iterable[Setting]) -> Iterator[Setting]:
        """Yield settings; a setting of a state is followed by one of its label."""
        for device, name, value in settings:
            yield device, name, value
            number = parse.number(value)
            labels = self.labels.get(device, ())
            if name == "State" and 0 <= number < len(labels):
                yield device, "Label", labels[int(number)]


def _settings(value: object) -> Iterator[Setting]:
    """Read settings, each a dict of ``dev``, ``prop`` and ``val`` or a list of these three."""
    for each in items(value):
        parts = (
            [each.get(key) for key in ("dev", "prop", "val")] if isinstance(each, Mapping) else items(each)
        )
        if len(parts) == 3:
            yield str(parts[0]), str(parts[1]), parts[2]


class UseqEvent(Dialect):
    """`useq.MDAEvent` as a dict, on its own or within metadata."""

    name = "useq MDAEvent"
    containers = ("mda_event.", "event.")
    keys = frozenset({"min_start_time", "x_pos", "y_pos", "z_pos", "reset_event_timer", "channel.config"})
    rules = (
        Rule(
            "exposure",
            "exposure_s",
            parse.exposure_ms,
            "Plane ExposureTime, if no other key has it",
            needs_dialect=True,
            is_planned=True,
        ),
        *stage_rules(
            "{x}_pos", "Plane Position{X}, if none was measured", needs_dialect=True, is_planned=True
        ),
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
        Note("datetime", "Image AcquisitionDate", "started", parse.parse_time),
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
