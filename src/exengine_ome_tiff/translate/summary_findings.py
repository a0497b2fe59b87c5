"""Summary metadata keys that were not understood, and what to write instead."""

from collections.abc import Collection

import numpy as np

from exengine_ome_tiff.findings import Findings
from exengine_ome_tiff.translate import parse
from exengine_ome_tiff.translate.key_findings import EMPTY, KeyFindings
from exengine_ome_tiff.translate.named_facts import (
    READABLE_FACTS,
    START_NAMES,
    SURE_STAMP_NAMES,
    alike,
    named_fact,
    near_miss,
    words_of,
)
from exengine_ome_tiff.translate.quantities import meanings_of
from exengine_ome_tiff.translate.tag_columns import strict_json
from exengine_ome_tiff.translate.translator import Tags, is_known
from exengine_ome_tiff.translate.values import UNKNOWN

_COMPARED = {"pixel_size_um", "pixel_size_y_um", "z_step_um", "time_interval_s"}
_OF_SUMMARY = _COMPARED | {"exposure_s"}
_OF_FRAMES = {"x_um", "y_um", "z_um", "elapsed_s", "excitation_nm", "emission_nm"}
"""Fields of frames or channels, which have no place in a summary."""
_WELL = "well"


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
            elif "-" not in key and text not in EMPTY and meaning.field not in known and _is_number(value):
                keys.add_unit(key, meaning)
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
            keys.add_option(key, value)
            if suggestion is not None and _is_number(value):
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
