"""Tags of Micro-Manager's core: ExEngine's plain ones, and MMCoreJ's with the properties of all devices."""

from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar

from exengine_ome_tiff.translate import parse as read
from exengine_ome_tiff.translate.times import first_with_zone, parse_time
from exengine_ome_tiff.translate.translator import Note, Rule, TableTranslator, Tags, is_known
from exengine_ome_tiff.translate.values import CameraValues, FrameValues, PlaneValues

RULES = (
    Rule("ElapsedTime-ms", "elapsed_s", read.milliseconds, "Plane DeltaT, where there is no wall clock"),
    Rule("TimeReceivedByCore", "local_clock_s", read.local_clock, "Plane DeltaT"),
    Rule("TimeReceivedByCore", "utc_s", read.utc_clock, "Plane DeltaT"),
    Rule("PixelSizeUm", "pixel_size_um", read.size_um, "Pixels PhysicalSizeX, PhysicalSizeY"),
    Rule("BitDepth", "bit_depth", read.bits, "Pixels SignificantBits"),
)
STAMPS = ("TimeReceivedByCore", "Time")
OBJECTIVE = "Objective-Label"
_OF_CAMERA = {
    "Name": "manufacturer",
    "CameraName": "model",
    "CameraID": "serial_number",
    "Binning": "binning",
    "Gain": "gain",
    "Offset": "offset",
    "ReadoutRate": "readout_mhz",
}
"""Properties of a camera, and what of `CameraValues` they become."""


def binning_text(value: object) -> str | None:
    """Spell binning as "2x2", from 2, "2" or "2x2"."""
    if isinstance(value, str) and "x" in value:
        sides = [read.number(side) for side in value.split("x")]
        return "x".join(f"{side:g}" for side in sides) if len(sides) == 2 and min(sides) >= 1 else None
    side = read.number(value)
    return f"{side:g}x{side:g}" if side >= 1 else None


NOTES = (
    Note("TimeReceivedByCore", "Image AcquisitionDate", parse_time),
    Note("Time", "Image AcquisitionDate", parse_time),
    Note("Camera", "Detector, Channel DetectorSettings", read.text),
    Note("Binning", "DetectorSettings Binning", binning_text),
    Note("Width", "Pixels SizeX", read.count),
    Note("Height", "Pixels SizeY", read.count),
    Note("PixelType", "Pixels Type, Channel SamplesPerPixel", read.text),
    Note(OBJECTIVE, "Objective Model, NominalMagnification, LensNA, Immersion", read.text),
    Note("<Camera>-Name", "Detector Manufacturer"),
    Note("<Camera>-CameraName", "Detector Model"),
    Note("<Camera>-CameraID", "Detector SerialNumber"),
    Note("<Camera>-Binning", "DetectorSettings Binning"),
    Note("<Camera>-Gain", "DetectorSettings Gain"),
    Note("<Camera>-Offset", "DetectorSettings Offset"),
    Note("<Camera>-ReadoutRate", "DetectorSettings ReadOutRate, where it is a number (MHz)"),
    Note("<Camera>-Exposure", "Plane ExposureTime, where no other key tells"),
)


def camera_values(tags: Tags, label: str | None = None) -> CameraValues | None:
    """Find out about the camera of a frame, by its label in ``Camera`` or ``Core-Camera``."""
    label = label or read.text(tags.get("Camera")) or read.text(tags.get("Core-Camera"))
    if label is None:
        return None

    def known(suffix: str) -> str | None:
        return read.text(tags.get(f"{label}-{suffix}"))

    def number(suffix: str) -> float | None:
        return read.known(read.number(tags.get(f"{label}-{suffix}")))

    return CameraValues(
        label,
        manufacturer=known("Name"),
        model=known("CameraName"),
        serial_number=known("CameraID"),
        binning=binning_text(tags.get("Binning", tags.get(f"{label}-Binning"))),
        gain=number("Gain"),
        offset=number("Offset"),
        readout_mhz=number("ReadoutRate"),
    )


def first_stamp(tags: Tags, keys: Iterable[str]) -> datetime | None:
    """Return the first time stamp that can be read; one that tells its zone goes first."""
    return first_with_zone(parse_time(tags.get(key)) for key in keys)


class MMCore(TableTranslator):
    """Micro-Manager's core."""

    name = "MMCore, MMCoreJ"
    keys = frozenset({"TimeReceivedByCore", "ElapsedTime-ms", "Camera", "PixelType", "Core-Camera"})
    rules: ClassVar[tuple[Rule, ...]] = RULES
    notes: ClassVar[tuple[Note, ...]] = NOTES
    stamps: tuple[str, ...] = STAMPS

    def plane(self, tags: Tags) -> PlaneValues:
        plane = super().plane(tags)
        if plane.exposure_s == plane.exposure_s:
            return plane
        camera = tags.get("Camera", tags.get("Core-Camera"))
        exposure = tags.get(f"{camera}-Exposure")
        return plane if exposure is None else plane._replace(exposure_s=read.duration_ms(exposure))

    def frame(self, tags: Tags) -> FrameValues:
        return FrameValues(
            acquired=first_stamp(tags, self.stamps),
            position_name=read.text(tags.get("PositionName")),
            objective=read.text(tags.get(OBJECTIVE)),
            pixel_aspect=read.known(read.number(tags.get("PixelAspect"))),
            camera=camera_values(tags),
        )

    def translated(self, tags: Tags) -> Iterable[str]:
        keys = {*super().translated(tags)}
        exposure = f"{tags.get('Camera', tags.get('Core-Camera'))}-Exposure"
        return keys | {exposure} if is_known(read.duration_ms(tags.get(exposure))) else keys

    def described(self, tags: Tags) -> Iterable[str]:
        keys = {*super().described(tags)}
        camera = camera_values(tags)
        if camera is not None:
            keys |= {
                f"{camera.label}-{suffix}"
                for suffix, field in _OF_CAMERA.items()
                if getattr(camera, field) is not None
            }
        return keys
