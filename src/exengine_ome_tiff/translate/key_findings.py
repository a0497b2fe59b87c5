"""Metadata keys that were not understood, and what to write instead."""

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache, lru_cache, partial
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.findings import Findings
from exengine_ome_tiff.translate import parse
from exengine_ome_tiff.translate.form import Form
from exengine_ome_tiff.translate.named_facts import (
    NAMED_FACTS,
    OPTICS,
    START_NAMES,
    SURE_STAMP_NAMES,
    is_stamp,
    words_of,
)
from exengine_ome_tiff.translate.objective_labels import read_optics
from exengine_ome_tiff.translate.plan import Candidate
from exengine_ome_tiff.translate.quantities import MEASURED, OF_PLANES, Meaning, meanings_of, name_of
from exengine_ome_tiff.translate.tag_columns import strict_json
from exengine_ome_tiff.translate.times import parse_time
from exengine_ome_tiff.translate.translator import Tags, is_known

_EMPTY = ("null", '""', "0", "0.0", '"0"', '"0.0"', "[]", "{}", '"NaN"')
"""What programs write where they know nothing; a pixel size of 0 is Micro-Manager's way to say so."""
_MOST_VALUES, _FIRST_ROWS = 1000, 1024
_LONGEST_SHOWN = 40
_EXPECTED = {
    "exposure_s": "a number that is not negative, such as 12.5",
    "pixel_size_um": "a number above 0, such as 0.1625",
    "bit_depth": "a whole number, such as 12",
    "utc_s": "a time such as 2026-11-22T07:11:23.41+01:00",
    "local_clock_s": "a time such as 2026-11-22T07:11:23.41+01:00",
}
_A_NUMBER = "a number, such as 12.5"
_A_LIST = "a list such as [1.5, -2, 3]"
_COMPARED = ("exposure_s", "x_um", "y_um", "z_um", "pixel_size_um", "pixel_size_y_um")
_GENICAM_EXPOSURES = ("ExposureTime", "ExposureTimeAbs")
"""Features of cameras, which GenICam counts in microseconds."""
_OF_SUMMARY = {"pixel_size_um", "pixel_size_y_um", "z_step_um", "time_interval_s", "exposure_s"}
_CLOCKS = {"elapsed_s", "utc_s", "local_clock_s"}
_EXPECTED_FACTS = {
    "objective": "a label such as Plan Apo 60x/1.4 Oil",
    "binning": "a whole number, such as 2",
    "magnification": "a number, such as 60",
    "numerical_aperture": "a number, such as 1.4",
    "immersion": "a medium such as Oil",
}
_WORDS_OF_FACTS: dict[str, tuple[str, Callable[[object], object]]] = {
    words: (each.fact, each.read)
    for each in NAMED_FACTS
    if each.fact in _EXPECTED_FACTS
    for words in each.names
} | {words: (part, partial(read_optics, part)) for words, part in OPTICS.items()}
_DIGIT = re.compile(r"\d")
_DIGITS_OF_DATE = 4
_TIME_WORDS = frozenset(
    ("time", "date", "datetime", "timestamp", "stamp", "clock", "start", "begin", "started")
)
_SHORT = 5
"""Names of so many letters are near too many others."""
_NEAR = 0.88
_AXES = frozenset(("channel", "position"))
"""Keys whose numbers are indices, such as those of ``completeCoords``."""


def add_key_findings(
    form: Form,
    rows: npt.NDArray[np.int64],
    keys: Iterable[str],
    known_keys: frozenset[str],
    findings: Findings,
) -> None:
    """Find keys without a unit, near misses of known ones, values that cannot be read, and those that differ.

    Parameters
    ----------
    form
        Of the frames.
    rows
        Of the frames in that form, shape (n,).
    keys
        Whose values were not written into OME elements.
    known_keys
        Of the dialects.
    findings
        Takes up what is found.
    """
    readers = Counter(each.key for candidates in form.plan.candidates.values() for each in candidates)
    clocks = [each for name in _CLOCKS for each in form.plan.candidates.get(name, ())]
    has_clock = any(is_known(form.values(each, rows[:1])[0]) for each in clocks)
    for key in keys:
        if key in form.plan.own_keys or form.columns.is_too_long(key):
            continue
        meanings = meanings_of(key)
        nameless = [each for each in meanings if not each.has_unit]
        if is_stamp(key):
            _stamp(form, rows, key, nameless, findings)
        elif not has_clock and _may_be_clock(form, rows, key):
            findings.add_once(
                "time stamp",
                key,
                f"metadata key {key!r} is a time, but its name does not tell that the frame was taken then",
                "write timestamp",
            )
        elif nameless and readers[key] <= len(nameless):
            _unit(form, rows, key, nameless[0], findings)
        elif key in readers:
            _value(form, rows, key, findings)
        elif words_of(key) in _WORDS_OF_FACTS:
            _fact(form, rows, key, findings)
        elif not (meanings or key in known_keys or key in form.plan.fact_keys):
            _unknown(form, rows, key, known_keys, findings)
    _add_disagreements(form, rows, findings)


def _add_disagreements(form: Form, rows: npt.NDArray[np.int64], findings: Findings) -> None:
    """Find keys whose names mean the same, but whose values differ: the first one counts."""
    for field in _COMPARED:
        candidates = [each for each in form.plan.candidates.get(field, ()) if _is_plain(each)]
        for first, other in pairwise(candidates):
            if _is_measured(first.key) != _is_measured(other.key) or first.key == other.key:
                continue
            values, others = form.values(first, rows), form.values(other, rows)
            is_known_twice = ~np.isnan(values) & ~np.isnan(others)
            if not np.allclose(values[is_known_twice], others[is_known_twice], rtol=1e-6):
                message = (
                    f"metadata keys {first.key!r} and {other.key!r} differ, so only the first one counts"
                )
                findings.add_once("values", other.key, message, "leave one of them out")


def _is_plain(candidate: Candidate) -> bool:
    """Whether a key tells its value by its name alone, which has a unit."""
    meanings = meanings_of(candidate.key)
    return candidate.only_if is None and bool(meanings) and meanings[0].has_unit


def _is_measured(key: str) -> bool:
    """Whether a key says that its value was measured, which may differ from what was asked for."""
    return not MEASURED.isdisjoint(name_of(key).words)


def add_summary_findings(
    tags: Tags, known_keys: frozenset[str], findings: Findings, told: Collection[str] = ()
) -> None:
    """Find the same in the flat summary metadata.

    Parameters
    ----------
    tags, known_keys, findings
        As above.
    told
        Fields that are known from frames or from the summary.
    """
    meanings = {key: [each for each in meanings_of(key) if each.field in _OF_SUMMARY] for key in tags}
    _add_summary_disagreements(tags, meanings, findings)
    read = {each.field for key, found in meanings.items() for each in found if is_known(each.read(tags[key]))}
    for key, value in tags.items():
        text = strict_json(value)
        if meanings[key]:
            meaning = meanings[key][0]
            if text in _EMPTY or any(is_known(each.read(value)) for each in meanings[key]):
                continue
            if meaning.has_unit:
                _add_value(key, text, _EXPECTED.get(meaning.field, _A_NUMBER), findings, "summary")
            elif is_known(parse.number(value)) and meaning.field not in {*told, *read} and "-" not in key:
                _add_unit(key, meaning, findings, "summary")
        elif words_of(key) in START_NAMES | SURE_STAMP_NAMES:
            if text not in _EMPTY and parse.moment(value) is None:
                _add_value(key, text, _EXPECTED["utc_s"], findings, "summary")
        elif key not in known_keys and words_of(key) not in OPTICS and "-" not in key:
            suggestion = near_miss(key, known_keys)
            if suggestion is not None and is_known(parse.number(value)):
                _add_near_miss(key, suggestion, findings, "summary")


def _add_summary_disagreements(
    tags: Tags, meanings: Mapping[str, Sequence[Meaning]], findings: Findings
) -> None:
    """Find keys of the summary whose names mean the same, but whose values differ."""
    first: dict[str, tuple[str, float]] = {}
    for key, found in meanings.items():
        for each in found:
            value = each.read(tags[key])
            if each.has_unit and not each.is_rate and each.field != "exposure_s" and is_known(value):
                other, known = first.setdefault(each.field, (key, value))
                if not np.isclose(value, known, rtol=1e-6):
                    message = f"summary keys {other!r} and {key!r} differ, so only one of them counts"
                    findings.add_once("values", key, message, "leave one of them out")


def _is_device_property(key: str, form: Form) -> bool:
    """Whether it may be one of the many properties in Micro-Manager's cache, such as ``Camera-Gain``."""
    return "-" in key and any(each.endswith("Camera") for each in form.keys)


def _unit(form: Form, rows: npt.NDArray[np.int64], key: str, meaning: Meaning, findings: Findings) -> None:
    value = _first_number(form, rows, key)
    is_index = meaning.field == "elapsed_s" and value % 1 == 0
    is_told = any(
        is_known(form.values(each, rows[:1])[0]) for each in form.plan.candidates.get(meaning.field, ())
    )
    if is_known(value) and not is_index and not is_told and not _is_device_property(key, form):
        _add_unit(key, meaning, findings)


def _stamp(
    form: Form, rows: npt.NDArray[np.int64], key: str, nameless: list[Meaning], findings: Findings
) -> None:
    """Find a time stamp that cannot be read; a name such as "time" may be that of something else."""
    is_sure = words_of(key) in SURE_STAMP_NAMES
    texts = _first_values(form, rows, key)
    unread = [text for text in texts if text not in _EMPTY and parse.moment(json.loads(text)) is None]
    dates = [
        text
        for text in unread
        if text.startswith('"') and (is_sure or len(_DIGIT.findall(text)) >= _DIGITS_OF_DATE)
    ]
    if dates:
        _add_value(key, dates[0], _EXPECTED["utc_s"], findings)
    elif unread and nameless:
        _unit(form, rows, key, nameless[0], findings)
    elif unread and is_sure:
        _add_value(key, unread[0], _EXPECTED["utc_s"], findings)


def _unknown(
    form: Form, rows: npt.NDArray[np.int64], key: str, known_keys: frozenset[str], findings: Findings
) -> None:
    """Find a near miss."""
    around, _, last = key.rpartition(".")
    if (last == "timestamp" and f"{around}.value" in form.keys) or _is_device_property(key, form):
        return
    if _is_list_without_unit(form, rows, key):
        findings.add_once("unit", key, f"metadata key {key!r} has no unit", f"write {key}_um")
        return
    suggestion = near_miss(key, known_keys)
    if suggestion is not None and is_known(_first_number(form, rows, key)):
        _add_near_miss(key, suggestion, findings)


def _fact(form: Form, rows: npt.NDArray[np.int64], key: str, findings: Findings) -> None:
    """Find a value of an objective or a binning that cannot be read."""
    name, read = _WORDS_OF_FACTS[words_of(key)]
    for text in _first_values(form, rows, key):
        value = json.loads(text)
        if text not in _EMPTY and read(value) in (None, ""):
            _add_value(key, text, _EXPECTED_FACTS[name], findings)
            return


def _is_list_without_unit(form: Form, rows: npt.NDArray[np.int64], key: str) -> bool:
    """Whether it is the only place on the stage, as a list of numbers."""
    if name_of(key).unit is not None or "x_um" in form.plan.candidates:
        return False
    value = _first(form, rows, key)
    return any(each.is_of_list and is_known(each.read(value)) for each in meanings_of(f"{key}_um"))


def _value(form: Form, rows: npt.NDArray[np.int64], key: str, findings: Findings) -> None:
    found = [
        (field, each)
        for field, candidates in form.plan.candidates.items()
        for each in candidates
        if each.key == key
    ]
    texts = _first_values(form, rows, key)
    for text in texts:
        value = json.loads(text)
        if text not in _EMPTY and not any(is_known(each.read(value)) for _, each in found):
            is_list = any(each.is_of_list for each in meanings_of(key))
            fields = [field for field, _ in found]
            field = "elapsed_s" if "elapsed_s" in fields else fields[0]  # a name with a unit of time has both
            expected = _A_LIST if is_list else _EXPECTED.get(field, _A_NUMBER)
            _add_value(key, text, expected, findings)
            return


def _add_value(key: str, text: str, expected: str, findings: Findings, where: str = "metadata") -> None:
    shown = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
    findings.add_once(
        "value", key, f"{where} key {key!r} has the value {shown}, which cannot be read", f"write {expected}"
    )


def _add_unit(key: str, meaning: Meaning, findings: Findings, where: str = "metadata") -> None:
    unit = "hz" if meaning.is_rate else meaning.example.rpartition("_")[2]
    if key.rpartition(".")[2] in _GENICAM_EXPOSURES:
        unit = "us"
    findings.add_once(
        "unit", key, f"{where} key {key!r} has no unit", f"write {key.removesuffix('.value')}_{unit}"
    )


def _add_near_miss(key: str, suggestion: str, findings: Findings, where: str = "metadata") -> None:
    findings.add_once("near miss", key, f"{where} key {key!r} is not understood", f"write {suggestion}")


def _may_be_clock(form: Form, rows: npt.NDArray[np.int64], key: str) -> bool:
    """Whether a key whose name speaks of a time has one."""
    return not _TIME_WORDS.isdisjoint(name_of(key).words) and parse_time(_first(form, rows, key)) is not None


def _first(form: Form, rows: npt.NDArray[np.int64], key: str) -> object:
    return json.loads(form.columns.texts(key, rows[:1])[0])


def _first_values(form: Form, rows: npt.NDArray[np.int64], key: str) -> list[str]:
    """Return the JSON of the first different values; looks at more and more rows until there are enough."""
    found: dict[str, None] = {}
    start, count = 0, _FIRST_ROWS
    while start < len(rows) and len(found) < _MOST_VALUES:
        found |= dict.fromkeys(form.columns.texts(key, rows[start : start + count]).tolist())
        start, count = start + count, count * 4
    return [*found][:_MOST_VALUES]


def _first_number(form: Form, rows: npt.NDArray[np.int64], key: str) -> float:
    return parse.number(_first(form, rows, key))


@lru_cache(maxsize=4096)
def near_miss(key: str, known: frozenset[str] = frozenset()) -> str | None:
    """Return how a key ought to be spelled that is nearly one that is understood; None where none is near.

    Parameters
    ----------
    key
        That is not understood.
    known
        Keys of dialects, beside the names of this package.
    """
    squeezed = _squeezed(key.rpartition(".")[2])
    if len(squeezed) <= _SHORT or squeezed in _AXES:
        return None
    candidates = _candidates(known)
    matches = [squeezed] if squeezed in candidates else []
    if not matches and name_of(key).unit is not None:
        matches = get_close_matches(squeezed, candidates, 1, _NEAR)
    return candidates[matches[0]] if matches and candidates[matches[0]] != key else None


@cache
def _candidates(known: frozenset[str]) -> dict[str, str]:
    """Return what keys are compared with, and how each of them ought to be spelled."""
    candidates = {_squeezed(name): name for name in known if "." not in name}
    for quantity in OF_PLANES:
        names = [name for name in quantity.names if len(name) > _SHORT]
        spelled = [f"{name} {unit}" for name in names for unit in quantity.units]
        candidates |= dict.fromkeys(map(_squeezed, spelled), quantity.example)
        candidates[_squeezed(quantity.example)] = quantity.example
    return candidates | {"bitdepth": "bit_depth"}


def _squeezed(key: str) -> str:
    return re.sub(r"[\W_]", "", key).casefold()
