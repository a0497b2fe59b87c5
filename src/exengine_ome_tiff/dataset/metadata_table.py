"""What the metadata of all frames says, by their numbers."""

from collections.abc import Collection, Mapping

from exengine_ome_tiff.coordinates import FrameNumber
from exengine_ome_tiff.dataset.frame_index import FrameIndex
from exengine_ome_tiff.dataset.records import decode_tags
from exengine_ome_tiff.translate import Interpreter, PlaneTable


class MetadataTable:
    """Collects what the metadata of frames says.

    Parameters
    ----------
    interpreter
        Has read nothing yet.
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
        """Return a copy that later additions do not change; nothing may be added meanwhile."""
        other = MetadataTable(self.interpreter.snapshot())
        other.planes = self.planes.snapshot()
        return other

    def append(self, tags: Mapping[str, object], changed: Collection[str] | None = None) -> None:
        """Add the metadata of the next frame; see `Interpreter.read`."""
        self.planes.append(self.interpreter.read(tags, changed))
