"""Shape and type of the frames of an array."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates.keys import FrameNumber, value_text
from exengine_ome_tiff.dataset.frame_index import FrameIndex, PageLocations
from exengine_ome_tiff.reading.selection import Numbers, Selection
from exengine_ome_tiff.tiff import PixelFormat


@dataclass(frozen=True, slots=True)
class FrameKind:
    """Shape and native type of all frames of an array, as they were put or as stored in the file."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_as_put: bool = True

    @classmethod
    def as_put(cls, pixels: PixelFormat) -> "FrameKind":
        """Describe pixels as they were put."""
        return cls(pixels.shape, np.dtype(pixels.dtype).newbyteorder("="))

    @classmethod
    def as_stored(cls, pixels: PixelFormat) -> "FrameKind":
        """Describe pixels as stored in the file."""
        return cls(pixels.stored_shape, pixels.stored_dtype.newbyteorder("="), is_as_put=False)

    @property
    def nbytes(self) -> int:
        """Bytes of a frame in the array."""
        return math.prod(self.shape) * self.dtype.itemsize

    def pixels(self, what: PixelFormat, stored: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Convert the stored pixels of a page or region to those of the array."""
        return (what.as_put(stored) if self.is_as_put else stored).astype(self.dtype, copy=False)

    def __str__(self) -> str:
        return f"{'x'.join(map(str, self.shape))} {self.dtype.name}"


def kind_of(locations: PageLocations) -> FrameKind:
    """Return the kind of frames as they were put, or as stored if that differs or is packed."""
    formats = [locations.known_formats[number] for number in np.unique(locations.formats).tolist()]
    kinds = {FrameKind.as_put(pixels) for pixels in formats}
    if len(kinds) > 1 or any(pixels.packing for pixels in formats):
        kinds = {FrameKind.as_stored(pixels) for pixels in formats}
    (kind,) = kinds
    return kind


def only_kind(dataset: FrameIndex, chosen: Selection, pages: PageLocations) -> FrameKind:
    """Return the kind of all frames, or of the first if none is chosen; ValueError if they differ."""
    if not len(pages.files):
        return FrameKind.as_put(dataset.format(FrameNumber(0)))
    kinds = [FrameKind.as_put(pixels) for pixels in pages.known_formats]
    numbers, first = np.unique(pages.formats, return_index=True)
    seen: dict[FrameKind, int] = {
        kinds[number]: int(row) for number, row in zip(numbers.tolist(), first.tolist(), strict=True)
    }
    if len(seen) == 1:
        (kind,) = seen
        return kind
    places = np.argwhere(chosen.frames >= 0)
    names = [*chosen.axes]
    examples = "; ".join(
        f"{kind} at "
        + ", ".join(
            f"{name}={value_text(chosen.axes[name][index])}"
            for name, index in zip(names, places[row].tolist(), strict=True)
        )
        for kind, row in seen.items()
    )
    of_frame = np.array([[*seen].index(kinds[number]) for number in pages.formats.tolist()])
    separating = [name for column, name in enumerate(names) if _separates(places[:, column], of_frame)]
    wanted = " or ".join(repr(name) for name in separating or names)
    raise ValueError(f"frames differ in shape or type: {examples}; select a value of {wanted}")


def _separates(indices: Numbers, kinds: Numbers) -> bool:
    """Whether all frames at the same index are of one kind."""
    pairs = np.unique(np.stack([indices, kinds], axis=1), axis=0)
    return len(pairs) == len(np.unique(indices))
