"""Devices of a microscope in pymmcore-plus metadata, and their state from frame to frame."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from exengine_ome_tiff.translate import parse
from exengine_ome_tiff.translate.mmcore import CAMERA_PROPERTIES
from exengine_ome_tiff.translate.objective_labels import is_objective
from exengine_ome_tiff.translate.tags import dicts, items
from exengine_ome_tiff.translate.translator import Fact, Tags, is_known

Setting: TypeAlias = tuple[str, str, object]
"""A device, a property of it, and the value."""
State: TypeAlias = Mapping[tuple[str, str], object]
"""Values by device and property."""

_EVENTS = ("mda_event.", "event.", "")
_PRESET, _GROUP, _PROPERTIES, _VALUES = "channel.config", "channel.group", "properties", "property_values"
_SETTING_KEYS = (*(f"{event}{_PROPERTIES}" for event in _EVENTS), _VALUES)
STATE_KEYS = (*(f"{event}{key}" for event in _EVENTS for key in (_PRESET, _GROUP)), *_SETTING_KEYS)
"""Keys of frames for the settings changed before the exposure."""


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
