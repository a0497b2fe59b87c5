"""Planes of an image for ImageJ: in its order, of its types, with calibration, colours and labels."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates import FrameNumber
from exengine_ome_tiff.inspection.open_dataset import OpenDataset, OpenImage
from exengine_ome_tiff.inspection.preview_cells import row_channels, thinned
from exengine_ome_tiff.tiff import Hyperstack

_FITTING = {
    **{np.dtype(code): np.dtype(code) for code in ("u1", "u2", "i2", "f4")},
    np.dtype("i1"): np.dtype("i2"),
    **{np.dtype(code): np.dtype("f4") for code in ("u4", "i4", "f8")},
}
"""Types that ImageJ knows, and those that others become."""
_RGB = 3
_RGB_COLORS = ((255, 0, 0), (0, 255, 0), (0, 0, 255))
_MOST_SAMPLED = 16


class HyperstackPlanes:
    """The planes of an image for ImageJ; ValueError if ImageJ has no such pixels."""

    def __init__(self, data: OpenDataset, image: OpenImage) -> None:
        self._data = data
        self._image = image
        self._layout = image.layout
        self._pixels = pixels = image.pixels
        self._is_split = pixels.samples > 1 and pixels.stored_dtype.itemsize > 1
        self._is_rgb = pixels.samples > 1 and not self._is_split
        dtype = _FITTING.get(pixels.stored_dtype)
        if dtype is None:
            raise ValueError(f"{image.name}: ImageJ has no pixels of type {pixels.stored_dtype.name}")
        self._dtype = dtype
        self.notes: dict[str, None] = {}
        self.numbers: npt.NDArray[np.int64] = self._layout.cube().transpose(0, 2, 1)
        """Numbers of the frames, -1 for a plane without one; shape (T, Z, C)."""

    def stack(self) -> Hyperstack:
        """Return the description of the image for ImageJ."""
        calibration = self._data.calibration(self._image)
        shape = [*self.numbers.shape, *self._pixels.stored_shape[:2]]
        channels = [channel.color for channel in row_channels(self._image)]
        if self._is_split:
            shape[2] *= _RGB
            channels = [color for _ in channels for color in _RGB_COLORS]
        y_um, x_um = calibration.pixel_size_um
        stack = Hyperstack(
            (*shape, _RGB) if self._is_rgb else tuple(shape),
            self._dtype,
            self._labels(),
            () if self._is_rgb else channels,
            (),
            (x_um, y_um) if x_um and y_um else None,
            calibration.z_step_um,
            calibration.time_interval_s or _mean_interval_s(calibration.time_points_s()),
        )
        if self._is_rgb:
            return stack
        ranges = [each for channel in range(self.numbers.shape[2]) for each in self._ranges(channel)]
        return replace(stack, ranges=ranges)

    def all(self, progress: Callable[[int, int], object] | None) -> Iterator[npt.NDArray[Any]]:
        """Yield all planes in ImageJ's order: channels first, then z."""
        numbers = self.numbers.ravel().tolist()
        for done, number in enumerate(numbers):
            if progress is not None:
                progress(done, len(numbers))
            yield from self._fitting(number)
        if progress is not None:
            progress(len(numbers), len(numbers))

    def _fitting(self, number: int) -> list[npt.NDArray[Any]]:
        """Return a frame as ImageJ can have it: as one plane, or as three."""
        pixels = self._pixels
        if number < 0:
            stored = np.zeros(pixels.stored_shape, pixels.stored_dtype)
        else:
            stored = self._data.frames.stored(FrameNumber(number))
        if pixels.samples > _RGB:
            self.notes["transparency is left out"] = None
            stored = stored[..., :_RGB]
        with np.errstate(all="ignore"):  # what float32 cannot hold
            plane = np.ascontiguousarray(stored, self._dtype)
            is_same = np.array_equal(plane.astype(stored.dtype), stored, equal_nan=True)
        if not is_same:
            self.notes[f"{stored.dtype.name} is rounded to {self._dtype.name}"] = None
        if not self._is_split:
            return [plane]
        return [np.ascontiguousarray(plane[..., sample]) for sample in range(_RGB)]

    def _ranges(self, channel: int) -> list[tuple[float, float]]:
        """Return least and greatest value of some planes of a channel, of each sample where it is RGB."""
        numbers = self.numbers[..., channel].ravel()
        there = numbers[numbers >= 0]
        parts = [self._fitting(there[at]) for at in thinned(len(there), _MOST_SAMPLED)]
        parts = parts or [self._fitting(-1)]
        found = []
        for planes in zip(*parts, strict=True):
            finite = [plane[np.isfinite(plane)] for plane in planes]
            values = [value for plane in finite if plane.size for value in (plane.min(), plane.max())] or [0]
            least, greatest = float(min(values)), float(max(values))
            found.append((least, greatest if greatest > least else least + 1))
        return found

    def _labels(self) -> list[str]:
        """Return a label for each plane."""
        layout = self._layout
        names = {axis: [layout.label(axis, at) for at in range(layout.sizes[axis])] for axis in "TZC"}
        labels = []
        for (t, z, c), number in np.ndenumerate(self.numbers):
            parts = [names["C"][c], names["Z"][z], names["T"][t], "" if number >= 0 else "not acquired"]
            label = " ".join(filter(None, parts)) or self._image.name
            labels += [f"{label} {sample}" for sample in "RGB"] if self._is_split else [label]
        return labels


def _mean_interval_s(times_s: npt.NDArray[np.float64]) -> float | None:
    """Return the mean time between time points, from the first and the last one that have a time."""
    known = np.flatnonzero(~np.isnan(times_s))
    if len(known) < 2:
        return None
    first, last = known[0], known[-1]
    return float((times_s[last] - times_s[first]) / (last - first))
