"""Export of an image as an ImageJ hyperstack, which opens without Bio-Formats."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates.keys import FrameNumber
from exengine_ome_tiff.dataset.location import check_new_file, new_path
from exengine_ome_tiff.dataset.stored_images import ImageChoice, find_image
from exengine_ome_tiff.inspection.open_dataset import OpenDataset, OpenImage
from exengine_ome_tiff.inspection.preview_cells import row_channels, thinned
from exengine_ome_tiff.tiff import Hyperstack, patiently, write_hyperstack

_FITTING = {
    **{np.dtype(code): np.dtype(code) for code in ("u1", "u2", "i2", "f4")},
    np.dtype("i1"): np.dtype("i2"),
    **{np.dtype(code): np.dtype("f4") for code in ("u4", "i4", "f8")},
}
"""ImageJ's pixel type for each type."""
_RGB = 3
_RGB_COLORS = ((255, 0, 0), (0, 255, 0), (0, 0, 255))
_MOST_SAMPLED = 16


@dataclass(frozen=True, slots=True)
class ExportResult:
    """Result of `export_imagej`.

    Parameters
    ----------
    path
        The file.
    image
        Name of the image.
    sizes
        Planes along T, C and Z, pixels along Y and X, and S for RGB.
    dtype
        Pixel type in the file.
    gaps
        Number of black planes for which no frame was put.
    notes
        Changes to the pixels.
    """

    path: Path
    image: str
    sizes: dict[str, int]
    dtype: str
    gaps: int
    notes: tuple[str, ...]


def export_imagej(
    path: str | PathLike[str],
    dest: str | PathLike[str],
    image: ImageChoice = None,
    *,
    overwrite: bool = False,
    progress: Callable[[int, int], object] | None = None,
) -> ExportResult:
    """Write an image as an ImageJ hyperstack with calibration, channel colours and slice labels.

    Signed 8-bit integers become 16-bit integers; 32-bit integers and 64-bit floats become 32-bit floats, with
    a note if values were rounded. RGB with 16 bits per sample becomes three channels.

    Parameters
    ----------
    path
        A single file, a folder, or any file of a folder, finished or not.
    dest
        The file to write, ending in .tif or .tiff.
    image
        Number in `TiffStorage.images`, name, or unique coordinates; None for the only image.
    overwrite
        Replace an existing file.
    progress
        Called with the number of planes written and the total.

    Returns
    -------
    ExportResult

    Raises
    ------
    FileNotFoundError
        There is nothing at `path`.
    FileExistsError
        `dest` exists.
    ValueError
        No image matches, or several do; ImageJ does not support the pixel type, or the image exceeds 4 GB;
        `dest` does not end in .tif, or ends in .ome.tif.
    OmeTiffError
        There is no dataset at `path`.
    OSError
        The file could not be written.
    """
    target = new_path(dest)
    if target.suffix.lower() not in (".tif", ".tiff"):
        raise ValueError(f"{target}: the name of an ImageJ hyperstack must end in .tif")
    if Path(target.stem).suffix.lower() == ".ome":
        raise ValueError(f"{target}: ImageJ output is not OME-TIFF; use a name ending in .tif, not .ome.tif")
    check_new_file(target, overwrite=overwrite)
    with OpenDataset(path) as data:
        if target.exists() and any(target.samefile(each) for each in data.paths):
            raise FileExistsError(f"{target} is the dataset itself")
        found = find_image(data.images, image)
        planes = _HyperstackPlanes(data, found)
        stack = planes.stack()
        part = target.with_name(f".{target.name}.part")
        try:
            write_hyperstack(part, stack, planes.all(progress))
            patiently(partial(part.replace, target))
        finally:
            part.unlink(missing_ok=True)
        sizes = dict(zip("TZCYXS", stack.shape, strict=False))
        return ExportResult(
            target,
            found.name,
            {axis: sizes[axis] for axis in "TCZYXS" if axis in sizes},
            stack.dtype.name,
            int((planes.numbers < 0).sum()),
            tuple(planes.notes),
        )


class _HyperstackPlanes:
    """The planes of an image for ImageJ; ValueError if it does not support the pixel type."""

    def __init__(self, data: OpenDataset, image: OpenImage) -> None:
        self._data = data
        self._image = image
        self._layout = image.layout
        self._pixels = pixels = image.pixels
        self._is_split = pixels.samples > 1 and pixels.stored_dtype.itemsize > 1
        self._is_rgb = pixels.samples > 1 and not self._is_split
        dtype = _FITTING.get(pixels.stored_dtype)
        if dtype is None:
            raise ValueError(f"{image.name}: ImageJ does not support {pixels.stored_dtype.name} pixels")
        self._dtype = dtype
        self.notes: dict[str, None] = {}
        self.numbers: npt.NDArray[np.int64] = self._layout.cube().transpose(0, 2, 1)
        """Frame numbers, -1 for a plane without a frame; shape (T, Z, C)."""

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
        """Convert a frame to one plane for ImageJ, or to three."""
        pixels = self._pixels
        if number < 0:
            stored = np.zeros(pixels.stored_shape, pixels.stored_dtype)
        else:
            stored = self._data.frames.stored(FrameNumber(number))
        if pixels.samples > _RGB:
            self.notes["transparency is omitted"] = None
            stored = stored[..., :_RGB]
        with np.errstate(all="ignore"):  # values beyond float32
            plane = np.ascontiguousarray(stored, self._dtype)
            is_same = np.array_equal(plane.astype(stored.dtype), stored, equal_nan=True)
        if not is_same:
            self.notes[f"{stored.dtype.name} is rounded to {self._dtype.name}"] = None
        if not self._is_split:
            return [plane]
        return [np.ascontiguousarray(plane[..., sample]) for sample in range(_RGB)]

    def _ranges(self, channel: int) -> list[tuple[float, float]]:
        """Return the value range of some planes of a channel, or of each sample of RGB."""
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
    """Return the mean interval between the first and the last time point with a known time."""
    known = np.flatnonzero(~np.isnan(times_s))
    if len(known) < 2:
        return None
    first, last = known[0], known[-1]
    return float((times_s[last] - times_s[first]) / (last - first))
