"""Lines that tell what was not understood of a metadata key, with the fix."""

import json

from exengine_ome_tiff.findings import Findings
from exengine_ome_tiff.text_format import list_text
from exengine_ome_tiff.translate import parse
from exengine_ome_tiff.translate.key_names import name_of
from exengine_ome_tiff.translate.named_facts import OPTIONS, words_of
from exengine_ome_tiff.translate.quantities import Meaning, meanings_of
from exengine_ome_tiff.translate.tags import dicts, flat
from exengine_ome_tiff.translate.values import BOUNDS, range_text

EMPTY = ("null", '""', "0", "0.0", '"0"', '"0.0"', "[]", "{}", '"NaN"')
"""What programs write where they know nothing; a pixel size of 0 is Micro-Manager's way to say so."""
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
"""Features of cameras, which GenICam counts in microseconds."""
_KNOWN_LISTS = {"devices", "image_infos", "pixel_size_configs", "config_groups", "StagePositions"}
"""Keys of lists that dialects read."""
_LONGEST_SHOWN = 40


def add_option(key: str, text: str, findings: Findings, where: str = "metadata") -> None:
    """Find text that only an option can tell of a channel."""
    option = OPTIONS.get(words_of(key)) or OPTIONS.get(" ".join(name_of(key).words))
    if text and option is not None:
        findings.add_once(
            "option", key, f"{where} key {key!r} is not read", f"say channels={{...: {option}}}"
        )


def add_value(key: str, text: str, field: str, findings: Findings, where: str = "metadata") -> None:
    """Find a value, as JSON, that cannot be read as a field."""
    shown = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
    what = "cannot be read"
    if field in BOUNDS and parse.number(json.loads(text)) > 0:
        what = f"is not {range_text(field)}"
    findings.add_once(
        "value",
        key,
        f"{where} key {key!r} has the value {shown}, which {what}",
        f"write {_EXPECTED.get(field, _A_NUMBER)}",
    )


def add_unit(key: str, meaning: Meaning, findings: Findings, where: str = "metadata") -> None:
    """Find a key without a unit."""
    unit = "hz" if meaning.is_rate else meaning.example.rpartition("_")[2]
    if key.rpartition(".")[2] in _GENICAM_EXPOSURES:
        unit = "us"
    findings.add_once(
        "unit", key, f"{where} key {key!r} has no unit", f"write {key.removesuffix('.value')}_{unit}"
    )


def add_near_miss(key: str, suggestion: str, findings: Findings, where: str = "metadata") -> None:
    """Find a key that is to be spelled in another way."""
    findings.add_once("near miss", key, f"{where} key {key!r} is not understood", f"write {suggestion}")


def add_list(key: str, value: object, findings: Findings, where: str = "metadata") -> None:
    """Find quantities in a list of dicts, which are of nothing that is known."""
    if key.rpartition(".")[2] in _KNOWN_LISTS:
        return
    names = dict.fromkeys(name for each in dicts(value) for name in flat(each))
    found = [name for name in names if any(each.has_unit for each in meanings_of(name))]
    if found:
        message = f"{where} key {key!r} is a list, whose {list_text(found)} are not read"
        findings.add_once("list", key, message, "put them in the metadata of the frames that they are of")
