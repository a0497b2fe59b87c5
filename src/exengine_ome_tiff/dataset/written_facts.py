"""Which facts of the metadata an OME image contains."""

from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.ome.image_values import ImageValues
from exengine_ome_tiff.ome.text import BINNINGS
from exengine_ome_tiff.ome.user_values import ObjectiveInfo
from exengine_ome_tiff.translate.frame_facts import LABEL, Written
from exengine_ome_tiff.translate.values import UNKNOWN

_SAME_S = 2e-6
"""Times are written with microsecond precision."""
_ZONE_QUARTER_S = 900
_CLOCKS = ("elapsed_s", "utc_s", "local_clock_s")
_CAMERA = ("manufacturer", "model", "serial_number", "gain", "offset", "readout_mhz")
_PIXEL_TYPES = {
    "GRAY8": ("u1", 1),
    "GRAY16": ("u2", 1),
    "GRAY32": ("f4", 1),
    "RGB32": ("u1", 3),
    "RGB64": ("u2", 3),
}


def written_into(
    values: ImageValues,
    columns: Mapping[str, npt.NDArray[np.float64]],
    frames: npt.NDArray[np.int64],
    shape: tuple[int, ...],
    dtype: np.dtype[np.generic],
) -> Written:
    """Return the facts of frames that an image contains.

    Parameters
    ----------
    values
        Content of the image.
    columns
        Values of all frames, and ``delta_t_s``; each of shape (all frames,).
    frames
        Numbers of the image's frames, shape (n,).
    shape, dtype
        Shape and pixel type of a plane in the file.
    """
    is_known = {name: not np.isnan(column).all() for name, column in columns.items()}
    nothing = np.broadcast_to(UNKNOWN, len(frames))  # takes no memory
    planes = {name: column[frames] if is_known[name] else nothing for name, column in columns.items()}
    for name, value in (
        ("pixel_size_um", values.pixel_size_x_um),
        ("bit_depth", values.significant_bits),
    ):
        if is_known[name]:
            planes[name][planes[name] != (UNKNOWN if value is None else value)] = UNKNOWN
    has_clock = is_known["utc_s"] or is_known["local_clock_s"]
    for name in _CLOCKS:
        if is_known[name]:
            planes[name][~_is_written(name, planes, values.acquired, has_clock=has_clock)] = UNKNOWN
    return Written(planes, _facts(values, shape, dtype))


def _is_written(
    name: str, planes: Mapping[str, npt.NDArray[np.float64]], acquired: datetime | None, *, has_clock: bool
) -> npt.NDArray[np.bool_]:
    """Find the frames for which AcquisitionDate and DeltaT together imply the value of a clock."""
    off_s = planes[name] - planes["delta_t_s"]
    has_zone = acquired is not None and acquired.tzinfo is not None
    if name == "elapsed_s":
        is_free = not has_clock and not np.isnan(off_s).all()
        off_s -= float(np.nanmedian(off_s)) if is_free else 0.0  # the start of that clock is unknown
    elif acquired is None or (name == "utc_s" and not has_zone):
        return np.zeros(len(off_s), np.bool_)
    else:
        off_s -= acquired.replace(tzinfo=acquired.tzinfo or UTC).timestamp()
        if has_zone and name == "local_clock_s":
            off_s -= np.round(off_s / _ZONE_QUARTER_S) * _ZONE_QUARTER_S
    is_written: npt.NDArray[np.bool_] = np.abs(off_s, out=off_s) < _SAME_S
    return is_written


def _facts(
    values: ImageValues, shape: tuple[int, ...], dtype: np.dtype[np.generic]
) -> dict[str, frozenset[object]]:
    objective = values.objective or ObjectiveInfo()
    found: dict[str, set[object]] = {
        "position_name": {values.stage_label},
        "objective": {objective.model},
        "magnification": {objective.magnification},
        "numerical_aperture": {objective.numerical_aperture},
        "immersion": {objective.immersion},
        "acquired": {values.acquired},
        "time_interval_s": {values.time_interval_s},
        "z_step_um": {values.z_step_um},
        "bit_depth": {values.significant_bits},
        "height": {shape[0]},
        "width": {shape[1]},
        "pixel_type": {
            name for name, kind in _PIXEL_TYPES.items() if kind == (dtype.str[1:], (*shape, 1)[2])
        },
    }
    if values.pixel_size_x_um and values.pixel_size_y_um:
        found["pixel_aspect"] = {values.pixel_size_y_um / values.pixel_size_x_um}
    for name in ("excitation_nm", "emission_nm"):
        found[name] = {getattr(channel.info, name) for channel in values.channels}
    found["channel_name"] = {channel.name for channel in values.channels}
    for channel in values.channels:
        found.setdefault(LABEL, set()).update(channel.filters)
        if channel.camera is not None:
            camera = channel.camera
            for name in _CAMERA:
                found.setdefault(name, set()).add(getattr(camera, name))
            found.setdefault("binning", set()).update({camera.binning}.intersection(BINNINGS))
            found.setdefault("camera", set()).update({camera.label}.intersection({camera.model}))
    found.setdefault(LABEL, set()).update(found["objective"])
    return {fact: frozenset(each - {None}) for fact, each in found.items()}
