"""Frames whose metadata has the same keys: how to read their tags, and the tags themselves."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import fields
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.pieces import pieces
from exengine_ome_tiff.translate.parse import first_with_zone
from exengine_ome_tiff.translate.tag_columns import Rows, TagColumns
from exengine_ome_tiff.translate.translator import Dialect, Fact, Guarded, Rule, Tags, is_known
from exengine_ome_tiff.translate.values import UNKNOWN, CameraValues, FrameValues, PlaneValues

_CAMERA_FACTS = tuple(each.name for each in fields(CameraValues) if each.name != "label")
_FRAME_FACTS = tuple(each.name for each in fields(FrameValues) if each.name != "camera")
_UNKNOWN_PLANE = PlaneValues()
UNKEPT = 256
"""Maximum number of forms with all tags, and the number of the form of frames without tags.

Forms that keep only understood tags have larger numbers."""


class Candidate(NamedTuple):
    """A key that may hold a value of a plane."""

    key: str
    read: Callable[[object], float]
    only_if: tuple[str, object] | None
    """Another key, and the value it must have."""


class Plan:
    """Reads metadata with the same keys.

    Parameters
    ----------
    tags
        Tags of the first frame.
    translators
        Translators of users and packages; those that match take precedence over the dialects.
    dialects
        Dialects in order of precedence, the specific ones first.
    """

    def __init__(self, tags: Tags, translators: Sequence[Guarded], dialects: Sequence[Dialect]) -> None:
        self._guarded = [each for each in translators if each.matches(tags)]
        recognised = [each for each in dialects if each.matches(tags)]
        general = [each for each in dialects if each.is_general and each not in recognised]
        self._dialects = [*recognised, *general]
        proposed = [
            *((each, rule) for each in recognised for rule in each.plane_rules(tags, is_recognised=True)),
            *((each, rule) for each in general for rule in each.plane_rules(tags, is_recognised=False)),
        ]
        known = {rule.key for each, rule in proposed if not each.reads_names}  # dialects know their keys best
        known |= {key for each in recognised if not each.reads_names for key in each.stamp_keys(tags)}
        rules = [rule for each, rule in proposed if not each.reads_names or rule.key not in known]
        rules.sort(key=lambda rule: rule.is_planned)
        rules += [rule for each in self._dialects for rule in each.last_rules(tags)]
        self.candidates = _by_field(rules)
        """The keys for each field of `PlaneValues`, in order of precedence."""
        self._steps = [
            (PlaneValues._fields.index(field), candidates) for field, candidates in self.candidates.items()
        ]
        self._steps_of: dict[str, list[tuple[int, tuple[Candidate, ...]]]] = {}
        for slot, candidates in self._steps:
            for key in {key for each in candidates for key in _keys(each)}:
                self._steps_of.setdefault(key, []).append((slot, candidates))
        self._last = [*_UNKNOWN_PLANE]
        self.own_plane_keys = {key for each in self._guarded for key in each.plane_keys(tags) if key in tags}
        """Keys that matching translators read for planes."""
        self.own_frame_keys = {key for each in self._guarded for key in each.frame_keys(tags) if key in tags}
        self.own_keys = self.own_plane_keys | self.own_frame_keys
        self.fact_keys = (
            *self.own_frame_keys,
            *dict.fromkeys(key for each in self._dialects for key in each.fact_keys(tags)),
        )
        """Keys of facts of frames."""
        clocks = (*self.candidates.get("utc_s", ()), *self.candidates.get("local_clock_s", ()))
        clock_keys = {each.key for each in clocks}
        self.stamp_keys = {key for each in self._dialects for key in each.stamp_keys(tags)} - clock_keys
        """Keys that hold only the time when a frame was taken."""

    def plane(self, tags: Tags, changed: Collection[str] | None = None) -> PlaneValues:
        """Read the values of a plane.

        Parameters
        ----------
        tags
            Tags of the frame.
        changed
            Keys of the values that differ from those of the previous frame; None if unknown.
        """
        values = self._last
        if changed is None:
            for slot, candidates in self._steps:
                values[slot] = _first_known(candidates, tags)
        else:
            for key in self._steps_of.keys() & changed:
                for slot, candidates in self._steps_of[key]:
                    values[slot] = _first_known(candidates, tags)
        if not self._guarded:
            return PlaneValues._make(values)
        return _filled([each.plane_values(tags) for each in self._guarded], values)

    def facts(self, tags: Tags) -> Iterator[Fact]:
        """Yield the facts of a frame, in order of precedence."""
        for each in self._guarded:
            yield from _facts_in(each.frame_values(tags))
        for dialect in self._dialects:
            yield from dialect.facts(tags)

    def own_plane(self, tags: Tags) -> PlaneValues:
        """Return the values of a plane that matching translators provide."""
        return _filled([each.plane_values(tags) for each in self._guarded], _UNKNOWN_PLANE)

    @property
    def understood(self) -> frozenset[str]:
        """Keys with a meaning."""
        found = {key for candidates in self.candidates.values() for each in candidates for key in _keys(each)}
        return frozenset(found | self.own_keys | {*self.fact_keys} | self.stamp_keys)

    @property
    def dialects(self) -> tuple[str, ...]:
        """Identifies the translators and dialects of the plan, in order."""
        return (*(str(id(each)) for each in self._guarded), *(each.name for each in self._dialects))

    @property
    def has_own(self) -> bool:
        """Whether a translator of a user or package matches."""
        return bool(self._guarded)


class Form:
    """Frames whose metadata has the same keys.

    Parameters
    ----------
    number
        Number of the form.
    plan
        Reads the metadata.
    tags
        Tags of the first frame that are kept.
    metadata
        Metadata of the first frame as it was put.
    """

    def __init__(self, number: int, plan: Plan, tags: Tags, metadata: Tags) -> None:
        self.number = number
        self.plan = plan
        self.keys = frozenset(tags)
        self.may_nest = tuple(
            key for key in tags if key in metadata and isinstance(metadata[key], Mapping | None)
        )
        """Keys whose values may be dicts in other frames: they are {} or None in the first."""
        self.columns = TagColumns(tags)
        self.add = self.columns.add

    def snapshot(self) -> "Form":
        """Return a copy that later frames do not change; do not add frames meanwhile."""
        other = copy(self)
        other.columns = self.columns.snapshot()
        other.add = other.columns.add
        return other

    def own_plane(self, row: int) -> PlaneValues:
        """Return the values that matching translators provide for the frame in a row."""
        return self.plan.own_plane(self.columns.tags(row)) if self.plan.has_own else PlaneValues()

    def values(self, candidate: Candidate, rows: Rows) -> npt.NDArray[np.float64]:
        """Read the values of a key in rows; shape (rows,), NaN where unknown."""
        columns = self.columns
        key, expected = candidate.only_if or (candidate.key, None)
        if columns.is_too_long(candidate.key) or key not in self.keys:
            return np.full(len(rows), UNKNOWN)
        text = columns.constant_text(candidate.key)
        if text is not None:
            values = np.full(len(rows), candidate.read(json.loads(text)))
        else:
            values = np.empty(len(rows))
            for part in pieces(len(rows)):
                texts = columns.texts(candidate.key, rows[part]).tolist()
                known = {text: candidate.read(json.loads(text)) for text in dict.fromkeys(texts)}
                values[part] = [known[text] for text in texts]
        if candidate.only_if:
            for part in pieces(len(rows)):
                values[part][columns.texts(key, rows[part]) != json.dumps(expected)] = UNKNOWN
        return values


def _keys(candidate: Candidate) -> tuple[str, ...]:
    return (candidate.key, candidate.only_if[0]) if candidate.only_if else (candidate.key,)


def _by_field(rules: Sequence[Rule]) -> dict[str, tuple[Candidate, ...]]:
    found: dict[str, dict[Candidate, None]] = {}
    for rule in rules:
        found.setdefault(rule.field, {})[Candidate(rule.key, rule.read, rule.only_if)] = None
    return {field: tuple(candidates) for field, candidates in found.items()}


def _first_known(candidates: tuple[Candidate, ...], tags: Tags) -> float:
    for key, read, only_if in candidates:
        if only_if is None or tags.get(only_if[0]) == only_if[1]:
            value = read(tags[key])
            if value == value:
                return value
    return _UNKNOWN_PLANE[0]


def _filled(planes: Sequence[PlaneValues], values: Sequence[float]) -> PlaneValues:
    """Take each value from the first plane that has it, else from `values`."""
    return PlaneValues._make(
        next((plane[slot] for plane in planes if plane[slot] == plane[slot]), value)
        for slot, value in enumerate(values)
    )


def _facts_in(values: FrameValues) -> Iterator[Fact]:
    """Yield the facts in the values of a translator."""
    for fact in _FRAME_FACTS:
        if is_known(getattr(values, fact)):
            yield Fact(fact, getattr(values, fact))
    if values.camera is not None:
        yield Fact("camera", values.camera.label)
        for fact in _CAMERA_FACTS:
            if is_known(getattr(values.camera, fact)):
                yield Fact(fact, getattr(values.camera, fact))


def first_known(values: list[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    """Return the first known value of each element."""
    first = np.full_like(values[0], UNKNOWN)
    for each in values:
        first = np.where(np.isnan(first), each, first)
    return first


def frame_values(facts: Iterator[Fact] | Sequence[Fact]) -> FrameValues:
    """Take the first value of each fact."""
    known: dict[str, Any] = {}
    for fact, value, _ in facts:
        known.setdefault(fact, value)
        if fact == "acquired" and isinstance(value, datetime) and known[fact].tzinfo is None:
            known[fact] = first_with_zone((known[fact], value))
    camera = None
    settings = {fact: known[fact] for fact in _CAMERA_FACTS if fact in known}
    if "camera" in known or settings:
        camera = CameraValues(known.get("camera", ""), **settings)
    return FrameValues(camera=camera, **{fact: known[fact] for fact in _FRAME_FACTS if fact in known})
