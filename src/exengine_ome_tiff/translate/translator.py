"""What a metadata dialect is, and those that are tables of keys."""

from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar, NamedTuple

from exengine_ome_tiff.translate.values import FrameValues, PlaneValues, SummaryValues

Tags = Mapping[str, object]
"""Metadata of a frame or of a dataset in JSON's types, the keys of nested dicts joined with dots."""


class Translator:
    """A dialect of metadata; subclasses say what they know, and leave out what they do not.

    Attributes
    ----------
    name
        Of the dialect.
    """

    name: ClassVar[str] = ""

    def speaks(self, tags: Tags) -> bool:
        """Whether metadata is in this dialect; asked once for each set of keys."""
        raise NotImplementedError

    def plane(self, tags: Tags) -> PlaneValues:
        """Tell what differs from plane to plane; called for each frame while it is put, so be quick."""
        del tags
        return PlaneValues()

    def frame(self, tags: Tags) -> FrameValues:
        """Tell what else a frame says; called for a few frames of each image when the dataset is finished."""
        del tags
        return FrameValues()

    def summary(self, tags: Tags) -> SummaryValues:
        """Tell what the summary metadata says."""
        del tags
        return SummaryValues()

    def translated(self, tags: Tags) -> Iterable[str]:
        """Return the keys of what `plane` reads; they become no annotations."""
        del tags
        return ()

    def described(self, tags: Tags) -> Iterable[str]:
        """Return the keys of what `frame` reads; they become annotations only where planes differ in them."""
        del tags
        return ()


class Rule(NamedTuple):
    """A key that becomes a value of a plane."""

    key: str
    field: str
    """Of `PlaneValues`."""
    read: Callable[[object], float]
    target: str
    """Where the value goes in OME-XML."""


class Note(NamedTuple):
    """A key that is read by code."""

    key: str
    target: str
    read: Callable[[object], object] | None = None
    """Gives None or NaN for a value that OME has no place for; None where the key stands for several."""


_UNKNOWN_PLANE = PlaneValues()


def is_known(value: object) -> bool:
    """Whether a value is neither None nor NaN."""
    return value is not None and value == value


class TableTranslator(Translator):
    """A dialect whose values of planes are a table of keys.

    Attributes
    ----------
    keys
        One of them is enough to recognise the dialect.
    rules
        Of several for the same field the first that can be read counts.
    notes
        What `frame` and `summary` read.
    """

    keys: ClassVar[frozenset[str]] = frozenset()
    rules: ClassVar[tuple[Rule, ...]] = ()
    notes: ClassVar[tuple[Note, ...]] = ()
    summary_notes: ClassVar[tuple[Note, ...]] = ()

    def __init__(self) -> None:
        self._slots = [
            (PlaneValues._fields.index(rule.field), rule.key, rule.read) for rule in reversed(self.rules)
        ]

    def speaks(self, tags: Tags) -> bool:
        return not self.keys.isdisjoint(tags)

    def plane(self, tags: Tags) -> PlaneValues:
        values = [*_UNKNOWN_PLANE]
        for slot, key, read in self._slots:
            if key in tags:
                value = read(tags[key])
                if value == value:
                    values[slot] = value
        return PlaneValues._make(values)

    def translated(self, tags: Tags) -> Iterable[str]:
        return {rule.key for rule in self.rules if rule.key in tags and is_known(rule.read(tags[rule.key]))}

    def described(self, tags: Tags) -> Iterable[str]:
        notes = [(note.key, note.read) for note in self.notes if note.read is not None and note.key in tags]
        return {key for key, read in notes if is_known(read(tags[key]))}
