"""Writing ImageJ's own TIFF format: hyperstacks that ImageJ opens without a plugin."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

_MOST_BYTES = (1 << 32) - (1 << 25)
"""Maximum size of the pixels in a classic TIFF file; the rest is for their description."""
_PAGE_BYTES = 512
"""Maximum overhead of a page, without its pixels and its label."""
_MOST_COMPOSITE = 7


@dataclass(frozen=True, slots=True, eq=False)
class Hyperstack:
    """An image as ImageJ describes it.

    Parameters
    ----------
    shape
        Sizes along T, Z, C, Y and X, and S, which is 3, for RGB.
    dtype
        uint8, uint16, int16 or float32; uint8 for RGB.
    labels
        Labels of all planes; C varies fastest, then Z.
    colors
        Red, green and blue of each channel; none for RGB.
    ranges
        Darkest and brightest displayed value of each channel; none for RGB.
    pixel_size_um
        Width and height of a pixel in the sample; None if unknown.
    z_step_um, time_interval_s
        Distance and time between planes; None if unknown.

    Raises
    ------
    ValueError
        The image does not fit into a classic TIFF file. ImageJ does not read BigTIFF.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    labels: Sequence[str]
    colors: Sequence[tuple[int, int, int]]
    ranges: Sequence[tuple[float, float]]
    pixel_size_um: tuple[float, float] | None
    z_step_um: float | None
    time_interval_s: float | None

    def __post_init__(self) -> None:
        nbytes = int(np.prod([*self.shape], dtype=object)) * self.dtype.itemsize
        if nbytes > _MOST_BYTES or len(self.labels) * _PAGE_BYTES > (1 << 32) - nbytes:
            raise ValueError(
                f"{nbytes / 1e9:.1f} GB of pixels, ImageJ's own TIFF has room for {_MOST_BYTES / 1e9:.1f}; "
                "Bio-Formats opens the OME-TIFF itself, of any size"
            )

    def metadata(self) -> Mapping[str, object]:
        """Return the metadata with ImageJ's names."""
        found: dict[str, object] = {"axes": "TZCYXS"[: len(self.shape)], "Labels": [*self.labels]}
        if self.pixel_size_um is not None or self.z_step_um is not None:
            found["unit"] = "um"
        if self.z_step_um is not None:
            found["spacing"] = self.z_step_um
        if self.time_interval_s is not None:
            found["finterval"] = self.time_interval_s
        if self.colors:
            count = len(self.colors)
            several = "composite" if count <= _MOST_COMPOSITE else "color"
            found["mode"] = several if count > 1 else "grayscale"
            found["LUTs"] = [_ramp(color) for color in self.colors]
            found["Ranges"] = [value for pair in self.ranges for value in pair]
            found["min"], found["max"] = self.ranges[0]
        return found


def _ramp(color: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
    """Return the lookup table from black to a colour, shape (3, 256)."""
    steps = np.arange(256)
    return np.stack([np.rint(steps * (part / 255)) for part in color]).astype(np.uint8)


def write_hyperstack(path: Path, stack: Hyperstack, planes: Iterator[npt.NDArray[Any]]) -> None:
    """Write a file, plane by plane.

    Parameters
    ----------
    path
        Path of the file, which replaces an existing one.
    stack
        Description of the image.
    planes
        All planes in the order of the labels, shape (Y, X) or (Y, X, S), in the type of the image.

    Raises
    ------
    OSError
        The file could not be written.
    """
    size = stack.pixel_size_um
    with path.open("wb") as file:
        tifffile.imwrite(
            file,
            planes,
            shape=stack.shape,
            dtype=stack.dtype,
            imagej=True,
            photometric="rgb" if len(stack.shape) > len("TZCYX") else "minisblack",
            resolution=None if size is None else (1 / size[0], 1 / size[1]),
            metadata=dict(stack.metadata()),
        )
