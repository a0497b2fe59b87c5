"""Tags of Micro-Manager's core: ExEngine's plain ones, and MMCoreJ's with the properties of all devices."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import ClassVar

from exengine_ome_tiff.translate import parse
from exengine_ome_tiff.translate.objective_labels import is_objective
from exengine_ome_tiff.translate.times import first_with_zone, parse_time
from exengine_ome_tiff.translate.translator import LABEL_FACT, Dialect, Note, Rule, Tags, Told, is_known

RULES = (
    Rule("ElapsedTime-ms", "elapsed_s", parse.milliseconds, "Plane DeltaT, if there is no wall clock"),
    Rule("TimeReceivedByCore", "local_clock_s", parse.local_clock, "Plane DeltaT"),
    Rule("TimeReceivedByCore", "utc_s", parse.utc_clock, "Plane DeltaT"),
    Rule("PixelSizeUm", "pixel_size_um", parse.size_um, "Pixels PhysicalSizeX, PhysicalSizeY"),
    Rule("BitDepth", "bit_depth", parse.bits, "Pixels SignificantBits"),
)
STAMPS = ("TimeReceivedByCore", "Time")
CONTAINERS = ("UserData.", "ScopeData.", "scopeData.", "SystemStateCache.", "camera_metadata.", "tags.")


def binning_text(value: object) -> str | None:
    """Spell binning as "2x2", from 2, "2", "2x2" or [2, 2]."""
    if isinstance(value, list | tuple):
        value = "x".join(map(str, value))
    if isinstance(value, str) and "x" in value:
        sides = [parse.number(side) for side in value.split("x")]
        return "x".join(f"{side:g}" for side in sides) if len(sides) == 2 and min(sides) >= 1 else None
    side = parse.number(value)
    return f"{side:g}x{side:g}" if side >= 1 else None


def known_number(value: object) -> float | None:
    """Read a number, None if it is none."""
    return parse.known(parse.number(value))


def known_bits(value: object) -> float | None:
    """Read a number of bits, None if it is none."""
    return parse.known(parse.bits(value))


CAMERA_PROPERTIES = {
    "Name": ("manufacturer", parse.text),
    "CameraName": ("model", parse.text),
    "CameraID": ("serial_number", parse.text),
    "Binning": ("binning", binning_text),
    "Gain": ("gain", known_number),
    "Offset": ("offset", known_number),
    "ReadoutRate": ("readout_mhz", known_number),
    "BitDepth": ("bit_depth", known_bits),
}
"""Properties of a camera, what of `CameraValues` they become, and how they are read."""

NOTES = (
    Note("TimeReceivedByCore", "Image AcquisitionDate", "acquired", parse_time),
    Note("Time", "Image AcquisitionDate", "acquired", parse_time),
    Note("PositionName", "Image StageLabel Name, Image Name", "position_name", parse.text),
    Note("Channel", "Channel Name, if the coordinate is a number", "channel_name", parse.text),
    Note("ChannelName", "Channel Name, if the coordinate is a number", "channel_name", parse.text),
    Note("PixelAspect", "Pixels PhysicalSizeY", "pixel_aspect", known_number),
    Note("Camera", "Detector, Channel DetectorSettings", "camera", parse.text),
    Note("Core-Camera", "Detector, if no key names a camera", "camera", parse.text),
    Note("Binning", "DetectorSettings Binning", "binning", binning_text),
    Note("Width", "Pixels SizeX", "width", parse.count),
    Note("Height", "Pixels SizeY", "height", parse.count),
    Note("PixelType", "Pixels Type, Channel SamplesPerPixel", "pixel_type", parse.text),
    Note("<Objective>-Label", "Objective Model, NominalMagnification, LensNA, Immersion"),
    Note("<Camera>-Name", "Detector Manufacturer"),
    Note("<Camera>-CameraName", "Detector Model"),
    Note("<Camera>-CameraID", "Detector SerialNumber"),
    Note("<Camera>-Binning", "DetectorSettings Binning"),
    Note("<Camera>-Gain", "DetectorSettings Gain"),
    Note("<Camera>-Offset", "DetectorSettings Offset"),
    Note("<Camera>-ReadoutRate", "DetectorSettings ReadOutRate, if it is a number (MHz)"),
    Note("<Camera>-BitDepth", "Pixels SignificantBits, if no other key has it"),
    Note("<Camera>-Exposure", "Plane ExposureTime, if no other key has it"),
)
_EXPOSURE, _LABEL = "-Exposure", "-Label"
_CAMERAS = ("Camera", "Core-Camera")


def first_stamp(tags: Tags, keys: Iterable[str]) -> datetime | None:
    """Return the first time stamp that can be read; one that tells its zone goes first."""
    return first_with_zone(parse_time(tags.get(key)) for key in keys)


class MMCore(Dialect):
    """Micro-Manager's core."""

    name = "MMCore, MMCoreJ"
    keys = frozenset({"TimeReceivedByCore", "ElapsedTime-ms", "Camera", "PixelType", "Core-Camera"})
    containers = CONTAINERS
    rules: ClassVar[tuple[Rule, ...]] = RULES
    notes: ClassVar[tuple[Note, ...]] = NOTES
    stamps: ClassVar[tuple[str, ...]] = STAMPS

    def last_rules(self, tags: Tags) -> Iterator[Rule]:
        """Yield the exposures that cameras have in the cache of properties, which may be old."""
        cameras = [key for name in _CAMERAS for key in self.spelled(name, tags)]
        for key in tags:
            if cameras and key.endswith(_EXPOSURE):
                device = self._bare(key.removesuffix(_EXPOSURE))
                yield Rule(
                    key, "exposure_s", parse.exposure_ms, "Plane ExposureTime", only_if=(cameras[0], device)
                )

    def told(self, tags: Tags) -> Iterator[Told]:
        yield from super().told(tags)
        for key in self._objectives(tags):
            yield Told("objective", tags[key], key)
        for key in tags:
            label = parse.text(tags[key]) if key.endswith(_LABEL) else None
            if label is not None:
                yield Told(f"{LABEL_FACT}{self._bare(key.removesuffix(_LABEL))}", label, key)
        camera = self._camera(tags)
        if camera is None:
            return
        for name, (fact, read) in CAMERA_PROPERTIES.items():
            for key in self.spelled(f"{camera}-{name}", tags):
                value = read(tags[key])
                if is_known(value):
                    yield Told(fact, value, key)

    def fact_keys(self, tags: Tags) -> Iterator[str]:
        yield from super().fact_keys(tags)
        names = tuple(f"-{name}" for name in CAMERA_PROPERTIES)
        yield from (key for key in tags if key.endswith((*names, _LABEL)))

    def _camera(self, tags: Tags) -> str | None:
        """Find the label of the camera of a frame."""
        labels = (parse.text(tags[key]) for name in _CAMERAS for key in self.spelled(name, tags))
        return next((label for label in labels if label is not None), None)

    def _objectives(self, tags: Tags) -> Iterator[str]:
        """Yield keys of labels that name an objective."""
        for key in tags:
            if key.endswith(_LABEL):
                device = self._bare(key.removesuffix(_LABEL))
                label = parse.text(tags[key])
                names = [parse.text(tags[each]) for each in self.spelled(f"{device}-Name", tags)]
                if label is not None and is_objective(device, label, names[0] if names else None):
                    yield key

    def _bare(self, key: str) -> str:
        """Take away what a key is in."""
        return next((key.removeprefix(each) for each in self.containers if key.startswith(each)), key)
