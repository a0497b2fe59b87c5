"""A dataset as viewers ask for it: frames that may grow in number, scale, and how channels look."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from exengine_ome_tiff.coordinates.layout import AxisValue
from exengine_ome_tiff.dataset.facts import Facts
from exengine_ome_tiff.dataset.frame_index import FrameIndex
from exengine_ome_tiff.dataset.recording import Recording
from exengine_ome_tiff.dataset.stored_images import StoredImage
from exengine_ome_tiff.reading.calibration import Calibration, image_elements
from exengine_ome_tiff.reading.channel_look import ChannelLook, channel_looks


@dataclass(frozen=True, slots=True, eq=False)
class ViewedDataset:
    """What a viewer asks of a dataset.

    Parameters
    ----------
    name
        Of its file or folder.
    frames
        Returns all frames; RuntimeError where the dataset is closed.
    recording, images
        Return the dataset and its images, as they are now.
    facts
        Returns what is known of frames that are being written; None where none are.
    calibration
        Returns the calibration of an image.
    refresh
        Looks for frames that have come.
    is_over
        Whether no more frames come.
    """

    name: str
    frames: Callable[[], FrameIndex]
    recording: Callable[[], Recording]
    images: Callable[[], Sequence[StoredImage]]
    facts: Callable[[], Facts | None]
    calibration: Callable[[StoredImage], Calibration]
    refresh: Callable[[], object]
    is_over: Callable[[], bool]

    def looks(self) -> dict[AxisValue, ChannelLook]:
        """Find out how channels look, by their values."""
        recording, images, facts = self.recording(), self.images(), self.facts()
        elements = [None] * len(images) if facts is not None else image_elements(recording, images)
        return channel_looks(zip(images, elements, strict=True), lambda: facts or recording.facts())
