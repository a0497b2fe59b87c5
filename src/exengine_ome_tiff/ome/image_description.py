"""Values of an image, from the options first, then from the metadata of frames and the summary."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates.layout import AxisValue, ImageLayout
from exengine_ome_tiff.findings import Findings
from exengine_ome_tiff.ome.colors import default_color
from exengine_ome_tiff.ome.image_values import ChannelValues, ImageValues
from exengine_ome_tiff.ome.steps import is_other_unit, positive, time_interval, z_step
from exengine_ome_tiff.ome.user_values import ChannelInfo, Given, ObjectiveInfo
from exengine_ome_tiff.text_format import list_text
from exengine_ome_tiff.translate.frame_facts import Agreed
from exengine_ome_tiff.translate.objective_labels import may_be_objective, read_label
from exengine_ome_tiff.translate.values import CameraValues, FrameValues, SummaryValues, is_plausible, taken

_CAMERA_AXES = ("camera", "cam", "detector")
_SAME_SIZE = 1e-4
_OF_IMAGES = frozenset({"objective", "position_name", "pixel_aspect", "z_step_um", "time_interval_s"})
_OPTICS = frozenset({"magnification", "numerical_aperture", "immersion"})
_WAVELENGTHS = ("excitation_nm", "emission_nm")
_OF_CHANNELS = {"camera", *_WAVELENGTHS, *(each.name for each in fields(CameraValues))} - {"label"}


class AgreedValues(NamedTuple):
    """Values on which all frames of an image agree, and those of each value along C."""

    image: Agreed
    channels: Sequence[Agreed]


def describe(
    layout: ImageLayout,
    name: str,
    planes: Mapping[str, npt.NDArray[np.float64]],
    agreed: AgreedValues,
    summary: SummaryValues,
    given: Given,
    started: datetime | None,
    findings: Findings,
    dtype: np.dtype[Any],
) -> ImageValues:
    """Determine the values of an image.

    Parameters
    ----------
    layout
        Its planes.
    name
        Name for log lines.
    planes
        Columns of a `PlaneTable` by frame number, each of shape (frames,).
    agreed
        Values from the metadata of the frames.
    summary
        Values from the summary metadata.
    given
        Values from the options.
    started
        Time from which the times of planes count.
    findings
        Receives what is left out.
    dtype
        Pixel type in the file.

    Returns
    -------
    ImageValues
        Without tags and columns. A pixel size that differs between planes and uneven z steps are omitted,
        with a finding.
    """
    acquired = layout.acquired
    frame = agreed.image.values
    sizes_um = _known(taken(planes["pixel_size_um"], acquired))
    pixel_size_um = _pixel_size(name, given.pixel_size_um, sizes_um, summary, findings)
    aspect = (positive(frame.pixel_aspect) or 1) if given.pixel_size_um is None else 1
    channels = tuple(
        _channel(channel, name, each, summary, given, _camera_label(layout))
        for channel, name, each in zip(layout.values["C"], layout.channel_names, agreed.channels, strict=True)
    )
    planned_s = positive(frame.time_interval_s) or positive(summary.time_interval_s)
    position = frame.position_name or layout.named_labels.get("position")
    bits = _known(taken(planes["bit_depth"], acquired))
    planned_um = positive(frame.z_step_um) or positive(summary.z_step_um)
    objective = given.objective or _objective(agreed.image, summary)
    _add_contradictions(name, objective, agreed.image.values, findings)
    _add_disputed(name, agreed, given, findings)
    if not any("camera" in each.disputed for each in agreed.channels):
        _add_cameras(name, channels, summary, findings)
    if objective is None and "objective" not in agreed.image.disputed:
        _add_objectives(name, agreed.image.labels, findings)
    return ImageValues(
        channels=channels,
        pixel_size_x_um=pixel_size_um,
        pixel_size_y_um=positive(pixel_size_um * aspect) if pixel_size_um else None,
        z_step_um=z_step(layout, name, planes["z_um"], planned_um, given.z_step_um, findings),
        time_interval_s=time_interval(
            layout, name, planes["delta_t_s"], planned_s, given.time_interval_s, findings
        ),
        significant_bits=_significant_bits(name, bits, channels, summary, dtype, findings),
        acquired=started,
        description=summary.description if given.description is None else given.description,
        stage_label=None if position is None else str(position),
        objective=objective,
    )


def _add_objectives(name: str, labels: Mapping[str, str], findings: Findings) -> None:
    """Add a finding for each device that may be the objective turret."""
    for device, label in labels.items():
        if may_be_objective(device, label):
            message = f"{name}: {label!r} of device {device!r} may be the objective, which is not written"
            findings.add_once("objective", device, message, "pass objective=ObjectiveInfo(...)")


def _add_contradictions(
    name: str, objective: ObjectiveInfo | None, frame: FrameValues, findings: Findings
) -> None:
    """Add a finding for each key of the frames that contradicts the objective."""
    for part in sorted(_OPTICS):
        value, written = getattr(frame, part), getattr(objective, part, None)
        if value is not None and written is not None and value != written:
            message = (
                f"{name}: the objective has {part.replace('_', ' ')} {written}, the metadata has {value}"
            )
            findings.add_once("objective", part, message, "leave one of them out")


def _objective(agreed: Agreed, summary: SummaryValues) -> ObjectiveInfo | None:
    """Return the objective of the frames, completed from the summary."""
    if "objective" in agreed.disputed or (agreed.values.objective is None and agreed.disputed & _OPTICS):
        return None
    frames, other = _objective_in(agreed.values), _objective_in(summary)
    if frames is None or other is None:
        return frames or other
    known = {each.name: getattr(frames, each.name) for each in fields(frames)}
    known = {name: value for name, value in known.items() if value is not None}
    is_same = all(getattr(other, name) in (None, value) for name, value in known.items())
    return replace(other, **known) if is_same else frames


def _objective_in(values: FrameValues | SummaryValues) -> ObjectiveInfo | None:
    """Read the objective's label; add magnification, aperture and immersion unless they contradict it."""
    named = objective_of(values.objective) if values.objective else ObjectiveInfo()
    optics = {part: getattr(values, part) for part in _OPTICS if getattr(values, part) is not None}
    if any(getattr(named, part) not in (None, value) for part, value in optics.items()):
        return named
    found = replace(named, **optics)
    return found if found.model or found.magnification or found.numerical_aperture else None


def objective_of(label: str) -> ObjectiveInfo:
    """Read magnification, aperture and immersion from a label such as "Nikon 60x/1.4 Oil"."""
    magnification, aperture, immersion = read_label(label)
    return ObjectiveInfo(label, None, magnification, aperture, immersion)


def _significant_bits(
    name: str,
    bits: npt.NDArray[np.float64],
    channels: Sequence[ChannelValues],
    summary: SummaryValues,
    dtype: np.dtype[Any],
    findings: Findings,
) -> int | None:
    """Return the largest bit depth of planes, or else of cameras; None if the pixels were computed.

    Cameras deliver unsigned integers in the smallest type that fits; a sum or a mean has another type.
    """
    depths = bits.tolist() or [each.camera.bit_depth or 0 for each in channels if each.camera is not None]
    depth = int(max(depths, default=0) or summary.bit_depth or 0)
    if dtype.kind == "u" and depth > dtype.itemsize * 8:
        message = f"{name}: {depth} significant bits do not fit into pixels of {dtype}"
        message += ", so SignificantBits is not written"
        findings.add("bit depth", "", message, "put frames as the camera delivers them")
    is_of_camera = depth > 0 and dtype.itemsize * 8 == max(8, 1 << (depth - 1).bit_length())
    return depth if is_of_camera and dtype.kind == "u" else None


def _add_disputed(name: str, agreed: AgreedValues, given: Given, findings: Findings) -> None:
    """Add a finding for each value that differs between the frames of an image or of a channel."""
    disputed = agreed.image.disputed
    if disputed & _OPTICS and agreed.image.values.objective is None:
        disputed |= {"objective"}
    of_image = disputed & _OF_IMAGES - ({"objective"} if given.objective else set())
    of_channels = {fact for each in agreed.channels for fact in each.disputed & _OF_CHANNELS}
    for fact in sorted(of_image | of_channels):
        message = f"{name}: frames have different values of {fact.replace('_', ' ')}, which is not written"
        fix = "put them at different positions" + (" or channels" if fact in of_channels else "")
        findings.add("different", fact, message, fix)


def _channel(
    channel: AxisValue,
    name: str | None,
    agreed: Agreed,
    summary: SummaryValues,
    given: Given,
    camera_label: str,
) -> ChannelValues:
    keys = [key for key in (channel, name) if key is not None]
    info = next((given.channels[key] for key in keys if key in given.channels), ChannelInfo())
    if info.color is None:
        colors = (summary.channel_colors.get(str(key)) for key in reversed(keys))
        info = replace(info, color=next(filter(None, colors), None) or default_color(name or ""))
    found_nm = {each: getattr(agreed.values, each) for each in _WAVELENGTHS if getattr(info, each) is None}
    info = replace(info, **{each: found_nm[each] for each in found_nm if is_plausible(each, found_nm[each])})
    filters = info.filters or [label for label in agreed.labels.values() if label in given.filters]
    camera = agreed.values.camera
    if camera is not None and not camera.label:
        camera = replace(camera, label=camera_label)
    elif camera is None and "camera" not in agreed.disputed:
        camera = summary.cameras.get(camera_label)
    if (camera is None or not camera.label) and len(summary.cameras) == 1 and "camera" not in agreed.disputed:
        only = next(iter(summary.cameras.values()))
        camera = only if camera is None else _merged(replace(camera, label=only.label), only, agreed.disputed)
    elif camera is not None and camera.label in summary.cameras:
        camera = _merged(camera, summary.cameras[camera.label], agreed.disputed)
    return ChannelValues(name, info, camera, tuple(dict.fromkeys(filters)))


def _camera_label(layout: ImageLayout) -> str:
    """Return the value of the axis of cameras; empty without one."""
    labels = {axis.casefold(): value for axis, value in layout.named_labels.items()}
    return next((str(labels[axis]) for axis in _CAMERA_AXES if axis in labels), "")


def _add_cameras(
    name: str, channels: Sequence[ChannelValues], summary: SummaryValues, findings: Findings
) -> None:
    """Add a finding if there are several cameras and frames do not name theirs."""
    is_named = all(each.camera is not None and each.camera.label for each in channels)
    if len(summary.cameras) > 1 and not is_named:
        cameras = list_text([*map(repr, summary.cameras)])
        message = f"{name}: the summary has the cameras {cameras}, but the frames do not name theirs"
        findings.add("camera", "", message, "put the camera in the metadata of frames")


def _merged(camera: CameraValues, other: CameraValues, disputed: Collection[str]) -> CameraValues:
    """Complete the values of a camera, except those that differ between frames."""
    missing = {
        each.name: getattr(other, each.name)
        for each in fields(camera)
        if getattr(camera, each.name) is None and each.name not in disputed
    }
    return replace(camera, **missing)


def _known(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return values[~np.isnan(values)]


def _pixel_size(
    name: str,
    given_um: float | None,
    sizes_um: npt.NDArray[np.float64],
    summary: SummaryValues,
    findings: Findings,
) -> float | None:
    """Return the given pixel size, else that of the planes, which must agree, else that of the summary."""
    if given_um is not None:
        found_um = float(np.median(sizes_um)) if sizes_um.size else given_um
        if is_other_unit(given_um, found_um):
            message = f"{name}: pixel_size_um is {given_um:g} µm, the metadata has {found_um:g} µm"
            findings.add("pixel size", "given", message, "leave the option out if the metadata is right")
        return given_um
    if not sizes_um.size:
        return positive(summary.pixel_size_um)
    if np.ptp(sizes_um) > _SAME_SIZE * sizes_um[0]:
        low, high = sizes_um.min(), sizes_um.max()
        message = f"{name}: pixel sizes from {low:g} to {high:g} µm, so no pixel size is written"
        fix = "put frames of different magnification at different positions, or pass pixel_size_um="
        findings.add("pixel size", "", message, fix)
        return None
    return float(sizes_um[0])
