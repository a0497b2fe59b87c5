"""What a metadata dialect is: a translator, which may be made of tables of keys, or by users."""

import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import ClassVar, NamedTuple, TypeVar

from exengine_ome_tiff.translate import parse
from exengine_ome_tiff.translate.values import UNKNOWN, FrameValues, PlaneValues, SummaryValues

logger = logging.getLogger(__name__)
T = TypeVar("T")

Tags = Mapping[str, object]
"""Metadata of a frame or of a dataset in JSON's types, the keys of nested dicts joined with dots."""


class Translator:
    """A dialect of metadata; subclasses say what they know, and leave out what they do not.

    Each value is resolved on its own: what a translator leaves out, others may tell.

    Attributes
    ----------
    name
        Of the dialect.
    """

    name: ClassVar[str] = ""

    def matches(self, tags: Tags) -> bool:
        """Whether metadata is in this dialect; asked once for each set of keys."""
        raise NotImplementedError

    def plane_values(self, tags: Tags) -> PlaneValues:
        """Tell what differs from plane to plane; called for each frame while it is put, so be quick."""
        del tags
        return PlaneValues()

    def frame_values(self, tags: Tags) -> FrameValues:
        """Tell what else a frame says; called when the dataset is finished."""
        del tags
        return FrameValues()

    def summary_values(self, tags: Tags) -> SummaryValues:
        """Tell what the summary metadata says."""
        del tags
        return SummaryValues()

    def translated(self, tags: Tags) -> Iterable[str]:
        """Return the keys of what `plane_values` reads; where it is written, they become no annotations."""
        del tags
        return ()

    def described(self, tags: Tags) -> Iterable[str]:
        """Return the keys of what `frame_values` reads; where it is written, they become no annotations."""
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
    needs_dialect: bool = False
    """Whether the key counts only where its dialect is recognised, as its name does not say its unit."""
    only_if: tuple[str, object] | None = None
    """Another key, and the value that it must have for the rule to count."""


class Note(NamedTuple):
    """A key that becomes a fact of a frame or of a dataset."""

    key: str
    target: str
    fact: str = ""
    """Of `FrameValues` or `CameraValues`; empty if the key is read by code."""
    read: Callable[[object], object] | None = None
    """Gives None or NaN for a value that OME has no place for."""


LABEL_FACT = "label of "
"""What facts begin with that tell the label a device is set to; the name of the device follows."""


class Told(NamedTuple):
    """A fact of a frame, and the key that tells it."""

    fact: str
    value: object
    key: str = ""


def is_known(value: object) -> bool:
    """Whether a value is neither None nor NaN."""
    return value is not None and value == value


class Dialect(Translator):
    """A dialect of this package: tables of keys, and what code reads.

    Attributes
    ----------
    keys
        One of them is enough to recognise the dialect.
    is_general
        Whether its keys count also where other dialects are recognised.
    reads_names
        Whether it reads any key whose name tells its meaning; then it leaves others the keys that they know.
    containers
        What may be before its keys, such as ``UserData.``, as programs nest what others wrote.
    rules
        Of several for the same field the first that can be read counts.
    notes
        What frames say beside numbers of planes.
    summary_notes
        What `summary_values` reads.
    """

    keys: ClassVar[frozenset[str]] = frozenset()
    is_general: ClassVar[bool] = True
    reads_names: ClassVar[bool] = False
    containers: ClassVar[tuple[str, ...]] = ()
    rules: ClassVar[tuple[Rule, ...]] = ()
    notes: ClassVar[tuple[Note, ...]] = ()
    summary_notes: ClassVar[tuple[Note, ...]] = ()

    @classmethod
    def known_keys(cls) -> set[str]:
        """Return the keys of all tables; one that is a summary's is known to be no frame's."""
        notes = {note.key for note in (*cls.notes, *cls.summary_notes)}
        return notes | {rule.key for rule in cls.rules}

    def matches(self, tags: Tags) -> bool:
        return any(f"{each}{key}" in tags for each in ("", *self.containers) for key in self.keys)

    def plane_rules(self, tags: Tags, *, is_recognised: bool) -> Iterator[Rule]:
        """Yield the rules for the keys that there are, the first ones first."""
        for rule in self.rules:
            if is_recognised or not rule.needs_dialect:
                yield from (rule._replace(key=key) for key in self.spelled(rule.key, tags))

    def last_rules(self, tags: Tags) -> Iterator[Rule]:
        """Yield rules that come after those of all other dialects."""
        del tags
        yield from ()

    def told(self, tags: Tags) -> Iterator[Told]:
        """Yield the facts that a frame tells, the first ones first."""
        for note in self.notes:
            if note.read is not None:
                for key in self.spelled(note.key, tags):
                    value = note.read(tags[key])
                    if is_known(value):
                        yield Told(note.fact, value, key)

    def fact_keys(self, tags: Tags) -> Iterator[str]:
        """Yield the keys that `told` may read, but for time stamps, which differ from frame to frame."""
        for note in self.notes:
            if note.read is not None and note.fact != "acquired":
                yield from self.spelled(note.key, tags)

    def stamp_keys(self, tags: Tags) -> Iterator[str]:
        """Yield the keys that tell when a frame was taken."""
        for note in self.notes:
            if note.fact == "acquired":
                yield from self.spelled(note.key, tags)

    def spelled(self, key: str, tags: Tags) -> Iterator[str]:
        """Yield a key as it is there, on its own or in containers."""
        for container in ("", *self.containers):
            if f"{container}{key}" in tags:
                yield f"{container}{key}"


class Guarded(Translator):
    """A translator of somebody else; where it fails, nothing is known, and the log says so.

    The log gets one line for each method and type of error, as the text may differ from frame to frame.

    Parameters
    ----------
    translator
        The other one.

    Raises
    ------
    TypeError
        It is none.
    """

    def __init__(self, translator: object) -> None:
        self._translator = check_translator(translator)
        self._logged: set[tuple[str, type[Exception]]] = set()
        """Methods and the types of their errors."""

    def matches(self, tags: Tags) -> bool:
        return self._ask(lambda: bool(self._translator.matches(_frozen(tags))), "matches", default=False)

    def plane_values(self, tags: Tags) -> PlaneValues:
        return self._ask(
            lambda: _checked(self._translator.plane_values(_frozen(tags))), "plane_values", PlaneValues()
        )

    def frame_values(self, tags: Tags) -> FrameValues:
        return self._ask(
            lambda: _expected(FrameValues, self._translator.frame_values(_frozen(tags))),
            "frame_values",
            FrameValues(),
        )

    def summary_values(self, tags: Tags) -> SummaryValues:
        return self._ask(
            lambda: _expected(SummaryValues, self._translator.summary_values(_frozen(tags))),
            "summary_values",
            SummaryValues(),
        )

    def translated(self, tags: Tags) -> Iterable[str]:
        return self._ask(lambda: {*map(str, self._translator.translated(_frozen(tags)))}, "translated", set())

    def described(self, tags: Tags) -> Iterable[str]:
        return self._ask(lambda: {*map(str, self._translator.described(_frozen(tags)))}, "described", set())

    def _ask(self, ask: Callable[[], T], method: str, default: T) -> T:
        try:
            return ask()
        except Exception as error:  # noqa: BLE001 - it is foreign code, and the frame must be kept
            if (method, type(error)) not in self._logged:
                self._logged.add((method, type(error)))
                log_failure(f"{type(self._translator).__qualname__}.{method}", error_text(error))
            return default


def check_translator(translator: object) -> Translator:
    """Return a translator; TypeError if it is none."""
    if not isinstance(translator, Translator):
        raise TypeError(f"got {translator!r} as a translator, expected an instance of a Translator")
    return translator


def log_failure(what: str, error: str) -> None:
    """Log what went wrong."""
    logger.error("%s of a metadata translator failed, its values are left out: %s", what, error)


def error_text(error: Exception) -> str:
    """Return the type and the message of an error."""
    return f"{type(error).__name__}: {error}"


def _frozen(tags: Tags) -> Tags:
    return MappingProxyType(tags)


def _expected(kind: type[T], answer: object) -> T:
    if not isinstance(answer, kind):
        raise TypeError(f"got {answer!r}, expected {kind.__name__}")
    return answer


def _checked(values: PlaneValues) -> PlaneValues:
    """Leave out numbers that OME has no place for."""
    plane = PlaneValues._make(map(float, values))
    plane = PlaneValues._make(value if math.isfinite(value) else UNKNOWN for value in plane)
    return plane._replace(
        exposure_s=parse.exposure_s(plane.exposure_s),
        pixel_size_um=parse.size_um(plane.pixel_size_um),
        bit_depth=parse.bits(plane.bit_depth),
    )
