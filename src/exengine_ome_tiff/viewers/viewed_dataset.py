"""A dataset for viewers: its frames, which may grow, its calibration, and the looks of channels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from exengine_ome_tiff.coordinates.layout import AxisValue
from exengine_ome_tiff.dataset.facts import Facts
from exengine_ome_tiff.dataset.frame_index import FrameIndex
from exengine_ome_tiff.dataset.recording import Recording
from exengine_ome_tiff.dataset.stored_images import StoredImage
from exengine_ome_tiff.reading.calibration import Calibration, calibration_of, image_elements
from exengine_ome_tiff.reading.channel_look import ChannelLook, channel_looks


@dataclass(frozen=True, slots=True, eq=False)
class ViewedDataset:
    """A dataset for a viewer.

    Parameters
    ----------
    name
        Name of the file or folder.
    recording
        Returns the current state of the dataset; RuntimeError if it is closed.
    images
        Returns the images of a recording.
    facts
        Returns facts about frames that are being written; None if none are.
    refresh
        Checks for new frames.
    is_over
        Returns whether no more frames will be added.
    """

    name: str
    recording: Callable[[], Recording]
    images: Callable[[Recording], Sequence[StoredImage]]
    facts: Callable[[], Facts | None]
    refresh: Callable[[], object]
    is_over: Callable[[], bool]

    def frames(self) -> FrameIndex:
        """Return all frames."""
        return self.recording().index

    def calibration(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Calibration:
        """Return the calibration of the first image with this shape and type."""
        recording = self.recording()
        images = self.images(recording)
        image = next(image for image in images if image.pixels.stored == (shape, dtype.str))
        return calibration_of(image, images, recording, self.facts())

    def looks(self) -> dict[AxisValue, ChannelLook]:
        """Return the looks of channels by their values."""
        recording, facts = self.recording(), self.facts()
        images = self.images(recording)
        elements = [None] * len(images) if facts is not None else image_elements(recording, images)
        return channel_looks(zip(images, elements, strict=True), lambda: facts or recording.facts())
