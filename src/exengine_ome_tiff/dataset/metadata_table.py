"""Values from the metadata of all frames, by frame number."""

from collections.abc import Collection, Iterable, Mapping

import numpy as np

from exengine_ome_tiff.coordinates.keys import FrameNumber
from exengine_ome_tiff.coordinates.layout import ImageLayout
from exengine_ome_tiff.dataset.frame_index import FrameIndex
from exengine_ome_tiff.dataset.records import decode_tags
from exengine_ome_tiff.translate.frame_facts import Group
from exengine_ome_tiff.translate.interpreter import Interpreter
from exengine_ome_tiff.translate.values import PlaneTable


class MetadataTable:
    """Collects values from the metadata of frames.

    Parameters
    ----------
    interpreter
        An interpreter that has not read any metadata yet.
    """

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.planes = PlaneTable()

    @classmethod
    def read(cls, index: FrameIndex, interpreter: Interpreter) -> "MetadataTable":
        """Read the metadata of all frames from their records."""
        table = cls(interpreter)
        for number in map(FrameNumber, range(len(index))):
            table.append(decode_tags(index.note(number)))
        return table

    def snapshot(self) -> "MetadataTable":
        """Return a copy that later additions do not change; nothing may be added during this call."""
        other = MetadataTable(self.interpreter.snapshot())
        other.planes = self.planes.snapshot()
        return other

    def append(self, tags: Mapping[str, object], changed: Collection[str] | None = None) -> None:
        """Add the metadata of the next frame; see `Interpreter.read`."""
        self.planes.append(self.interpreter.read(tags, changed))


def channel_groups(layout: ImageLayout, groups: Iterable[Group]) -> list[list[Group]]:
    """Split the groups of an image's frames by channel."""
    found = [list[Group]() for _ in layout.values["C"]]
    numbers, channels = layout.channel_of_frames()
    for group in groups:
        frames = np.unique(group.frames)
        of_frames = channels[np.searchsorted(numbers, frames)]
        order = np.argsort(of_frames, kind="stable")
        there, starts = np.unique(of_frames[order], return_index=True)
        for channel, part in zip(there.tolist(), np.split(frames[order], starts[1:]), strict=True):
            found[channel].append(Group(group.facts, part))
    return found
