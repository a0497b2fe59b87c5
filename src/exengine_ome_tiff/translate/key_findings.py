"""Metadata keys that were not understood, and what to write instead: shared checks, and the summary's."""

import json
import re
from collections.abc import Callable, Collection, Iterable

import numpy as np

from exengine_ome_tiff.findings import Findings
from exengine_ome_tiff.text_format import list_text
from exengine_ome_tiff.translate import parse
from exengine_ome_tiff.translate.key_names import name_of
from exengine_ome_tiff.translate.named_facts import (
    OPTIONS,
    READABLE_FACTS,
    START_NAMES,
    SURE_STAMP_NAMES,
    alike,
    misspelled,
    named_fact,
    near_miss,
    words_of,
)
from exengine_ome_tiff.translate.quantities import Meaning, meanings_of
from exengine_ome_tiff.translate.tag_columns import strict_json
from exengine_ome_tiff.translate.translator import Tags, dicts, flat, is_known
from exengine_ome_tiff.translate.values import BOUNDS, UNKNOWN, range_text

EMPTY = ("null", '""', "0", "0.0", '"0"', '"0.0"', "[]", "{}", '"NaN"')
"""Values of programs for "unknown"; Micro-Manager writes a pixel size of 0 without a calibration."""
LIST = "list"
_EXPECTED = {
    "exposure_s": "a number that is not negative, such as 12.5",
    "pixel_size_um": "a number above 0, such as 0.1625",
    "bit_depth": "a whole number, such as 12",
    "utc_s": "a time such as 2026-11-22T07:11:23.41+01:00",
    "local_clock_s": "a time such as 2026-11-22T07:11:23.41+01:00",
    LIST: "a list such as [1.5, -2, 3]",
    "objective": "a label such as Plan Apo 60x/1.4 Oil",
    "binning": "a whole number, such as 2",
    "magnification": "a number, such as 60",
    "numerical_aperture": "a number, such as 1.4",
    "immersion": "a medium such as Oil",
    "excitation_nm": "a number, such as 488",
    "emission_nm": "a number, such as 525",
}
_A_NUMBER = "a number, such as 12.5"
_GENICAM_EXPOSURES = ("ExposureTime", "ExposureTimeAbs")
"""Camera features that GenICam counts in microseconds."""
_KNOWN_LISTS = {"devices", "image_infos", "pixel_size_configs", "config_groups", "StagePositions"}
"""Keys of lists that dialects read."""
_LONGEST_SHOWN = 40
_SURE_WORDS = {"exposure", "pixel", "pixelsize", "elapsed"}
"""Words of keys without a unit that mean nothing else."""
_BANDS = re.compile(r"(?<!\d)\d{3,4}(?!\d)")
"""A wavelength in the label of a filter, such as "BP 525/50"."""

_COMPARED = {"pixel_size_um", "pixel_size_y_um", "z_step_um", "time_interval_s"}
_OF_SUMMARY = _COMPARED | {"exposure_s"}
_OF_FRAMES = {"x_um", "y_um", "z_um", "elapsed_s", "excitation_nm", "emission_nm"}
"""Fields of frames or channels, which have no place in a summary."""
_WAVELENGTHS = {"excitation_nm", "emission_nm"}
_WELL = "well"


class KeyFindings:
    """Adds findings about keys of frames, or of the summary, to the findings of a dataset."""

    def __init__(self, findings: Findings, where: str = "metadata") -> None:
        self.findings = findings
        self._where = where

    def add(self, kind: str, key: str, problem: str, fix: str) -> None:
        """Add a finding about a key, unless the key has one of this kind."""
        self.findings.add_once(kind, key, f"{self._where} key {key!r} {problem}", fix)

    def add_option(self, key: str, value: object) -> None:
        """Report text, or a number, that belongs in an option."""
        fix = OPTIONS.get(words_of(key)) or OPTIONS.get(" ".join(name_of(key).words))
        if value and isinstance(value, str | int) and value is not True and fix is not None:
            self.add("option", key, "is not read", fix)

    def add_value(self, key: str, text: str, field: str) -> None:
        """Report a value, as JSON, that cannot be read as a field."""
        is_beyond = field in BOUNDS and parse.number(json.loads(text)) > 0
        problem = f"is not in the range {range_text(field)}" if is_beyond else "cannot be read"
        self._add_value(key, text, problem, f"write {_EXPECTED.get(field, _A_NUMBER)}")

    def _add_value(self, key: str, text: str, problem: str, fix: str) -> None:
        shown = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
        self.add("value", key, f"has the value {shown}, which {problem}", fix)

    def check_values(
        self, key: str, texts: Iterable[str], field: str, *readers: Callable[[object], object]
    ) -> None:
        """Report the first value, as JSON, that no reader can read."""
        for text in texts:
            if text not in EMPTY and not any(is_known(read(json.loads(text))) for read in readers):
                self.add_value(key, text, field)
                return

    def add_unit(self, key: str, meaning: Meaning) -> None:
        """Report a key without a unit."""
        unit = "hz" if meaning.is_rate else meaning.example.rpartition("_")[2]
        if key.rpartition(".")[2] in _GENICAM_EXPOSURES:
            unit = "us"
        self.add("unit", key, "has no unit", f"write {key.removesuffix('.value')}_{unit}")

    def check_without_unit(self, key: str, value: object, meaning: Meaning) -> None:
        """Report the number of a key without a unit, or text in the place of an exposure or a pixel size."""
        if is_known(parse.number(value)):
            self.add_unit(key, meaning)
        elif isinstance(value, str) and (
            (value.strip() and not _SURE_WORDS.isdisjoint(name_of(key).words))
            or (meaning.field in _WAVELENGTHS and _BANDS.search(value))
        ):
            fix = f"write {meaning.example} and a number"
            self._add_value(key, json.dumps(value, ensure_ascii=False), "cannot be read", fix)

    def add_near_miss(self, key: str, suggestion: str) -> None:
        """Report a key that should be spelled differently."""
        self.add("near miss", key, "is not understood", f"write {suggestion}")

    def add_list(self, key: str, value: object) -> None:
        """Report quantities in a list of dicts, which describe nothing known."""
        names = dict.fromkeys(name for each in dicts(value) for name in flat(each))
        found = [name for name in names if any(each.has_unit for each in meanings_of(name))]
        if found and key.rpartition(".")[2] not in _KNOWN_LISTS:
            problem = f"is a list, so {list_text(found)} in it cannot be assigned to frames"
            self.add("list", key, problem, "put such keys in the metadata of the frames they describe")


def add_summary_findings(
    tags: Tags, known_keys: frozenset[str], findings: Findings, known_fields: Collection[str] = ()
) -> None:
    """Find keys that are not understood in the flat summary metadata.

    Parameters
    ----------
    tags
        The metadata.
    known_keys
        Keys of the dialects.
    findings
        Receives the findings.
    known_fields
        Fields known from frames or from the summary.
    """
    keys = KeyFindings(findings, "summary")
    meanings = {key: [each for each in meanings_of(key) if each.field in _OF_SUMMARY] for key in tags}
    _add_disagreements(tags, findings)
    known = {
        each.field for key, found in meanings.items() for each in found if is_known(each.read(tags[key]))
    }
    known |= {*known_fields}
    for key, value in tags.items():
        text, fact = strict_json(value), named_fact(key)
        of_frames = _example_of_frames(key, value, known_fields)
        if of_frames == _WELL or (of_frames is not None and key not in known_keys):
            fix = f"put {of_frames} in the metadata of frames"
            keys.add("summary", key, "describes a frame, so it is not read", fix)
        elif meanings[key]:
            meaning = meanings[key][0]
            if meaning.has_unit:
                keys.check_values(key, [text], meaning.field, *(each.read for each in meanings[key]))
            elif "-" not in key and text not in EMPTY and meaning.field not in known:
                keys.check_without_unit(key, value, meaning)
        elif words_of(key) in START_NAMES | SURE_STAMP_NAMES:
            keys.check_values(key, [text], "utc_s", parse.moment)
        elif fact is not None and fact.fact in READABLE_FACTS:
            keys.check_values(key, [text], fact.fact, fact.read)
        elif key not in known_keys and "-" not in key and not any(each.has_unit for each in meanings_of(key)):
            suggestion, found = near_miss(key, known_keys), alike(key)
            if found is not None:
                suggestion = None if found.field in known else found.suggestion
            if suggestion is not None and found is not None and found.field in _OF_FRAMES:
                suggestion = f"{suggestion} in the metadata of frames"
            if not _is_number(value):
                suggestion = None
            own = misspelled(key, value)
            if own is not None and own not in tags:
                suggestion = f"{own} in the metadata of frames" if own in _OF_FRAMES else own
            keys.add_option(key, value)
            if suggestion is not None:
                keys.add_near_miss(key, suggestion)
            keys.add_list(key, value)


def _example_of_frames(key: str, value: object, known_fields: Collection[str]) -> str | None:
    """Return the spelling in frame metadata of a key that means nothing in a summary."""
    fact = named_fact(key)
    if fact is not None and fact.fact == _WELL:
        return _WELL
    found = [
        each for each in meanings_of(key) if each.field in _OF_FRAMES - {*known_fields} and each.has_unit
    ]
    return found[0].example if any(is_known(each.read(value)) for each in found) else None


def _is_number(value: object) -> bool:
    return is_known(parse.number(value))


def _add_disagreements(tags: Tags, findings: Findings) -> None:
    """Find summary keys that mean the same and have different values."""
    first: dict[str, tuple[str, float]] = {}
    for key, each in [(name, meaning) for name in tags for meaning in meanings_of(name)]:
        is_compared = each.field in _COMPARED and each.has_unit and not each.is_rate
        value = each.read(tags[key]) if is_compared else UNKNOWN
        if is_known(value):
            other, known = first.setdefault(each.field, (key, value))
            if not np.isclose(value, known, rtol=1e-6):
                message = f"summary keys {other!r} and {key!r} have different values; only one is used"
                findings.add_once("values", key, message, "remove one of them")
