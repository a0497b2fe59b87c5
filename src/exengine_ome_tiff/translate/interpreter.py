"""Interprets the metadata of frames as they arrive, and keeps their tags."""

import logging
from array import array
from collections.abc import Collection, Iterable, Mapping
from functools import cache, cached_property
from importlib.metadata import entry_points

import numpy as np

from exengine_ome_tiff.findings import Findings
from exengine_ome_tiff.translate import parse
from exengine_ome_tiff.translate.form import UNKEPT, Form, Plan, frame_values
from exengine_ome_tiff.translate.frame_facts import FrameFacts
from exengine_ome_tiff.translate.key_findings import add_summary_findings
from exengine_ome_tiff.translate.other_programs import Bluesky, DisplaySettings, Squid
from exengine_ome_tiff.translate.plain import Plain
from exengine_ome_tiff.translate.pymmcoreplus import STATE_KEYS, Devices, PymmcorePlus, UseqEvent
from exengine_ome_tiff.translate.studio import AcquisitionEngine, MMCore, Studio
from exengine_ome_tiff.translate.translator import (
    Dialect,
    Guarded,
    Translator,
    check_translator,
    flat,
    is_known,
    log_failure,
)
from exengine_ome_tiff.translate.values import FrameValues, PlaneValues, SummaryValues, merged

logger = logging.getLogger(__name__)

ENTRY_POINTS = "exengine_ome_tiff.translators"
BUILT_IN: tuple[type[Dialect], ...] = (
    *(PymmcorePlus, UseqEvent, AcquisitionEngine, Studio, MMCore, Squid, Bluesky, DisplaySettings),
    Plain,
)
_DIALECTS = tuple(dialect() for dialect in BUILT_IN)
KNOWN_KEYS = frozenset(key for dialect in BUILT_IN for key in dialect.known_keys())
"""Keys that any dialect knows."""
_ROW = (1 << 32) - 1


class Interpreter:
    """Interprets metadata, and keeps the tags of all frames.

    Parameters
    ----------
    translators
        Translators that take precedence over those of installed packages and the built-in dialects.

    Raises
    ------
    TypeError
        An item is not a `Translator`.
    """

    def __init__(self, translators: Iterable[Translator] = ()) -> None:
        self._given = (*map(Guarded, translators),)
        self._by_keys: dict[tuple[str, ...], Form] = {}
        self._plans: dict[tuple[str, ...], Plan] = {}
        """Plans for single frames, by keys."""
        self._by_facts: dict[tuple[str, ...], Form] = {}
        """Forms that keep only the keys that are understood, by dialects and these keys."""
        self._forms: dict[int, Form] = {}
        self._rows = array("Q")
        """For each frame the number of its form, and its row there in the lower 32 bits."""
        self._stop: int | None = None
        """Number of frames of a snapshot, which shares the rows; None for all."""
        self._last_form: Form | None = None
        """The form of the last frame, if none of its values can be a dict."""

    def read(self, metadata: Mapping[str, object], changed: Collection[str] | None = None) -> PlaneValues:
        """Read the metadata of the next frame.

        Parameters
        ----------
        metadata
            Metadata that JSON can encode.
        changed
            Keys of the values that differ from the previous metadata, if both have the same keys and no value
            is a container; else None.

        Returns
        -------
        PlaneValues
            The values that differ between planes.
        """
        tags, form = metadata, self._last_form
        if changed is None or form is None:
            form, changed = self._by_keys.get(tuple(metadata)), None
            if form is None or (form.may_nest and any(metadata[key] for key in form.may_nest)):
                tags = flat(metadata)
                form = self._form(tags, metadata)
            self._last_form = None if form.may_nest else form
        self._rows.append(form.number << 32 | form.add(tags, changed))
        return form.plan.plane(tags, changed)

    def fresh(self) -> "Interpreter":
        """Return an interpreter without frames that shares the translators, and what they have logged."""
        other = Interpreter()
        other._translators = self._translators
        return other

    def snapshot(self) -> "Interpreter":
        """Return an interpreter that later reads do not change; do not call `read` meanwhile or on it."""
        other = Interpreter()
        other._translators = self._translators
        other._forms = {number: form.snapshot() for number, form in self._forms.items()}
        other._rows, other._stop = self._rows, len(self._rows)
        return other

    def load(self) -> None:
        """Find the translators of installed packages, which takes milliseconds, before the first frame."""
        self._translators  # noqa: B018 - a cached property

    @cached_property
    def _translators(self) -> tuple[Guarded, ...]:
        """The given translators, then those of installed packages, which take time to find."""
        installed, failures = _installed()
        for failure in failures:
            log_failure(*failure)
        return (*self._given, *map(Guarded, installed))

    def frame(self, metadata: Mapping[str, object]) -> FrameValues:
        """Return the values of a single frame other than numbers of planes."""
        tags = flat(metadata)
        keys = tuple(tags)
        plan = self._plans.get(keys)
        if plan is None:
            if len(self._plans) >= UNKEPT:
                self._plans.clear()
            plan = self._plans[keys] = self._plan(tags)
        return frame_values(plan.facts(tags))

    def summary(self, metadata: object) -> SummaryValues:
        """Return the values of the summary metadata."""
        if not isinstance(metadata, Mapping):
            return SummaryValues()
        tags = flat(metadata)
        asked: list[Translator] = [each for each in self._translators if each.matches(tags)]
        dialects = [each for each in _DIALECTS if each.matches(tags) and not isinstance(each, Plain)]
        dialects += [each for each in _DIALECTS if each.is_general and each not in dialects][:-1]
        own = {note.key for each in dialects for note in each.summary_notes}
        values = [each.summary_values(tags) for each in (*asked, *dialects)]
        rest = {key: value for key, value in tags.items() if key not in own}  # dialects know their keys best
        return merged([*values, Plain().summary_values(rest), self._as_frame(tags)])

    def check_summary(self, metadata: object, findings: Findings, known_fields: Collection[str] = ()) -> None:
        """Add findings about the summary metadata; see `add_summary_findings`."""
        if not isinstance(metadata, Mapping):
            if metadata:
                message = "summary metadata is not a dict, so it is not read"
                findings.add_once("dict", "summary", message, "pass a dict")
        else:
            tags = flat(metadata)
            asked = [each for each in self._translators if each.matches(tags)]
            own = {key for each in asked for key in (*each.plane_keys(tags), *each.frame_keys(tags))}
            rest = {key: value for key, value in tags.items() if key not in own}
            add_summary_findings(rest, KNOWN_KEYS, findings, known_fields)

    @staticmethod
    def _as_frame(tags: Mapping[str, object]) -> SummaryValues:
        """Read from a summary what frames usually have: camera, objective, exposure, pixels."""
        plan = Plan(tags, (), _DIALECTS)
        plane, frame = plan.plane(tags), frame_values(plan.facts(tags))
        exposures = [each for each in plan.candidates.get("exposure_s", ()) if each.only_if is None]
        return SummaryValues(
            pixel_size_um=parse.known(plane.pixel_size_um),
            objective=frame.objective,
            magnification=frame.magnification,
            numerical_aperture=frame.numerical_aperture,
            immersion=frame.immersion,
            cameras={} if frame.camera is None else {frame.camera.label: frame.camera},
            exposure_s=next(filter(is_known, (each.read(tags[each.key]) for each in exposures)), None),
            bit_depth=parse.known(plane.bit_depth),
        )

    def facts(self, summary: object = None) -> FrameFacts:
        """Return the facts of all frames so far; the summary metadata describes devices and presets."""
        places = np.frombuffer(self._rows[: self._stop], np.int64)
        tags = flat(summary) if isinstance(summary, Mapping) else {}
        form_of, rows = (places >> 32).astype(np.int16), (places & _ROW).astype(np.uint32)
        return FrameFacts(self._forms, form_of, rows, Devices.of(tags), KNOWN_KEYS)

    def _form(self, tags: Mapping[str, object], metadata: Mapping[str, object]) -> Form:
        """Return the form of flat metadata; beyond 256 forms, new ones keep only what is understood."""
        keys = tuple(tags)
        form = self._by_keys.get(keys)
        if form is not None:
            return form
        if len(self._by_keys) < UNKEPT:
            form = Form(len(self._by_keys), self._plan(tags), tags, metadata)
            self._by_keys[keys] = self._forms[form.number] = form
            return form
        if UNKEPT not in self._forms:
            logger.warning(
                "more than %d sets of metadata keys: further keys are only in the records of the frames",
                UNKEPT,
            )
            self._forms[UNKEPT] = Form(UNKEPT, self._plan({}), {}, {})
        return self._form_of_facts(tags, metadata)

    def _form_of_facts(self, tags: Mapping[str, object], metadata: Mapping[str, object]) -> Form:
        """Return a form that keeps only understood tags; beyond 256 of these, a form without tags."""
        plan = self._plan(tags)
        kept = {key: value for key, value in tags.items() if key in plan.understood or key in STATE_KEYS}
        keys = (*plan.dialects, *kept)
        form = self._by_facts.get(keys)
        if form is None and len(self._by_facts) < UNKEPT:
            form = Form(UNKEPT + 1 + len(self._by_facts), plan, kept, metadata)
            self._by_facts[keys] = self._forms[form.number] = form
        return form or Form(UNKEPT, plan, {}, {})

    def _plan(self, tags: Mapping[str, object]) -> Plan:
        return Plan(tags, self._translators, _DIALECTS)


@cache
def _installed() -> tuple[list[Translator], list[tuple[str, Exception]]]:
    """Create the translators that installed packages register; return them, and the failures."""
    found: list[Translator] = []
    failures: list[tuple[str, Exception]] = []
    for entry in entry_points(group=ENTRY_POINTS):
        try:
            found.append(check_translator(entry.load()()))
        except Exception as error:  # noqa: BLE001 - a broken package must not stop an acquisition
            failures.append((f"loading {entry.value}", error))
    return found, failures
