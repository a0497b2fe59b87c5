"""Tags of Micro-Manager's core: ExEngine's, and MMCoreJ's with the properties of all devices."""

from collections.abc import Iterator
from typing import ClassVar

from exengine_ome_tiff.translate import parse
from exengine_ome_tiff.translate.objective_labels import is_objective
from exengine_ome_tiff.translate.translator import LABEL_FACT, Dialect, Fact, Note, Rule, Tags, is_known

CAMERA_PROPERTIES = (
    Note("Name", "Detector Manufacturer", "manufacturer"),
    Note("CameraName", "Detector Model", "model"),
    Note("CameraID", "Detector SerialNumber", "serial_number"),
    Note("Binning", "DetectorSettings Binning", "binning", parse.binning),
    Note("Gain", "DetectorSettings Gain", "gain", parse.known_number),
    Note("Offset", "DetectorSettings Offset", "offset", parse.known_number),
    Note(
        "ReadoutRate",
        "DetectorSettings ReadOutRate, if it is a number (MHz)",
        "readout_mhz",
        parse.known_number,
    ),
    Note("BitDepth", "Pixels SignificantBits, if no other key has it", "bit_depth", parse.bits),
)
"""Properties of a camera device."""
_EXPOSURE, _LABEL = "-Exposure", "-Label"
_CAMERAS = ("Camera", "Core-Camera")


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
