"""Translators of metadata: the base class for users, dialects made of tables of keys, and flat tags."""

import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, TypeVar

from exengine_ome_tiff.text_format import error_text
from exengine_ome_tiff.translate import parse
from exengine_ome_tiff.translate.values import UNKNOWN, FrameValues, PlaneValues, SummaryValues

logger = logging.getLogger(__name__)
T = TypeVar("T")

Tags = Mapping[str, object]
"""Metadata of a frame or a dataset in JSON types; the keys of nested dicts are joined with dots."""

_LONG_KEY = 1000
"""Longer keys are not joined; no instrument has them."""
_WRAPPED = {"PropVal": "PropType", "scalar": "type"}
"""Keys of value and type in Micro-Manager's wrapped values: 2.0-beta's properties, and 2's property maps."""


class Translator:
    """Translates one dialect of metadata; subclasses return the values they know and leave out the others.

    Each value is resolved separately, so another translator may supply what this one leaves out.

    Attributes
    ----------
    name
        Name of the dialect.
    """

    name: ClassVar[str] = ""

    def matches(self, tags: Tags) -> bool:
        """Whether metadata is in this dialect; called once for each set of keys."""
        raise NotImplementedError

    def plane_values(self, tags: Tags) -> PlaneValues:
        """Return the values that differ between planes; called during each `put`, so it must be fast."""
        del tags
        return PlaneValues()

    def frame_values(self, tags: Tags) -> FrameValues:
        """Return the other values of a frame; called when the dataset is finished."""
        del tags
        return FrameValues()

    def summary_values(self, tags: Tags) -> SummaryValues:
        """Return the values of the summary metadata."""
        del tags
        return SummaryValues()

    def plane_keys(self, tags: Tags) -> Iterable[str]:
        """Return the keys that `plane_values` reads; annotations do not repeat values written from them."""
        del tags
        return ()

    def frame_keys(self, tags: Tags) -> Iterable[str]:
        """Return the keys that `frame_values` reads; annotations do not repeat values written from them."""
        del tags
        return ()


class Rule(NamedTuple):
    """A key that becomes a value of a plane."""

    key: str
    field: str
    """A field of `PlaneValues`."""
    read: Callable[[object], float]
    target: str
    """The place in OME-XML."""
    needs_dialect: bool = False
    """Whether the key counts only if its dialect is recognised, because its name lacks a unit."""
    only_if: tuple[str, object] | None = None
    """Another key, and the value it must have for the rule to count."""
    is_planned: bool = False
    """Whether the key holds an intended value, which counts only if no other key has a value."""


def stage_rules(
    pattern: str, target: str, *, needs_dialect: bool = False, is_planned: bool = False
) -> tuple[Rule, ...]:
    """Make the rules for x, y and z of a stage position; {x} or {X} in the texts stands for the axis."""
    return tuple(
        Rule(
            pattern.format(x=axis, X=axis.upper()),
            f"{axis}_um",
            parse.number,
            target.format(X=axis.upper()),
            needs_dialect,
            is_planned=is_planned,
        )
        for axis in "xyz"
    )


class Note(NamedTuple):
    """A key that becomes a fact of a frame or a dataset."""

    key: str
    target: str
    fact: str = ""
    """A field of `FrameValues`, `CameraValues` or `SummaryValues`; empty if code reads the key."""
    read: Callable[[object], object] = parse.text
    """Returns None or NaN for a value that OME has no place for."""


LABEL_FACT = "label of "
"""Start of the names of facts that hold the label of a device; the name of the device follows."""


class Fact(NamedTuple):
    """A fact of a frame and the key it comes from."""

    name: str
    value: object
    key: str = ""


def is_known(value: object) -> bool:
    """Whether a value is neither None nor NaN."""
    return value is not None and value == value


class Dialect(Translator):
    """A dialect of this package: tables of keys, and methods for what tables cannot express.

    Attributes
    ----------
    keys
        Keys that identify the dialect; one is enough.
    is_general
        Whether its keys also count where other dialects are recognised.
    reads_names
        Whether it reads any key with a meaningful name, except the keys that other dialects know.
    containers
        Prefixes of its keys, such as ``UserData.``, because programs nest the metadata of others.
    rules
        Keys of values of planes; of several for one field, the first that can be read counts.
    notes
        Keys of the other values of frames.
    summary_notes
        Keys of the summary.
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
        """Return the keys of all tables, including those of the summary."""
        notes = {note.key for note in (*cls.notes, *cls.summary_notes)}
        return notes | {rule.key for rule in cls.rules}

    def matches(self, tags: Tags) -> bool:
        return any(f"{each}{key}" in tags for each in ("", *self.containers) for key in self.keys)

    def plane_rules(self, tags: Tags, *, is_recognised: bool) -> Iterator[Rule]:
        """Yield the rules for the keys that are present, in order of precedence."""
        for rule in self.rules:
            if is_recognised or not rule.needs_dialect:
                yield from (rule._replace(key=key) for key in self.spelled(rule.key, tags))

    def last_rules(self, tags: Tags) -> Iterator[Rule]:
        """Yield rules that rank below those of all other dialects."""
        del tags
        yield from ()

    def facts(self, tags: Tags) -> Iterator[Fact]:
        """Yield the facts of a frame, in order of precedence."""
        for note in self.notes:
            for key in self.spelled(note.key, tags) if note.fact else ():
                value = note.read(tags[key])
                if is_known(value):
                    yield Fact(note.fact, value, key)

    def noted(self, tags: Tags) -> dict[str, Any]:
        """Read the summary notes; of several for one field, the first that can be read counts."""
        found: dict[str, Any] = {}
        for note in self.summary_notes:
            value = note.read(tags.get(note.key)) if note.fact else None
            if is_known(value):
                found.setdefault(note.fact, value)
        return found

    def fact_keys(self, tags: Tags) -> Iterator[str]:
        """Yield the keys that `facts` may read, except time stamps, which differ between frames."""
        for note in self.notes:
            if note.fact not in ("", "acquired"):
                yield from self.spelled(note.key, tags)

    def stamp_keys(self, tags: Tags) -> Iterator[str]:
        """Yield the keys of the time when a frame was taken."""
        for note in self.notes:
            if note.fact == "acquired":
                yield from self.spelled(note.key, tags)

    def spelled(self, key: str, tags: Tags) -> Iterator[str]:
        """Yield the forms of a key that are present: the key itself, and in containers."""
        for container in ("", *self.containers):
            if f"{container}{key}" in tags:
                yield f"{container}{key}"


class Guarded(Translator):
    """A translator of a user or another package; if it raises, its values are left out.

    The log gets one line for each method and type of error.

    Raises
    ------
    TypeError
        The argument is not a `Translator`.
    """

    def __init__(self, translator: object) -> None:
        self._translator = check_translator(translator)
        self._logged: set[tuple[str, type[Exception]]] = set()
        """Methods and the types of their errors."""

    def matches(self, tags: Tags) -> bool:
        return self._ask("matches", tags, bool, default=False)

    def plane_values(self, tags: Tags) -> PlaneValues:
        return self._ask("plane_values", tags, _checked, PlaneValues())

    def frame_values(self, tags: Tags) -> FrameValues:
        return self._ask("frame_values", tags, partial(_expected, FrameValues), FrameValues())

    def summary_values(self, tags: Tags) -> SummaryValues:
        return self._ask("summary_values", tags, partial(_expected, SummaryValues), SummaryValues())

    def plane_keys(self, tags: Tags) -> Iterable[str]:
        return self._ask("plane_keys", tags, _as_keys, set())

    def frame_keys(self, tags: Tags) -> Iterable[str]:
        return self._ask("frame_keys", tags, _as_keys, set())

    def _ask(self, method: str, tags: Tags, check: Callable[[Any], T], default: T) -> T:
        try:
            return check(getattr(self._translator, method)(MappingProxyType(tags)))
        except Exception as error:  # noqa: BLE001 - it is foreign code, and the frame must be kept
            if (method, type(error)) not in self._logged:
                self._logged.add((method, type(error)))
                log_failure(f"{type(self._translator).__qualname__}.{method}", error)
            return default


def check_translator(translator: object) -> Translator:
    """Return a translator, or raise TypeError."""
    if not isinstance(translator, Translator):
        raise TypeError(f"got {translator!r} as a translator, expected an instance of a Translator")
    return translator


def log_failure(what: str, error: Exception) -> None:
    """Log the failure of a translator."""
    text = error_text(error)
    logger.error("%s of a metadata translator failed, so its values are left out: %s", what, text)


def _as_keys(keys: Iterable[object]) -> set[str]:
    return {*map(str, keys)}


def _expected(kind: type[T], answer: object) -> T:
    if not isinstance(answer, kind):
        raise TypeError(f"got {answer!r}, expected {kind.__name__}")
    return answer


def _checked(values: PlaneValues) -> PlaneValues:
    """Exclude numbers that OME has no place for."""
    plane = PlaneValues._make(map(float, values))
    plane = PlaneValues._make(value if math.isfinite(value) else UNKNOWN for value in plane)
    return plane._replace(
        exposure_s=parse.exposure_s(plane.exposure_s),
        pixel_size_um=parse.size_um(plane.pixel_size_um),
        bit_depth=parse.bits(plane.bit_depth),
    )


def flat(metadata: Mapping[str, object]) -> dict[str, object]:
    """Join the keys of nested dicts with dots; lists stay as they are.

    Parameters
    ----------
    metadata
        Metadata in JSON types.

    Returns
    -------
    dict
        Its only dicts are empty, or have keys longer than 1000 characters.
    """
    return dict(_flat(metadata, ""))


def _flat(metadata: Mapping[str, object], prefix: str) -> Iterator[tuple[str, object]]:
    for key, value in metadata.items():
        if isinstance(value, Mapping) and value and len(prefix) + len(key) < _LONG_KEY:
            name = next((name for name in _WRAPPED if name in value), "")
            is_wrapped = {*value} == {name, _WRAPPED.get(name)}
            if is_wrapped and not isinstance(value[name], Mapping):
                yield f"{prefix}{key}", value[name]
            else:
                yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def dicts(value: object) -> list[Mapping[str, object]]:
    """Return the dicts in a list."""
    return [item for item in items(value) if isinstance(item, Mapping)]


def items(value: object) -> list[object]:
    """Return the items of a list; [] for anything else."""
    return [*value] if isinstance(value, list | tuple) else []
