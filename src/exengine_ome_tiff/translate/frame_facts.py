"""Facts of all frames of a dataset, and the tags that OME has no place for."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.findings import Findings
from exengine_ome_tiff.pieces import pieces
from exengine_ome_tiff.translate.form import UNKEPT, Form, frame_values
from exengine_ome_tiff.translate.frame_findings import add_frame_findings
from exengine_ome_tiff.translate.named_facts import named_fact
from exengine_ome_tiff.translate.parse import parse_time
from exengine_ome_tiff.translate.pymmcoreplus import Devices, State
from exengine_ome_tiff.translate.tag_columns import NULL, Rows, json_list, repeated_text
from exengine_ome_tiff.translate.translator import LABEL_FACT, Fact
from exengine_ome_tiff.translate.values import Frames, FrameValues
from exengine_ome_tiff.translate.written_keys import LABEL, Written, are_own_written, keys_of_planes

_MOST_GROUPS = 256
"""Maximum number of distinct groups of frames that are examined for an image."""
_MANY_KEYS, _MANY_TEXTS = 1000, 1 << 20
"""Maximum number of tags, or of texts, for an image whose frames have different keys."""


class Group(NamedTuple):
    """Frames of an image with the same facts."""

    facts: tuple[Fact, ...]
    frames: Frames


class Agreed(NamedTuple):
    """Facts on which frames agree."""

    values: FrameValues
    disputed: frozenset[str]
    """Facts on which frames disagree; `values` excludes them."""
    labels: Mapping[str, str]
    """Labels of wheels and turrets, by device."""


def agreed(facts: Iterable[Iterable[Fact]]) -> Agreed:
    """Find the facts on which all frames that have them agree, given the facts of groups of frames."""
    seen: dict[str, dict[object, None]] = {}
    for of_group in facts:
        for fact, value in first_values(of_group).items():
            seen.setdefault(fact, {})[value] = None
    common = [Fact(fact, next(iter(values))) for fact, values in seen.items() if len(values) == 1]
    labels = {
        fact.removeprefix(LABEL_FACT): str(value) for fact, value, _ in common if fact.startswith(LABEL_FACT)
    }
    return Agreed(
        frame_values(common), frozenset(fact for fact, values in seen.items() if len(values) > 1), labels
    )


def first_values(facts: Iterable[Fact]) -> dict[str, object]:
    """Return the first value of each fact."""
    first: dict[str, object] = {}
    for fact, value, _ in facts:
        first.setdefault(fact, value)
    return first


class _Part(NamedTuple):
    """Frames of an image whose metadata has the same keys."""

    form: Form
    frames: Frames
    rows: Rows
    places: npt.NDArray[np.int32] | None
    """Indices of these frames among those of the image, ascending; None for all of them."""

    def between(self, start: int, stop: int) -> tuple[slice | npt.NDArray[np.int32], Rows]:
        """Return the rows of frames between two indices, and their indices from `start` on."""
        if self.places is None:
            return slice(None), self.rows[start:stop]
        low, high = np.searchsorted(self.places, (start, stop)).tolist()
        return self.places[low:high] - np.int32(start), self.rows[low:high]


class FrameFacts:
    """The facts of all frames of a dataset, other than values of planes.

    Parameters
    ----------
    forms
        Forms by number.
    form_of, rows
        For each frame the number of its form, and its row there; shape (frames,).
    devices
        Devices in the summary.
    known_keys
        Keys of all dialects.
    """

    def __init__(
        self,
        forms: Mapping[int, Form],
        form_of: npt.NDArray[np.int16],
        rows: Rows,
        devices: Devices,
        known_keys: frozenset[str],
    ) -> None:
        self._known_keys = known_keys
        self._forms = forms
        # frames whose keys are all the same need neither
        is_one = len(forms) == 1 and np.array_equal(rows, np.arange(len(rows), dtype=rows.dtype))
        self._form_of = np.broadcast_to(form_of[:1], len(form_of)) if is_one else form_of
        self._rows = None if is_one else rows
        self._devices = devices
        self._state_of, self._states = self._follow()

    def groups(self, frames: Frames) -> list[Group]:
        """Return the frames in groups with the same facts; at most 256 groups for each set of keys."""
        return [group for part in self._parts(frames) for group in self._groups(part)]

    def has_fact(self, fact: str) -> bool:
        """Whether the name of a key of any frame stands for a fact."""
        keys = {key for form in self._forms.values() for key in form.plan.fact_keys}
        return any(named is not None and named.fact == fact for named in map(named_fact, keys))

    def has_unkept(self, frames: Frames) -> bool:
        """Whether the tags of any of the frames are only in its record."""
        return len(self._forms) > UNKEPT and bool((self._form_of[frames] >= UNKEPT).any())

    def rest(
        self, frames: Frames, written: Written | None = None, findings: Findings | None = None
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Collect the tags of frames that were not written into OME elements.

        Parameters
        ----------
        frames
            Frame numbers, shape (n,).
        written
            The values written; None stands for all that can be read and are equal in all frames.
        findings
            Receives findings about keys that were not understood.

        Returns
        -------
        dict
            The JSON of tags that are equal in all frames.
        dict
            Each other tag as a JSON list with one value per frame, null where it is missing; empty if the
            values were too long to be kept.
        """
        parts = self._parts(frames)
        rests = []
        for part in parts:
            in_ome = self._in_ome(part, written)
            rests.append([key for key in part.form.columns.keys if key not in in_ome])
            if findings is not None:
                add_frame_findings(part.form, part.rows, rests[-1], self._known_keys, findings)
        keys = dict.fromkeys(key for rest in rests for key in rest)
        constant: dict[str, str] = {}
        varying: dict[str, str] = {}
        most = max(_MANY_KEYS, _MANY_TEXTS // len(frames))
        for number, key in enumerate(keys):
            having = [part for part in parts if key in part.form.keys]
            if (number >= most and len(parts) > 1) or any(
                part.form.columns.is_too_long(key) for part in having
            ):
                varying[key] = ""
                continue
            only = having[0].form.columns.constant_text(key) if len(parts) == 1 else None
            if only is None:
                only, listed = _listed(having, key, len(frames))
                if only is None:
                    varying[key] = listed
                    continue
            constant[key] = only
        return constant, varying

    def _parts(self, frames: Frames) -> list[_Part]:
        if self._rows is None:
            return [_Part(form, frames, frames, None) for form in self._forms.values() if len(frames)]
        form_of = self._form_of[frames]
        numbers = np.unique(form_of).tolist()
        if len(numbers) == 1:
            return [_Part(self._forms[numbers[0]], frames, self._rows[frames], None)]
        parts = []
        for number in numbers:
            places = np.flatnonzero(form_of == number).astype(np.int32)
            parts.append(_Part(self._forms[number], frames[places], self._rows[frames[places]], places))
        return parts

    def _groups(self, part: _Part) -> Iterator[Group]:
        columns = part.form.columns
        keys = [key for key in part.form.plan.fact_keys if not columns.is_too_long(key)]
        which, sets = columns.distinct(keys, part.rows)
        count, group_of, firsts = len(sets), which, np.zeros(1, np.int64)
        if len(self._states) > 1:
            both = which.astype(np.int64) * len(self._states) + self._state_of[part.frames]
            _, firsts, group_of = np.unique(both, return_index=True, return_inverse=True)
            count = len(firsts)
        elif count > 1:
            firsts = _firsts(which, count)
        for group in np.argsort(firsts)[:_MOST_GROUPS].tolist():
            first = firsts[group]
            tags = {key: json.loads(text) for key, text in sets[which[first]].items()}
            facts = [each for each in part.form.plan.facts(tags) if each.name != "acquired"]
            facts += self._facts_of_state(self._states[self._state_of[part.frames[first]]], facts)
            yield Group(tuple(facts), part.frames if count == 1 else part.frames[group_of == group])

    def _facts_of_state(self, state: State, facts: list[Fact]) -> Iterator[Fact]:
        objective = self._devices.objective(state)
        if objective is not None:
            yield Fact("objective", objective)
        yield from (Fact(f"{LABEL_FACT}{device}", label) for device, label in self._devices.set_labels(state))
        label = next((each.value for each in facts if each.name == "camera"), None)
        if label is not None:
            yield from self._devices.camera(state, str(label))

    def _follow(self) -> tuple[npt.NDArray[np.int32], list[State]]:
        """Follow the state of the devices; return the index of the state of each frame, and the states."""
        change_of = np.broadcast_to(np.int32(-1), len(self._form_of))  # takes no memory
        changes: list[dict[str, str]] = []
        for number, form in self._forms.items():
            keys = [
                key
                for key in self._devices.state_keys
                if key in form.keys and not form.columns.is_too_long(key)
            ]
            if keys:
                chosen = np.flatnonzero(self._form_of == number)
                which, sets = form.columns.distinct(
                    keys, chosen if self._rows is None else self._rows[chosen]
                )
                change_of = change_of if changes else change_of.copy()
                change_of[chosen] = len(changes) + which
                changes += sets
        changed = np.flatnonzero(change_of >= 0)
        begins = changed[np.flatnonzero(np.diff(change_of[changed], prepend=-1))]
        states: list[State] = [self._devices.state]
        numbers = {repr(states[0]): 0}
        after: dict[tuple[int, int], int] = {}  # index of the next state, by state and change
        current, follows = 0, [0]
        for change in change_of[begins].tolist():
            step = current, change
            if step not in after:
                tags = {key: json.loads(text) for key, text in changes[change].items()}
                state = self._devices.changed(states[current], tags)
                after[step] = numbers.setdefault(repr(state), len(states))
                if after[step] == len(states):
                    states.append(state)
            current = after[step]
            follows.append(current)
        if len(states) == 1:
            return np.broadcast_to(np.int32(0), len(change_of)), states
        lengths = np.diff(begins, prepend=0, append=len(change_of))
        return np.repeat(np.array(follows, np.int32), lengths), states

    def _in_ome(self, part: _Part, written: Written | None) -> set[str]:
        """Return the keys whose values were written for all frames that have them."""
        form, plan = part.form, part.form.plan
        found = keys_of_planes(form, part.frames, part.rows, written) | self._written_facts(part, written)
        if written is None:
            own = {key for key in plan.own_frame_keys if key in form.keys}
            constant = {key for key in own if form.columns.constant_text(key) is not None}
            return found | plan.own_plane_keys | constant
        if plan.own_plane_keys and are_own_written(form, part.frames, part.rows, written):
            found |= plan.own_plane_keys
        return found

    def _written_facts(self, part: _Part, written: Written | None) -> set[str]:
        groups = [*self._groups(part)]
        facts: Mapping[str, frozenset[object]]
        if written is None:
            disputed = agreed(group.facts for group in groups).disputed
            first = first_values(fact for group in groups for fact in group.facts)
            facts = {fact: frozenset([value]) for fact, value in first.items() if fact not in disputed}
        else:
            facts = written.facts
        by_key: dict[str, dict[int, bool]] = {}
        for number, group in enumerate(groups):
            for fact, value, key in group.facts:
                name = LABEL if written is not None and fact.startswith(LABEL_FACT) else fact
                is_written = value in facts.get(name, ())
                by_key.setdefault(key, {})[number] = is_written or by_key.get(key, {}).get(number, False)
        columns = part.form.columns
        found = {
            key
            for key, written_in in by_key.items()
            if key
            and all(written_in.values())
            and (len(written_in) == len(groups) or columns.constant_text(key) is None)
        }
        if sum(len(group.frames) for group in groups) < len(part.frames):
            found = {key for key in found if columns.constant_text(key) is not None}
        for key in part.form.plan.stamp_keys:
            text = columns.constant_text(key)
            stamp = parse_time(json.loads(text)) if text is not None else None
            if stamp is not None and (written is None or stamp in facts.get("acquired", ())):
                found.add(key)
        return found


def _listed(parts: Sequence[_Part], key: str, count: int) -> tuple[str | None, str]:
    """Return the JSON of a tag that is equal in all frames of an image, else None and a JSON list."""
    only, n_same = None, 0
    listed: list[str] = []
    for piece in pieces(count):
        texts = repeated_text(NULL, piece.stop - piece.start)
        for part in parts:
            places, rows = part.between(piece.start, piece.stop)
            texts[places] = part.form.columns.texts(key, rows)
        only = str(texts[0]) if only is None else only
        if not listed and (texts == only).all():
            n_same += len(texts)
        else:
            listed += [only] * n_same if not listed else []
            listed.append(",".join(texts.tolist()))
    return (None, json_list(listed)) if listed else (only, "")


def _firsts(numbers: npt.NDArray[np.int32], count: int) -> npt.NDArray[np.int64]:
    """Return the index of the first occurrence of each number below a count."""
    firsts = np.empty(count, np.int64)
    firsts[numbers[::-1]] = np.arange(len(numbers))[::-1]  # the last assignment wins
    return firsts
