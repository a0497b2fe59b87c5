"""What is known of an image, from all that tell: the user first, then summary and frames."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates import ImageLayout
from exengine_ome_tiff.findings import Findings
from exengine_ome_tiff.ome.colors import default_color
from exengine_ome_tiff.ome.images import ChannelValues, ImageValues
from exengine_ome_tiff.ome.user_values import ChannelInfo, Given, ObjectiveInfo
from exengine_ome_tiff.translate import CameraValues, FrameValues, SummaryValues, first_with_zone

_EVEN = 0.05
"""How far steps along z may be from their mean, as a part of it; stages do not stop exactly."""
_SMALLEST = 1e-12
_MAGNIFICATION = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)\s?[xX](?![a-z0-9])")
_APERTURES = (re.compile(r"NA\s?=?\s?([01]?\.\d+)"), re.compile(r"\d[xX]\s?/\s?([01]?\.\d+)"))
_IMMERSIONS = {"oil": "Oil", "water": "Water", "air": "Air", "glycerol": "Glycerol", "dry": "Air"}


def describe(
    layout: ImageLayout,
    name: str,
    planes: Mapping[str, npt.NDArray[np.float64]],
    frames: Sequence[FrameValues],
    summary: SummaryValues,
    given: Given,
    started: datetime | None,
    findings: Findings,
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
    frames
        What the first frame at each index along C says.
    summary
        What the summary metadata says.
    given
        What the user says.
    started
        When the first frame of the dataset was taken.
    findings
        Takes up what is left out.

    Returns
    -------
    ImageValues
        Without tags and columns. A pixel size that planes disagree about and uneven steps along z are left
        out, with a finding.
    """
    acquired = layout.frames[layout.frames >= 0]
    sizes_um = _known(planes["pixel_size_um"][acquired])
    of_planes = _pixel_size(name, sizes_um, findings) if sizes_um.size else _positive(summary.pixel_size_um)
    pixel_size_um = given.pixel_size_um or of_planes
    first = frames[0]
    aspect = (_positive(first.pixel_aspect) or 1) if not given.pixel_size_um else 1
    bits = _known(planes["bit_depth"][acquired])
    position = first.position_name or dict(layout.labels).get("position")
    label = first.objective or summary.objective
    return ImageValues(
        channels=tuple(
            _channel(channel, frame, summary, given)
            for channel, frame in zip(layout.values["C"], frames, strict=True)
        ),
        pixel_size_x_um=pixel_size_um,
        pixel_size_y_um=_positive(pixel_size_um * aspect) if pixel_size_um else None,
        z_step_um=given.z_step_um
        or _positive(summary.z_step_um)
        or _z_step(layout, name, planes["z_um"], findings),
        time_interval_s=given.time_interval_s or _positive(summary.time_interval_s),
        significant_bits=int(bits.max()) if bits.size else None,
        acquired=first_with_zone((started, summary.started)),
        description=summary.description if given.description is None else given.description,
        stage_label=None if position is None else str(position),
        objective=given.objective or (objective_of(label) if label else None),
    )


def objective_of(label: str) -> ObjectiveInfo:
    """Take magnification, aperture and immersion out of a label such as "Nikon 60x/1.4 Oil"."""
    magnification = _MAGNIFICATION.search(label)
    aperture = next((match for match in (each.search(label) for each in _APERTURES) if match), None)
    words = re.findall(r"[a-z]+", label.casefold())
    return ObjectiveInfo(
        model=label,
        magnification=(float(magnification[1]) or None) if magnification else None,
        numerical_aperture=(float(aperture[1]) or None) if aperture else None,
        immersion=next((kind for word, kind in _IMMERSIONS.items() if word in words), None),
    )


def _channel(
    channel: int | str | None, frame: FrameValues, summary: SummaryValues, given: Given
) -> ChannelValues:
    info = given.channels.get(channel, ChannelInfo()) if channel is not None else ChannelInfo()
    name = None if channel is None else str(channel)
    if info.color is None:
        told = None if name is None else summary.channel_colors.get(name)
        info = replace(info, color=told or default_color(name or ""))
    camera = frame.camera
    if camera is None and len(summary.cameras) == 1:
        camera = next(iter(summary.cameras.values()))
    elif camera is not None and camera.label in summary.cameras:
        camera = _merged(camera, summary.cameras[camera.label])
    return ChannelValues(name, info, camera)


def _merged(camera: CameraValues, other: CameraValues) -> CameraValues:
    """Fill in what is not known of a camera."""
    missing = {
        each.name: getattr(other, each.name) for each in fields(camera) if getattr(camera, each.name) is None
    }
    return replace(camera, **missing)


def _positive(value: float | None) -> float | None:
    """Return a number that sizes can be, None for any other."""
    return value if value is not None and _SMALLEST < value < 1 / _SMALLEST else None


def _known(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    known: npt.NDArray[np.float64] = values[~np.isnan(values)]
    return known


def _pixel_size(name: str, sizes_um: npt.NDArray[np.float64], findings: Findings) -> float | None:
    if (sizes_um != sizes_um[0]).any():
        low, high = sizes_um.min(), sizes_um.max()
        findings.add(
            "pixel size",
            "",
            f"{name}: pixel sizes from {low:g} to {high:g} um, none is written",
            "put frames of different magnification at different positions, or say pixel_size_um=",
        )
        return None
    return float(sizes_um[0])


def _z_step(
    layout: ImageLayout, name: str, z_um: npt.NDArray[np.float64], findings: Findings
) -> float | None:
    """Find the distance of planes from the positions of those that were acquired."""
    if layout.sizes["Z"] < 2 or "Z" in layout.modulo or None in layout.values["Z"]:
        return None
    is_there = layout.frames >= 0
    ranks, heights = layout.zct()[is_there, 0], z_um[layout.frames[is_there]]
    known = [_known(heights[ranks == rank]) for rank in range(layout.sizes["Z"])]
    if not all(each.size for each in known):
        return None
    steps = np.diff([float(np.median(each)) for each in known])
    if not steps.any():
        return None  # what tells the position is not what moves along z
    mean = float(steps.mean())
    if not mean or (np.abs(steps - mean) > _EVEN * abs(mean)).any():
        findings.add(
            "z step",
            "",
            f"{name}: steps along z from {steps.min():g} to {steps.max():g} um, none is written",
            "say z_step_um= if the planned step counts",
        )
        return None
    return _positive(abs(round(mean, 6)))
