"""Keys of summary metadata that were not understood, and what to write instead."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from exengine_ome_tiff.findings import Findings
from exengine_ome_tiff.translate import parse
from exengine_ome_tiff.translate.finding_lines import (
    EMPTY,
    add_list,
    add_near_miss,
    add_option,
    add_unit,
    add_value,
)
from exengine_ome_tiff.translate.key_findings import WORDS_OF_FACTS
from exengine_ome_tiff.translate.named_facts import (
    START_NAMES,
    SURE_STAMP_NAMES,
    alike,
    fact_words,
    named_fact,
    near_miss,
    words_of,
)
from exengine_ome_tiff.translate.quantities import Meaning, meanings_of
from exengine_ome_tiff.translate.tag_columns import strict_json
from exengine_ome_tiff.translate.translator import Tags, is_known

_OF_SUMMARY = {"pixel_size_um", "pixel_size_y_um", "z_step_um", "time_interval_s", "exposure_s"}
_OF_FRAMES = {"x_um", "y_um", "z_um", "elapsed_s", "excitation_nm", "emission_nm"}
"""Fields that a summary has no place for, as they are those of a frame or a channel."""
_WELL = "well"


def add_summary_findings(
    tags: Tags, known_keys: frozenset[str], findings: Findings, told: Collection[str] = ()
) -> None:
    """Find keys that are not understood in the flat summary metadata.

    Parameters
    ----------
    tags
        The metadata.
    known_keys
        Of the dialects.
    findings
        Takes up what is found.
    told
        Fields that are known from frames or from the summary.
    """
    meanings = {key: [each for each in meanings_of(key) if each.field in _OF_SUMMARY] for key in tags}
    _add_summary_disagreements(tags, meanings, findings)
    read = {each.field for key, found in meanings.items() for each in found if is_known(each.read(tags[key]))}
    for key, value in tags.items():
        text = strict_json(value)
        of_frames = _example_of_frames(key, value, told)
        if of_frames == _WELL or (of_frames is not None and key not in known_keys):
            message = f"summary key {key!r} tells something of a frame, so it is not read"
            findings.add_once("summary", key, message, f"put {of_frames} in the metadata of frames")
        elif meanings[key]:
            meaning = meanings[key][0]
            if text in EMPTY or any(is_known(each.read(value)) for each in meanings[key]):
                continue
            if meaning.has_unit:
                add_value(key, text, meaning.field, findings, "summary")
            elif is_known(parse.number(value)) and meaning.field not in {*told, *read} and "-" not in key:
                add_unit(key, meaning, findings, "summary")
        elif words_of(key) in START_NAMES | SURE_STAMP_NAMES:
            if text not in EMPTY and parse.moment(value) is None:
                add_value(key, text, "utc_s", findings, "summary")
        elif fact_words(key) in WORDS_OF_FACTS:
            fact, read_fact = WORDS_OF_FACTS[fact_words(key)]
            if text not in EMPTY and not is_known(read_fact(value)):
                add_value(key, text, fact, findings, "summary")
        elif key not in known_keys and "-" not in key and not any(each.has_unit for each in meanings_of(key)):
            suggestion, found = near_miss(key, known_keys), alike(key)
            if found is not None:
                suggestion = None if found.field in {*told, *read} else found.suggestion
            if suggestion is not None and found is not None and found.field in _OF_FRAMES:
                suggestion = f"{suggestion} in the metadata of frames"
            add_option(key, text.strip('"') if isinstance(value, str) else "", findings, "summary")
            if suggestion is not None and is_known(parse.number(value)):
                add_near_miss(key, suggestion, findings, "summary")
            add_list(key, value, findings, "summary")


def _example_of_frames(key: str, value: object, told: Collection[str]) -> str | None:
    """Return how to spell a key in the metadata of frames that has no meaning in a summary."""
    fact = named_fact(key)
    if fact is not None and fact.fact == _WELL:
        return _WELL
    found = [each for each in meanings_of(key) if each.field in _OF_FRAMES - {*told} and each.has_unit]
    return found[0].example if any(is_known(each.read(value)) for each in found) else None


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
