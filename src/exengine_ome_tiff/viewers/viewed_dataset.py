"""A dataset as viewers ask for it: frames that may grow in number, scale, and how channels look."""

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
    """What a viewer asks of a dataset.

    Parameters
    ----------
    name
        Of its file or folder.
    recording
        Returns the dataset as it is now; RuntimeError if it is closed.
    images
        Lays out the frames of that.
    facts
        Returns what is known of frames that are being written; None if none are.
    refresh
        Looks for frames that have come.
    is_over
        Whether no more frames come.
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
        """Find out the calibration of the first image whose frames are such."""
        recording = self.recording()
        images = self.images(recording)
        image = next(image for image in images if image.pixels.stored == (shape, dtype.str))
        return calibration_of(image, images, recording, self.facts())

    def looks(self) -> dict[AxisValue, ChannelLook]:
        """Find out how channels look, by their values."""
        recording, facts = self.recording(), self.facts()
        images = self.images(recording)
        elements = [None] * len(images) if facts is not None else image_elements(recording, images)
        return channel_looks(zip(images, elements, strict=True), lambda: facts or recording.facts())
