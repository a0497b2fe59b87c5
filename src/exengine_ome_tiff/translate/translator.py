"""What a metadata dialect is, and those that are tables of keys."""

import math
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
        """Return the keys whose values OME has a place for; the others become annotations."""
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
    """A key that is read by code, for the documentation."""

    key: str
    target: str


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
        values = [*PlaneValues()]
        for slot, key, read in self._slots:
            if key in tags:
                value = read(tags[key])
                if value == value:
                    values[slot] = value
        return PlaneValues(*values)

    def translated(self, tags: Tags) -> Iterable[str]:
        read = {key for _, key, read in self._slots if key in tags and not math.isnan(read(tags[key]))}
        return read | {note.key for note in self.notes if tags.get(note.key) not in (None, "")}
