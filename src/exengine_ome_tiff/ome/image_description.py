"""What is known of an image, from all that tell: the user first, then summary and frames."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates import ImageLayout
from exengine_ome_tiff.coordinates.layout import AxisValue
from exengine_ome_tiff.findings import Findings
from exengine_ome_tiff.ome.colors import default_color
from exengine_ome_tiff.ome.image_values import ChannelValues, ImageValues
from exengine_ome_tiff.ome.steps import even_steps, keeps_interval, step_of_heights
from exengine_ome_tiff.ome.user_values import ChannelInfo, Given, ObjectiveInfo
from exengine_ome_tiff.translate import Agreed, CameraValues, FrameValues, SummaryValues
from exengine_ome_tiff.translate.objective_labels import read_label

_EVEN = 0.05
"""How far steps along z may be from their mean, as a part of it; stages do not stop exactly."""
_SMALLEST = 1e-12
_SAME_SIZE = 1e-4
_MOST_SHOWN = 6
_OF_IMAGES = frozenset({"objective", "position_name", "pixel_aspect", "z_step_um", "time_interval_s"})
_OPTICS = frozenset({"magnification", "numerical_aperture", "immersion"})
_OF_CAMERAS = frozenset({"camera", *(each.name for each in fields(CameraValues))} - {"label"})


class FrameTold(NamedTuple):
    """What the frames of an image tell."""

    image: Agreed
    """In what all of them agree."""
    channels: Sequence[Agreed]
    """In what those of each value along C agree."""


def describe(
    layout: ImageLayout,
    name: str,
    planes: Mapping[str, npt.NDArray[np.float64]],
    told: FrameTold,
    summary: SummaryValues,
    given: Given,
    started: datetime | None,
    findings: Findings,
    dtype: np.dtype[Any],
) -> ImageValues:
    """Bring together what is known of an image.

    Parameters
    ----------
    layout
        Its planes.
    name
        For log lines.
    planes
        Columns of a `PlaneTable` by frame number, each of shape (frames,).
    told
        What the frames tell.
    summary
        What the summary metadata says.
    given
        What the user says.
    started
        The time that times of planes count from.
    findings
        Takes up what is left out.
    dtype
        Of the pixels in the file.

    Returns
    -------
    ImageValues
        Without tags and columns. A pixel size that planes disagree about and uneven steps along z are left
        out, with a finding.
    """
    acquired = layout.frames[layout.frames >= 0]
    frame = told.image.values
    pixel_size_um = given.pixel_size_um
    if pixel_size_um is None:
        sizes_um = _known(planes["pixel_size_um"][acquired])
        pixel_size_um = (
            _pixel_size(name, sizes_um, findings) if sizes_um.size else _positive(summary.pixel_size_um)
        )
    aspect = (_positive(frame.pixel_aspect) or 1) if given.pixel_size_um is None else 1
    channels = tuple(
        _channel(channel, name, each, summary, given)
        for channel, name, each in zip(layout.values["C"], layout.channel_names, told.channels, strict=True)
    )
    planned_s = _positive(frame.time_interval_s) or _positive(summary.time_interval_s)
    position = frame.position_name or layout.named_labels.get("position")
    bits = _known(planes["bit_depth"][acquired])
    planned_um = _positive(frame.z_step_um) or _positive(summary.z_step_um)
    _add_disputed(name, told, given, findings)
    return ImageValues(
        channels=channels,
        pixel_size_x_um=pixel_size_um,
        pixel_size_y_um=_positive(pixel_size_um * aspect) if pixel_size_um else None,
        z_step_um=_told_step("z", given.z_step_um, layout.values["Z"], name, findings)
        if given.z_step_um
        else _z_step(layout, name, planes["z_um"], planned_um, findings),
        time_interval_s=_told_step("time", given.time_interval_s, layout.values["T"], name, findings)
        if given.time_interval_s
        else _time_interval(layout, name, planes["delta_t_s"], planned_s, findings),
        significant_bits=_significant_bits(name, bits, channels, summary, dtype, findings),
        acquired=started,
        description=summary.description if given.description is None else given.description,
        stage_label=None if position is None else str(position),
        objective=given.objective or _objective(told.image, summary),
    )


def _objective(told: Agreed, summary: SummaryValues) -> ObjectiveInfo | None:
    """Take the objective of the frames, and what the summary adds to it."""
    if "objective" in told.disputed or (told.values.objective is None and told.disputed & _OPTICS):
        return None
    frames, other = _objective_told(told.values), _objective_told(summary)
    if frames is None or other is None:
        return frames or other
    known = {each.name: getattr(frames, each.name) for each in fields(frames)}
    known = {name: value for name, value in known.items() if value is not None}
    is_same = all(getattr(other, name) in (None, value) for name, value in known.items())
    return replace(other, **known) if is_same else frames


def _objective_told(values: FrameValues | SummaryValues) -> ObjectiveInfo | None:
    """Read the label; keys of magnification, aperture and immersion add to it unless they contradict it."""
    named = objective_of(values.objective) if values.objective else ObjectiveInfo()
    optics = {part: getattr(values, part) for part in _OPTICS if getattr(values, part) is not None}
    if any(getattr(named, part) not in (None, value) for part, value in optics.items()):
        return named
    found = replace(named, **optics)
    return found if found.model or found.magnification or found.numerical_aperture else None


def objective_of(label: str) -> ObjectiveInfo:
    """Take magnification, aperture and immersion out of a label such as "Nikon 60x/1.4 Oil"."""
    magnification, aperture, immersion = read_label(label)
    return ObjectiveInfo(
        model=label, magnification=magnification, numerical_aperture=aperture, immersion=immersion
    )


def _significant_bits(
    name: str,
    bits: npt.NDArray[np.float64],
    channels: Sequence[ChannelValues],
    summary: SummaryValues,
    dtype: np.dtype[Any],
    findings: Findings,
) -> int | None:
    """Find the largest bit depth of planes, or else of cameras; None where the pixels were computed.

    Cameras deliver unsigned integers in the smallest type that holds their bits; a sum or a mean has another.
    """
    depths = bits.tolist() or [each.camera.bit_depth or 0 for each in channels if each.camera is not None]
    depth = int(max(depths, default=0) or summary.bit_depth or 0)
    if dtype.kind == "u" and depth > dtype.itemsize * 8:
        findings.add(
            "bit depth",
            "",
            f"{name}: {depth} significant bits do not fit into pixels of {dtype}, none are written",
            "put frames as the camera delivers them",
        )
    is_of_camera = (
        dtype.kind == "u" and depth > 0 and dtype.itemsize * 8 == max(8, 1 << (depth - 1).bit_length())
    )
    return depth if is_of_camera else None


def _add_disputed(name: str, told: FrameTold, given: Given, findings: Findings) -> None:
    """Find facts of which frames of an image, or of a channel, tell different values."""
    disputed = told.image.disputed
    if disputed & _OPTICS and told.image.values.objective is None:
        disputed |= {"objective"}
    of_image = disputed & _OF_IMAGES - ({"objective"} if given.objective else set())
    of_channels = {fact for each in told.channels for fact in each.disputed & _OF_CAMERAS}
    for fact in sorted(of_image | of_channels):
        findings.add(
            "different",
            fact,
            f"{name}: frames tell different values of {fact.replace('_', ' ')}, none is written",
            "put them at different positions" + (" or channels" if fact in of_channels else ""),
        )


def _channel(
    channel: AxisValue, name: str | None, told: Agreed, summary: SummaryValues, given: Given
) -> ChannelValues:
    keys = [key for key in (channel, name) if key is not None]
    info = next((given.channels[key] for key in keys if key in given.channels), ChannelInfo())
    if info.color is None:
        colors = (summary.channel_colors.get(str(key)) for key in reversed(keys))
        info = replace(info, color=next(filter(None, colors), None) or default_color(name or ""))
    filters = info.filters or [label for label in told.labels.values() if label in given.filters]
    camera = told.values.camera
    if (camera is None or not camera.label) and len(summary.cameras) == 1 and "camera" not in told.disputed:
        only = next(iter(summary.cameras.values()))
        camera = only if camera is None else _merged(replace(camera, label=only.label), only, told.disputed)
    elif camera is not None and camera.label in summary.cameras:
        camera = _merged(camera, summary.cameras[camera.label], told.disputed)
    return ChannelValues(name, info, camera, tuple(dict.fromkeys(filters)))


def _merged(camera: CameraValues, other: CameraValues, disputed: Collection[str]) -> CameraValues:
    """Fill in what is not known of a camera, unless frames tell different things."""
    missing = {
        each.name: getattr(other, each.name)
        for each in fields(camera)
        if getattr(camera, each.name) is None and each.name not in disputed
    }
    return replace(camera, **missing)


def _positive(value: float | None) -> float | None:
    """Return a number that sizes can be, None for any other."""
    return value if value is not None and _SMALLEST < value < 1 / _SMALLEST else None


def _known(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    known: npt.NDArray[np.float64] = values[~np.isnan(values)]
    return known


def _pixel_size(name: str, sizes_um: npt.NDArray[np.float64], findings: Findings) -> float | None:
    if np.ptp(sizes_um) > _SAME_SIZE * sizes_um[0]:
        low, high = sizes_um.min(), sizes_um.max()
        findings.add(
            "pixel size",
            "",
            f"{name}: pixel sizes from {low:g} to {high:g} µm, none is written",
            "put frames of different magnification at different positions, or say pixel_size_um=",
        )
        return None
    return float(sizes_um[0])


def _z_step(
    layout: ImageLayout,
    name: str,
    z_um: npt.NDArray[np.float64],
    planned_um: float | None,
    findings: Findings,
) -> float | None:
    """Find the distance of planes: from the positions of those that were acquired, else from the plan."""
    if layout.sizes["Z"] < 2 or "Z" in layout.modulo:
        return planned_um
    heights_um = z_um[layout.cube()]
    heights_um[layout.cube() < 0] = np.nan
    step_um = step_of_heights(heights_um.reshape(-1, layout.sizes["Z"]))
    if not step_um:  # what tells the position is not what moves along z
        return _told_step("z", planned_um, layout.values["Z"], name, findings) if planned_um else None
    if np.isnan(step_um):
        steps = np.abs(np.diff(heights_um))
        findings.add(
            "z step",
            "",
            f"{name}: z spacing is irregular ({np.nanmin(steps):.3g} to {np.nanmax(steps):.3g} um)",
            "no PhysicalSizeZ; pass z_step_um",
        )
        return None
    planned = _step_of_plan(planned_um, layout.values["Z"])
    if planned is not None and abs(planned - abs(step_um)) <= _EVEN * planned:
        return planned
    return _positive(abs(round(step_um, 4)))


def _time_interval(
    layout: ImageLayout,
    name: str,
    delta_t_s: npt.NDArray[np.float64],
    planned_s: float | None,
    findings: Findings,
) -> float | None:
    """Return the planned interval; None if the times of planes are others."""
    planned = _step_of_plan(planned_s, layout.values["T"])
    if planned_s is None or layout.sizes["T"] < 2 or "T" in layout.modulo:
        return planned
    times_s = delta_t_s[layout.cube()]
    times_s[layout.cube() < 0] = np.nan
    steps_s = np.diff(np.fmin.reduce(times_s.reshape(len(times_s), -1), axis=1))
    steps_s = steps_s[~np.isnan(steps_s)]
    if planned is not None and keeps_interval(steps_s, planned):
        return planned
    told = (
        f" ({steps_s.min():.3g} to {steps_s.max():.3g} s, planned {planned_s:.3g} s)" if steps_s.size else ""
    )
    findings.add(
        "time interval",
        "",
        f"{name}: time points are irregular{told}",
        "no TimeIncrement; pass time_interval_s",
    )
    return None


def _told_step(
    axis: str, step: float, values: Sequence[AxisValue], name: str, findings: Findings
) -> float | None:
    """Return the step between the planes that are there, by that between neighbours; None if it varies."""
    found = _step_of_plan(step, values)
    if found is None:
        numbers = ", ".join(map(str, values[:_MOST_SHOWN])) + (", ..." if len(values) > _MOST_SHOWN else "")
        findings.add(
            f"{axis} values",
            "",
            f"{name}: values of {axis} were left out unevenly ({numbers}), so no step is written",
            "metadata tell where and when each plane was taken: z_um, elapsed_s",
        )
    return found


def _step_of_plan(planned: float | None, values: Sequence[AxisValue]) -> float | None:
    """Return the planned step times how many values were left out between neighbours; None if that varies."""
    numbers = [value for value in values if isinstance(value, int)]
    if planned is None or len(numbers) < len(values) or len(numbers) < 2:
        return planned
    steps = even_steps(numbers)
    if steps is None:
        return None
    is_distance = abs(steps.step - planned) <= _SMALLEST  # the values are micrometres or seconds themselves
    return planned if is_distance else planned * steps.step
