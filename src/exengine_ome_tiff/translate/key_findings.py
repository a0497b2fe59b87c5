"""Metadata keys that were not understood, and what to write instead."""

import json
from collections import Counter
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.findings import Findings
from exengine_ome_tiff.translate import parse
from exengine_ome_tiff.translate.form import Form
from exengine_ome_tiff.translate.quantities import Meaning, meanings_of, near_miss
from exengine_ome_tiff.translate.translator import is_known

_EMPTY = ("null", '""', "0", "0.0", '"0"', '"0.0"', "[]", "{}", '"NaN"')
"""What programs write where they know nothing; a pixel size of 0 is Micro-Manager's way to say so."""
_MOST_VALUES = 1000
_LONGEST_SHOWN = 40
_EXPECTED = {
    "exposure_s": "a number that is not negative, such as 12.5",
    "pixel_size_um": "a number above 0, such as 0.1625",
    "bit_depth": "a whole number, such as 12",
    "utc_s": "a time such as 2026-11-22T07:11:23.41+01:00",
    "local_clock_s": "a time such as 2026-11-22T07:11:23.41+01:00",
}
_A_NUMBER = "a number, such as 12.5"


def add_key_findings(
    form: Form,
    rows: npt.NDArray[np.int64],
    keys: Iterable[str],
    known_keys: frozenset[str],
    findings: Findings,
) -> None:
    """Find keys without a unit, near misses of known ones, and values that cannot be read.

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
    for key in keys:
        if key in form.plan.own_keys or form.columns.is_too_long(key):
            continue
        meanings = meanings_of(key)
        nameless = [each for each in meanings if not each.has_unit]
        if nameless and readers[key] <= len(nameless):
            _unit(form, rows, key, nameless[0], findings)
        elif key in readers:
            _value(form, rows, key, findings)
        elif not meanings and key not in known_keys and not _is_device_property(key, form):
            suggestion = near_miss(key, known_keys)
            if suggestion is not None and is_known(_first_number(form, rows, key)):
                findings.add_once(
                    "near miss", key, f"metadata key {key!r} is not understood", f"write {suggestion}"
                )


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
        unit = meaning.example.rpartition("_")[2]
        findings.add_once("unit", key, f"metadata key {key!r} has no unit", f"write {key}_{unit}")


def _value(form: Form, rows: npt.NDArray[np.int64], key: str, findings: Findings) -> None:
    found = [
        (field, each)
        for field, candidates in form.plan.candidates.items()
        for each in candidates
        if each.key == key
    ]
    texts = [*dict.fromkeys(form.columns.texts(key, rows).tolist())][:_MOST_VALUES]
    for text in texts:
        value = json.loads(text)
        if text not in _EMPTY and not any(is_known(each.read(value)) for _, each in found):
            shown = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
            findings.add_once(
                "value",
                key,
                f"metadata key {key!r} has the value {shown}, which cannot be read",
                f"write {_EXPECTED.get(found[0][0], _A_NUMBER)}",
            )
            return


def _first_number(form: Form, rows: npt.NDArray[np.int64], key: str) -> float:
    return parse.number(json.loads(form.columns.texts(key, rows[:1])[0]))
