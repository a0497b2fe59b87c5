"""Frame and summary metadata of pymmcore-plus (`FrameMetaV1`, `SummaryMetaV1`)."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from exengine_ome_tiff.translate import parse as read
from exengine_ome_tiff.translate.mmcore import binning_text, camera_values, first_stamp
from exengine_ome_tiff.translate.times import parse_time
from exengine_ome_tiff.translate.translator import Note, Rule, TableTranslator, Tags
from exengine_ome_tiff.translate.values import CameraValues, FrameValues, SummaryValues

_FORMATS = ("frame-dict", "summary-dict")


class PymmcorePlus(TableTranslator):
    """pymmcore-plus, from 0.11 on."""

    name = "pymmcore-plus"
    rules = (
        Rule("exposure_ms", "exposure_s", read.duration_ms, "Plane ExposureTime"),
        Rule("pixel_size_um", "pixel_size_um", read.size_um, "Pixels PhysicalSizeX, PhysicalSizeY"),
        Rule("position.x", "x_um", read.number, "Plane PositionX, StageLabel X"),
        Rule("position.y", "y_um", read.number, "Plane PositionY, StageLabel Y"),
        Rule("position.z", "z_um", read.number, "Plane PositionZ, StageLabel Z"),
        Rule("mda_event.x_pos", "x_um", read.number, "Plane PositionX, where none was measured"),
        Rule("mda_event.y_pos", "y_um", read.number, "Plane PositionY, where none was measured"),
        Rule("mda_event.z_pos", "z_um", read.number, "Plane PositionZ, where none was measured"),
        Rule("runner_time_ms", "elapsed_s", read.milliseconds, "Plane DeltaT"),
    )
    notes = (
        Note("camera_metadata.TimeReceivedByCore", "Image AcquisitionDate", parse_time),
        Note("camera_device", "Detector, Channel DetectorSettings", read.text),
        Note("camera_metadata.Binning", "DetectorSettings Binning", binning_text),
        Note("mda_event.pos_name", "Image StageLabel Name", read.text),
    )
    summary_notes = (
        Note("datetime", "Image AcquisitionDate"),
        Note("mda_sequence.time_plan.interval", "Pixels TimeIncrement"),
        Note("mda_sequence.z_plan.step", "Pixels PhysicalSizeZ"),
        Note("mda_sequence.stage_positions.plate", "Plate Name, Rows, Columns"),
        Note("image_infos[].pixel_size_um", "Pixels PhysicalSizeX, PhysicalSizeY, where frames do not tell"),
        Note("devices", "Detector Manufacturer, Model, SerialNumber; DetectorSettings; Objective"),
    )

    def speaks(self, tags: Tags) -> bool:
        return tags.get("format") in _FORMATS

    def frame(self, tags: Tags) -> FrameValues:
        label = read.text(tags.get("camera_device"))
        camera = camera_values({"Binning": tags.get("camera_metadata.Binning")}, label) if label else None
        return FrameValues(
            acquired=first_stamp(tags, ("camera_metadata.TimeReceivedByCore",)),
            position_name=read.text(tags.get("mda_event.pos_name")),
            camera=camera,
        )

    def summary(self, tags: Tags) -> SummaryValues:
        devices = {str(device.get("label")): _properties(device) for device in _dicts(tags.get("devices"))}
        plate = "mda_sequence.stage_positions.plate"
        sizes = [
            read.known(read.size_um(image.get("pixel_size_um"))) for image in _dicts(tags.get("image_infos"))
        ]
        return SummaryValues(
            started=first_stamp(tags, ("datetime",)),
            time_interval_s=read.positive(read.number(tags.get("mda_sequence.time_plan.interval"))),
            z_step_um=read.positive(abs(read.number(tags.get("mda_sequence.z_plan.step")))),
            pixel_size_um=next((size for size in sizes if size is not None), None),
            objective=read.text(devices.get("Objective", {}).get("Label")),
            cameras={camera.label: camera for camera in _cameras(tags, devices)},
            plate_name=read.text(tags.get(f"{plate}.name")),
            plate_rows=read.count(tags.get(f"{plate}.rows")),
            plate_columns=read.count(tags.get(f"{plate}.columns")),
        )


def _cameras(tags: Tags, devices: Mapping[str, Mapping[str, object]]) -> Iterable[CameraValues]:
    for device in _dicts(tags.get("devices")):
        label = str(device.get("label"))
        if device.get("type") in ("CameraDevice", "Camera"):
            properties = {f"{label}-{name}": value for name, value in devices[label].items()}
            camera = camera_values(properties, label)
            if camera is not None:
                yield replace(camera, manufacturer=camera.manufacturer or read.text(device.get("name")))


def _dicts(value: object) -> list[Mapping[str, object]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _properties(device: Mapping[str, object]) -> dict[str, object]:
    return {str(each.get("name")): each.get("value") for each in _dicts(device.get("properties"))}
