"""Frame metadata keys that were not understood, and what to write instead."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from exengine_ome_tiff.findings import Findings
from exengine_ome_tiff.pieces import pieces
from exengine_ome_tiff.translate import parse
from exengine_ome_tiff.translate.form import Candidate, Form
from exengine_ome_tiff.translate.key_findings import EMPTY, LIST, KeyFindings
from exengine_ome_tiff.translate.key_names import MEASURED, OF_OTHERS, name_of, names_in, words_in
from exengine_ome_tiff.translate.named_facts import (
    READABLE_FACTS,
    SURE_STAMP_NAMES,
    alike,
    is_stamp,
    misspelled,
    named_fact,
    near_miss,
    words_of,
)
from exengine_ome_tiff.translate.objective_labels import read_label
from exengine_ome_tiff.translate.quantities import ANYWHERE, Meaning, meanings_of
from exengine_ome_tiff.translate.tag_columns import Rows
from exengine_ome_tiff.translate.translator import is_known

_MOST_VALUES, _FIRST_ROWS = 1000, 1024
_LONGEST_LABEL = 200
_MAGNIFIES = re.compile(r"\d\s?[xX\xd7]")
_PIXEL_FORMAT = re.compile(r"(?:Mono|Bayer[A-Z]{2})\d{1,2}\w*")
_NO_DICT = "metadata"
"""The key of metadata that is not a dict."""
_FORMAT = ".format"
_INTERVAL = "time_interval_s"
_COMPARED = ("exposure_s", "x_um", "y_um", "z_um", "pixel_size_um", "pixel_size_y_um")
_NO_CLOCK = "holds a time, but its name does not identify it as the time of the frame"
_INDICES = {"t", "time"}
"""Words of keys that may count frames."""
_NESTED = ANYWHERE - {_INTERVAL, "readout_mhz"}
"""Fields that are reported without a unit, whatever the dict around the key is called."""
_CLOCKS = {"elapsed_s", "utc_s", "local_clock_s"}
_DIGIT = re.compile(r"\d")
_DIGITS_OF_DATE = 4
_TIME_WORDS = names_in("time, date, datetime, timestamp, stamp, clock, start, begin, started")


def add_frame_findings(
    form: Form,
    rows: Rows,
    keys: Iterable[str],
    known_keys: frozenset[str],
    findings: Findings,
) -> None:
    """Find keys without a unit, near misses, unreadable values, and keys that contradict each other.

    Parameters
    ----------
    form
        The form of the frames.
    rows
        Rows of the frames in that form, shape (n,).
    keys
        Keys whose values were not written into OME elements.
    known_keys
        Keys of the dialects.
    findings
        Receives the findings.
    """
    found = _FormFindings(form, rows, known_keys, findings)
    for key in keys:
        if key not in form.plan.own_keys and not form.columns.is_too_long(key):
            found.check(key)
    found.add_disagreements()


class _FormFindings(KeyFindings):
    """Checks the keys of frames that all have the same keys."""

    def __init__(self, form: Form, rows: Rows, known_keys: frozenset[str], findings: Findings) -> None:
        super().__init__(findings)
        self._form, self._rows, self._known_keys = form, rows, known_keys
        self._candidates = form.plan.candidates
        self._readers = Counter(each.key for candidates in self._candidates.values() for each in candidates)
        self._has_clock = any(map(self._has_value, _CLOCKS))

    def check(self, key: str) -> None:
        """Check a key whose values were not written into OME elements."""
        meanings = meanings_of(key)
        nameless = [each for each in meanings if not each.has_unit]
        is_known_key, fact = key in self._known_keys, named_fact(key)
        if is_stamp(key):
            self._check_stamp(key, nameless)
        elif not self._has_clock and self._may_be_clock(key):
            self._has_clock = True  # one of them is enough
            self.add("time stamp", key, _NO_CLOCK, "write timestamp")
        elif len(self._rows) > 1 and not is_known_key and _means_rate(key):
            self._check_rate(key)
        elif nameless and self._readers[key] <= len(nameless):
            self._check_unit(key, nameless[0])
        elif key in self._readers:
            self._check_plane_value(key)
        elif fact is not None and fact.fact in READABLE_FACTS:
            self.check_values(key, self._texts(key), fact.fact, fact.read)
        elif meanings and key in self._form.plan.fact_keys:
            self.check_values(key, self._texts(key), meanings[0].field, meanings[0].read)
        elif not (meanings or key in self._form.plan.fact_keys) and (alike(key) or not is_known_key):
            self._check_unknown(key)
        if key.endswith(_FORMAT) and self._first(key) == "frame-dict":
            around = key.removesuffix(_FORMAT)
            message = f"pymmcore-plus metadata is nested in {around!r}, where most of its keys are not read"
            self.findings.add_once("dict", key, message, "put it beside your own keys, not in a dict")

    def add_disagreements(self) -> None:
        """Find keys that mean the same and have different values: the first one counts."""
        for field in _COMPARED:
            candidates = [each for each in self._candidates.get(field, ()) if _is_plain(each)]
            for first, other in pairwise(candidates):
                if _is_measured(first.key) != _is_measured(other.key) or first.key == other.key:
                    continue
                if any(self._differ(first, other, self._rows[piece]) for piece in pieces(len(self._rows))):
                    message = f"metadata keys {first.key!r} and {other.key!r} have different values"
                    self.findings.add_once(
                        "values", other.key, f"{message}; only the first is used", "remove one of them"
                    )

    def _differ(self, first: Candidate, other: Candidate, rows: Rows) -> bool:
        """Whether two keys have different values in any of the rows."""
        values, others = (self._form.values(each, rows) for each in (first, other))
        is_known_twice = ~np.isnan(values) & ~np.isnan(others)
        return not np.allclose(values[is_known_twice], others[is_known_twice], rtol=1e-6)

    def _has_value(self, field: str) -> bool:
        """Whether the first frame has a value of a plane."""
        candidates = self._candidates.get(field, ())
        return any(is_known(self._form.values(each, self._rows[:1])[0]) for each in candidates)

    def _counts_frames(self, key: str) -> bool:
        """Whether the values are consecutive integers."""
        numbers = sorted(parse.number(json.loads(text)) for text in self._texts(key))
        return all(number % 1 == 0 for number in numbers) and numbers[-1] - numbers[0] == len(numbers) - 1

    def _is_device_property(self, key: str) -> bool:
        """Whether the key may be one of the many in Micro-Manager's cache, such as ``Camera-Gain``."""
        return "-" in key and any(each.endswith("Camera") for each in self._form.keys)

    def _check_unit(self, key: str, meaning: Meaning) -> None:
        is_index = words_of(key) in _INDICES and self._counts_frames(key)
        is_needless = is_index or self._has_value(meaning.field) or self._is_device_property(key)
        if not is_needless:
            self.check_without_unit(key, self._first(key), meaning)

    def _check_stamp(self, key: str, nameless: list[Meaning]) -> None:
        """Report a time stamp that cannot be read; a name such as "time" may mean something else."""
        is_sure = words_of(key) in SURE_STAMP_NAMES
        texts = self._texts(key)
        unread = [text for text in texts if text not in EMPTY and parse.moment(json.loads(text)) is None]
        dates = [
            text
            for text in unread
            if text.startswith('"') and (is_sure or len(_DIGIT.findall(text)) >= _DIGITS_OF_DATE)
        ]
        if dates:
            self.add_value(key, dates[0], "utc_s")
        elif unread and nameless:
            self._check_unit(key, nameless[0])
        elif unread and is_sure:
            self.add_value(key, unread[0], "utc_s")

    def _check_unknown(self, key: str) -> None:
        """Report a near miss."""
        around, _, last = key.rpartition(".")
        is_stamp_of_value = last == "timestamp" and f"{around}.value" in self._form.keys
        value = self._first(key)
        own = misspelled(key, value)
        if own is not None and own not in self._form.keys:
            self.add_near_miss(key, own)
            return
        if is_stamp_of_value or self._is_device_property(key):
            return
        if self._is_list_without_unit(key, value):
            self.add("unit", key, "has no unit", f"write {key}_um")
            return
        if self._form.keys == {_NO_DICT} == {key}:
            message = "frame metadata is not a dict, so it is not read"
            self.findings.add_once("dict", key, message, "put a dict")
        if not is_known(parse.number(value)):
            self._check_text(key, value)
            return
        self.add_option(key, value)
        found, suggestion = alike(key), near_miss(key, self._known_keys)
        is_of_frame = last != key and OF_OTHERS.isdisjoint(words_in(around))
        nested = next(iter(meanings_of(last) if is_of_frame else ()), None)
        if nested is not None and nested.field in _NESTED and not nested.has_unit:
            self.add_unit(key, nested)
        elif found is not None:
            if not self._names(found.field):
                self.add_near_miss(key, found.suggestion)
        elif suggestion is not None:
            self.add_near_miss(key, suggestion)
        elif nested is not None and nested.has_unit and nested.field not in self._candidates:
            self.add_near_miss(key, nested.example)

    def _check_text(self, key: str, value: object) -> None:
        """Report a list of dicts, and text that may be an objective or a pixel format."""
        self.add_list(key, value)
        self.add_option(key, value)
        text = value if isinstance(value, str) else ""
        label = read_label(text[:_LONGEST_LABEL] if _MAGNIFIES.search(text) else "")
        is_sure = label.numerical_aperture is not None or label.immersion is not None
        if label.magnification is not None and is_sure and not self._names("objective"):
            self.add_near_miss(key, "objective")
        if _PIXEL_FORMAT.fullmatch(text) and not self._names("bit_depth"):
            self.add_near_miss(key, "bit_depth")

    def _names(self, field: str) -> bool:
        """Whether the name of a key means a field."""
        return field in self._candidates or any(
            (fact is not None and fact.fact == field)
            or any(each.field == field and each.has_unit for each in meanings_of(key))
            for key in self._form.keys
            for fact in [named_fact(key)]
        )

    def _check_rate(self, key: str) -> None:
        """Report a rate, which may be the camera's, unless another key has the interval."""
        value = self._first(key)
        rate = max(parse.number(value), meanings_of(key)[0].read(value))
        if rate > 0 and not any(_means_interval(each) for each in self._form.keys):
            problem = "may be the camera's frame rate, so it does not become TimeIncrement"
            self.add("rate", key, problem, f"write {_INTERVAL}, the time between time points")

    def _is_list_without_unit(self, key: str, value: object) -> bool:
        """Whether the value is the only stage position, as a list of numbers."""
        if name_of(key).unit is not None or "x_um" in self._candidates:
            return False
        return any(each.is_of_list and is_known(each.read(value)) for each in meanings_of(f"{key}_um"))

    def _check_plane_value(self, key: str) -> None:
        """Report a value of a plane that cannot be read."""
        found = [
            (field, each.read)
            for field, candidates in self._candidates.items()
            for each in candidates
            if each.key == key
        ]
        fields = [field for field, _ in found]
        field = "elapsed_s" if "elapsed_s" in fields else fields[0]  # a unit of time may mean a clock, too
        is_list = any(each.is_of_list for each in meanings_of(key))
        self.check_values(key, self._texts(key), LIST if is_list else field, *(read for _, read in found))

    def _may_be_clock(self, key: str) -> bool:
        """Whether a key with a word for time holds one, unless it belongs to the value beside it."""
        return (
            f"{key.rpartition('.')[0]}.value" not in self._form.keys
            and not _TIME_WORDS.isdisjoint(name_of(key).words)
            and parse.moment(self._first(key)) is not None
        )

    def _first(self, key: str) -> object:
        return json.loads(self._form.columns.texts(key, self._rows[:1])[0])

    def _texts(self, key: str) -> list[str]:
        """Return the JSON of the first distinct values, from as few rows as yield enough of them."""
        found: dict[str, None] = {}
        start, count = 0, _FIRST_ROWS
        while start < len(self._rows) and len(found) < _MOST_VALUES:
            found |= dict.fromkeys(self._form.columns.texts(key, self._rows[start : start + count]).tolist())
            start, count = start + count, count * 4
        return [*found][:_MOST_VALUES]


def _is_plain(candidate: Candidate) -> bool:
    """Whether the name of a key, which includes a unit, is all that gives it its meaning."""
    meanings = meanings_of(candidate.key)
    return candidate.only_if is None and bool(meanings) and meanings[0].has_unit


def _is_measured(key: str) -> bool:
    """Whether the name says that the value was measured, which may differ from the value that was set."""
    return not MEASURED.isdisjoint(name_of(key).words)


def _means_rate(key: str) -> bool:
    return any(each.is_rate and each.field == _INTERVAL for each in meanings_of(key))


def _means_interval(key: str) -> bool:
    return any(each.field == _INTERVAL and not each.is_rate for each in meanings_of(key))
