"""Which facts of the metadata an OME image contains."""

from collections.abc import Mapping
from datetime import UTC

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.ome.image_values import ImageValues
from exengine_ome_tiff.ome.text import BINNINGS
from exengine_ome_tiff.ome.user_values import ObjectiveInfo
from exengine_ome_tiff.pieces import pieces
from exengine_ome_tiff.translate.values import UNKNOWN, Frames, is_unknown, taken
from exengine_ome_tiff.translate.written_keys import LABEL, Written

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
    frames: Frames,
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
    return Written(_WrittenPlanes(values, columns, frames), _facts(values, shape, dtype))


class _WrittenPlanes:
    """The values of planes in an image, for some of its frames at a time.

    Parameters
    ----------
    values, columns, frames
        As for `written_into`.
    """

    def __init__(
        self, values: ImageValues, columns: Mapping[str, npt.NDArray[np.float64]], frames: Frames
    ) -> None:
        self._columns = columns
        self._acquired = values.acquired
        self._of_image = {"pixel_size_um": values.pixel_size_x_um, "bit_depth": values.significant_bits}
        is_free = is_unknown(columns["utc_s"]) and is_unknown(columns["local_clock_s"])
        self._start_s = self._median_start_s(frames) if is_free else 0.0

    def __call__(self, name: str, frames: Frames) -> npt.NDArray[np.float64]:
        """Return the values of a field in frames, NaN where nothing was written."""
        planes = taken(self._columns[name], frames)
        if is_unknown(self._columns[name]):
            return planes
        if name in self._of_image:
            value = self._of_image[name]
            return np.where(planes == (UNKNOWN if value is None else value), planes, UNKNOWN)
        if name in _CLOCKS:
            off_s = planes - taken(self._columns["delta_t_s"], frames)
            return np.where(self._is_written(name, off_s), planes, UNKNOWN)
        return planes

    def _median_start_s(self, frames: Frames) -> float:
        """Return the start of the elapsed clock of an image, which is unknown without another clock."""
        elapsed_s, delta_t_s = (self._columns[name] for name in ("elapsed_s", "delta_t_s"))
        if is_unknown(elapsed_s):
            return 0.0
        off_s = np.empty(len(frames))
        for piece in pieces(len(frames)):
            off_s[piece] = taken(elapsed_s, frames[piece]) - taken(delta_t_s, frames[piece])
        return 0.0 if np.isnan(off_s).all() else float(np.nanmedian(off_s, overwrite_input=True))

    def _is_written(self, name: str, off_s: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Find the frames for which AcquisitionDate and DeltaT together imply the value of a clock."""
        acquired = self._acquired
        has_zone = acquired is not None and acquired.tzinfo is not None
        if name == "elapsed_s":
            off_s -= self._start_s
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
