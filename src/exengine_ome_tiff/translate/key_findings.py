"""Findings about metadata keys: what was not understood, and how to fix it."""

import json
from collections.abc import Callable, Iterable

from exengine_ome_tiff.findings import Findings
from exengine_ome_tiff.text_format import list_text
from exengine_ome_tiff.translate import parse
from exengine_ome_tiff.translate.key_names import name_of
from exengine_ome_tiff.translate.named_facts import OPTIONS, words_of
from exengine_ome_tiff.translate.quantities import Meaning, meanings_of
from exengine_ome_tiff.translate.tags import dicts, flat
from exengine_ome_tiff.translate.translator import is_known
from exengine_ome_tiff.translate.values import BOUNDS, range_text

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


class KeyFindings:
    """Adds findings about keys of frames, or of the summary, to the findings of a dataset."""

    def __init__(self, findings: Findings, where: str = "metadata") -> None:
        self.findings = findings
        self._where = where

    def add(self, kind: str, key: str, problem: str, fix: str) -> None:
        """Add a finding about a key, unless the key has one of this kind."""
        self.findings.add_once(kind, key, f"{self._where} key {key!r} {problem}", fix)

    def add_option(self, key: str, value: object) -> None:
        """Report text that belongs in an option."""
        fix = OPTIONS.get(words_of(key)) or OPTIONS.get(" ".join(name_of(key).words))
        if value and isinstance(value, str) and fix is not None:
            self.add("option", key, "is not read", fix)

    def add_value(self, key: str, text: str, field: str) -> None:
        """Report a value, as JSON, that cannot be read as a field."""
        shown = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
        is_beyond = field in BOUNDS and parse.number(json.loads(text)) > 0
        problem = f"is not in the range {range_text(field)}" if is_beyond else "cannot be read"
        fix = f"write {_EXPECTED.get(field, _A_NUMBER)}"
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
