"""Reads the metadata of frames as they come, and keeps what they say beside numbers of planes."""

import logging
from array import array
from collections.abc import Collection, Iterable, Mapping
from functools import cache, cached_property
from importlib.metadata import entry_points

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.findings import Findings
from exengine_ome_tiff.translate import parse
from exengine_ome_tiff.translate.devices import STATE_KEYS, Devices
from exengine_ome_tiff.translate.form import UNKEPT, Form, Plan, frame_values
from exengine_ome_tiff.translate.frame_facts import FrameFacts
from exengine_ome_tiff.translate.mmcore import MMCore
from exengine_ome_tiff.translate.other_programs import Bluesky, DisplaySettings, Squid
from exengine_ome_tiff.translate.plain import Plain
from exengine_ome_tiff.translate.pymmcoreplus import PymmcorePlus, UseqEvent
from exengine_ome_tiff.translate.studio import AcquisitionEngine, Studio
from exengine_ome_tiff.translate.summary_findings import add_summary_findings
from exengine_ome_tiff.translate.tags import flat
from exengine_ome_tiff.translate.translator import (
    Dialect,
    Guarded,
    Translator,
    check_translator,
    error_text,
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
"""Keys of all dialects."""
_ROW = (1 << 32) - 1


class Interpreter:
    """Understands metadata, and keeps the tags of all frames.

    Parameters
    ----------
    translators
        Asked before those of installed packages and the built-in ones.

    Raises
    ------
    TypeError
        One is no `Translator`.
    """

    def __init__(self, translators: Iterable[Translator] = ()) -> None:
        self._given = (*map(Guarded, translators),)
        self._by_keys: dict[tuple[str, ...], Form] = {}
        self._plans: dict[tuple[str, ...], Plan] = {}
        """Of single frames."""
        self._by_facts: dict[tuple[str, ...], Form] = {}
        """By their dialects and the keys that are understood."""
        self._forms: dict[int, Form] = {}
        self._rows = array("Q")
        """Of each frame its form, and in the lower 32 bits its row there."""
        self._last_form: Form | None = None
        """That of the last frame, where it cannot nest."""

    def read(self, metadata: Mapping[str, object], changed: Collection[str] | None = None) -> PlaneValues:
        """Take the metadata of the next frame.

        Parameters
        ----------
        metadata
            What JSON can encode.
        changed
            Keys of all values that differ from the metadata taken before, where that has the same keys and
            none of the values is a container; None if they may not.

        Returns
        -------
        PlaneValues
            What differs from plane to plane.
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
        """Return one with the same translators, and what was logged of them, that has read nothing yet."""
        other = Interpreter()
        other._translators = self._translators
        return other

    def snapshot(self) -> "Interpreter":
        """Return a copy that later reading does not change; nothing may be read meanwhile."""
        other = Interpreter()
        other._translators = self._translators
        other._forms = {number: form.snapshot() for number, form in self._forms.items()}
        other._rows = self._rows[:]
        return other

    @cached_property
    def _translators(self) -> tuple[Guarded, ...]:
        """Those given, then those of installed packages, which take time to find."""
        installed, failures = _installed()
        for what, error in failures:
            log_failure(what, error)
        return (*self._given, *map(Guarded, installed))

    def frame(self, metadata: Mapping[str, object]) -> FrameValues:
        """Tell what else a frame says, on its own."""
        tags = flat(metadata)
        keys = tuple(tags)
        plan = self._plans.get(keys)
        if plan is None:
            if len(self._plans) >= UNKEPT:
                self._plans.clear()
            plan = self._plans[keys] = self._plan(tags)
        return frame_values(plan.told(tags))

    def summary(self, metadata: object) -> SummaryValues:
        """Tell what summary metadata says."""
        if not isinstance(metadata, Mapping):
            return SummaryValues()
        tags = flat(metadata)
        asked: list[Translator] = [each for each in self._translators if each.matches(tags)]
        dialects = [each for each in _DIALECTS if each.matches(tags) and not isinstance(each, Plain)]
        dialects += [each for each in _DIALECTS if each.is_general and each not in dialects][:-1]
        own = {note.key for each in dialects for note in each.summary_notes}
        values = [each.summary_values(tags) for each in (*asked, *dialects)]
        rest = {key: value for key, value in tags.items() if key not in own}  # they know their keys better
        return merged([*values, Plain().summary_values(rest), self._as_frame(tags)])

    def check_summary(self, metadata: object, findings: Findings, told: Collection[str] = ()) -> None:
        """Find what is not understood in summary metadata; see `add_summary_findings`."""
        if not isinstance(metadata, Mapping):
            if metadata:
                message = "summary metadata is not a dict, so it is not read"
                findings.add_once("dict", "summary", message, "pass a dict")
        else:
            tags = flat(metadata)
            asked = [each for each in self._translators if each.matches(tags)]
            own = {key for each in asked for key in (*each.translated(tags), *each.described(tags))}
            rest = {key: value for key, value in tags.items() if key not in own}
            add_summary_findings(rest, KNOWN_KEYS, findings, told)

    @staticmethod
    def _as_frame(tags: Mapping[str, object]) -> SummaryValues:
        """Take from a summary what frames say else: camera, objective, exposure, pixels."""
        plan = Plan(tags, (), _DIALECTS)
        plane, frame = plan.plane(tags), frame_values(plan.told(tags))
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
        """Bring together what the frames so far say; the summary metadata says of devices and presets."""
        places = np.frombuffer(self._rows.tobytes(), np.int64)
        tags = flat(summary) if isinstance(summary, Mapping) else {}
        return FrameFacts(self._forms, places >> 32, places & _ROW, Devices.of(tags), KNOWN_KEYS)

    def rest(self, frames: npt.NDArray[np.int64]) -> tuple[dict[str, str], dict[str, list[str]]]:
        """Collect the tags of frames that OME has no place for; see `FrameFacts.rest`."""
        return self.facts().rest(frames)

    def _form(self, tags: Mapping[str, object], metadata: Mapping[str, object]) -> Form:
        """Return the form of flat metadata; those beyond 256 keep only what is understood."""
        keys = tuple(tags)
        form = self._by_keys.get(keys)
        if form is not None:
            return form
        if len(self._by_keys) < UNKEPT:
            form = Form(len(self._by_keys), self._plan(tags), tags, metadata)
            self._by_keys[keys] = self._forms[form.number] = form
            return form
        if UNKEPT not in self._forms:
            logger.warning("more than %d sets of metadata keys: the others are only in the records", UNKEPT)
            self._forms[UNKEPT] = Form(UNKEPT, self._plan({}), {}, {})
        return self._form_of_facts(tags, metadata)

    def _form_of_facts(self, tags: Mapping[str, object], metadata: Mapping[str, object]) -> Form:
        """Return a form that keeps only the tags that are understood; nothing beyond 256 of those."""
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
def _installed() -> tuple[list[Translator], list[tuple[str, str]]]:
    """Make the translators that installed packages register; return them, and what went wrong with others."""
    found, failures = [], []
    for entry in entry_points(group=ENTRY_POINTS):
        try:
            found.append(check_translator(entry.load()()))
        except Exception as error:  # noqa: BLE001 - a package that is broken must not stop an acquisition
            failures.append((f"loading {entry.value}", error_text(error)))
    return found, failures
