"""What the metadata of all frames says, by their numbers."""

from collections.abc import Collection, Iterable, Mapping

from exengine_ome_tiff.coordinates import FrameNumber
from exengine_ome_tiff.dataset.frame_index import FrameIndex
from exengine_ome_tiff.dataset.records import decode_tags
from exengine_ome_tiff.translate import Interpreter, PlaneTable, Translator


class MetadataTable:
    """Collects what the metadata of frames says.

    Parameters
    ----------
    translators
        Of the user.

    Raises
    ------
    TypeError
        One is no `Translator`.
    """

    def __init__(self, translators: Iterable[Translator] = ()) -> None:
        self.interpreter = Interpreter(translators)
        self.planes = PlaneTable()

    @classmethod
    def read(cls, index: FrameIndex, translators: Iterable[Translator] = ()) -> "MetadataTable":
        """Read the metadata of all frames from their records."""
        table = cls(translators)
        for number in map(FrameNumber, range(len(index))):
            table.append(decode_tags(index.note(number)))
        return table

    def append(self, tags: Mapping[str, object], changed: Collection[str] | None = None) -> None:
        """Add the metadata of the next frame; see `Interpreter.read`."""
        self.planes.append(self.interpreter.read(tags, changed))
