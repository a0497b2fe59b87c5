"""Metadata keys that were not understood, and what to write instead."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.findings import Findings
from exengine_ome_tiff.translate import parse
from exengine_ome_tiff.translate.finding_lines import (
    EMPTY,
    LIST,
    add_list,
    add_near_miss,
    add_option,
    add_unit,
    add_value,
)
from exengine_ome_tiff.translate.form import Candidate, Form
from exengine_ome_tiff.translate.key_names import MEASURED, OF_OTHERS, name_of, words_in
from exengine_ome_tiff.translate.named_facts import (
    NAMED_FACTS,
    OPTICS,
    SURE_STAMP_NAMES,
    alike,
    fact_words,
    is_stamp,
    named_fact,
    near_miss,
    words_of,
)
from exengine_ome_tiff.translate.objective_labels import read_label, read_optics
from exengine_ome_tiff.translate.quantities import (
    ANYWHERE,
    Meaning,
    meanings_of,
)
from exengine_ome_tiff.translate.translator import is_known

_MOST_VALUES, _FIRST_ROWS = 1000, 1024
_LONGEST_LABEL = 200
_MAGNIFIES = re.compile(r"\d\s?[xX\xd7]")
_PIXEL_FORMAT = re.compile(r"(?:Mono|Bayer[A-Z]{2})\d{1,2}\w*")
_NO_DICT = "metadata"
"""The key of metadata that is no dict."""
_FORMAT = ".format"
_INTERVAL = "time_interval_s"
_COMPARED = ("exposure_s", "x_um", "y_um", "z_um", "pixel_size_um", "pixel_size_y_um")
_INDICES = {"t", "time"}
"""Words of keys that may count frames."""
_TOLD_ANYWHERE = ANYWHERE - {_INTERVAL, "readout_mhz"}
"""Fields whose names without a unit are told in a dict of any name."""
_CLOCKS = {"elapsed_s", "utc_s", "local_clock_s"}
WORDS_OF_FACTS: dict[str, tuple[str, Callable[[object], object]]] = {
    words: (each.fact, each.read)
    for each in NAMED_FACTS
    if each.fact in ("objective", "binning")
    for words in each.names
} | {words: (part, partial(read_optics, part)) for words, part in OPTICS.items()}
_DIGIT = re.compile(r"\d")
_DIGITS_OF_DATE = 4
_TIME_WORDS = frozenset(
    ("time", "date", "datetime", "timestamp", "stamp", "clock", "start", "begin", "started")
)


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
            has_clock = True  # one of them is enough
            findings.add_once(
                "time stamp",
                key,
                f"metadata key {key!r} is a time, but its name does not say that the frame was taken then",
                "write timestamp",
            )
        elif len(rows) > 1 and key not in known_keys and _means_rate(key):
            _rate(form, rows, key, findings)
        elif nameless and readers[key] <= len(nameless):
            _unit(form, rows, key, nameless[0], findings)
        elif key in readers:
            _value(form, rows, key, findings)
        elif fact_words(key) in WORDS_OF_FACTS:
            _fact(form, rows, key, *WORDS_OF_FACTS[fact_words(key)], findings)
        elif meanings and key in form.plan.fact_keys:
            _fact(form, rows, key, meanings[0].field, meanings[0].read, findings)
        elif not (meanings or key in form.plan.fact_keys) and (alike(key) or key not in known_keys):
            _unknown(form, rows, key, known_keys, findings)
        if key.endswith(_FORMAT) and _first(form, rows, key) == "frame-dict":
            message = (
                f"metadata of pymmcore-plus is in {key.removesuffix(_FORMAT)!r}, so few of its keys are read"
            )
            findings.add_once("dict", key, message, "put it beside your own keys, not in a dict")
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


def _counts(form: Form, rows: npt.NDArray[np.int64], key: str) -> bool:
    """Whether whole numbers follow one another, as those of frames do."""
    numbers = sorted(parse.number(json.loads(text)) for text in _first_values(form, rows, key))
    return all(number % 1 == 0 for number in numbers) and numbers[-1] - numbers[0] == len(numbers) - 1


def _is_device_property(key: str, form: Form) -> bool:
    """Whether it may be one of the many properties in Micro-Manager's cache, such as ``Camera-Gain``."""
    return "-" in key and any(each.endswith("Camera") for each in form.keys)


def _unit(form: Form, rows: npt.NDArray[np.int64], key: str, meaning: Meaning, findings: Findings) -> None:
    value = _first_number(form, rows, key)
    is_index = words_of(key) in _INDICES and _counts(form, rows, key)
    is_told = any(
        is_known(form.values(each, rows[:1])[0]) for each in form.plan.candidates.get(meaning.field, ())
    )
    if is_known(value) and not is_index and not is_told and not _is_device_property(key, form):
        add_unit(key, meaning, findings)


def _stamp(
    form: Form, rows: npt.NDArray[np.int64], key: str, nameless: list[Meaning], findings: Findings
) -> None:
    """Find a time stamp that cannot be read; a name such as "time" may be that of something else."""
    is_sure = words_of(key) in SURE_STAMP_NAMES
    texts = _first_values(form, rows, key)
    unread = [text for text in texts if text not in EMPTY and parse.moment(json.loads(text)) is None]
    dates = [
        text
        for text in unread
        if text.startswith('"') and (is_sure or len(_DIGIT.findall(text)) >= _DIGITS_OF_DATE)
    ]
    if dates:
        add_value(key, dates[0], "utc_s", findings)
    elif unread and nameless:
        _unit(form, rows, key, nameless[0], findings)
    elif unread and is_sure:
        add_value(key, unread[0], "utc_s", findings)


def _unknown(
    form: Form, rows: npt.NDArray[np.int64], key: str, known_keys: frozenset[str], findings: Findings
) -> None:
    """Find a near miss."""
    around, _, last = key.rpartition(".")
    if (last == "timestamp" and f"{around}.value" in form.keys) or _is_device_property(key, form):
        return
    value = _first(form, rows, key)
    if _is_list_without_unit(form, key, value):
        findings.add_once("unit", key, f"metadata key {key!r} has no unit", f"write {key}_um")
        return
    if form.keys == {_NO_DICT} == {key}:
        findings.add_once(
            "dict", key, "metadata of frames is no dict, so nothing of it is read", "put a dict"
        )
    if not is_known(parse.number(value)):
        _text(form, key, value, findings)
        return
    last, found = key.rpartition(".")[2], alike(key)
    nested = [each for each in meanings_of(last) if last != key and _is_of_frame(key)]
    suggestion = near_miss(key, known_keys)
    if nested and nested[0].field in _TOLD_ANYWHERE and not nested[0].has_unit:
        add_unit(key, nested[0], findings)
    elif found is not None:
        if not _tells(form, found.field):
            add_near_miss(key, found.suggestion, findings)
    elif suggestion is not None:
        add_near_miss(key, suggestion, findings)
    elif nested and nested[0].has_unit and nested[0].field not in form.plan.candidates:
        add_near_miss(key, nested[0].example, findings)


def _text(form: Form, key: str, value: object, findings: Findings) -> None:
    """Find a list of dicts, and text that may be an objective or a pixel format."""
    add_list(key, value, findings)
    text = value if isinstance(value, str) else ""
    add_option(key, text, findings)
    label = read_label(text[:_LONGEST_LABEL] if _MAGNIFIES.search(text) else "")
    is_sure = label.numerical_aperture is not None or label.immersion is not None
    if label.magnification is not None and is_sure and not _tells(form, "objective"):
        add_near_miss(key, "objective", findings)
    if _PIXEL_FORMAT.fullmatch(text) and not _tells(form, "bit_depth"):
        add_near_miss(key, "bit_depth", findings)


def _is_of_frame(key: str) -> bool:
    return OF_OTHERS.isdisjoint(words_in(key.rpartition(".")[0]))


def _tells(form: Form, field: str) -> bool:
    """Whether a key tells a field by its name."""
    return field in form.plan.candidates or any(
        (fact is not None and fact.fact == field)
        or OPTICS.get(fact_words(key)) == field
        or any(each.field == field and each.has_unit for each in meanings_of(key))
        for key in form.keys
        for fact in [named_fact(key)]
    )


def _fact(
    form: Form,
    rows: npt.NDArray[np.int64],
    key: str,
    name: str,
    read: Callable[[object], object],
    findings: Findings,
) -> None:
    """Find a value of a fact, such as an objective or a step, that cannot be read."""
    for text in _first_values(form, rows, key):
        value = read(json.loads(text))
        if text not in EMPTY and (value == "" or not is_known(value)):
            add_value(key, text, name, findings)
            return


def _rate(form: Form, rows: npt.NDArray[np.int64], key: str, findings: Findings) -> None:
    """Find a rate, as cameras are faster than acquisitions, unless another key tells the interval."""
    rate = max(_first_number(form, rows, key), meanings_of(key)[0].read(_first(form, rows, key)))
    if rate > 0 and not any(_means_interval(each) for each in form.keys):
        message = f"metadata key {key!r} may be the rate of the camera, so it is not TimeIncrement"
        findings.add_once("rate", key, message, f"write {_INTERVAL}, the time between time points")


def _means_rate(key: str) -> bool:
    return any(each.is_rate and each.field == _INTERVAL for each in meanings_of(key))


def _means_interval(key: str) -> bool:
    return any(each.field == _INTERVAL and not each.is_rate for each in meanings_of(key))


def _is_list_without_unit(form: Form, key: str, value: object) -> bool:
    """Whether it is the only place on the stage, as a list of numbers."""
    if name_of(key).unit is not None or "x_um" in form.plan.candidates:
        return False
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
        if text not in EMPTY and not any(is_known(each.read(value)) for _, each in found):
            is_list = any(each.is_of_list for each in meanings_of(key))
            fields = [field for field, _ in found]
            field = "elapsed_s" if "elapsed_s" in fields else fields[0]  # a name with a unit of time has both
            add_value(key, text, LIST if is_list else field, findings)
            return


def _may_be_clock(form: Form, rows: npt.NDArray[np.int64], key: str) -> bool:
    """Whether a key whose name speaks of a time has one, unless that is of the value beside it."""
    return (
        f"{key.rpartition('.')[0]}.value" not in form.keys
        and not _TIME_WORDS.isdisjoint(name_of(key).words)
        and parse.moment(_first(form, rows, key)) is not None
    )


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
